// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.cache;

import dev.resilience.cache.SecondLevel;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * One node's way to a second level, which a test can break: give each cache one of its own over a shared {@link
 * SecondLevel}. Thread-safe; what it holds back it does on the thread that releases it.
 *
 * {@snippet class="dev.resilience.cache.TieredFaultsTest" region="faults"}
 */
public final class FaultySecondLevel implements SecondLevel {
    private final AtomicReference<SecondLevel> shared;
    private final ReentrantLock lock = new ReentrantLock();
    private final Queue<Runnable> held = new ArrayDeque<>();
    private final AtomicReference<Runnable> before = new AtomicReference<>(FaultySecondLevel::nothing);
    private final AtomicReference<Runnable> after = new AtomicReference<>(FaultySecondLevel::nothing);
    private volatile boolean down;
    private volatile boolean holding;
    private volatile Duration skew = Duration.ZERO;

    private FaultySecondLevel(SecondLevel shared) {
        this.shared = new AtomicReference<>(Objects.requireNonNull(shared, "shared"));
    }

    /**
     * A way that works.
     *
     * @param shared what all nodes share
     * @return a new way
     */
    public static FaultySecondLevel over(SecondLevel shared) {
        return new FaultySecondLevel(shared);
    }

    private static void nothing() {}

    /** From now on each operation fails, and does nothing. */
    public void down() {
        down = true;
    }

    /** Operations work again. */
    public void up() {
        down = false;
    }

    /** From now on no operation is done before {@link #release()}: its stage stays open. */
    public void hold() {
        holding = true;
    }

    /** Does what was held back, in order, and holds nothing any more. */
    public void release() {
        holding = false;
        for (Runnable next = next(); next != null; next = next()) next.run();
    }

    /**
     * How many operations are held back.
     *
     * @return at this moment
     */
    public int held() {
        lock.lock();
        try {
            return held.size();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Everything is lost: another one takes the place of the shared one for this way.
     *
     * @param empty the new one
     */
    public void lose(SecondLevel empty) {
        shared.set(Objects.requireNonNull(empty, "empty"));
    }

    /**
     * Answers lives as one that compares a date with this node's clock would, when that clock is wrong. The life of a value
     * grows when the clock is behind, and may be negative when it is ahead.
     *
     * @param ahead by how much this node's clock is ahead; negative when it is behind
     */
    public void skew(Duration ahead) {
        this.skew = Objects.requireNonNull(ahead, "ahead");
    }

    /**
     * Runs something once, right before the next operation is done.
     *
     * @param step on the thread of the operation
     */
    public void beforeNext(Runnable step) {
        before.set(Objects.requireNonNull(step, "step"));
    }

    /**
     * Runs something once, when the next operation is done and before its answer is known.
     *
     * @param step on the thread of the operation
     */
    public void afterNext(Runnable step) {
        after.set(Objects.requireNonNull(step, "step"));
    }

    @Override
    public CompletionStage<Read> read(String key) {
        return operation(() -> shared.get().read(key)).thenApply(this::skewed);
    }

    @Override
    public CompletionStage<Boolean> put(String key, Content content, String token) {
        return operation(() -> shared.get().put(key, content, token));
    }

    @Override
    public CompletionStage<String> remove(String key) {
        return operation(() -> shared.get().remove(key));
    }

    @Override
    public CompletionStage<Void> invalidateTag(String tag) {
        return operation(() -> shared.get().invalidateTag(tag));
    }

    private Read skewed(Read read) {
        return read.content()
                .map(c -> Read.hit(c.withLife(c.life().minus(skew))))
                .orElse(read);
    }

    private Runnable next() {
        lock.lock();
        try {
            return held.poll();
        } finally {
            lock.unlock();
        }
    }

    private <T> CompletionStage<T> operation(Supplier<CompletionStage<T>> operation) {
        if (down) return CompletableFuture.failedFuture(new IllegalStateException("the second level is down"));
        if (!holding) return done(operation);
        CompletableFuture<T> later = new CompletableFuture<>();
        lock.lock();
        try {
            held.add(() -> done(operation).whenComplete((value, thrown) -> {
                if (thrown == null) later.complete(value);
                else later.completeExceptionally(thrown);
            }));
        } finally {
            lock.unlock();
        }
        return later;
    }

    private <T> CompletionStage<T> done(Supplier<CompletionStage<T>> operation) {
        before.getAndSet(FaultySecondLevel::nothing).run();
        CompletionStage<T> stage = operation.get();
        after.getAndSet(FaultySecondLevel::nothing).run();
        return stage;
    }
}
