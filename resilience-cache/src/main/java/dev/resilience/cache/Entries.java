// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.Backoff;
import dev.resilience.cache.Entry.Failed;
import dev.resilience.cache.Entry.Tagged;
import java.time.Duration;
import java.util.Collection;
import java.util.Collections;
import java.util.function.BiFunction;
import java.util.function.ToLongBiFunction;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** Fills entries: the users' functions of a value are asked here, once, before anything of it is in a store (L5). */
final class Entries<K, V extends @Nullable Object> {
    private static final String[] NO_TAGS = {};
    /** How a refresh that failed holds back the next one when failures are not to be kept otherwise. */
    private static final Backoff GENTLE =
            Backoff.exponential(Duration.ofMillis(100)).cap(Duration.ofSeconds(10));

    private final String who;
    private final Freshness freshness;
    private final @Nullable BiFunction<? super K, ? super V, Duration> ttlPerEntry;
    private final @Nullable BiFunction<? super K, ? super V, ? extends Collection<String>> tags;
    private final @Nullable ToLongBiFunction<? super K, ? super V> weigher;
    private final int maxTags;
    private final long ttlNanos;
    private final long absentNanos;
    private final double jitter;
    private final RandomGenerator random;
    private final long failureNanos;
    private final Backoff backoff;

    Entries(CacheSettings<K, V> b, Freshness freshness) {
        this.who = "loading cache '" + b.name + "'";
        this.freshness = freshness;
        this.ttlPerEntry = b.ttlPerEntry;
        this.tags = b.tags;
        this.weigher = b.weigher;
        this.maxTags = b.maxTags;
        this.ttlNanos = b.ttl == null ? Entry.ETERNAL : Saturating.nanos(b.ttl);
        this.absentNanos = b.absentFor == null ? 0 : Saturating.nanos(b.absentFor);
        this.jitter = b.jitter;
        this.random = b.random;
        this.failureNanos = b.failuresFor == null ? Entry.ETERNAL : Saturating.nanos(b.failuresFor);
        this.backoff = b.failureBackoff == null ? GENTLE : b.failureBackoff;
    }

    /**
     * Fills an entry with what was loaded or put.
     *
     * @return false when it is not to be kept
     */
    boolean fill(Entry<V> entry, K key, @Nullable V value, long now, long loadNanos) {
        entry.value = value;
        entry.absent = value == null;
        entry.bornNanos = now;
        entry.loadNanos = Math.max(0, loadNanos);
        long ttl = value == null ? absentNanos : ttl(key, value);
        if (ttl < 0) return false;
        entry.ttlNanos = Freshness.jittered(ttl, jitter, random);
        entry.usefulNanos = value == null ? entry.ttlNanos : freshness.usefulNanos(entry.ttlNanos);
        entry.timed = freshness.timed(entry.ttlNanos);
        if (entry.usefulNanos <= 0) return false;
        entry.weight = value == null ? 1 : weight(key, value);
        return entry.weight >= 0;
    }

    /** The tags of a value, with the sequence before its load; false when it is not to be kept. */
    boolean tag(Entry<V> entry, K key, @Nullable V value, long startSeq) {
        if (tags == null || value == null) return true;
        String[] all = tags(key, value);
        if (all == null) return false;
        entry.tagged = all.length == 0 ? null : new Tagged(all, startSeq);
        return true;
    }

    /** Writes a failure beside what is known; without a value the entry is nothing but the failure. */
    void fail(Entry<V> entry, @Nullable Entry<V> old, Throwable cause, long now, long epoch) {
        Failed last = old == null ? null : old.failed;
        int inARow = last == null ? 1 : Math.min(last.inARow(), Integer.MAX_VALUE - 1) + 1;
        long before = last == null ? 0 : last.retryNanos();
        long retry = Math.min(failureNanos, delay(inARow, before));
        if (old != null && old.hasValue()) {
            entry.copyValue(old);
        } else {
            entry.epoch = epoch;
            entry.bornNanos = now;
            entry.ttlNanos = 0;
            // longer than it holds: the next failure in a row has to know of this one
            entry.usefulNanos = Saturating.sum(retry, retry);
            entry.timed = true;
        }
        entry.failed = new Failed(cause, inARow, now, retry);
    }

    private long delay(int inARow, long before) {
        try {
            return Math.max(0, backoff.delayNanos(inARow, before, random));
        } catch (Throwable broken) {
            Guest.threw(who, "the backoff of failures", broken);
            return 0;
        }
    }

    /** -1: not to be kept. */
    private long ttl(K key, V value) {
        if (ttlPerEntry == null) return ttlNanos;
        try {
            Duration ttl = ttlPerEntry.apply(key, value);
            if (ttl != null && !ttl.isNegative()) return Saturating.nanos(ttl);
            String was = ttl == null ? "null" : ttl.toString();
            Guest.threw(who, "the ttl of a value", new IllegalArgumentException("must not be negative, was " + was));
        } catch (Throwable broken) {
            Guest.threw(who, "the ttl of a value", broken);
        }
        return -1;
    }

    private String @Nullable [] tags(K key, V value) {
        if (tags == null) return NO_TAGS;
        try {
            String[] all = copied(tags.apply(key, value));
            if (all.length <= maxTags) return all;
            String most = "must be at most " + maxTags + ", were " + all.length + " (maxTags)";
            Guest.threw(who, "the tags of a value", new IllegalArgumentException(most));
        } catch (Throwable broken) {
            Guest.threw(who, "the tags of a value", broken);
        }
        return null;
    }

    private static String[] copied(@Nullable Collection<String> answered) {
        Collection<String> all = answered == null ? Collections.emptyList() : answered;
        String[] copy = all.toArray(NO_TAGS).clone();
        for (String tag : copy) {
            if (tag == null) throw new NullPointerException("a tag is null");
        }
        return copy;
    }

    /** -1: not to be kept. */
    private long weight(K key, V value) {
        if (weigher == null) return 1;
        try {
            long weight = weigher.applyAsLong(key, value);
            if (weight >= 0) return weight;
            Guest.threw(who, "the weigher", new IllegalArgumentException("must not be negative, was " + weight));
        } catch (Throwable broken) {
            Guest.threw(who, "the weigher", broken);
        }
        return -1;
    }
}
