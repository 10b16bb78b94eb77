// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.cache;

import dev.resilience.cache.SecondLevel;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One node's way to a second level, which a test can break: give each cache one of its own over a shared {@link
 * SecondLevel}. Thread-safe; what it holds back it does on the thread that releases it.
 *
 * {@snippet class="dev.resilience.cache.TieredFaultsTest" region="faults"}
 */
public final class FaultySecondLevel implements SecondLevel {
    private volatile SecondLevel shared;
    private final ReentrantLock lock = new ReentrantLock();
    private final Queue<Runnable> held = new ArrayDeque<>();
    private final Queue<Runnable> before = new ConcurrentLinkedQueue<>();
    private final Queue<Runnable> after = new ConcurrentLinkedQueue<>();
    private volatile boolean down;
    private volatile boolean holding;
    private volatile Duration skew = Duration.ZERO;

    private FaultySecondLevel(SecondLevel shared) {
        this.shared = Objects.requireNonNull(shared, "shared");
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
        shared = Objects.requireNonNull(empty, "empty");
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
        before.clear();
        before.add(Objects.requireNonNull(step, "step"));
    }

    /**
     * Runs something once, when the next operation is done and before its answer is known.
     *
     * @param step on the thread of the operation
     */
    public void afterNext(Runnable step) {
        after.clear();
        after.add(Objects.requireNonNull(step, "step"));
    }

    @Override
    public CompletionStage<Read> read(String key) {
        return operation(() -> shared.read(key)).thenApply(this::skewed);
    }

    @Override
    public CompletionStage<Boolean> put(String key, Content content, String token) {
        return operation(() -> shared.put(key, content, token));
    }

    @Override
    public CompletionStage<String> remove(String key) {
        return operation(() -> shared.remove(key));
    }

    @Override
    public CompletionStage<Void> invalidateTag(String tag) {
        return operation(() -> shared.invalidateTag(tag));
    }

    private Read skewed(Read read) {
        return read.content()
                .map(c -> Read.hit(c.withLife(c.life().minus(skew))))
                .orElse(read);
    }

    private @Nullable Runnable next() {
        lock.lock();
        try {
            return held.poll();
        } finally {
            lock.unlock();
        }
    }

    private <T extends @Nullable Object> CompletionStage<T> operation(Supplier<CompletionStage<T>> operation) {
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

    private static void run(@Nullable Runnable step) {
        if (step != null) step.run();
    }

    private <T extends @Nullable Object> CompletionStage<T> done(Supplier<CompletionStage<T>> operation) {
        run(before.poll());
        CompletionStage<T> stage = operation.get();
        run(after.poll());
        return stage;
    }
}
