// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.CallInterruptedException;
import dev.resilience.cache.Flyers.Flyer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Real threads on few keys: what has to hold in each round whatever the schedule. */
class FlightStormTest {
    private static final int ROUNDS = 100_000;

    /** S17, cache.md 3.1: publish, off the table, then those who wait. */
    @Test
    void an_immediate_retry_never_sees_the_failed_load() {
        SingleFlight<String, String> flight = SingleFlight.create();
        List<Flyer<Integer>> threads = new ArrayList<>();
        for (int t = 0; t < 2; t++) threads.add(Flyers.fly(() -> retrying(flight)));
        for (Flyer<Integer> each : threads) assertThat(each.value()).isZero();
        assertThat(flight.snapshot().loading()).isZero();
    }

    /** How often a call got the very failure that the same thread had seen before. */
    private static int retrying(SingleFlight<String, String> flight) {
        int again = 0;
        Throwable before = null;
        for (int round = 0; round < ROUNDS; round++) {
            try {
                flight.call("k", () -> {
                    throw new Exception();
                });
                throw new AssertionError("no load returns");
            } catch (CacheLoadException failed) {
                if (failed.getCause() == before) again++;
                before = failed.getCause();
            }
        }
        return again;
    }

    @Test
    void nor_does_a_retry_by_a_future() {
        SingleFlight<String, String> flight = SingleFlight.create();
        List<Flyer<Integer>> threads = new ArrayList<>();
        for (int t = 0; t < 2; t++) {
            threads.add(Flyers.fly(() -> {
                int again = 0;
                Throwable before = null;
                for (int round = 0; round < ROUNDS / 4; round++) {
                    Throwable failed = flight.callAsync("k", () -> CompletableFuture.failedFuture(new Exception()))
                            .handle((value, thrown) -> thrown.getCause())
                            .get(60, TimeUnit.SECONDS);
                    if (failed == before) again++;
                    before = failed;
                }
                return again;
            }));
        }
        for (Flyer<Integer> each : threads) assertThat(each.value()).isZero();
    }

    @Test
    void loads_of_one_key_never_overlap() {
        SingleFlight<Integer, Integer> flight = SingleFlight.create();
        AtomicInteger[] inside = {new AtomicInteger(), new AtomicInteger()};
        AtomicInteger overlaps = new AtomicInteger();
        AtomicInteger loads = new AtomicInteger();
        List<Flyer<Integer>> threads = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            threads.add(Flyers.fly(() -> {
                int wrong = 0;
                for (int round = 0; round < ROUNDS / 4; round++) {
                    int key = round & 1;
                    int got = flight.call(key, () -> {
                        if (inside[key].incrementAndGet() != 1) overlaps.incrementAndGet();
                        int mine = loads.incrementAndGet() * 2 + key;
                        if ((mine & 63) == 0) Thread.yield();
                        inside[key].decrementAndGet();
                        return mine;
                    });
                    if ((got & 1) != key) wrong++;
                }
                return wrong;
            }));
        }
        for (Flyer<Integer> each : threads) assertThat(each.value()).isZero();
        assertThat(overlaps).hasValue(0);
        assertThat(flight.snapshot().loads()).isEqualTo(loads.get());
        assertThat(flight.snapshot().loads() + flight.snapshot().joined()).isGreaterThanOrEqualTo(ROUNDS);
    }

    /** S17: who calls after a detach never gets what was under way at it. */
    @Test
    void after_a_detach_the_old_load_is_seen_by_nobody_new() {
        SingleFlight<String, Integer> flight = SingleFlight.create();
        AtomicInteger version = new AtomicInteger();
        Flyer<Integer> other = Flyers.fly(() -> {
            int sum = 0;
            for (int round = 0; round < ROUNDS / 4; round++) sum += flight.call("k", version::get) & 1;
            return sum;
        });
        int stale = 0;
        for (int round = 0; round < ROUNDS / 4; round++) {
            int now = version.incrementAndGet();
            flight.detach("k");
            if (flight.call("k", version::get) < now) stale++;
        }
        other.value();
        assertThat(stale).isZero();
    }

    /** cache.md 3.3, L8: cancels, interrupts and newcomers at once; nobody is left waiting and nothing is left over. */
    @Test
    void callers_that_leave_take_nobody_along() throws Exception {
        SingleFlight<String, String> flight =
                SingleFlight.builder("storm").detached().maxAbandoned(1_000_000).build();
        for (int round = 0; round < 300; round++) {
            CyclicBarrier start = new CyclicBarrier(3);
            Flyer<String> stays = Flyers.fly(() -> {
                start.await(60, TimeUnit.SECONDS);
                return flight.call("k", FlightStormTest::slowly);
            });
            Flyer<String> interrupted = Flyers.fly(() -> {
                start.await(60, TimeUnit.SECONDS);
                Thread.currentThread().interrupt();
                try {
                    return flight.call("k", FlightStormTest::slowly);
                } catch (CallInterruptedException e) {
                    return Thread.currentThread().isInterrupted() ? "interrupted" : "lost its flag";
                }
            });
            start.await(60, TimeUnit.SECONDS);
            flight.submit("k", FlightStormTest::slowly).cancel(true);
            assertThat(stays.value()).isEqualTo("v");
            assertThat(interrupted.value()).isIn("v", "interrupted"); // the load may be over before it waits
        }
        Flyers.until(
                () -> flight.snapshot().abandoned() == 0 && flight.snapshot().loading() == 0);
    }

    private static String slowly() throws InterruptedException {
        for (int i = 0; i < 50; i++) {
            if (Thread.interrupted()) throw new InterruptedException();
            Thread.yield();
        }
        return "v";
    }
}
