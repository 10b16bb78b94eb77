// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The reference of the second level.
 *
 * <p>One number counts all removals. A token is the number of its moment, a removal leaves the number that it made
 * behind: on its key or on its tag. A token is good while neither its key nor a tag of its value bears a higher one.
 */
final class MemoryLevel implements SecondLevel {
    /** Removals are remembered for as long as a token that they void could come. */
    static final Duration TOKEN_LIFE = Duration.ofMinutes(10);

    private static final long TOKEN_NANOS = TimeSource.nanos(TOKEN_LIFE);

    private final ReentrantLock lock = new ReentrantLock();
    private final Map<String, Kept> values = new LinkedHashMap<>();
    private final Map<String, Mark> removals = new LinkedHashMap<>();
    private final Map<String, Mark> tags = new LinkedHashMap<>();
    /** Of another incarnation are all tokens that were issued before everything was lost. */
    private final String incarnation = UUID.randomUUID().toString();

    private final int maxEntries;
    private final int maxMarks;
    private final TimeSource time;
    private long number = 1;
    private long floor;
    private long longestLife = TOKEN_NANOS;

    MemoryLevel(int maxEntries, TimeSource time) {
        this.maxEntries = maxEntries;
        this.maxMarks = Math.max(1024, maxEntries);
        this.time = time;
    }

    private record Kept(Content content, long at, long number) {
        long left(long now) {
            long life = TimeSource.nanos(content.life());
            long age = now - at;
            return age >= life ? 0 : life - Math.max(0, age);
        }
    }

    /** The number of a removal, and when it was. */
    private record Mark(long number, long at) {}

    private record Token(long number, long at) {}

    @Override
    public CompletionStage<Read> read(String key) {
        return done(() -> {
            long now = time.nanoTime();
            Kept kept = visible(key, now);
            return kept == null
                    ? Read.miss(token(now))
                    : Read.hit(kept.content.withLife(Duration.ofNanos(kept.left(now))));
        });
    }

    @Override
    public CompletionStage<Boolean> put(String key, Content content, String token) {
        return done(() -> {
            long now = time.nanoTime();
            Token given = parsed(token);
            long life = TimeSource.nanos(content.life());
            if (given == null || life <= 0 || !good(key, content, given, now)) return false;
            if (visible(key, now) != null) return false;
            values.put(key, new Kept(content, now, given.number));
            longestLife = Math.max(longestLife, life);
            if (values.size() > maxEntries) dropFirst(values);
            return true;
        });
    }

    @Override
    public CompletionStage<String> remove(String key) {
        return done(() -> {
            long now = time.nanoTime();
            values.remove(key);
            mark(removals, key, now);
            return token(now);
        });
    }

    @Override
    public CompletionStage<Void> invalidateTag(String tag) {
        return done(() -> {
            mark(tags, tag, time.nanoTime());
            return null;
        });
    }

    private boolean good(String key, Content content, Token token, long now) {
        if (now - token.at >= TOKEN_NANOS || token.number < floor) return false;
        Mark removed = removals.get(key);
        return (removed == null || removed.number <= token.number) && tagsAllow(content, token.number);
    }

    private boolean tagsAllow(Content content, long of) {
        for (String tag : content.tags()) {
            Mark bumped = tags.get(tag);
            if (bumped != null && bumped.number > of) return false;
        }
        return true;
    }

    private @Nullable Kept visible(String key, long now) {
        Kept kept = values.get(key);
        if (kept == null) return null;
        if (kept.left(now) > 0 && tagsAllow(kept.content, kept.number)) return kept;
        values.remove(key);
        return null;
    }

    private void mark(Map<String, Mark> marks, String name, long now) {
        marks.remove(name); // to the end: the oldest come first
        marks.put(name, new Mark(++number, now));
        prune(removals, TOKEN_NANOS, now);
        prune(tags, longestLife, now);
        if (removals.size() + tags.size() > maxMarks) forgetAll();
    }

    private static void prune(Map<String, Mark> marks, long lifeNanos, long now) {
        Iterator<Mark> oldest = marks.values().iterator();
        while (oldest.hasNext() && now - oldest.next().at >= lifeNanos) oldest.remove();
    }

    private void forgetAll() {
        floor = ++number;
        values.clear();
        removals.clear();
        tags.clear();
    }

    private static void dropFirst(Map<String, ?> map) {
        Iterator<?> first = map.keySet().iterator();
        first.next();
        first.remove();
    }

    private String token(long now) {
        return incarnation + "/" + number + "/" + now;
    }

    private @Nullable Token parsed(String token) {
        String[] parts = token.split("/", -1);
        if (parts.length != 3 || !parts[0].equals(incarnation)) return null;
        try {
            return new Token(Long.parseLong(parts[1]), Long.parseLong(parts[2]));
        } catch (NumberFormatException e) {
            return null;
        }
    }

    /** No user code runs inside. */
    private <T extends @Nullable Object> CompletionStage<T> done(Supplier<T> operation) {
        lock.lock();
        try {
            return CompletableFuture.completedFuture(operation.get());
        } finally {
            lock.unlock();
        }
    }
}
