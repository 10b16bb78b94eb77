// SPDX-License-Identifier: Apache-2.0
package dev.resilience.timeout;

import static dev.resilience.timeout.PlainPool.soon;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.CallContext;
import dev.resilience.Pipeline;
import dev.resilience.TimeoutExceededException;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;

/**
 * The interrupt protocol on real threads: an owner, two timer threads and a stranger who interrupts at random, all within
 * microseconds (L8, S33). What is claimed for all interleavings is searched by {@code InterruptProtocolModelTest}; this
 * shows that the code is the model's. {@code -Ddev.resilience.rounds=100000} runs longer.
 */
@org.junit.jupiter.api.Timeout(900) // JUnit would be a stranger too
class TimeoutRaceTest {
    private static final int ROUNDS = Integer.getInteger("dev.resilience.rounds", 20_000);
    /** A busy machine does fewer rounds, unless their number is given. */
    private static final long PATIENCE = Duration.ofSeconds(
                    System.getProperty("dev.resilience.rounds") == null ? 4 : 600)
            .toNanos();

    private static final long SPAN = 30_000;

    private final SpinTime time = new SpinTime();
    private final Pipeline timed = Pipeline.builder("race")
            .policies(Timeout.of(c -> random()))
            .timeSource(time)
            .build();
    private final Stranger stranger = new Stranger(Thread.currentThread());
    private final Map<Fate, Integer> fates = new EnumMap<>(Fate.class);

    /** What became of a round, and of the stranger's interrupt in it. */
    private enum Fate {
        VALUE,
        TIMED_OUT,
        STRANGER_SURVIVED,
        STRANGER_CONSUMED,
        STRANGER_SURFACED,
        STRANGER_ABSORBED,
        OUTER_VISIBLE_AGAIN,
        LEAKED,
        CAME_LATE,
        STRANGER_LOST,
        OUTER_LOST,
        SURFACED_WITHOUT_A_STRANGER
    }

    private static Duration random() {
        return Duration.ofNanos(1 + ThreadLocalRandom.current().nextLong(SPAN));
    }

    private static void spin(long nanos) {
        dev.resilience.TimeSource real = dev.resilience.TimeSource.system();
        long since = real.nanoTime();
        while (real.nanoTime() - since < nanos) Thread.onSpinWait();
    }

    /** Ends early, close to the deadline, or shortly after the timeout fired; lets the other threads run meanwhile. */
    private static void meet(CallContext context) {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        int when = random.nextInt(4);
        if (when == 0) {
            spin(random.nextLong(SPAN));
        } else if (when == 1) {
            long before = random.nextLong(6_000) - 3_000;
            while (context.deadline().remaining().toNanos() > 0) Thread.yield();
            if (before > 0) spin(before);
        } else {
            while (!context.cancelled()) Thread.yield();
            spin(random.nextLong(2_000));
        }
    }

    /** Interrupts the owner once in a round, or not at all. */
    private static final class Stranger {
        private final AtomicLong asked = new AtomicLong();
        private volatile long done;
        private volatile long delay;
        private volatile boolean closed;

        Stranger(Thread owner) {
            Thread thread = new Thread(() -> serve(owner), "stranger");
            thread.setDaemon(true);
            thread.start();
        }

        private void serve(Thread owner) {
            while (!closed) {
                long round = asked.get();
                if (round == done) {
                    Thread.yield();
                    continue;
                }
                if (delay >= 0) {
                    spin(delay);
                    owner.interrupt();
                }
                done = round;
            }
        }

        boolean begin() {
            ThreadLocalRandom random = ThreadLocalRandom.current();
            boolean comes = random.nextBoolean();
            delay = comes ? random.nextLong(2 * SPAN) : -1;
            asked.incrementAndGet();
            return comes;
        }

        void await() {
            while (done != asked.get()) Thread.yield();
        }
    }

    @AfterEach
    void close() {
        stranger.closed = true;
        time.close();
        assertThat(Thread.interrupted()).isFalse();
    }

    private void count(Fate fate) {
        fates.merge(fate, 1, Integer::sum);
    }

    /** The user's code of a round, and what it saw. */
    private final class Work {
        final int manner = ThreadLocalRandom.current().nextInt(3);
        boolean consumed;
        boolean surfaced;

        /** Ignores interrupts, swallows them, or ends with the exception. */
        Object run(CallContext context) throws InterruptedException {
            meet(context);
            if (manner > 0 && Thread.interrupted()) {
                consumed = true;
                if (manner == 2) throw new InterruptedException();
            }
            return this;
        }

        boolean timesOut(CallContext context) {
            try {
                timed.call(context, this::run);
                return false;
            } catch (TimeoutExceededException late) {
                return true;
            } catch (InterruptedException theirs) {
                surfaced = true;
                return false;
            }
        }
    }

    private void judge(boolean strangerCame, boolean timedOut, boolean consumed, boolean surfaced) {
        count(timedOut ? Fate.TIMED_OUT : Fate.VALUE);
        boolean atReturn = Thread.currentThread().isInterrupted();
        stranger.await();
        while (!time.idle()) Thread.yield();
        boolean pending = Thread.interrupted();
        if (!strangerCame) {
            if (pending) count(atReturn ? Fate.LEAKED : Fate.CAME_LATE);
            if (surfaced) count(Fate.SURFACED_WITHOUT_A_STRANGER);
        } else if (pending) {
            count(Fate.STRANGER_SURVIVED);
        } else if (surfaced) {
            count(Fate.STRANGER_SURFACED);
        } else if (consumed) {
            count(Fate.STRANGER_CONSUMED);
        } else {
            count(timedOut ? Fate.STRANGER_ABSORBED : Fate.STRANGER_LOST);
        }
    }

    private static void repeat(Runnable round) {
        dev.resilience.TimeSource real = dev.resilience.TimeSource.system();
        long since = real.nanoTime();
        for (int i = 0; i < ROUNDS && (i < 500 || real.nanoTime() - since < PATIENCE); i++) round.run();
    }

    private void assertPromisesKept(TestReporter reporter) {
        reporter.publishEntry("fates", fates.toString());
        assertThat(fates)
                .doesNotContainKeys(
                        Fate.LEAKED,
                        Fate.CAME_LATE,
                        Fate.STRANGER_LOST,
                        Fate.OUTER_LOST,
                        Fate.SURFACED_WITHOUT_A_STRANGER);
        // The rounds must be races: each of these has to have happened. Not STRANGER_ABSORBED: it is allowed, and so
        // narrow that a busy machine may meet it in none of the rounds.
        assertThat(fates).containsKeys(Fate.VALUE, Fate.TIMED_OUT, Fate.STRANGER_SURVIVED);
    }

    @Test // L8
    void no_interrupt_of_ours_leaks_or_comes_late_and_no_stranger_is_lost(TestReporter reporter) {
        repeat(() -> {
            boolean comes = stranger.begin();
            Work work = new Work();
            boolean late = work.timesOut(CallContext.root());
            judge(comes, late, work.consumed, work.surfaced);
        });
        assertPromisesKept(reporter);
    }

    @Test // L8, S33
    void nested_timeouts_keep_each_others_interrupts_apart(TestReporter reporter) {
        repeat(() -> {
            boolean comes = stranger.begin();
            Work first = new Work();
            Work second = new Work();
            boolean[] late = new boolean[3];
            try {
                timed.call(CallContext.root(), c -> {
                    late[0] = first.timesOut(c);
                    checkVisible(c, first, late[0]);
                    late[1] = second.timesOut(c);
                    return null;
                });
            } catch (TimeoutExceededException outer) {
                late[2] = true;
            }
            boolean consumed = first.consumed || second.consumed;
            boolean surfaced = first.surfaced || second.surfaced;
            // What surfaces inside may be the outer timeout's: only a round without any timeout tells.
            boolean anyLate = late[0] || late[1] || late[2];
            judge(comes, anyLate, consumed, surfaced && !anyLate);
        });
        assertPromisesKept(reporter);
        assertThat(fates).containsKeys(Fate.OUTER_VISIBLE_AGAIN);
    }

    /** Work that ignores interrupts took none away: an outer timeout that fired must show. */
    private void checkVisible(CallContext outer, Work inner, boolean innerLate) {
        if (inner.manner != 0 || !innerLate || !outer.cancelled()) return;
        boolean visible = soon(() -> Thread.currentThread().isInterrupted());
        count(visible ? Fate.OUTER_VISIBLE_AGAIN : Fate.OUTER_LOST);
    }

    @Test // L8: 10^4 rounds
    void a_pools_thread_is_interrupted_only_while_it_runs_the_attempt() {
        int rounds = 10_000;
        int ended = 0;
        try (PlainPool pool = new PlainPool()) {
            for (int round = 1; round <= rounds; round++) {
                long nanos = ThreadLocalRandom.current().nextLong(SPAN);
                CompletableFuture<Object> out = timed.submit(pool, () -> {
                    spin(nanos);
                    if (nanos > SPAN / 2) Thread.yield(); // lets the timers run
                    return nanos;
                });
                if (round % 3 == 0) {
                    spin(ThreadLocalRandom.current().nextLong(SPAN));
                    out.cancel(true);
                }
                assertThat(soon(out::isDone)).isTrue();
                assertThat(soon(pool::idle)).isTrue();
                if (!out.isCompletedExceptionally()) ended++;
            }
            while (!time.idle()) Thread.yield();
            // A timeout that fires before the pool is asked leaves it nothing to run.
            assertThat(pool.accepted()).as("rounds that were races").isPositive();
            assertThat(pool.dirty()).as("interrupts outside of an attempt").isZero();
            assertThat(ended).as("some in time, some not").isBetween(1, rounds - 1);
        }
    }
}
