// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import org.jspecify.annotations.Nullable;

/**
 * What the owner of a flight table does when a load has ended: the cache's publication. No user code below it runs
 * under a lock of the flights; none is held.
 *
 * @param <K> the keys
 * @param <V> what the flights carry
 */
interface Landing<K, V extends @Nullable Object> {

    /** Nothing is kept: the value goes to those who wait. */
    static <K, V extends @Nullable Object> Landing<K, V> keepingNothing() {
        return new Landing<>() {
            @Override
            public boolean joinable(Flight<K, V> flight) {
                return true;
            }

            @Override
            public @Nullable V landed(Flight<K, V> flight, @Nullable V value, @Nullable Throwable thrown)
                    throws Throwable {
                if (thrown != null) throw thrown;
                flight.publish();
                return value;
            }
        };
    }

    /**
     * Whether a caller that comes now may share this flight. False: the caller opens another, which takes its place in
     * the table; this one is not killed by that. Cheap and pure.
     */
    boolean joinable(Flight<K, V> flight);

    /**
     * The load has ended: with a value, when {@code thrown} is null. Called once, on the thread that ended it, before the
     * flight leaves the table and before anybody who waits is told. Stores what is to be stored and wins the flight's
     * {@link Flight#publish()}, or undoes. Not called for a load whose leader left, and not for one that was given up.
     *
     * @return what those who wait get
     * @throws Throwable what those who wait get an exception around
     */
    @Nullable
    V landed(Flight<K, V> flight, @Nullable V value, @Nullable Throwable thrown) throws Throwable;

    /** Its deadline has ended the load; off the table, and all have been told. May be called more than once. */
    default void expired(Flight<K, V> flight, @Nullable Throwable cause) {}
}
