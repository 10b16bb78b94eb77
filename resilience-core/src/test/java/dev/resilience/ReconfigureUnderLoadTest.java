// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofNanos;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.breaker.Window;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.bulkhead.BulkheadFullException;
import dev.resilience.hedge.Hedge;
import dev.resilience.retry.Retry;
import dev.resilience.timeout.Timeout;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.Test;

/**
 * L12 for every policy at once: eight threads call, blocking and staged, well and badly, while one changes every setting
 * of everything. No permit is lost (L1), no open breaker closes, no waiter hangs (L3), no timer stays (L13).
 */
class ReconfigureUnderLoadTest {
    private static final int THREADS = 8;
    private static final int CALLS = 400;

    private final AtomicInteger gotInThroughTheOpen = new AtomicInteger();

    private final CircuitBreaker breaker = CircuitBreaker.builder("changing")
            .window(Window.calls(50).minimumCalls(10))
            .openFor(ofMillis(1))
            .build();
    private final CircuitBreaker open = CircuitBreaker.builder("open")
            .consecutiveFailures(1)
            .openFor(ofSeconds(3_600))
            .build();
    private final Bulkhead bulkhead = Bulkhead.builder("changing")
            .maxConcurrent(3)
            .maxWaiting(100)
            .maxWait(ofSeconds(60))
            .build();
    private final Retry retry =
            Retry.builder("changing").backoff(Backoff.none()).build();
    private final Timeout timeout = Timeout.of("changing", ofSeconds(60));
    private final Hedge hedge = Hedge.builder("changing").delay(ofSeconds(60)).build();
    private final Pipeline pipeline = Pipeline.of(breaker, retry, bulkhead, hedge, timeout);

    /** Each gets a number that grows: one more policy joins by one more line. */
    private final List<IntConsumer> changes = List.of(
            n -> breaker.reconfigure(b -> b.window(Window.calls(20 + n % 50).minimumCalls(5 + n % 10))
                    .failureRate(0.3 + 0.1 * (n % 5))
                    .openFor(ofMillis(1 + n % 3))
                    .probes(1 + n % 5)
                    .requiredSuccesses(1)),
            n -> open.reconfigure(b -> b.window(Window.calls(1 + n % 70).minimumCalls(1))
                    .failureRate(1)
                    .openFor(ofNanos(1 + n % 9))
                    .probes(1 + n % 7)
                    .requiredSuccesses(1)),
            n -> bulkhead.reconfigure(b -> b.maxConcurrent(1 + n % 6)
                    .maxWaiting(50 + n % 50)
                    .maxWait(ofSeconds(60 + n % 5))
                    .holdAbandoned(ofMillis(n % 2))),
            n -> retry.reconfigure(b ->
                    b.maxAttempts(1 + n % 4).backoff(n % 2 == 0 ? Backoff.none() : Backoff.constant(ofNanos(1_000)))),
            n -> timeout.reconfigure(
                    b -> b.after(n % 7 == 0 ? ofNanos(50_000) : ofSeconds(60)).interrupting(n % 2 == 0)),
            n -> hedge.reconfigure(b -> b.delay(ofNanos(n % 3 * 1_000L))),
            n -> hedge.reconfigure(b -> b.delayQuantile(0.5, 1 + n % 20)),
            n -> hedge.reconfigure(b -> b.maxHedges(1 + n % 3).budget(RetryBudget.of(0.5))));

    private static void awaitUntil(BooleanSupplier condition) {
        long start = System.nanoTime();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - start > TimeUnit.SECONDS.toNanos(60)) throw new AssertionError("nothing happened");
            TimeSource.system().park(condition, 100_000);
        }
    }

    @Test
    void no_permit_is_lost_no_open_breaker_closes_and_no_waiter_hangs() throws Exception {
        open.admit().failure(new IOException("down"));
        assertThat(open.snapshot().state()).isEqualTo(CircuitBreaker.State.OPEN);
        AtomicBoolean over = new AtomicBoolean();
        ExecutorService pool = Executors.newFixedThreadPool(THREADS + 1);
        try {
            Future<?> changer = pool.submit(() -> changeUntil(over));
            List<Future<?>> callers = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) callers.add(pool.submit(this::callOften));
            for (Future<?> each : callers) each.get(60, TimeUnit.SECONDS); // no waiter hangs
            over.set(true);
            changer.get(60, TimeUnit.SECONDS);
        } finally {
            over.set(true);
            pool.shutdownNow();
        }
        awaitUntil(() -> bulkhead.inFlight() == 0);
        assertThat(bulkhead.waiting()).isZero();
        assertThat(gotInThroughTheOpen).hasValue(0);
        assertThat(open.snapshot().state()).isEqualTo(CircuitBreaker.State.OPEN);
        everythingStillWorks();
    }

    /** All slots are there: as many as there should be get in at once, and no more. */
    private void everythingStillWorks() {
        bulkhead.reconfigure(b -> b.maxConcurrent(4).holdAbandoned(ofNanos(0)));
        List<Permit> all = new ArrayList<>();
        for (int i = 0; i < 4; i++) all.add(bulkhead.admit());
        assertThat(bulkhead.inFlight()).isEqualTo(4);
        all.forEach(Permit::success);
        breaker.reset();
        timeout.reconfigure(b -> b.after(ofSeconds(60)));
        hedge.reconfigure(b -> b.delay(ofSeconds(60)));
        assertThat(pipeline.<String, RuntimeException>call(() -> "works")).isEqualTo("works");
        assertThat(breaker.snapshot().calls()).isEqualTo(1);
    }

    private void changeUntil(AtomicBoolean over) {
        for (int n = 0; !over.get(); n++) {
            changes.get(n % changes.size()).accept(n / changes.size());
            TimeSource.system().park(this, 20_000);
        }
    }

    private Void callOften() throws Exception {
        List<CompletableFuture<?>> staged = new ArrayList<>();
        for (int n = 0; n < CALLS; n++) {
            int kind = ThreadLocalRandom.current().nextInt(8);
            if (kind == 0) staged.add(pipeline.callAsync(ReconfigureUnderLoadTest::stage));
            else if (kind == 1)
                pipeline.callAsync(ReconfigureUnderLoadTest::stage).cancel(true);
            else if (kind == 2) open.outcome(gotInThroughTheOpen::incrementAndGet);
            else pipeline.outcome(() -> work(kind));
            Thread.interrupted();
        }
        for (CompletableFuture<?> each : staged) each.handle((v, t) -> 0).get(60, TimeUnit.SECONDS);
        return null;
    }

    private static CompletableFuture<String> stage() {
        return CompletableFuture.supplyAsync(() -> "staged");
    }

    private static String work(int kind) throws IOException {
        if (kind == 3) throw new IOException("down");
        if (kind == 4) Thread.onSpinWait();
        return "blocking";
    }

    @Test
    void a_waiter_whose_weight_no_longer_fits_is_refused_and_the_others_get_in() { // S35
        CallContext.Attribute<Integer> weight = CallContext.Attribute.of("weight");
        Bulkhead weighted = Bulkhead.builder("weighted")
                .maxConcurrent(5)
                .maxWaiting(10)
                .maxWait(ofSeconds(60))
                .weight(c -> c.get(weight, 1))
                .build();
        Permit all = weighted.admit(CallContext.of(weight, 5));
        CompletableFuture<Permit> heavy = weighted.admitAsync(CallContext.of(weight, 5));
        CompletableFuture<Permit> light = weighted.admitAsync(CallContext.root());
        weighted.reconfigure(b -> b.maxConcurrent(4));
        awaitUntil(heavy::isDone);
        assertThat(heavy.handle((permit, thrown) -> thrown).join()).isInstanceOf(BulkheadFullException.class);
        assertThat(light).isNotDone();
        all.success();
        awaitUntil(light::isDone);
        light.join().success();
        assertThat(weighted.inFlight() + weighted.waiting()).isZero();
    }
}
