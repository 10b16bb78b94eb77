// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DeadlineTest {
    private static final Duration SECOND = Duration.ofSeconds(1);

    @ParameterizedTest
    @ValueSource(longs = {0, -1_000_000_000, Long.MAX_VALUE - 5, Long.MIN_VALUE}) // L10: a clock may wrap
    void passes_exactly_at_its_time(long start) {
        ManualTime time = ManualTime.startingAt(start);
        Deadline deadline = Deadline.after(SECOND, time);
        assertThat(deadline.remaining()).isEqualTo(SECOND);
        time.advance(SECOND.minusNanos(1));
        assertThat(deadline.passed()).isFalse();
        assertThat(deadline.remaining()).isEqualTo(Duration.ofNanos(1));
        time.advance(Duration.ofNanos(1));
        assertThat(deadline.passed()).isTrue();
        time.advance(SECOND);
        assertThat(deadline.passed()).isTrue();
        assertThat(deadline.remaining()).isZero();
    }

    @Test
    void zero_and_less_have_passed() {
        ManualTime time = ManualTime.create();
        assertThat(Deadline.after(Duration.ZERO, time).passed()).isTrue();
        assertThat(Deadline.after(SECOND.negated(), time).passed()).isTrue();
        assertThat(Deadline.after(Duration.ofSeconds(Long.MIN_VALUE), time).passed())
                .isTrue();
    }

    @Test
    void never_does_not_pass() {
        assertThat(Deadline.never().passed()).isFalse();
        assertThat(Deadline.never().remaining()).isGreaterThan(Duration.ofDays(365_000_000));
        assertThat(Deadline.never()).isSameAs(Deadline.never()).hasToString("never");
    }

    @Test // L10
    void a_duration_beyond_the_clock_saturates() {
        ManualTime time = ManualTime.startingAt(Long.MAX_VALUE - 1);
        Deadline deadline = Deadline.after(Duration.ofSeconds(Long.MAX_VALUE), time);
        assertThat(deadline.passed()).isFalse();
        time.advance(Duration.ofDays(365 * 100));
        assertThat(deadline.passed()).isFalse();
        assertThat(deadline.remaining()).isGreaterThan(Duration.ofDays(365 * 40));
    }

    @Test
    void the_earlier_of_two_is_one_of_them() {
        ManualTime time = ManualTime.startingAt(Long.MAX_VALUE - 10);
        Deadline soon = Deadline.after(Duration.ofNanos(5), time);
        Deadline late = Deadline.after(SECOND, time); // beyond the wrap
        assertThat(soon.orEarlier(late)).isSameAs(soon);
        assertThat(late.orEarlier(soon)).isSameAs(soon);
        assertThat(soon.orEarlier(Deadline.never())).isSameAs(soon);
        assertThat(Deadline.never().orEarlier(soon)).isSameAs(soon);
        assertThat(Deadline.never().orEarlier(Deadline.never())).isSameAs(Deadline.never());
    }

    @Test
    void deadlines_of_two_clocks_are_compared_by_what_remains() {
        ManualTime here = ManualTime.create();
        ManualTime there = ManualTime.startingAt(Long.MAX_VALUE);
        Deadline soon = Deadline.after(SECOND, there);
        Deadline late = Deadline.after(SECOND.multipliedBy(2), here);
        assertThat(late.orEarlier(soon)).isSameAs(soon);
        here.advance(SECOND.plusNanos(1));
        assertThat(late.orEarlier(soon)).isSameAs(late);
    }

    @Test
    void a_deadline_of_another_clock_holds_in_a_call() {
        ManualTime mine = ManualTime.create();
        ManualTime theirs = ManualTime.startingAt(77);
        Deadline deadline = Deadline.after(SECOND, theirs);
        RecordingGate gate = new RecordingGate("gate", mine);
        CallContext context = CallContext.root().until(deadline);
        Duration remaining = gate.call(context, c -> c.deadline().remaining());
        assertThat(remaining).isEqualTo(SECOND);
        theirs.advance(SECOND);
        assertThat(gate.outcome(context, c -> "never").as(TimeoutExceededException.class))
                .isPresent();
    }

    @Test
    void a_null_argument_is_named() {
        assertThatNullPointerException()
                .isThrownBy(() -> Deadline.after(null, TimeSource.system()))
                .withMessage("timeout");
        assertThatNullPointerException()
                .isThrownBy(() -> Deadline.after(SECOND, null))
                .withMessage("time");
        assertThatNullPointerException()
                .isThrownBy(() -> Deadline.never().orEarlier(null))
                .withMessage("other");
    }

    @Test
    void prints_what_remains() {
        assertThat(Deadline.after(SECOND, ManualTime.create())).hasToString("in PT1S");
    }
}
