// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.TimeSource;
import dev.resilience.cache.Held.Basis;
import dev.resilience.cache.Held.Found;
import dev.resilience.cache.SecondLevel.Content;
import dev.resilience.cache.SecondLevel.Read;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * How a value comes into the first level: from the second level, else from the loader, and then into the second level
 * with the token of the miss.
 */
final class TierLoads<K, V> {
    private static final long LEAST_PAUSE = 20_000_000L;

    private final Tiers<K, V> tiers;
    private final TierSettings<K, V> settings;
    private final TimeSource time;
    private final Through through;
    final LongAdder hits = new LongAdder();
    final LongAdder misses = new LongAdder();
    final LongAdder refused = new LongAdder();

    TierLoads(Tiers<K, V> tiers, TierSettings<K, V> settings, Through through) {
        this.tiers = tiers;
        this.settings = settings;
        this.time = settings.time;
        this.through = through;
    }

    /**
     * Runs in the flight of the key.
     *
     * @param suspect what the first level has, and may not serve without asking; null for nothing
     */
    Held<V> load(K key, @Nullable Held<V> suspect) throws Exception {
        Basis basis = tiers.line.basis(); // before anything is read
        String text = tiers.names.text(key);
        if (tiers.owed.blocks(text)) return loaded(key, text, basis, null);
        Read read;
        try {
            read = read(text);
        } catch (ExecutionException down) {
            if (suspect != null && tiers.line.isUseful(suspect)) return suspect.provisional(basis.stamp());
            return loaded(key, text, basis, null);
        }
        Held<V> found = found(read, basis);
        if (found != null) return found;
        if (read.content().isPresent())
            return afterUnusable(key, text, basis, read.content().get());
        misses.increment();
        return settings.lock == null ? loaded(key, text, basis, read.token()) : locked(key, text, basis, read.token());
    }

    private Read read(String text) throws InterruptedException, ExecutionException {
        return through.await(through.call(() -> settings.level().read(tiers.names.stored(text))));
    }

    /** The value of a hit; null when there is none that can be used. */
    private @Nullable Held<V> found(Read read, Basis basis) {
        Content content = read.content().orElse(null);
        if (content == null) return null;
        List<String> tags = tiers.names.tags(content.tags());
        long life = life(content);
        if (life <= 0 || tiers.owed.blocksAny(tags)) return null;
        V value = decoded(content);
        if (value == null) return null;
        hits.increment();
        // what was left was measured after the basis: so it is never kept for longer than over there
        long most = Math.min(life, settings.l1Nanos());
        return Held.sure(new Found<>(value, tags), basis, basis.at() + most);
    }

    /** Never more than a value lives for here, whatever clock the second level goes by. */
    private long life(Content content) {
        return Math.min(TimeSource.nanos(content.life()), settings.lifeNanos());
    }

    private @Nullable V decoded(Content content) {
        try {
            V value = settings.codec().decode(content.bytes());
            if (value == null) throw new IllegalStateException("decode answered null");
            return value;
        } catch (Throwable thrown) {
            report("the codec's decode", thrown);
            return null;
        }
    }

    /** There is something that cannot be used. What has been removed here, or has expired by our reckoning, is left alone. */
    private Held<V> afterUnusable(K key, String text, Basis basis, Content content) throws Exception {
        misses.increment();
        boolean broken = life(content) > 0 && !tiers.owed.blocksAny(tiers.names.tags(content.tags()));
        return loaded(key, text, basis, broken ? replaced(text) : null);
    }

    /** A token in exchange for a value that nobody can read. */
    private @Nullable String replaced(String text) throws InterruptedException {
        try {
            return through.await(through.call(() -> settings.level().remove(tiers.names.stored(text))));
        } catch (ExecutionException down) {
            return null;
        }
    }

    /** One process loads, the others look again until it has, for the time of its lease at most. */
    private Held<V> locked(K key, String text, Basis basis, String token) throws Exception {
        long begun = time.nanoTime();
        long lease = TimeSource.nanos(settings.lockLease);
        String good = token;
        Optional<String> mine = tryLock(text);
        try {
            while (mine.isEmpty() && time.nanoTime() - begun < lease) {
                pause();
                mine = tryLock(text);
                Read again; // after the lock: what its last holder has stored is there
                try {
                    again = read(text);
                } catch (ExecutionException down) {
                    break;
                }
                Held<V> found = found(again, basis);
                if (found != null) return found;
                if (again.content().isEmpty()) good = again.token();
            }
            return loaded(key, text, basis, good);
        } finally {
            mine.filter(t -> !t.isEmpty()).ifPresent(t -> unlock(text, t));
        }
    }

    /** Empty when another has it; an empty token when the lock fails, and everybody loads. */
    private Optional<String> tryLock(String text) throws InterruptedException {
        LoadLock lock = Objects.requireNonNull(settings.lock);
        try {
            return tiers.locks.await(
                    tiers.locks.call(() -> lock.tryLock(tiers.names.stored(text), settings.lockLease)));
        } catch (ExecutionException down) {
            return Optional.of("");
        }
    }

    private void unlock(String text, String token) {
        LoadLock lock = Objects.requireNonNull(settings.lock);
        CompletableFuture<?> unused = tiers.locks.call(() -> lock.unlock(tiers.names.stored(text), token));
    }

    private void pause() throws InterruptedException {
        long until = time.nanoTime() + LEAST_PAUSE + settings.random.nextLong(2 * LEAST_PAUSE);
        for (long left = until - time.nanoTime(); left > 0; left = until - time.nanoTime()) {
            if (Thread.interrupted()) throw new InterruptedException();
            time.park(this, left);
        }
    }

    /** From the loader; into the second level when there is a token. */
    private Held<V> loaded(K key, String text, Basis basis, @Nullable String token) throws Exception {
        V value = settings.load(key);
        if (value == null) return Held.unkept(Found.nothing(), basis);
        List<String> tags = tags(key, value);
        if (tags == null) return Held.unkept(new Found<>(value, List.of()), basis);
        Found<V> found = new Found<>(value, tags);
        if (token != null && !stored(text, found, token)) {
            refused.increment();
            return Held.unkept(found, basis);
        }
        return Held.sure(found, basis, time.nanoTime() + settings.l1Nanos());
    }

    /** The tags of a value; null when they cannot be told, and the value must not be kept. */
    private @Nullable List<String> tags(K key, V value) {
        try {
            return settings.tagsOf(key, value);
        } catch (Throwable thrown) {
            report("tags", thrown);
            return null;
        }
    }

    /** False only when the second level refused: something has happened since the token. */
    private boolean stored(String text, Found<V> found, String token) throws InterruptedException {
        Content content = content(found);
        if (content == null || tiers.owed.blocks(text) || tiers.owed.blocksAny(found.tags())) return true;
        try {
            return through.await(through.call(() -> settings.level().put(tiers.names.stored(text), content, token)));
        } catch (ExecutionException down) {
            return true;
        }
    }

    private @Nullable Content content(Found<V> found) {
        try {
            return encoded(found);
        } catch (Throwable thrown) {
            report("the codec's encode", thrown);
            return null;
        }
    }

    /** For a value that is not null. */
    Content encoded(Found<V> found) throws Exception {
        V value = Objects.requireNonNull(found.value());
        return Content.of(settings.codec().encode(value), settings.ttl(), tiers.names.storedTags(found.tags()));
    }

    private void report(String what, Throwable thrown) {
        Guest.threw("tiered cache '" + settings.name + "'", what, thrown);
    }
}
