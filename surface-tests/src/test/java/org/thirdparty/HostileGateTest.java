// SPDX-License-Identifier: Apache-2.0
package org.thirdparty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.CallContext;
import dev.resilience.Failures;
import dev.resilience.Gate;
import dev.resilience.Outcome;
import dev.resilience.Pipeline;
import dev.resilience.RejectedException;
import dev.resilience.TimeSource;
import dev.resilience.Verdict;
import dev.resilience.Waiter;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.logging.Filter;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A third party's gate that breaks in one of its hooks: it harms nobody else's permits and no outcome (L1, L5). */
class HostileGateTest {
    private static final Logger LOG = Logger.getLogger("dev.resilience"); // held: the log manager would forget it

    private final FairGate around = new FairGate("around", 10, TimeSource.system());
    private final IllegalStateException broken = new IllegalStateException("broken hook");
    private final List<String> reported = new CopyOnWriteArrayList<>();

    @BeforeEach
    void listen() {
        Filter keeping = record -> {
            reported.add(record.getMessage());
            return false;
        };
        LOG.setFilter(keeping);
    }

    @AfterEach
    void permits_around_are_back() {
        LOG.setFilter(null);
        assertThat(around.inUse()).isZero();
    }

    private final class Hostile extends Gate {
        final String hook;
        final List<Verdict> settled = new CopyOnWriteArrayList<>();

        @Nullable
        Waiter waiter;

        Hostile(String hook) {
            super("hostile", TimeSource.system());
            this.hook = hook;
        }

        private void in(String here) {
            if (hook.contains(here)) throw broken;
        }

        @Override
        protected long tryAdmit(CallContext context, long now) {
            in("tryAdmit");
            if (hook.contains("rejection")) return refused(7);
            return hook.contains("queue") ? WAIT : 1;
        }

        @Override
        protected boolean timed() {
            in("timed");
            return false;
        }

        @Override
        protected @Nullable Failures failures() {
            in("failures");
            return null;
        }

        @Override
        protected RejectedException rejection(CallContext context, long refusal) {
            in("rejection");
            return super.rejection(context, refusal);
        }

        @Override
        protected void enqueue(Waiter waiter) {
            this.waiter = waiter;
            if (hook.contains("granting")) waiter.grant(1);
            in("enqueue");
        }

        @Override
        protected void abandon(Waiter waiter) {
            in("abandon");
        }

        @Override
        protected long maxWaitNanos(CallContext context) {
            in("maxWait");
            return hook.contains("impatient") ? 1 : Long.MAX_VALUE;
        }

        @Override
        protected void settle(
                long permit, long at, long now, Verdict verdict, @Nullable Object value, @Nullable Throwable thrown) {
            settled.add(verdict);
            in("settle");
        }
    }

    private Outcome<Object> go(ThirdPartyFace face, Hostile hostile) {
        return face.go(Pipeline.of(around, hostile), () -> "value");
    }

    @ParameterizedTest
    @EnumSource
    void what_settle_throws_is_reported_and_changes_nothing(ThirdPartyFace face) {
        assertThat(go(face, new Hostile("settle"))).isEqualTo(Outcome.success("value"));
        assertThat(reported).containsExactly("hostile 'hostile': settle threw " + broken);
    }

    @ParameterizedTest
    @EnumSource
    void what_failures_throws_is_reported_and_the_pipelines_classifier_judges(ThirdPartyFace face) {
        Hostile hostile = new Hostile("failures");
        assertThat(go(face, hostile)).isEqualTo(Outcome.success("value"));
        assertThat(hostile.settled).containsExactly(Verdict.SUCCESS);
        assertThat(reported).containsExactly("hostile 'hostile': failures threw " + broken);
    }

    @ParameterizedTest
    @EnumSource
    void what_admission_throws_reaches_the_caller(ThirdPartyFace face) {
        for (String hook : List.of("tryAdmit", "timed", "queue maxWait", "queue enqueue")) {
            Hostile hostile = new Hostile(hook);
            assertThat(go(face, hostile).as(IllegalStateException.class))
                    .as(hook)
                    .containsSame(broken);
            assertThat(hostile.settled).isEmpty();
        }
        assertThat(reported).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void a_grant_before_enqueue_throws_counts(ThirdPartyFace face) {
        Hostile hostile = new Hostile("queue granting enqueue");
        assertThat(go(face, hostile)).isEqualTo(Outcome.success("value"));
        assertThat(hostile.settled).containsExactly(Verdict.SUCCESS);
        assertThat(reported).containsExactly("hostile 'hostile': enqueue threw " + broken);
    }

    @ParameterizedTest
    @EnumSource
    void a_rejection_that_cannot_be_made_is_a_plain_one(ThirdPartyFace face) {
        RejectedException rejection =
                go(face, new Hostile("rejection")).as(RejectedException.class).orElseThrow();
        assertThat(rejection).hasMessage("hostile 'hostile' rejected the call; retry after 7 ns");
        assertThat(reported).containsExactly("hostile 'hostile': rejection threw " + broken);
    }

    @ParameterizedTest
    @EnumSource
    void what_abandon_throws_is_reported_and_the_wait_ends(ThirdPartyFace face) {
        assertThat(go(face, new Hostile("queue impatient abandon")).as(RejectedException.class))
                .isPresent();
        assertThat(reported).containsExactly("hostile 'hostile': abandon threw " + broken);
    }

    @Test
    void a_waiter_is_answered_once_whoever_asks() {
        Hostile hostile = new Hostile("queue");
        CompletableFuture<String> call = hostile.callAsync(() -> CompletableFuture.completedFuture("once"));
        assertThat(hostile.waiter.grant(1)).isTrue();
        assertThat(hostile.waiter.grant(2)).isFalse();
        assertThat(hostile.waiter.refuse(refusal())).isFalse();
        assertThat(call).succeedsWithin(60, TimeUnit.SECONDS).isEqualTo("once");
        assertThat(hostile.settled).containsExactly(Verdict.SUCCESS);
    }

    /** A refusal as its SPI makes it. */
    private static long refusal() {
        return ~0L;
    }
}
