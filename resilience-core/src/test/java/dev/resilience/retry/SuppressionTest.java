// SPDX-License-Identifier: Apache-2.0
package dev.resilience.retry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Backoff;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** S37: what the throwable that surfaces carries. */
class SuppressionTest {
    private static Retry retry(int maxAttempts) {
        return Retry.builder("r")
                .maxAttempts(maxAttempts)
                .backoff(Backoff.none())
                .build();
    }

    private static void fail(Retry retry, Script work, Throwable surfacing) {
        assertThatThrownBy(() -> retry.call(dev.resilience.CallContext.root(), work))
                .isSameAs(surfacing);
    }

    private static Exception[] numbered(int count) {
        return IntStream.rangeClosed(1, count)
                .mapToObj(k -> new IOException("attempt " + k))
                .toArray(Exception[]::new);
    }

    @Test
    void at_most_five_the_reason_and_the_newest_in_their_order() {
        Exception[] ends = numbered(20);
        fail(retry(20), new Script((Object[]) ends), ends[19]);
        assertThat(ends[19].getSuppressed()).hasSize(5).endsWith(ends[15], ends[16], ends[17], ends[18]);
        assertThat(ends[19].getSuppressed()[0]).isInstanceOf(Retry.Stopped.class);
        assertThat(Arrays.stream(ends).limit(19)).allMatch(e -> e.getSuppressed().length == 0);
    }

    @Test
    void what_was_suppressed_before_counts() {
        Exception[] ends = numbered(4);
        for (int i = 0; i < 3; i++) ends[3].addSuppressed(new IOException("close " + i));
        fail(retry(4), new Script((Object[]) ends), ends[3]);
        assertThat(ends[3].getSuppressed()).hasSize(5).endsWith(ends[2]);
        Exception full = new IOException("full");
        for (int i = 0; i < 7; i++) full.addSuppressed(new IOException("close " + i));
        fail(retry(2), new Script(ends[0], full), full);
        assertThat(full.getSuppressed()).hasSize(7);
    }

    @Test
    void an_instance_that_failed_two_attempts_is_shared_and_stays_as_it_is() {
        IOException shared = new IOException("static");
        fail(retry(3), new Script(shared), shared);
        assertThat(shared).hasNoSuppressedExceptions();
        fail(retry(3), new Script(shared, new IOException("other"), shared), shared);
        assertThat(shared).hasNoSuppressedExceptions();
    }

    @Test
    void a_shared_rejection_stays_as_it_is_too() {
        Retry retry = retry(3);
        Script.Rejected shared = new Script.Rejected(retry, Duration.ZERO);
        fail(retry, new Script(shared), shared);
        assertThat(shared).hasNoSuppressedExceptions();
    }

    @Test // L13
    void a_static_exception_does_not_grow_over_calls() {
        IOException constant = new IOException("static");
        Retry retry = retry(2);
        for (int call = 0; call < 100; call++) {
            fail(retry, new Script(new IOException("call " + call), constant), constant);
        }
        assertThat(constant.getSuppressed()).hasSize(2); // of the first call: nobody could know
        for (int other = 0; other < 100; other++) fail(retry(1), new Script(constant), constant);
        assertThat(constant.getSuppressed()).hasSize(5);
    }

    @Test
    void a_throwable_that_takes_none_is_left_alone() {
        class Preallocated extends Exception {
            private static final long serialVersionUID = 1L;

            Preallocated() {
                super("preallocated", null, false, false);
            }
        }
        Preallocated preallocated = new Preallocated();
        fail(retry(2), new Script(new IOException("first"), preallocated), preallocated);
        assertThat(preallocated).hasNoSuppressedExceptions();
    }

    @Test
    void nothing_twice_and_nothing_in_a_circle() {
        IOException cause = new IOException("cause");
        IOException wrapping = new IOException("wrapping", cause);
        fail(retry(2), new Script(cause, wrapping), wrapping); // it is in the cause chain already
        assertThat(wrapping.getSuppressed()).hasSize(1).allMatch(Retry.Stopped.class::isInstance);
        IOException inner = new IOException("inner");
        fail(retry(2), new Script(new IOException("outer", inner), inner), inner);
        assertThat(inner.getSuppressed()).hasSize(1).allMatch(Retry.Stopped.class::isInstance);
        IOException repeated = new IOException("repeated");
        IOException last = new IOException("last");
        fail(retry(3), new Script(repeated, repeated, last), last);
        assertThat(last.getSuppressed()).hasSize(2).endsWith(repeated);
        IOException carrying = new IOException("carrying");
        carrying.addSuppressed(repeated);
        fail(retry(2), new Script(repeated, carrying), carrying);
        assertThat(carrying.getSuppressed()).hasSize(2).startsWith(repeated);
    }

    @Test
    void a_circular_cause_chain_is_no_trap() {
        Exception one = new Exception("one");
        Exception two = new Exception("two", one);
        one.initCause(two);
        fail(retry(2), new Script(new IOException("first"), two), two);
        assertThat(two.getSuppressed()).hasSize(2);
    }

    @Test
    void identity_counts_not_equality() {
        class Equal extends Exception {
            private static final long serialVersionUID = 1L;

            @Override
            public boolean equals(Object other) {
                return other instanceof Equal;
            }

            @Override
            public int hashCode() {
                return 1;
            }
        }
        Equal first = new Equal();
        Equal second = new Equal();
        fail(retry(2), new Script(first, second), second);
        assertThat(second.getSuppressed()).hasSize(2);
        assertThat(second.getSuppressed()[1]).isSameAs(first);
    }
}
