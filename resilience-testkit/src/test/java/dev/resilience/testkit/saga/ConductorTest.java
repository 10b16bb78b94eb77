// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** One thread at a time, in one order, on a clock that jumps; a killed life unwinds, a frozen one stands still. */
class ConductorTest {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private final Conductor conductor = new Conductor(null);
    private final Life life = new Life(conductor, "one");
    private final Life other = new Life(conductor, "other");
    private final List<String> told = new ArrayList<>();

    @AfterEach
    void nothing_is_left() {
        conductor.end(List.of(life, other));
    }

    @Test
    void tasks_run_in_order_and_wait_without_waiting() {
        life.execute(() -> {
            told.add("a");
            life.park(this, 3_600 * SECOND);
            told.add("a an hour later");
        });
        life.execute(() -> told.add("b"));
        life.schedule(() -> told.add("timer"), SECOND);
        conductor.runUntilQuiet(2 * 3_600 * SECOND);
        assertThat(told).containsExactly("a", "b", "timer", "a an hour later");
    }

    @Test
    void the_clock_stops_at_its_horizon() {
        life.schedule(() -> told.add("late"), 2 * SECOND);
        conductor.runUntilQuiet(SECOND);
        assertThat(told).isEmpty();
        conductor.runUntilQuiet(SECOND * 2);
        assertThat(told).containsExactly("late");
    }

    @Test
    void an_unpark_wakes_and_one_that_comes_before_is_kept() {
        life.execute(() -> {
            Thread me = Thread.currentThread();
            life.execute(() -> life.unpark(me));
            life.park(this, Long.MAX_VALUE);
            life.unpark(me);
            life.park(this, Long.MAX_VALUE);
            told.add("woken twice");
        });
        conductor.runUntilQuiet(SECOND);
        assertThat(told).containsExactly("woken twice");
    }

    @Test
    void an_interrupt_ends_a_wait_and_stays_set() {
        life.execute(() -> {
            Thread me = Thread.currentThread();
            life.schedule(me::interrupt, SECOND);
            life.park(this, Long.MAX_VALUE);
            told.add("interrupted " + Thread.interrupted() + " " + (conductor.now() + SECOND) / SECOND);
        });
        conductor.runUntilQuiet(10 * SECOND);
        assertThat(told).containsExactly("interrupted true 1");
    }

    @Test
    void a_killed_life_unwinds_and_its_timers_and_tasks_are_gone() {
        life.schedule(() -> told.add("timer"), SECOND);
        life.execute(() -> {
            try {
                life.park(this, Long.MAX_VALUE);
            } finally {
                told.add("unwound");
                life.execute(() -> told.add("task of a dead one"));
            }
        });
        other.execute(() -> {
            life.kill();
            told.add("killed");
        });
        conductor.runUntilQuiet(10 * SECOND);
        assertThat(told).containsExactly("killed", "unwound");
        assertThat(conductor.thrown()).isEmpty();
        assertThatThrownBy(life::enter).isInstanceOf(Killed.class);
    }

    @Test
    void a_frozen_life_stands_still_and_goes_on_when_it_is_thawed() {
        life.schedule(() -> told.add("timer"), SECOND);
        life.execute(() -> {
            conductor.freeze(life);
            told.add("goes on");
        });
        conductor.runUntilQuiet(10 * SECOND);
        assertThat(told).isEmpty();
        conductor.thaw(life);
        conductor.runUntilQuiet(0);
        assertThat(told).containsExactly("goes on", "timer");
    }

    @Test
    void what_a_task_throws_is_kept() {
        life.execute(() -> {
            throw new IllegalStateException("a bug");
        });
        conductor.runUntilQuiet(0);
        assertThat(conductor.thrown()).singleElement().isInstanceOf(IllegalStateException.class);
    }

    @Test
    void a_shuffled_order_is_the_same_for_the_same_seed_and_another_for_others() {
        assertThat(shuffled(1)).isEqualTo(shuffled(1));
        assertThat(IntStream.range(1, 20).mapToObj(ConductorTest::shuffled).distinct())
                .hasSizeGreaterThan(5);
    }

    private static List<String> shuffled(int seed) {
        Conductor restless = new Conductor(new Random(seed));
        Life life = new Life(restless, "one");
        List<String> order = new ArrayList<>();
        for (String name : List.of("a", "b", "c"))
            life.execute(() -> {
                for (int i = 0; i < 3; i++) {
                    order.add(name + i);
                    restless.pass(life);
                }
            });
        restless.runUntilQuiet(0);
        restless.end(List.of(life));
        assertThat(order).hasSize(9);
        return order;
    }
}
