// SPDX-License-Identifier: Apache-2.0
package dev.resilience.v25;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.CallContext;
import dev.resilience.TimeoutExceededException;
import dev.resilience.timeout.Timeout;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Ten thousand virtual threads, each with a timeout inside a timeout: L8 and S33 on threads that are not carriers. */
class TimeoutVirtualThreadTest {
    private static final int THREADS = 10_000;

    private final CountDownLatch never = new CountDownLatch(1);
    private final LongAdder kept = new LongAdder();
    private final LongAdder leaked = new LongAdder();
    private final LongAdder abandonedBroken = new LongAdder();

    private boolean forEver() throws InterruptedException {
        return never.await(300, TimeUnit.SECONDS);
    }

    /**
     * An inner timeout that fires and is handled, then an outer one that ends what goes on. On a machine that stands still
     * for so long the outer one may come first or in between: then the interrupt is its own.
     */
    private void nested(Timeout outer, Timeout inner) {
        try {
            outer.call(CallContext.root(), c -> {
                try {
                    inner.call(c, d -> forEver());
                } catch (TimeoutExceededException first) {
                    boolean flag = Thread.currentThread().isInterrupted();
                    if (first.name().equals("inner") && (!flag || c.cancelled())) kept.increment();
                } catch (InterruptedException overtaken) {
                    if (c.cancelled()) kept.increment();
                    throw overtaken;
                }
                return forEver();
            });
        } catch (TimeoutExceededException second) {
            if (second.name().equals("outer")) kept.increment();
        } catch (InterruptedException nobodys) {
            leaked.increment();
        }
        if (Thread.interrupted()) leaked.increment();
    }

    private static void inParallel(int threads, Runnable task) throws InterruptedException {
        List<Thread> all = IntStream.range(0, threads)
                .mapToObj(i -> Thread.ofVirtual().start(task))
                .toList();
        for (Thread thread : all)
            assertThat(thread.join(ofMinutes(2))).as("ended").isTrue();
    }

    @Test
    void ten_thousand_nested_timeouts_keep_their_interrupts_apart_and_pin_no_carrier() throws Exception {
        Timeout inner = Timeout.builder("inner").after(ofMillis(50)).build();
        Timeout outer = Timeout.builder("outer").after(ofSeconds(4)).build();
        inParallel(200, () -> nested(Timeout.of(ofMillis(40)), inner)); // loads the classes, which pins
        kept.reset();
        leaked.reset();

        List<String> pinned = Pinned.during(() -> inParallel(THREADS, () -> nested(outer, inner)));

        assertThat(pinned).isEmpty();
        assertThat(leaked.sum()).as("interrupts leaked").isZero();
        assertThat(kept.sum()).as("timeouts that were blamed rightly").isEqualTo(2L * THREADS);
    }

    @Test
    void ten_thousand_detached_attempts_end_at_the_deadline_and_the_gauge_comes_back() throws Exception {
        Timeout detached =
                Timeout.builder("detached").after(ofMillis(200)).detached().build();
        CountDownLatch release = new CountDownLatch(1);

        inParallel(THREADS, () -> {
            try {
                detached.call(() -> {
                    while (release.getCount() > 0) {
                        try {
                            release.await();
                        } catch (InterruptedException ignored) {
                            kept.increment(); // and goes on
                        }
                    }
                    return null;
                });
            } catch (TimeoutExceededException late) {
                return;
            }
            abandonedBroken.increment();
        });

        assertThat(abandonedBroken.sum()).isZero();
        assertThat(detached.abandoned()).isBetween(1L, (long) THREADS);
        release.countDown();
        long since = System.nanoTime();
        while (detached.abandoned() > 0 && System.nanoTime() - since < TimeUnit.SECONDS.toNanos(60))
            Thread.onSpinWait();
        assertThat(detached.abandoned()).isZero();
        assertThat(kept.sum()).as("each that had begun was interrupted once").isBetween(1L, (long) THREADS);
    }
}
