// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** What is known here of some keys: so many at most, the oldest goes first. Any of it may be forgotten. */
final class Nears<K> {
    private final ConcurrentHashMap<K, Near> nears = new ConcurrentHashMap<>();
    private final Ring<K> ring = new Ring<>();
    private final int most;

    Nears(int most) {
        this.most = most;
    }

    @Nullable
    Near find(K key) {
        return most == 0 ? null : nears.get(key);
    }

    /** Null when nothing is to be remembered. */
    @Nullable
    Near make(K key) {
        if (most == 0) return null;
        Near known = nears.get(key);
        if (known != null) return known;
        Near made = new Near();
        Near first = nears.putIfAbsent(key, made);
        if (first != null) return first;
        ring.add(key);
        while (nears.mappingCount() > most) {
            K oldest = ring.next();
            if (oldest == null) break;
            nears.remove(oldest);
        }
        return made;
    }
}
