// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.cache.Writer.Change;
import org.jspecify.annotations.Nullable;

/**
 * A key with a change that is not written yet. All but {@link #newest} and {@link #hidden} belongs to the lock of its
 * {@link DirtyMap}, or to the one write that is under way.
 */
final class Dirty<K, V extends @Nullable Object> {
    /** What reads see. */
    volatile Change<K, V> newest;
    /** The newest is being written by its caller, who has not been told yet that it counts: reads do not see it. */
    volatile boolean hidden;

    /** Being written: at most one for each key. */
    @Nullable
    Change<K, V> flying;

    /** The cached copy of the newest, while it is not in the store yet: a newer change has to kill it. */
    @Nullable
    Object unpublished;

    /** When the newest is to be written: since its first change after the last write began, or after a failure. */
    long due;

    /** Since the last success; written by the owner of the write under way. */
    int failures;

    /** The last pause, for backoffs that walk. */
    long pause;

    /** Is in the queue of those that wait for their time. */
    boolean queued;

    /** The order in the queue among those of one time. */
    long turn;

    /** The newest version that is in the source; below all versions at first. */
    long written;

    Dirty(Change<K, V> first, long written) {
        this.newest = first;
        this.written = written;
    }

    /** The source has the newest. */
    boolean isClean() {
        return written == newest.version();
    }

    /** Neither written nor being written. */
    boolean isPending() {
        return !isClean() && newest != flying;
    }
}
