// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import static java.time.Duration.ofHours;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;

import dev.resilience.Pipeline;
import dev.resilience.cache.LoadingCache;
import dev.resilience.cache.SingleFlight;
import java.io.IOException;
import java.util.List;

/** The code about caches of README.md and docs/guide/getting-started.md, which the gates compare with the pages. */
final class FirstCache {
    private final Users database;
    private final LoadingCache<Long, User> users;

    /** What is cached. */
    record User(long id, String tenant) {}

    /** Where it comes from. */
    interface Users {
        User find(long id) throws IOException;

        void rename(long id, String name) throws IOException;
    }

    FirstCache(Users database, Pipeline pipeline) {
        this.database = database;
        this.users = cache(database, pipeline);
    }

    private static LoadingCache<Long, User> cache(Users database, Pipeline pipeline) {
        LoadingCache<Long, User> users = LoadingCache.builder("users", database::find)
                .ttl(ofMinutes(5)) // fresh for 5 minutes, less a random part
                .staleWhileRevalidate(ofMinutes(1)) // then the old one at once, while a new one is loaded
                .staleIfError(ofHours(1)) // then the old one if the load fails,
                .softDeadline(ofMillis(200)) // or is not done in time
                .tags((id, user) -> List.of(user.tenant()))
                .through(pipeline) // each load: retry( breaker( timeout( find ) ) )
                .build();
        return users;
    }

    User find(long id) {
        return users.get(id); // one load for all who ask
    }

    void rename(long id, String name) throws IOException {
        database.rename(id, name);
        users.invalidate(id); // a load that began before this does not bring the old name back
    }

    void tenantHasMoved(String tenant) {
        users.invalidateTag(tenant); // all of its users, however many
    }

    User withoutCache(SingleFlight<Long, User> flight, long id) {
        return flight.call(id, () -> database.find(id)); // keeps nothing, shares what is under way
    }
}
