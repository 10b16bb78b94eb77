// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.CallInterruptedException;
import dev.resilience.TimeoutExceededException;
import dev.resilience.cache.Flyers.Flyer;
import dev.resilience.cache.Flyers.Held;
import dev.resilience.testkit.Laws;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A loader that does not return: cache.md 3.5, L3, L8, L13. */
class LoadDeadlineTest {
    @RegisterExtension
    final Laws laws = new Laws();

    private final ManualTime time = laws.time();

    private SingleFlight<String, String> within(Duration deadline) {
        return SingleFlight.builder("users")
                .loadDeadline(deadline)
                .timeSource(time)
                .build();
    }

    private static <T> T notWanted() {
        throw new AssertionError("must not be run");
    }

    @Test
    void a_lone_leader_is_interrupted_at_the_deadline_and_keeps_no_flag_of_ours() throws Exception {
        SingleFlight<String, String> flight = within(Duration.ofSeconds(2));
        Held<String> load = new Held<>(() -> "never");
        Flyer<String> leader = Flyers.fly(() -> flight.call("k", load));
        load.awaitIn();
        assertThat(time.pendingTimers()).isEqualTo(1);
        time.advance(Duration.ofSeconds(2));
        assertThat(leader.thrown())
                .isInstanceOf(CacheLoadException.class)
                .hasCauseInstanceOf(TimeoutExceededException.class);
        assertThat(leader.flagged()).isFalse();
        assertThat(load.interrupted).isTrue();
        assertThat(flight.snapshot().abandoned()).isZero();
    }

    @Test
    void all_who_wait_fail_at_the_deadline_and_the_key_is_free_although_the_load_goes_on() throws Exception {
        SingleFlight<String, String> flight = within(Duration.ofSeconds(2));
        CountDownLatch in = new CountDownLatch(1);
        CountDownLatch out = new CountDownLatch(1);
        Flyer<String> leader = Flyers.fly(() -> flight.call("k", () -> {
            in.countDown();
            for (boolean waits = true; waits; ) {
                try {
                    Flyers.await(out);
                    waits = false;
                } catch (InterruptedException deaf) {
                    // goes on
                }
            }
            return "late";
        }));
        Flyers.await(in);
        Flyer<String> follower = Flyers.fly(() -> flight.call("k", LoadDeadlineTest::notWanted));
        time.awaitParked(1);
        time.advance(Duration.ofSeconds(2));
        assertThat(follower.thrown()).isInstanceOf(CacheLoadException.class);
        Flyers.until(() -> flight.snapshot().abandoned() == 1); // two give it up; one of them takes its count back
        assertThat(flight.call("k", () -> "new")).isEqualTo("new");
        out.countDown();
        assertThat(leader.thrown()).isInstanceOf(CacheLoadException.class);
        assertThat(flight.snapshot().abandoned()).isZero();
    }

    /** The default of one minute costs no timer: it is judged by who waits and who comes. */
    @Test
    void by_default_followers_wait_a_minute_and_interrupt_the_load() throws Exception {
        SingleFlight<String, String> flight =
                SingleFlight.builder("users").timeSource(time).build();
        Held<String> load = new Held<>(() -> "never");
        Flyer<String> leader = Flyers.fly(() -> flight.call("k", load));
        load.awaitIn();
        assertThat(time.pendingTimers()).isZero();
        Flyer<String> follower = Flyers.fly(() -> flight.call("k", LoadDeadlineTest::notWanted));
        time.awaitParked(1);
        time.advance(Duration.ofMinutes(1));
        assertThat(follower.thrown()).hasCauseInstanceOf(TimeoutExceededException.class);
        assertThat(leader.thrown()).hasCauseInstanceOf(TimeoutExceededException.class);
        assertThat(leader.flagged()).isFalse();
    }

    @Test
    void by_default_a_newcomer_abandons_a_load_that_is_overdue() throws Exception {
        SingleFlight<String, String> flight =
                SingleFlight.builder("users").timeSource(time).build();
        Held<String> load = new Held<>(() -> "never");
        Flyer<String> leader = Flyers.fly(() -> flight.call("k", load));
        load.awaitIn();
        time.advance(Duration.ofMinutes(1));
        assertThat(flight.snapshot().oldestLoad()).isEqualTo(Duration.ofMinutes(1));
        assertThat(flight.call("k", () -> "new")).isEqualTo("new");
        assertThat(leader.thrown()).hasCauseInstanceOf(TimeoutExceededException.class);
        assertThat(load.interrupted).isTrue();
    }

    @Test
    void a_detached_load_is_interrupted_at_the_deadline() throws Exception {
        SingleFlight<String, String> flight = SingleFlight.builder("users")
                .loadDeadline(Duration.ofSeconds(2))
                .detached()
                .timeSource(time)
                .build();
        Held<String> load = new Held<>(() -> "never");
        Flyer<String> caller = Flyers.fly(() -> flight.call("k", load));
        load.awaitIn();
        time.awaitParked(1);
        time.advance(Duration.ofSeconds(2));
        assertThat(caller.thrown()).hasCauseInstanceOf(TimeoutExceededException.class);
        Flyers.until(() -> load.interrupted && flight.snapshot().abandoned() == 0);
    }

    /** L8: somebody else's interrupt, pending when the deadline comes, is not ours to take back. */
    @Test
    void a_strangers_interrupt_survives_the_deadline() throws Exception {
        SingleFlight<String, String> flight = within(Duration.ofSeconds(2));
        CountDownLatch in = new CountDownLatch(1);
        CountDownLatch out = new CountDownLatch(1);
        Flyer<String> leader = Flyers.fly(() -> flight.call("k", () -> {
            Thread.currentThread().interrupt();
            in.countDown();
            Flyers.until(() -> out.getCount() == 0);
            return "late";
        }));
        Flyers.await(in);
        Flight<String, String> given = Objects.requireNonNull(flight.flights().find("k"));
        time.advance(Duration.ofSeconds(2));
        Flyers.until(given::over); // or the load would end before it is given up
        out.countDown();
        assertThat(leader.thrown()).hasCauseInstanceOf(TimeoutExceededException.class);
        assertThat(leader.flagged()).isTrue();
    }

    /** L8: what the load does not take, the flight takes back. */
    @Test
    void a_load_that_does_not_heed_its_interrupt_leaves_none_behind() throws Exception {
        SingleFlight<String, String> flight = within(Duration.ofSeconds(2));
        CountDownLatch in = new CountDownLatch(1);
        Flyer<String> leader = Flyers.fly(() -> flight.call("k", () -> {
            in.countDown();
            Flyers.until(() -> Thread.currentThread().isInterrupted());
            return "late";
        }));
        Flyers.await(in);
        time.advance(Duration.ofSeconds(2));
        assertThat(leader.thrown()).hasCauseInstanceOf(TimeoutExceededException.class);
        assertThat(leader.flagged()).isFalse();
    }

    @Test
    void an_error_of_a_load_that_was_given_up_still_comes_out_on_its_own_thread() throws Exception {
        SingleFlight<String, String> flight = within(Duration.ofSeconds(2));
        Error error = new AssertionError("broken");
        CountDownLatch in = new CountDownLatch(1);
        CountDownLatch out = new CountDownLatch(1);
        Flyer<String> leader = Flyers.fly(() -> flight.call("k", () -> {
            in.countDown();
            Flyers.until(() -> out.getCount() == 0);
            throw error;
        }));
        Flyers.await(in);
        Flight<String, String> given = Objects.requireNonNull(flight.flights().find("k"));
        time.advance(Duration.ofSeconds(2));
        Flyers.until(given::over);
        out.countDown();
        assertThat(leader.thrown()).isSameAs(error);
    }

    @Test
    void a_deadline_beyond_all_time_is_none() throws Exception {
        SingleFlight<String, String> flight = within(Duration.ofSeconds(Long.MAX_VALUE));
        Held<String> load = new Held<>(() -> "v");
        Flyer<String> leader = Flyers.fly(() -> flight.call("k", load));
        load.awaitIn();
        Flyer<String> follower = Flyers.fly(() -> flight.call("k", LoadDeadlineTest::notWanted));
        time.awaitParked(1);
        time.advance(Duration.ofDays(36_500));
        load.letOut();
        assertThat(leader.value()).isEqualTo("v");
        assertThat(follower.value()).isEqualTo("v");
    }

    @Test
    void a_clock_that_wraps_changes_nothing() throws Exception {
        ManualTime wraps = laws.watch(ManualTime.startingAt(Long.MAX_VALUE - 1000));
        SingleFlight<String, String> flight = SingleFlight.builder("users")
                .loadDeadline(Duration.ofSeconds(2))
                .timeSource(wraps)
                .build();
        Held<String> load = new Held<>(() -> "v");
        Flyer<String> leader = Flyers.fly(() -> flight.call("k", load));
        load.awaitIn();
        Flyer<String> follower = Flyers.fly(() -> flight.call("k", LoadDeadlineTest::notWanted));
        wraps.awaitParked(1);
        wraps.advance(Duration.ofSeconds(1));
        assertThat(flight.snapshot().oldestLoad()).isEqualTo(Duration.ofSeconds(1));
        load.letOut();
        assertThat(leader.value()).isEqualTo("v");
        assertThat(follower.value()).isEqualTo("v");
    }

    // --- cache.md 3.4: cycles ---

    /** Two threads, each in the load of one key, each asks for the other's. */
    private void crossing(SingleFlight<String, String> a, SingleFlight<String, String> b) throws Exception {
        CountDownLatch both = new CountDownLatch(2);
        Flyer<String> one = Flyers.fly(() -> a.call("a", () -> {
            both.countDown();
            Flyers.await(both);
            return b.call("b", LoadDeadlineTest::notWanted);
        }));
        Flyer<String> two = Flyers.fly(() -> b.call("b", () -> {
            both.countDown();
            Flyers.await(both);
            return a.call("a", LoadDeadlineTest::notWanted);
        }));
        assertThat(one.thrown()).hasRootCauseInstanceOf(IllegalStateException.class);
        assertThat(two.thrown())
                .hasRootCauseInstanceOf(IllegalStateException.class)
                .hasRootCauseMessage("single flight 'users': a load waits for another one that waits for it, on another"
                        + " thread; both would wait for ever");
        assertThat(a.call("a", () -> "v")).isEqualTo("v");
        assertThat(b.call("b", () -> "v")).isEqualTo("v");
    }

    @Test
    void two_loads_that_wait_for_each_other_are_told() throws Exception {
        SingleFlight<String, String> flight =
                SingleFlight.builder("users").timeSource(time).build();
        for (int round = 0; round < 100; round++) crossing(flight, flight);
    }

    @Test
    void also_when_they_are_of_two_tables() throws Exception {
        crossing(
                SingleFlight.<String, String>builder("users").timeSource(time).build(),
                SingleFlight.builder("users").timeSource(time).build());
    }

    @Test
    void also_when_they_run_on_threads_of_the_librarys() throws Exception {
        crossing(
                SingleFlight.builder("users").detached().timeSource(time).build(),
                SingleFlight.builder("users").timeSource(time).build());
        SingleFlight<String, String> detached =
                SingleFlight.builder("users").detached().timeSource(time).build();
        crossing(detached, detached);
    }

    @Test
    void a_ring_of_three_is_told() throws Exception {
        SingleFlight<Integer, String> flight =
                SingleFlight.builder("users").timeSource(time).build();
        CountDownLatch all = new CountDownLatch(3);
        Flyer<?>[] threads = new Flyer<?>[3];
        for (int i = 0; i < 3; i++) {
            int mine = i;
            threads[i] = Flyers.fly(() -> flight.call(mine, () -> {
                all.countDown();
                Flyers.await(all);
                return flight.call((mine + 1) % 3, LoadDeadlineTest::notWanted);
            }));
        }
        for (Flyer<?> each : threads) assertThat(each.thrown()).hasRootCauseInstanceOf(IllegalStateException.class);
    }

    /** No false alarm: the other load needs nothing of ours. */
    @Test
    void a_load_may_wait_for_another_threads_load() throws Exception {
        SingleFlight<String, String> flight =
                SingleFlight.builder("users").timeSource(time).build();
        Held<String> b = new Held<>(() -> "b");
        Flyer<String> leader = Flyers.fly(() -> flight.call("b", b));
        b.awaitIn();
        Flyer<String> waits =
                Flyers.fly(() -> flight.call("a", () -> "a" + flight.call("b", LoadDeadlineTest::notWanted)));
        time.awaitParked(1);
        Flyer<String> behind = Flyers.fly(() -> flight.call("a", LoadDeadlineTest::notWanted));
        time.awaitParked(2);
        b.letOut();
        assertThat(leader.value()).isEqualTo("b");
        assertThat(waits.value()).isEqualTo("ab");
        assertThat(behind.value()).isEqualTo("ab");
    }

    @Test
    void a_context_that_is_cancelled_ends_the_wait() throws Exception {
        SingleFlight<String, String> flight =
                SingleFlight.builder("users").timeSource(time).build();
        Held<String> load = new Held<>(() -> "v");
        Flyer<String> leader = Flyers.fly(() -> flight.call("k", load));
        load.awaitIn();
        dev.resilience.Pipeline outer = dev.resilience.Pipeline.of(
                dev.resilience.timeout.Timeout.builder("outer")
                        .after(Duration.ofMillis(100))
                        .interrupting(false)
                        .build(),
                new dev.resilience.testkit.CountingGate("gate", time));
        Flyer<String> follower = Flyers.fly(() ->
                outer.call(dev.resilience.CallContext.root(), c -> flight.call(c, "k", LoadDeadlineTest::notWanted)));
        time.awaitParked(1);
        time.advance(Duration.ofMillis(100));
        assertThat(follower.thrown()).isInstanceOfAny(TimeoutExceededException.class, CallInterruptedException.class);
        load.letOut();
        assertThat(leader.value()).isEqualTo("v");
    }
}
