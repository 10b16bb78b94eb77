// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.cache.WriteBehind.WhenFull;
import dev.resilience.cache.Writer.Change;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** Compiled and run by {@link WriterSnippetsTest}; shown in the Javadoc and in docs/cache/writing.md. */
final class WriterSnippets {
    private WriterSnippets() {}

    record User(String name) {}

    interface Users {
        @Nullable
        User find(String id);

        void save(String id, User user);

        void saveIfNewer(String id, User user, long version);

        void delete(String id);

        CompletableFuture<Void> saveAsync(List<Change<String, User>> changes);

        void park(Change<String, User> change);
    }

    static LoadingCache<String, User> through(Users users) {
        // @start region="through"
        Writer<String, User> writer = change -> {
            if (change.isDelete()) users.delete(change.key());
            else users.save(change.key(), change.value());
        };
        LoadingCache<String, User> cache = LoadingCache.builder("users", users::find)
                .ttl(Duration.ofMinutes(10))
                .writer(writer)
                .build();
        cache.put("17", new User("Ada")); // in the source and in the cache, or an exception and in neither
        cache.remove("18");
        // @end
        return cache;
    }

    static Writer<String, User> conditional(Users users) {
        // @start region="conditional"
        Writer<String, User> writer = change -> {
            if (change.isDelete()) users.delete(change.key());
            else users.saveIfNewer(change.key(), change.value(), change.version()); // ... WHERE version < ?
        };
        // @end
        return writer;
    }

    static Writer<String, User> async(Users users) {
        // @start region="async"
        Writer<String, User> writer = Writer.async(changes -> users.saveAsync(changes));
        // @end
        return writer;
    }

    static Writer<String, User> batch(Users users) {
        // @start region="batch"
        Writer<String, User> writer = new Writer<>() {
            @Override
            public void write(Change<String, User> change) {
                users.save(change.key(), change.value());
            }

            @Override
            public CompletionStage<?> writeAll(List<Change<String, User>> changes) {
                return users.saveAsync(changes); // one statement for all of them
            }
        };
        // @end
        return writer;
    }

    static LoadingCache<String, User> behind(Users users, Writer<String, User> writer) {
        // @start region="behind"
        LoadingCache<String, User> cache = LoadingCache.builder("users", users::find)
                .writer(writer)
                .writeBehind(WriteBehind.after(Duration.ofMillis(200))
                        .maxDirty(5_000)
                        .whenFull(WhenFull.WRITE_THROUGH)
                        .batch(100))
                .build();
        cache.put("17", new User("Ada")); // returns at once; written within 200 ms and the time of a write
        // @end
        return cache;
    }

    static void shutDown(Users users, LoadingCache<String, User> cache) {
        // @start region="close"
        List<Change<String, User>> left = cache.close(Duration.ofSeconds(20));
        left.forEach(users::park); // the newest change of each key that is not known to be written
        // @end
    }
}
