// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofNanos;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Permit;
import dev.resilience.breaker.CircuitBreaker.State;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

/** S32: slow calls, the ones that have ended and the ones that have not. */
class SlowCallsPropertyTest {

    private static CircuitBreaker.Builder slow(CircuitBreaker.Builder b) {
        return b.window(Window.calls(10).minimumCalls(4)).slowCalls(ofSeconds(1), 0.5);
    }

    private static void took(Rig rig, Duration duration) {
        rig.breaker.run(() -> rig.time.advance(duration));
    }

    @Test
    void a_slower_call_is_slow_and_one_that_takes_just_as_long_is_not() {
        Rig rig = Rig.of(SlowCallsPropertyTest::slow);
        for (int i = 0; i < 6; i++) took(rig, ofSeconds(1));
        assertThat(rig.breaker.snapshot().slowCalls()).isZero();
        for (int i = 0; i < 5; i++) took(rig, ofSeconds(1).plusNanos(1));
        assertThat(rig.state()).isEqualTo(State.OPEN);
        assertThat(rig.breaker.snapshot().reason()).isEqualTo("5 of 10 calls were slower than 1 s, threshold 50 %");
        assertThat(rig.refusal()).hasNoCause();
    }

    @Test
    void slow_failures_count_in_both_rates() {
        Rig rig = Rig.of(b -> slow(b).failureRate(1));
        for (int i = 0; i < 2; i++) {
            Permit permit = rig.admit();
            rig.after(ofSeconds(2));
            permit.failure(new java.io.IOException());
        }
        rig.succeed(1);
        assertThat(rig.breaker.snapshot().failures()).isEqualTo(2);
        assertThat(rig.breaker.snapshot().slowCalls()).isEqualTo(2);
    }

    @Test
    void when_all_calls_hang_the_next_caller_opens_it() {
        // nothing is ever recorded: without counting running calls it would never open
        Rig rig = Rig.of(SlowCallsPropertyTest::slow);
        List<Permit> hanging = new ArrayList<>();
        for (int i = 0; i < 100; i++) hanging.add(rig.admit());
        rig.after(ofSeconds(1));
        assertThat(rig.breaker.snapshot().state()).as("not slow yet").isEqualTo(State.CLOSED);
        rig.after(ofMillis(250));
        assertThat(rig.refuses()).isTrue();
        assertThat(rig.breaker.snapshot().reason())
                .isEqualTo("100 of 100 calls were slower than 1 s (100 still running), threshold 50 %");
        hanging.forEach(Permit::success);
        assertThat(rig.state()).isEqualTo(State.OPEN);
    }

    @Test
    void running_calls_are_replaced_by_their_record_not_added() {
        Rig rig = Rig.of(b -> slow(b).window(Window.calls(100).minimumCalls(100)));
        List<Permit> hanging = new ArrayList<>();
        for (int i = 0; i < 10; i++) hanging.add(rig.admit());
        rig.after(ofSeconds(2));
        assertThat(rig.breaker.snapshot().slowCalls()).isEqualTo(10);
        hanging.subList(0, 4).forEach(Permit::success);
        assertThat(rig.breaker.snapshot().slowCalls()).isEqualTo(10);
        hanging.subList(4, 10).forEach(Permit::ignore);
        assertThat(rig.breaker.snapshot().slowCalls()).isEqualTo(4);
        assertThat(rig.breaker.snapshot().calls()).isEqualTo(4);
    }

    @Test
    void hanging_calls_do_not_dilute_the_failure_rate() {
        Rig rig = Rig.of(b -> b.window(Window.calls(10).minimumCalls(4))
                .slowCalls(ofSeconds(1), 1)
                .failureRate(0.5));
        rig.succeed(3);
        for (int i = 0; i < 50; i++) rig.admit();
        rig.after(ofSeconds(2)).fail(3);
        assertThat(rig.breaker.snapshot().reason()).startsWith("3 of 6 calls failed");
    }

    @Test
    void a_slow_probe_fails_its_slot() {
        Rig rig = Rig.of(b -> slow(b).probes(1));
        for (int i = 0; i < 4; i++) took(rig, ofSeconds(2));
        rig.after(ofSeconds(5));
        took(rig, ofSeconds(2));
        assertThat(rig.state()).isEqualTo(State.OPEN);
        rig.after(ofSeconds(5));
        took(rig, ofSeconds(1));
        assertThat(rig.state()).isEqualTo(State.CLOSED);
    }

    @Test
    void works_with_a_time_window_too() {
        Rig rig = Rig.of(b -> slow(b).window(Window.time(ofSeconds(60)).minimumCalls(4)));
        for (int i = 0; i < 4; i++) took(rig, ofSeconds(2));
        assertThat(rig.state()).isEqualTo(State.OPEN);
    }

    @Test
    void a_call_that_was_not_timed_is_never_slow() {
        // the driver asked timed() before a reconfiguration switched slow calls on, and admits after it: no start time
        Rig rig = Rig.of(SlowCallsPropertyTest::slow).after(ofSeconds(100));
        long permit = rig.breaker.tryAdmit(dev.resilience.CallContext.root(), 0);
        rig.after(ofSeconds(9));
        rig.breaker.settle(permit, 0, 0, dev.resilience.Verdict.SUCCESS, "value", null);
        assertThat(rig.breaker.snapshot().calls()).isEqualTo(1);
        assertThat(rig.breaker.snapshot().slowCalls()).isZero();
    }

    /** A start or an end, after a pause. */
    record Event(boolean start, int which, long pause) {}

    @Property(tries = 500)
    void running_calls_are_counted_exactly_and_slow_ones_at_most_a_quarter_late(
            @ForAll @LongRange(min = 1, max = 5_000) long slowNanos, @ForAll("events") List<Event> events) {
        Running running = new Running(slowNanos);
        List<Long> starts = new ArrayList<>();
        long now = 0;
        for (Event event : events) {
            now += event.pause();
            if (event.start() || starts.isEmpty()) {
                running.enter(now);
                starts.add(now);
            } else {
                running.leave(starts.remove(event.which() % starts.size()));
            }
            long at = now;
            assertThat(running.count()).isEqualTo(starts.size());
            long certainly = starts.stream()
                    .filter(s -> at - s > slowNanos + slowNanos / 4)
                    .count();
            long possibly = starts.stream().filter(s -> at - s > slowNanos).count();
            assertThat(running.slow(now)).isBetween(certainly, possibly);
        }
    }

    @Property(tries = 200)
    void an_entry_with_an_old_reading_is_counted_where_its_end_will_look_for_it(
            @ForAll @LongRange(min = 8, max = 1_000) long slowNanos,
            @ForAll @LongRange(min = 0, max = 20_000) long old,
            @ForAll @LongRange(min = 0, max = 20_000) long later) {
        // a thread that read the clock and then stood still
        Running running = new Running(slowNanos);
        running.enter(old + later);
        running.enter(old);
        assertThat(running.count()).isEqualTo(2);
        running.leave(old + later);
        running.leave(old);
        assertThat(running.count()).isZero();
        assertThat(running.slow(old + later + 2 * slowNanos)).isZero();
    }

    @Test
    void durations_near_the_end_of_the_scale_overflow_nothing() {
        // L10
        Running eternal = new Running(Long.MAX_VALUE);
        eternal.enter(0);
        assertThat(eternal.slow(Long.MAX_VALUE)).isZero();
        Running shortest = new Running(1);
        shortest.enter(Long.MAX_VALUE - 5);
        assertThat(shortest.slow(Long.MAX_VALUE)).isEqualTo(1);
        shortest.leave(Long.MAX_VALUE - 5);
        assertThat(shortest.count()).isZero();
    }

    @Provide
    Arbitrary<List<Event>> events() {
        return net.jqwik.api.Combinators.combine(
                        Arbitraries.of(true, true, false),
                        Arbitraries.integers().between(0, 1_000),
                        Arbitraries.longs().between(0, 900))
                .as(Event::new)
                .list()
                .ofMaxSize(80);
    }

    @Test
    void the_next_bucket_is_noticed_once_per_bucket() {
        Running running = new Running(ofSeconds(1).toNanos());
        running.enter(0);
        assertThat(running.turned(0)).isFalse();
        long later = ofMillis(300).toNanos();
        assertThat(running.turned(later)).isTrue();
        running.enter(later);
        assertThat(running.turned(later)).isFalse();
        assertThat(running.turned(later + ofNanos(1).toNanos())).isFalse();
    }
}
