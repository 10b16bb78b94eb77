// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;

/** S29: the fast windows against the naive ones, the same test for both. */
class WindowPropertyTest {
    private static final Rules RULES = new Rules(0.5, 0.4, 3);

    record Event(int outcome, int stripe, long pause) {}

    @Property(tries = 400)
    void a_count_window_is_the_last_n_outcomes(
            @ForAll @IntRange(min = 1, max = 40) int size, @ForAll("events") List<Event> events) {
        agree(new CountWindow(size, 4), NaiveWindow.ofCalls(size), events);
    }

    @Property(tries = 400)
    void a_time_window_is_the_last_ten_slices(
            @ForAll @LongRange(min = 10, max = 3_000) long nanos, @ForAll("events") List<Event> events) {
        agree(new TimeWindow(nanos, 4), NaiveWindow.ofTime(nanos), events);
    }

    private static void agree(Evidence fast, NaiveWindow naive, List<Event> events) {
        long now = 0;
        boolean above = false;
        long uncounted = 0;
        for (Event event : events) {
            now += event.pause();
            if (!fast.counting()) {
                Tally full = naive.tally(now);
                assertThat(full.failures() + full.slow()).as("only successes").isZero();
                if (event.outcome() == Outcomes.SUCCESS) uncounted++;
            }
            naive.record(event.outcome(), now);
            boolean judge = fast.record(event.outcome(), event.stripe(), now);
            Tally expected = naive.tally(now);
            assertThat(fast.tally(now)).isEqualTo(expected);
            Finding right = RULES.judge(expected.calls(), expected.failures(), expected.slow(), 0);
            if (judge) {
                assertThat(fast.judge(RULES, 0, now)).isEqualTo(right);
            } else if (right != Finding.NONE) {
                // "need not be judged" may never hide a rate that reached a threshold just now
                assertThat(above)
                        .as("a rule was reached and nobody was told to look")
                        .isTrue();
            }
            above = right != Finding.NONE;
        }
        assertThat(fast.recorded()).isEqualTo(events.size() - uncounted);
    }

    @Property(tries = 300)
    void a_prefilled_count_window_holds_the_newest_outcomes(
            @ForAll @IntRange(min = 1, max = 20) int oldSize,
            @ForAll @IntRange(min = 1, max = 20) int newSize,
            @ForAll("events") List<Event> events) {
        CountWindow old = new CountWindow(oldSize, 2);
        NaiveWindow naive = NaiveWindow.ofCalls(Math.min(oldSize, newSize));
        for (Event event : events) {
            old.record(event.outcome(), event.stripe(), 0);
            naive.record(event.outcome(), 0);
        }
        CountWindow heir = new CountWindow(newSize, 2);
        heir.prefill(old, 0);
        assertThat(heir.tally(0)).isEqualTo(naive.tally(0));
        assertThat(heir.recorded()).isZero();
    }

    @Property(tries = 300)
    void a_prefilled_time_window_forgets_no_outcome_too_late(
            @ForAll @LongRange(min = 10, max = 500) long oldNanos,
            @ForAll @LongRange(min = 10, max = 500) long newNanos,
            @ForAll("events") List<Event> events) {
        TimeWindow old = new TimeWindow(oldNanos, 2);
        NaiveWindow naive = NaiveWindow.ofTime(oldNanos);
        long now = 0;
        for (Event event : events) {
            now += event.pause();
            old.record(event.outcome(), event.stripe(), now);
            naive.record(event.outcome(), now);
        }
        TimeWindow heir = new TimeWindow(newNanos, 2);
        heir.prefill(old, now);
        assertThat(heir.tally(now).calls()).isLessThanOrEqualTo(naive.tally(now).calls());
        if (newNanos / 10 == oldNanos / 10) {
            assertThat(heir.tally(now)).isEqualTo(naive.tally(now));
        }
        assertThat(heir.recorded()).isZero();
        assertThat(heir.tally(now + newNanos)).isEqualTo(Tally.NONE);
    }

    @Property(tries = 200)
    void another_kind_of_window_takes_over_the_numbers(@ForAll("events") List<Event> events) {
        CountWindow counting = new CountWindow(1_000, 2);
        TimeWindow timing = new TimeWindow(1_000_000_000, 2);
        events.forEach(e -> counting.record(e.outcome(), e.stripe(), 0));
        events.forEach(e -> timing.record(e.outcome(), e.stripe(), 0));
        TimeWindow fromCounting = new TimeWindow(1_000_000_000, 2);
        fromCounting.prefill(counting, 0);
        CountWindow fromTiming = new CountWindow(1_000, 2);
        fromTiming.prefill(timing, 0);
        assertThat(fromCounting.tally(0)).isEqualTo(counting.tally(0));
        assertThat(fromTiming.tally(0)).isEqualTo(counting.tally(0));
    }

    @Property
    void the_slot_of_a_cursor_is_its_remainder(
            @ForAll @IntRange(min = 1, max = CountWindow.MAX_SIZE) int size,
            @ForAll @LongRange(min = 0, max = (1L << 62) - 1) long cursor) {
        // the index is computed with a multiplication; sizes are small here to keep the ring small
        int small = size % 3_000 + 1;
        CountWindow window = new CountWindow(small, 1);
        assertThat(window.index(cursor)).isEqualTo((int) (cursor % small));
        assertThat(window.index(cursor / small * small)).isZero();
        if (cursor >= small)
            assertThat(window.index(cursor / small * small - 1)).isEqualTo(small - 1);
    }

    @Provide
    Arbitrary<List<Event>> events() {
        Arbitrary<Integer> outcome = Arbitraries.of(
                Outcomes.SUCCESS,
                Outcomes.SUCCESS,
                Outcomes.FAILURE,
                Outcomes.SUCCESS | Outcomes.SLOW,
                Outcomes.FAILURE | Outcomes.SLOW);
        Arbitrary<Long> pause = Arbitraries.frequencyOf(
                net.jqwik.api.Tuple.of(5, Arbitraries.longs().between(0, 20)),
                net.jqwik.api.Tuple.of(1, Arbitraries.longs().between(0, 2_000)));
        return Combinators.combine(outcome, Arbitraries.integers().between(0, 255), pause)
                .as(Event::new)
                .list()
                .ofMaxSize(120);
    }
}
