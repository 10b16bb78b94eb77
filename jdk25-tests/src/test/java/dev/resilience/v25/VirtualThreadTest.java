// SPDX-License-Identifier: Apache-2.0
package dev.resilience.v25;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Backoff;
import dev.resilience.CallInterruptedException;
import dev.resilience.Outcome;
import dev.resilience.Permit;
import dev.resilience.Pipeline;
import dev.resilience.TimeoutExceededException;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.retry.Retry;
import dev.resilience.timeout.Timeout;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Every face and every wait of the library, on threads that must not hold on to their carrier. */
class VirtualThreadTest {
    /** Parks below a native frame, which still pins. */
    private static final class ParksInItsInitializer {
        static final long SINCE = System.nanoTime();

        static {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
        }
    }

    /** The first ones to come load classes, and that pins: before anything is watched. */
    @BeforeAll
    static void classes_are_loaded() {
        waitInABulkhead(200);
        failTwice(200);
        awaitForEver(200);
    }

    @Test
    void a_pinned_carrier_would_be_seen() throws Exception {
        // what the other tests assert is worth nothing if this one fails
        assertThat(Pinned.during(() ->
                        join(start(() -> assertThat(ParksInItsInitializer.SINCE).isNotNull()))))
                .isNotEmpty();
    }

    @Test
    void ten_thousand_wait_in_a_bulkhead_in_the_order_they_came() throws Exception {
        List<Integer> order = new ArrayList<>();

        assertThat(Pinned.during(() -> order.addAll(waitInABulkhead(10_000)))).isEmpty();

        assertThat(order)
                .containsExactlyElementsOf(IntStream.range(0, 10_000).boxed().toList());
    }

    @Test
    void delays_between_attempts_hold_no_carrier() throws Exception {
        AtomicInteger attempts = new AtomicInteger();

        assertThat(Pinned.during(() -> attempts.set(failTwice(1_000)))).isEmpty();

        assertThat(attempts).hasValue(3_000);
    }

    @Test
    void a_timeout_interrupts_virtual_threads_and_leaves_no_interrupt_behind() throws Exception {
        AtomicInteger late = new AtomicInteger();

        assertThat(Pinned.during(() -> late.set(awaitForEver(1_000)))).isEmpty();

        assertThat(late).hasValue(1_000);
    }

    /** The order in which so many threads got through a bulkhead of one, queued in the order of their numbers. */
    private static List<Integer> waitInABulkhead(int threads) {
        Bulkhead bulkhead = Bulkhead.builder("narrow")
                .maxConcurrent(1)
                .maxWaiting(threads)
                .maxWait(ofMinutes(60))
                .build();
        Permit first = bulkhead.admit();
        Queue<Integer> order = new ConcurrentLinkedQueue<>();
        List<Thread> waiting = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int mine = i;
            waiting.add(start(() -> bulkhead.run(() -> order.add(mine))));
            awaitUntil(() -> bulkhead.waiting() > mine);
        }
        first.success();
        waiting.forEach(VirtualThreadTest::join);
        assertThat(bulkhead.inFlight()).isZero(); // L1
        assertThat(bulkhead.waiting()).isZero(); // L13
        return List.copyOf(order);
    }

    /** How many attempts so many threads made, each of which needs three. */
    private static int failTwice(int threads) {
        Retry retry = Retry.builder("impatient")
                .maxAttempts(3)
                .backoff(Backoff.constant(ofMillis(20)))
                .build();
        AtomicInteger all = new AtomicInteger();
        inParallel(threads, () -> {
            AtomicInteger attempts = new AtomicInteger();
            retry.run(() -> {
                if (attempts.incrementAndGet() < 3) {
                    throw new IOException("not yet");
                }
            });
            all.addAndGet(attempts.get());
        });
        return all.get();
    }

    /** How many of so many threads were told that they were late, with no interrupt left behind (L8). */
    private static int awaitForEver(int threads) {
        Timeout timeout = Timeout.of(ofMillis(50));
        CountDownLatch never = new CountDownLatch(1);
        AtomicInteger late = new AtomicInteger();
        inParallel(threads, () -> {
            Outcome<Boolean> outcome = timeout.outcome(() -> never.await(300, TimeUnit.SECONDS));
            boolean interrupted = Thread.interrupted();
            if (!interrupted
                    && outcome instanceof Outcome.Failure<Boolean> failure
                    && failure.thrown() instanceof TimeoutExceededException) {
                late.incrementAndGet();
            }
        });
        return late.get();
    }

    @Test
    void detached_work_runs_on_a_virtual_thread() {
        Timeout detached =
                Timeout.builder("detached").after(ofMinutes(10)).detached().build();

        assertThat(detached.call(() -> Thread.currentThread().isVirtual())).isTrue();
    }

    @Test
    void a_stranger_who_interrupts_a_waiting_virtual_thread_is_heard() throws Exception {
        Bulkhead bulkhead = Bulkhead.builder("full")
                .maxConcurrent(1)
                .maxWaiting(1)
                .maxWait(ofMinutes(60))
                .build();
        Permit held = bulkhead.admit();
        AtomicReference<Boolean> flagged = new AtomicReference<>();

        Thread waiting = start(() -> {
            assertThatThrownBy(() -> bulkhead.run(() -> {})).isInstanceOf(CallInterruptedException.class);
            flagged.set(Thread.currentThread().isInterrupted());
        });
        awaitUntil(() -> bulkhead.waiting() == 1);
        waiting.interrupt();
        join(waiting);

        assertThat(flagged).hasValue(true); // L8
        assertThat(bulkhead.waiting()).isZero();
        held.success();
    }

    @Test
    void an_outcome_is_taken_apart_by_an_exhaustive_switch() {
        Pipeline pipeline = Pipeline.of(Retry.of(1));

        String shown = switch (pipeline.outcome(() -> "value")) {
            case Outcome.Success<String>(String value) -> value;
            case Outcome.Failure<String> failure -> failure.thrown().toString();
        };

        assertThat(shown).isEqualTo("value");
    }

    private static void inParallel(int threads, Pinned.Block block) {
        IntStream.range(0, threads).mapToObj(i -> start(block)).toList().forEach(VirtualThreadTest::join);
    }

    private static Thread start(Pinned.Block block) {
        return Thread.ofVirtual().start(() -> {
            try {
                block.run();
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        });
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
