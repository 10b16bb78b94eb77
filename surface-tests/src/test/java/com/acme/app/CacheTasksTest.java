// SPDX-License-Identifier: Apache-2.0
package com.acme.app;

import static java.time.Duration.ofHours;
import static java.time.Duration.ofMinutes;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Pipeline;
import dev.resilience.cache.LoadingCache;
import dev.resilience.timeout.Timeout;
import java.sql.SQLException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** T26: what users write to put a cache in front of something slow. */
class CacheTasksTest {
    record User(long id, String name) {}

    interface Users {
        User find(long id) throws SQLException;
    }

    private final Users users = id -> new User(id, "Ann");
    private final Pipeline db = Pipeline.of(Timeout.of(ofMinutes(2)));

    @Test
    void t26_a_cache_in_front() {
        LoadingCache<Long, User> cache = LoadingCache.builder("users", (Long k) -> db.call(() -> users.find(k)))
                .ttl((k, v) -> ofMinutes(k > 10 ? 1 : 5))
                .staleIfError(ofHours(1))
                .tags((k, v) -> List.of(v.name()))
                .build();
        assertThat(cache.get(7L)).isEqualTo(new User(7, "Ann"));
    }

    @Test
    void t26b_a_cache_by_reference() {
        User user = LoadingCache.builder("users", users::find)
                .through(db)
                .ttl(ofMinutes(1))
                .tags((k, v) -> List.of(v.name()))
                .build()
                .get(7L);
        assertThat(user).isEqualTo(new User(7, "Ann"));
    }

    @Test
    void t26c_cache_aside() {
        LoadingCache<Long, User> cache =
                LoadingCache.<Long, User>builder("aside").build();
        assertThat(cache.get(7L, users::find)).isEqualTo(new User(7, "Ann"));
    }
}
