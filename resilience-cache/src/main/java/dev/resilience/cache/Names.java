// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;

/**
 * What keys and tags of one cache are called outside of it. All values carry the reserved tag without a name: to
 * invalidate it clears the cache.
 *
 * @param <K> the keys
 */
final class Names<K> {
    private final String cache;
    private final Function<? super K, String> write;
    private final Function<String, ? extends K> read;

    Names(String cache, Function<? super K, String> write, Function<String, ? extends K> read) {
        this.cache = cache;
        this.write = write;
        this.read = read;
    }

    /** As in messages. */
    String text(K key) {
        return Objects.requireNonNull(write.apply(key), "the text of a key");
    }

    K key(String text) {
        return Objects.requireNonNull(read.apply(text), "the key of a text");
    }

    /** As in the second level. */
    String stored(String text) {
        return cache + ":" + text;
    }

    String storedTag(String tag) {
        return cache + "#" + tag;
    }

    List<String> storedTags(Collection<String> tags) {
        List<String> stored = new ArrayList<>(tags.size() + 1);
        stored.add(storedTag(""));
        for (String tag : tags) stored.add(storedTag(tag));
        return stored;
    }

    List<String> tags(Collection<String> stored) {
        String prefix = storedTag("");
        return stored.stream()
                .filter(t -> t.startsWith(prefix) && t.length() > prefix.length())
                .map(t -> t.substring(prefix.length()))
                .toList();
    }

    static String checkedTag(String tag) {
        if (tag.isEmpty()) throw new IllegalArgumentException("a tag must not be empty: the empty one is the cache's");
        return tag;
    }
}
