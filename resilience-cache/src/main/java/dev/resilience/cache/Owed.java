// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.cache.Backplane.Kind;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The removals that the second level or the other nodes have not been told of, at most one for each key and tag. When
 * there are too many, all of them become one: the cache is cleared.
 *
 * @param <K> the keys
 */
final class Owed<K> {
    private final ReentrantLock lock = new ReentrantLock();
    private final Map<String, Removal<K>> keys = new LinkedHashMap<>();
    private final Map<String, Removal<K>> tags = new LinkedHashMap<>();
    private final int most;
    private @Nullable Removal<K> clear;
    private volatile boolean any;

    Owed(int most) {
        this.most = most;
    }

    /**
     * One removal. Its identity tells it from another of the same key.
     *
     * @param <K> the keys
     */
    static final class Removal<K> {
        final Kind kind;
        /** Key or tag, as in messages. */
        final String text;

        final @Nullable K key;

        private Removal(Kind kind, String text, @Nullable K key) {
            this.kind = kind;
            this.text = text;
            this.key = key;
        }

        static <K> Removal<K> ofKey(String text, K key) {
            return new Removal<>(Kind.REMOVE, text, key);
        }

        static <K> Removal<K> ofTag(String tag) {
            return new Removal<>(Kind.TAG, tag, null);
        }

        static <K> Removal<K> ofAll() {
            return new Removal<>(Kind.CLEAR, "", null);
        }
    }

    /** The newest of a key or tag replaces the one before. */
    void add(Removal<K> removal) {
        lock.lock();
        try {
            boolean more = removal.kind == Kind.CLEAR || keys.size() + tags.size() >= most;
            if (clear != null || more) {
                clear = Removal.ofAll(); // a new one: the payment of the old one may be under way
                keys.clear();
                tags.clear();
            } else {
                (removal.kind == Kind.TAG ? tags : keys).put(removal.text, removal);
            }
            any = true;
        } finally {
            lock.unlock();
        }
    }

    /** Told; unless a newer one has come meanwhile. */
    void paid(Removal<K> removal) {
        lock.lock();
        try {
            if (clear == removal) clear = null;
            if (keys.get(removal.text) == removal) keys.remove(removal.text);
            if (tags.get(removal.text) == removal) tags.remove(removal.text);
            any = size() > 0;
        } finally {
            lock.unlock();
        }
    }

    private int size() {
        return keys.size() + tags.size() + (clear == null ? 0 : 1);
    }

    int count() {
        if (!any) return 0;
        lock.lock();
        try {
            return size();
        } finally {
            lock.unlock();
        }
    }

    /** Whether the second level may still hold what was removed here. */
    boolean blocks(String key) {
        if (!any) return false;
        lock.lock();
        try {
            return clear != null || keys.containsKey(key);
        } finally {
            lock.unlock();
        }
    }

    boolean blocksAny(Collection<String> tagsOfValue) {
        if (!any) return false;
        lock.lock();
        try {
            return clear != null || tagsOfValue.stream().anyMatch(tags::containsKey);
        } finally {
            lock.unlock();
        }
    }

    /** In the order in which they came, tags and the clear first: they cover more. */
    List<Removal<K>> all() {
        lock.lock();
        try {
            if (clear != null) return List.of(clear);
            List<Removal<K>> all = new ArrayList<>(tags.values());
            all.addAll(keys.values());
            return all;
        } finally {
            lock.unlock();
        }
    }
}
