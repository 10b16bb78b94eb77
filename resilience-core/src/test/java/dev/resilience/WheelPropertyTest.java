// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** The wheel against the naive model: a list of the live timers, sorted by tick. */
class WheelPropertyTest {

    private static final class Entry extends WheelTimer {
        final long asked;

        Entry(long asked) {
            this.asked = asked;
        }

        @Override
        public void run() {
            throw new AssertionError("the wheel runs nothing");
        }

        @Override
        public String toString() {
            return "timer@" + asked;
        }
    }

    /** One step of a history; {@code kind} 0 and 1 add a timer, 2 cancels one, 3 moves the time on. */
    record Step(int kind, long amount) {}

    /** Distances of all magnitudes, so that each level is reached, crossed and skipped. */
    @Provide
    Arbitrary<List<Step>> histories() {
        Arbitrary<Long> amounts = Arbitraries.integers()
                .between(0, 42)
                .flatMap(bits -> Arbitraries.longs().between(0, 1L << bits));
        Arbitrary<Step> steps = Combinators.combine(Arbitraries.integers().between(0, 3), amounts)
                .as(Step::new);
        return steps.list().ofMinSize(1).ofMaxSize(200);
    }

    /** As {@link #histories()}, but crowded: many timers in few slots, so that a slot is emptied in several steps. */
    @Provide
    Arbitrary<List<Step>> crowds() {
        Arbitrary<Step> steps = Combinators.combine(
                        Arbitraries.frequency(
                                net.jqwik.api.Tuple.of(12, 0),
                                net.jqwik.api.Tuple.of(2, 2),
                                net.jqwik.api.Tuple.of(1, 3)),
                        Arbitraries.longs().between(0, 300))
                .as(Step::new);
        return steps.list().ofMinSize(300).ofMaxSize(900);
    }

    @Property(tries = 500)
    void fires_what_a_sorted_list_would_fire_in_its_order(@ForAll("histories") List<Step> history) {
        new History(false).play(history);
    }

    @Property(tries = 100)
    void crowded_slots_fire_what_a_sorted_list_would_fire(@ForAll("crowds") List<Step> history) {
        new History(false).play(history);
    }

    @Property(tries = 200)
    void a_slot_that_is_half_emptied_takes_timers_and_cancels(@ForAll("crowds") List<Step> history) {
        new History(true).play(history);
    }

    @Example
    void a_timer_that_is_due_already_is_due_at_once() {
        Wheel wheel = new Wheel();
        assertThat(wheel.poll(1_000)).isNull();
        Entry late = new Entry(3);
        wheel.add(late, 3);
        assertThat(wheel.next()).isLessThanOrEqualTo(1_000);
        assertThat(wheel.poll(1_000)).isSameAs(late);
        assertThat(wheel.poll(1_000)).isNull();
    }

    @Example
    void a_crowded_slot_is_emptied_in_steps_so_that_the_lock_is_held_for_a_bounded_time() {
        Wheel wheel = new Wheel();
        for (int i = 0; i < 1_000; i++) {
            wheel.add(new Entry(100), 100);
        }
        int steps = 0;
        do {
            assertThat(wheel.poll(99)).isNull();
            steps++;
        } while (wheel.next() <= 99);
        assertThat(steps).isBetween(1_000 / 64, 1_000 / 64 + 2);
        assertThat(wheel.next()).isEqualTo(100);
        assertThat(wheel.size()).isEqualTo(1_000);
    }

    private static final class History {
        private final boolean interleaving;
        private final Wheel wheel = new Wheel();
        private final List<Entry> model = new ArrayList<>();
        private long now;

        /** Interleaving: the time moves on, but the due timers are polled one by one between the other steps. */
        History(boolean interleaving) {
            this.interleaving = interleaving;
        }

        void play(List<Step> history) {
            for (Step step : history) {
                switch (step.kind()) {
                    case 2 -> cancel(step.amount());
                    case 3 -> advance(step.amount());
                    default -> add(step.amount());
                }
                check();
            }
            expire();
            check();
            cancelAll();
        }

        private void add(long distance) {
            Entry entry = new Entry(now + distance);
            wheel.add(entry, entry.asked);
            assertThat(entry.tick).isEqualTo(entry.asked);
            model.add(entry);
        }

        private void cancel(long which) {
            if (!model.isEmpty()) {
                Entry entry = model.remove((int) (which % model.size()));
                assertThat(wheel.remove(entry)).isTrue();
                assertThat(wheel.remove(entry)).isFalse();
            }
        }

        private void advance(long by) {
            now += by;
            if (interleaving) {
                WheelTimer timer = wheel.poll(now);
                if (timer != null) {
                    fired(timer);
                }
            } else {
                expire();
            }
        }

        private void expire() {
            List<Entry> due =
                    new ArrayList<>(model.stream().filter(e -> e.tick <= now).toList());
            due.sort(Comparator.comparingLong(e -> e.tick)); // stable: in the order of arming within a tick
            List<WheelTimer> fired = new ArrayList<>();
            do {
                for (WheelTimer timer = wheel.poll(now); timer != null; timer = wheel.poll(now)) {
                    fired.add(timer);
                    fired(timer);
                }
            } while (wheel.next() <= now);
            if (interleaving) {
                assertThat(fired).hasSameElementsAs(due);
            } else {
                assertThat(fired).containsExactlyElementsOf(due);
            }
        }

        private void fired(WheelTimer timer) {
            assertThat(timer.tick).as("fires early").isLessThanOrEqualTo(now);
            assertThat(model.remove(timer))
                    .as("fires once, and not after a cancel")
                    .isTrue();
            assertThat(timer.next).isNull();
            assertThat(timer.prev).isNull();
        }

        private void check() {
            assertThat(wheel.size()).isEqualTo(model.size());
            long earliest = model.stream().mapToLong(e -> e.tick).min().orElse(Wheel.NEVER);
            assertThat(wheel.next()).as("never sleeps past a timer").isLessThanOrEqualTo(earliest);
            assertThat(wheel.next() == Wheel.NEVER).isEqualTo(model.isEmpty());
        }

        private void cancelAll() {
            model.forEach(entry -> assertThat(wheel.remove(entry)).isTrue());
            assertThat(wheel.size()).isZero();
            assertThat(wheel.next()).isEqualTo(Wheel.NEVER);
        }
    }
}
