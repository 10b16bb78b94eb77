// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.TimeSource;
import dev.resilience.cache.Backplane.Kind;
import dev.resilience.cache.Backplane.Message;
import dev.resilience.cache.Held.Found;
import dev.resilience.cache.Hooks.Reason;
import dev.resilience.cache.Owed.Removal;
import dev.resilience.cache.SecondLevel.Content;
import java.util.Iterator;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Both levels of one node and its line to the others. Every change goes the same way: first level, second level, first
 * level once more (a load may have read the old value in between), others. Nobody is told before the second level has
 * changed: he would read the old value again.
 */
final class Tiers<K, V> {
    private static final long RECOVERY_NANOS = 1_000_000_000L;

    final Names<K> names;
    final Line line;
    final Owed<K> owed;
    final TierLoads<K, V> loads;
    final Through locks;
    final Through level;
    private final TierSettings<K, V> settings;
    private final LoadingCache<K, Held<V>> first;
    private final Executor executor;
    private final AtomicBoolean recovering = new AtomicBoolean();
    private volatile boolean closed;
    private volatile TimeSource.@Nullable Timer recovery;

    Tiers(TierSettings<K, V> settings) {
        this.settings = settings;
        TimeSource time = settings.time;
        this.names = settings.names();
        this.line = new Line(settings.name, time, TimeSource.nanos(settings.maxL1Staleness));
        this.owed = new Owed<>(settings.maxPending);
        this.level = new Through(settings.name + " second level", settings.levelPolicy, time);
        this.locks = new Through(settings.name + " load lock", null, time);
        this.loads = new TierLoads<>(this, settings, level);
        this.executor = time.watched(settings.executor);
        this.first = settings.firstLevel(key -> loads.load(key, null));
    }

    CacheSnapshot firstLevel() {
        return first.snapshot();
    }

    void open() {
        if (settings.backplane == null) return;
        Through through = new Through(settings.name + " backplane", settings.backplanePolicy, settings.time);
        line.open(settings.backplane, through, settings.executor, this::told);
    }

    // --- reading ---

    /**
     * What the first level has is asked for again when it cannot be trusted. A load that was begun after this call is good
     * in any case; at most one older load can be met after that, so it ends.
     */
    Held<V> get(K key) throws Exception {
        long begun = line.stamp();
        Held<V> held = first.get(key);
        for (int again = 0; !isGood(held, begun); again++) {
            Held<V> suspect = held;
            first.core.drop(key, suspect);
            held = again < 4 ? first.get(key, k -> loads.load(k, suspect)) : loads.load(key, suspect);
        }
        return held;
    }

    CompletableFuture<Held<V>> getAsync(K key) {
        long begun = line.stamp();
        return inner(first.getAsync(key), held -> settled(key, held, begun));
    }

    private CompletionStage<Held<V>> settled(K key, Held<V> held, long begun) {
        if (isGood(held, begun)) return CompletableFuture.completedFuture(held);
        first.core.drop(key, held);
        return inner(first.getAsync(key, k -> loads.load(k, held)), next -> settled(key, next, begun));
    }

    /** As thenCompose; who cancels the outer one leaves the load (L7). */
    private static <T> CompletableFuture<T> inner(CompletableFuture<T> load, Function<T, CompletionStage<T>> then) {
        CompletableFuture<T> outer = load.thenCompose(then);
        CompletableFuture<?> unused = outer.whenComplete((value, thrown) -> {
            if (outer.isCancelled()) load.cancel(false);
        });
        return outer;
    }

    private boolean isGood(Held<V> held, long begun) {
        return held.basis.stamp() > begun || line.trusts(held);
    }

    // --- changing ---

    /** True when everybody has been told; else it is owed. */
    CompletableFuture<Boolean> remove(Removal<K> removal) {
        forget(removal, Reason.EXPLICIT);
        return sent(removal).handle((done, thrown) -> {
            if (thrown == null) return true;
            owe(removal);
            return false;
        });
    }

    /** Removing first voids the tokens of all loads that know nothing of this value; a late removal does no harm. */
    CompletableFuture<Boolean> put(K key, V value) {
        Removal<K> removal = Removal.ofKey(names.text(key), key);
        Found<V> found = new Found<>(value, settings.tagsOf(key, value));
        Content content = encoded(found);
        Held<V> held = Held.sure(found, line.basis(), settings.time.nanoTime() + settings.l1Nanos());
        first.put(key, held);
        String stored = names.stored(removal.text);
        return level.call(() -> settings.level().remove(stored))
                .thenCompose(token -> level.call(() -> settings.level().put(stored, content, token))
                        .exceptionally(removedAtLeast -> null))
                .thenCompose(kept -> written(removal, held, kept))
                .handle((done, thrown) -> {
                    if (thrown == null) return true;
                    owed.add(removal); // the value stays here: it is newer than what the others have
                    recover();
                    return false;
                });
    }

    /** {@code kept} is null when nobody knows whether it was stored. */
    private CompletionStage<Void> written(Removal<K> removal, Held<V> held, @Nullable Boolean kept) {
        K key = Objects.requireNonNull(removal.key);
        // another put of this node came in between, or another node's: which of them is the last decides the second
        // level
        boolean mine = !Boolean.FALSE.equals(kept)
                && first.peek(key).filter(seen -> seen == held).isPresent();
        if (!mine) first.core.invalidate(key, Reason.EXPLICIT);
        return line.publish(Boolean.TRUE.equals(kept) ? Kind.SET : Kind.REMOVE, removal.text);
    }

    private Content encoded(Found<V> found) {
        try {
            return loads.encoded(found);
        } catch (Exception e) {
            throw new IllegalArgumentException(
                    "tiered cache '" + settings.name + "': the codec cannot encode the value, nothing was put", e);
        }
    }

    /** Second level, first level, others. */
    private CompletableFuture<Void> sent(Removal<K> removal) {
        return changed(removal).thenCompose(done -> {
            forget(removal, Reason.EXPLICIT);
            return line.publish(removal.kind, removal.text);
        });
    }

    private CompletableFuture<?> changed(Removal<K> removal) {
        return switch (removal.kind) {
            case TAG, CLEAR -> level.call(() -> settings.level().invalidateTag(names.storedTag(removal.text)));
            default -> level.call(() -> settings.level().remove(names.stored(removal.text)));
        };
    }

    private void forget(Removal<K> removal, Reason reason) {
        switch (removal.kind) {
            case TAG -> first.core.invalidateTag(removal.text, reason);
            case CLEAR -> first.core.invalidateAll(reason);
            default -> first.core.invalidate(Objects.requireNonNull(removal.key), reason);
        }
    }

    /** From now on the second level is not believed about it; a load that did so before is detached. */
    private void owe(Removal<K> removal) {
        owed.add(removal);
        forget(removal, Reason.EXPLICIT);
        recover();
    }

    /** Another node says so. */
    private void told(Message message) {
        switch (message.kind()) {
            case SET, REMOVE -> first.core.invalidate(names.key(message.text()), Reason.REMOTE);
            case TAG -> first.core.invalidateTag(message.text(), Reason.REMOTE);
            case CLEAR -> first.core.invalidateAll(Reason.REMOTE);
            case HEARTBEAT -> {}
        }
    }

    // --- paying what is owed: one try each second, until nothing is left ---

    private void recover() {
        if (closed || owed.count() == 0 || !recovering.compareAndSet(false, true)) return;
        try {
            recovery = settings.time.schedule(this::handOver, RECOVERY_NANOS);
        } catch (Throwable noTimer) {
            recovering.set(false); // whoever owes next tries again
            Guest.threw("tiered cache '" + settings.name + "'", "the timer", noTimer);
            return;
        }
        if (closed) close(); // it may have come too early for this timer
    }

    /** On the timer's thread (L6). */
    private void handOver() {
        Hands.execute(executor, () -> pay(owed.all().iterator()), refused -> {
            Guest.threw("tiered cache '" + settings.name + "'", "the executor", refused);
            paid();
        });
    }

    private void pay(Iterator<Removal<K>> left) {
        while (left.hasNext() && !closed) {
            Removal<K> removal = left.next();
            CompletableFuture<Boolean> sent = sent(removal).handle((done, thrown) -> {
                if (thrown == null) owed.paid(removal);
                return thrown == null;
            });
            if (!sent.isDone()) {
                CompletableFuture<?> unused = sent.whenComplete((ok, thrown) -> {
                    if (Boolean.TRUE.equals(ok)) pay(left);
                    else paid();
                });
                return;
            }
            if (!sent.join()) break;
        }
        paid();
    }

    private void paid() {
        recovering.set(false);
        recover();
    }

    void close() {
        closed = true;
        TimeSource.Timer timer = recovery;
        if (timer != null) timer.cancel();
        line.close();
        first.close();
    }
}
