// SPDX-License-Identifier: Apache-2.0
package dev.resilience.v25;

import static java.time.Duration.ofHours;
import static java.time.Duration.ofMinutes;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Permit;
import dev.resilience.bulkhead.Bulkhead;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

/** P13: a hundred thousand virtual threads wait in one bulkhead. */
class HundredThousandWaitersTest {
    private static final int THREADS = 100_000;
    private static final long MOST = 1_024;
    private static final int WARM_UP = 20_000;
    /** A frame that is interpreted takes several times what a compiled one does, and who is compiled when is chance. */
    private static final int ROUNDS = 4;

    /** Threads of a wave come in any order, waves one after the other: waiting for each thread would take a minute. */
    private static final int WAVE = 1_000;

    private final List<Thread> waiting = new ArrayList<>(THREADS);
    private final int[] order = new int[THREADS];
    private int through;

    @Test
    void pin_no_carrier_take_less_than_a_kilobyte_each_and_go_in_the_order_they_came() throws Exception {
        queueAndRelease(WARM_UP); // loads the classes, which pins
        bytesOfPlainThreads(WARM_UP);
        long plain = bytesOfPlainThreads(THREADS);
        assertThat(Pinned.during(() -> takeLessThanMost(plain))).isEmpty();
    }

    private void takeLessThanMost(long firstPlain) {
        long plain = firstPlain;
        long least = queueAndRelease(THREADS);
        for (int i = 1; i < ROUNDS && least - plain >= MOST; i++) {
            least = Math.min(least, queueAndRelease(THREADS));
            plain = Math.min(plain, bytesOfPlainThreads(THREADS));
        }
        assertThat(least - plain)
                .as("bytes of a waiter beyond its thread, of which a parked one takes %s", plain)
                .isLessThan(MOST);
    }

    /** What so many threads take that do nothing but wait. */
    private static long bytesOfPlainThreads(int count) {
        AtomicBoolean over = new AtomicBoolean();
        long before = used();
        List<Thread> threads = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            threads.add(Thread.ofVirtual().start(() -> {
                while (!over.get()) LockSupport.park();
            }));
        }
        for (Thread thread : threads) awaitUntil(() -> thread.getState() == Thread.State.WAITING);
        long bytes = (used() - before) / count;
        over.set(true);
        for (Thread thread : threads) LockSupport.unpark(thread);
        threads.forEach(HundredThousandWaitersTest::join);
        return bytes;
    }

    /** What so many waiters take; afterwards all have been let through, one at a time. */
    private long queueAndRelease(int threads) {
        Bulkhead bulkhead = Bulkhead.builder("narrow")
                .maxConcurrent(1)
                .maxWaiting(threads)
                .maxWait(ofHours(1))
                .build();
        through = 0;
        waiting.clear();
        Permit first = bulkhead.admit();
        long before = used();
        for (int from = 0; from < threads; from += WAVE) {
            int wave = from / WAVE;
            for (int i = 0; i < WAVE; i++)
                waiting.add(Thread.ofVirtual().start(() -> bulkhead.run(() -> order[through++] = wave)));
            int all = from + WAVE;
            awaitUntil(() -> bulkhead.waiting() == all);
        }
        for (Thread thread : waiting) awaitUntil(() -> thread.getState() == Thread.State.TIMED_WAITING);
        long bytes = (used() - before) / threads;
        first.success();
        waiting.forEach(HundredThousandWaitersTest::join);
        assertThat(through).isEqualTo(threads);
        for (int i = 1; i < threads; i++) assertThat(order[i]).isGreaterThanOrEqualTo(order[i - 1]);
        assertThat(bulkhead.inFlight() + bulkhead.waiting()).isZero(); // L1, L13
        return bytes;
    }

    private static long used() {
        System.gc();
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }

    private static void join(Thread thread) {
        try {
            assertThat(thread.join(ofMinutes(2))).as("ended").isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static void awaitUntil(BooleanSupplier condition) {
        long start = System.nanoTime();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime() - start).isLessThan(TimeUnit.SECONDS.toNanos(60));
            Thread.onSpinWait();
        }
    }
}
