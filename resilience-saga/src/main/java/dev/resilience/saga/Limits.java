// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import org.jspecify.annotations.Nullable;

/** What the columns of every dialect can hold: refused at the door, because a database says it too late (L11). */
final class Limits {
    /** Characters of a lock key, a signal's name and a signal's key. */
    static final int KEY = 200;

    private Limits() {}

    /** Why a start cannot be stored; null if it can. */
    static @Nullable String refuses(SagaStore.Start start) {
        SagaRef ref = start.head().ref();
        if (impossible(ref)) return "saga " + ref + ": name and id must be characters without NUL";
        String lockKey = start.head().lockKey();
        return lockKey == null ? null : refuses("saga " + ref + ": lockKey", lockKey);
    }

    /** Why a signal cannot be stored; null if it can. */
    static @Nullable String refuses(SagaStore.Signal signal) {
        String name = refuses("a signal's name", signal.name());
        return name != null ? name : refuses("a signal's key", signal.key());
    }

    private static @Nullable String refuses(String what, String text) {
        if (text.length() > KEY) return what + " must have at most " + KEY + " characters, has " + text.length();
        return storable(text) ? null : what + " must be characters without NUL";
    }

    /** No saga can have this name and id. */
    static boolean impossible(SagaRef ref) {
        return !storable(ref.name()) || !storable(ref.id());
    }

    private static boolean storable(String text) {
        return text.equals(Rows.readable(text));
    }
}
