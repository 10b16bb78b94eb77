// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the first level of a tiered cache keeps for a key: the value, and since when it is known. Immutable.
 *
 * @param <V> the values
 */
final class Held<V> {
    final @Nullable V value;
    final List<String> tags;
    final Basis basis;
    /** The reading from which on it has expired; without meaning unless it is sure. */
    final long until;

    private final Trust trust;

    /** When the work that found a value was begun, before anything was read: as a number among events, and as a reading. */
    record Basis(long stamp, long at) {}

    private enum Trust {
        /** May be served while it lives and the line is trusted. */
        SURE,
        /** The second level could not be asked: may be served to who asked, nobody after. */
        PROVISIONAL,
        /** Out of date when it came, or nothing: belongs to those who waited for it. */
        VOID
    }

    private Held(Found<V> found, Basis basis, long until, Trust trust) {
        this.value = found.value;
        this.tags = found.tags;
        this.basis = basis;
        this.until = until;
        this.trust = trust;
    }

    /** A value with its tags. */
    record Found<V>(@Nullable V value, List<String> tags) {
        static <V> Found<V> nothing() {
            return new Found<>(null, List.of());
        }
    }

    static <V> Held<V> sure(Found<V> found, Basis basis, long until) {
        return new Held<>(found, basis, until, Trust.SURE);
    }

    static <V> Held<V> unkept(Found<V> found, Basis basis) {
        return new Held<>(found, basis, basis.at, Trust.VOID);
    }

    /** The same once more: as old as it was, handed out now. */
    Held<V> provisional(long stamp) {
        return new Held<>(new Found<>(value, tags), new Basis(stamp, basis.at), until, Trust.PROVISIONAL);
    }

    boolean isSure(long now) {
        return trust == Trust.SURE && now - until < 0;
    }

    /** Whether it may be handed out again while nobody can be asked. */
    boolean isUseful(long now, long maxStaleNanos) {
        return trust != Trust.VOID && now - until < 0 && now - basis.at < maxStaleNanos;
    }

    /** How long a store should keep it, at least a nanosecond. */
    long leftNanos(long now) {
        return trust == Trust.VOID ? 1 : Math.max(1, until - now);
    }
}
