// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Engines on one store in memory, in time that stands still until the test moves it. */
final class Fleet implements AutoCloseable {
    static final Duration LEASE = Duration.ofSeconds(15);
    private static final Duration TICK = Duration.ofMillis(100);
    /** In real time, for what must happen: far longer than a machine stands still. */
    private static final long PATIENCE = TimeUnit.MINUTES.toNanos(4);

    final ManualTime time = ManualTime.create();
    final SagaStore store = SagaStore.inMemory(time);
    /** What bodies of steps wait for that hang; opened at the end. */
    final CountDownLatch end = new CountDownLatch(1);

    private final List<SagaEngine> engines = new ArrayList<>();
    private final List<Link> links = new ArrayList<>();

    Link link() {
        Link link = new Link(store);
        links.add(link);
        return link;
    }

    SagaEngine open(String node, Link link, UnaryOperator<SagaEngine.Builder> more) {
        SagaEngine engine = more.apply(
                        SagaEngine.on(link).nodeName(node).lease(LEASE).timeSource(time))
                .open();
        engines.add(engine);
        return engine;
    }

    SagaEngine open(String node, Saga<?, ?>... sagas) {
        return open(node, link(), builder -> {
            for (Saga<?, ?> saga : sagas) builder.register(saga);
            return builder;
        });
    }

    /**
     * Lets time pass, a little at a time, until it is so; fails after ten minutes of it, and a minute in real time: what
     * was held by a latch seems to wait on until it has a processor.
     */
    Duration until(BooleanSupplier so) {
        time.advance(Duration.ZERO); // asked when all is at rest, never in the middle of what a thread is doing
        Duration began = time.elapsed();
        long patience = System.nanoTime() + TimeUnit.MINUTES.toNanos(1);
        for (int i = 0; !so.getAsBoolean(); i++) {
            if (i >= 6_000)
                assertThat(System.nanoTime() - patience)
                        .as(() -> "ten minutes passed: " + time)
                        .isNegative();
            time.advance(TICK);
        }
        return time.elapsed().minus(began);
    }

    void pass(Duration span) {
        for (Duration left = span; !left.isNegative() && !left.isZero(); left = left.minus(TICK))
            time.advance(left.compareTo(TICK) < 0 ? left : TICK);
    }

    SagaInstance head(SagaRef ref) {
        return store.load(ref).orElseThrow().head();
    }

    SagaStatus status(SagaHandle<?> handle) {
        return head(handle.ref()).status();
    }

    void untilStatus(SagaHandle<?> handle, SagaStatus status) {
        until(() -> status(handle) == status);
    }

    /** Waits in real time: for what another thread does while time stands still. */
    static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(PATIENCE, TimeUnit.NANOSECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Waits in real time, of engines whose time goes on by itself. */
    static void eventually(BooleanSupplier so) {
        long patience = System.nanoTime() + PATIENCE;
        while (!so.getAsBoolean()) {
            assertThat(System.nanoTime() - patience).isNegative();
            Thread.onSpinWait();
        }
    }

    /** A step's body that does not come back before the test's end, or until it is interrupted. */
    void hang() throws InterruptedException {
        end.await();
    }

    /** Closes an engine while time goes on. */
    void close(SagaEngine engine) {
        passUntilDone(start("closing", engine::close));
    }

    /** A thread that time waits for: it stands still while the thread has not come to rest. */
    Thread start(String name, Runnable task) {
        AtomicReference<Thread> thread = new AtomicReference<>();
        time.watched(watched -> {
                    thread.set(new Thread(watched, name));
                    there(thread.get()).start();
                })
                .execute(task);
        return there(thread.get());
    }

    void passUntilDone(Thread thread) {
        long patience = System.nanoTime() + PATIENCE;
        while (thread.isAlive()) {
            assertThat(System.nanoTime() - patience)
                    .as(() -> "still at work: " + thread + List.of(thread.getStackTrace()))
                    .isNegative();
            time.advance(TICK);
            Thread.onSpinWait();
        }
    }

    @Override
    public void close() {
        end.countDown();
        links.forEach(Link::mend);
        engines.forEach(this::close);
    }

    /** What {@code Class.cast} cannot say of null. */
    static <T> T there(@Nullable T value) {
        return Objects.requireNonNull(value);
    }
}
