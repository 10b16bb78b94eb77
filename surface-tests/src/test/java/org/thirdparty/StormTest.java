// SPDX-License-Identifier: Apache-2.0
package org.thirdparty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Backoff;
import dev.resilience.CallContext;
import dev.resilience.CallInterruptedException;
import dev.resilience.Pipeline;
import dev.resilience.RejectedException;
import dev.resilience.TimeSource;
import dev.resilience.TimeoutExceededException;
import dev.resilience.retry.Retry;
import dev.resilience.timeout.Timeout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** Everything at once, in real time: faces, failures, cancels, deadlines, interrupts. What has to hold is little. */
class StormTest {
    private static final int THREADS = 4;
    private static final int CALLS = 250;

    private final FairGate outer = new FairGate("outer", 6, TimeSource.system());
    private final FairGate inner = new FairGate("inner", 3, TimeSource.system());
    private final Pipeline pipeline = Pipeline.of(
            outer,
            Retry.builder("retry")
                    .maxAttempts(3)
                    .backoff(Backoff.constant(Duration.ofNanos(200_000)).fullJitter())
                    .build(),
            Timeout.of(Duration.ofMillis(3)),
            inner);
    private final ConcurrentLinkedQueue<CompletableFuture<Object>> futures = new ConcurrentLinkedQueue<>();
    private final ConcurrentHashMap<String, AtomicInteger> ends = new ConcurrentHashMap<>();
    private final ConcurrentLinkedQueue<Throwable> strange = new ConcurrentLinkedQueue<>();
    private final ExecutorService workers = Executors.newFixedThreadPool(4);

    @Test // L1, L6, L8
    void every_call_ends_every_permit_is_back_and_no_interrupt_leaks() throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            long seed = 4711 + i;
            threads.add(new Thread(() -> storm(new Random(seed))));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join(TimeUnit.SECONDS.toMillis(60));
            assertThat(thread.isAlive()).as("a blocking call never ended").isFalse();
        }
        for (CompletableFuture<Object> future : futures) {
            assertThat(future.handle((value, thrown) -> true)).succeedsWithin(60, TimeUnit.SECONDS);
            future.whenComplete((value, thrown) -> ended(thrown));
        }
        workers.shutdown();
        assertThat(workers.awaitTermination(60, TimeUnit.SECONDS)).isTrue();
        assertThat(strange).isEmpty();
        assertThat(ends.values().stream().mapToInt(AtomicInteger::get).sum()).isEqualTo(THREADS * CALLS);
        assertThat(ends).containsKeys("value", "TimeoutExceededException", "CancellationException");
        quiet(outer);
        quiet(inner);
    }

    /** Abandoned work may still be on its way back. */
    private static void quiet(FairGate gate) {
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (gate.inUse() + gate.waiting() > 0 && System.nanoTime() - until < 0) Thread.onSpinWait();
        assertThat(gate.inUse()).isZero();
        assertThat(gate.waiting()).isZero();
    }

    private void storm(Random random) {
        for (int i = 0; i < CALLS; i++) {
            CallContext context = random.nextBoolean()
                    ? CallContext.root()
                    : CallContext.root().within(Duration.ofNanos(100_000 + random.nextInt(5_000_000)));
            long work = random.nextInt(10) == 0 ? 10_000_000 : random.nextInt(300_000);
            boolean fails = random.nextInt(4) == 0;
            switch (random.nextInt(4)) {
                case 0 -> blocking(context, work, fails);
                case 1 -> futures.add(pipeline.submit(workers, () -> work(work, fails)));
                case 2 ->
                    futures.add(pipeline.callAsync(
                            context, c -> CompletableFuture.supplyAsync(() -> work(work / 4, fails), workers)));
                default -> {
                    CompletableFuture<Object> call = pipeline.callAsync(context, c -> new CompletableFuture<>());
                    futures.add(call);
                    if (random.nextBoolean()) call.cancel(true);
                }
            }
        }
    }

    private void blocking(CallContext context, long work, boolean fails) {
        pipeline.outcome(context, c -> work(work, fails))
                .fold(
                        value -> {
                            ended(null);
                            return value;
                        },
                        thrown -> {
                            ended(thrown);
                            return thrown;
                        });
        if (Thread.interrupted()) strange.add(new AssertionError("an interrupt leaked"));
    }

    private static Object work(long nanos, boolean fails) {
        LockSupport.parkNanos(nanos);
        if (fails) throw new IllegalStateException("the dependency failed");
        return "value";
    }

    private void ended(Throwable thrown) {
        Throwable real = thrown instanceof CompletionException ? thrown.getCause() : thrown;
        String end = real == null ? "value" : real.getClass().getSimpleName();
        ends.computeIfAbsent(end, e -> new AtomicInteger()).incrementAndGet();
        boolean expected = real == null
                || real instanceof TimeoutExceededException
                || real instanceof CancellationException
                || real instanceof IllegalStateException
                || real instanceof RejectedException;
        if (!expected || real instanceof CallInterruptedException) strange.add(real);
    }
}
