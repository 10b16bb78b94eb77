// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.Backoff;
import dev.resilience.Policy;
import java.time.Duration;
import java.util.List;

/** Code that the documentation shows. */
final class LoadingSnippets {
    private LoadingSnippets() {}

    record User(String name, String team) {}

    interface Users {
        User find(long id) throws Exception;

        User changedSince(long id, User old) throws Exception;

        void rename(long id, String name);
    }

    static User basic(Users users, Policy db, long id) {
        // @start region="loading"
        LoadingCache<Long, User> cache = LoadingCache.builder("users", users::find)
                .through(db)
                .maxEntries(50_000)
                .ttl(Duration.ofMinutes(5))
                .staleIfError(Duration.ofHours(1))
                .tags((key, user) -> List.of("team:" + user.team()))
                .build();
        User user = cache.get(id);
        // @end
        return user;
    }

    static void changed(LoadingCache<Long, User> cache, Users users, long id) {
        // @start region="changed"
        users.rename(id, "Ann");
        cache.invalidate(id);
        // @end
    }

    static LoadingCache<Long, User> freshness(Users users) {
        // @start region="freshness"
        return LoadingCache.builder("users", users::find)
                .ttl(Duration.ofMinutes(10))
                .refreshAfter(Duration.ofMinutes(1))
                .staleWhileRevalidate(Duration.ofMinutes(1))
                .staleIfError(Duration.ofHours(1))
                .failuresFor(Duration.ofSeconds(30), Backoff.exponential(Duration.ofSeconds(1)))
                .absentFor(Duration.ofSeconds(5))
                .softDeadline(Duration.ofMillis(200))
                .hardDeadline(Duration.ofSeconds(5))
                .build();
        // @end
    }

    static LoadingCache<Long, User> conditional(Users users) {
        // @start region="conditional"
        return LoadingCache.builder("users", users::find)
                .ttl(Duration.ofMinutes(1))
                .staleIfError(Duration.ofHours(1))
                .refreshWith((id, old) -> users.changedSince(id, old))
                .build();
        // @end
    }
}
