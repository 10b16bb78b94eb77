// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Pipeline;
import dev.resilience.cache.SingleFlight;
import dev.resilience.examples.FirstCache.User;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The first cache of the guide does what its comments say. */
class FirstCacheTest {
    private final Map<Long, String> rows = new HashMap<>(Map.of(1L, "ada", 2L, "bob"));
    private int queries;

    private final FirstCache.Users database = new FirstCache.Users() {
        @Override
        public User find(long id) {
            queries++;
            return new User(id, rows.getOrDefault(id, "nobody"));
        }

        @Override
        public void rename(long id, String name) {
            rows.put(id, name);
        }
    };
    private final FirstCache cache = new FirstCache(database, Pipeline.of());

    @Test
    void what_was_loaded_is_not_loaded_again() {
        assertThat(cache.find(1)).isEqualTo(new User(1, "ada")).isSameAs(cache.find(1));
        assertThat(queries).isEqualTo(1);
    }

    @Test
    void after_a_change_the_new_value_is_read_and_others_stay() throws Exception {
        cache.find(1);
        cache.find(2);
        cache.rename(1, "eve");
        assertThat(cache.find(1).tenant()).isEqualTo("eve");
        cache.find(2);
        assertThat(queries).isEqualTo(3);
    }

    @Test
    void a_tag_invalidates_all_that_carry_it_and_no_other() {
        cache.find(1);
        cache.find(2);
        cache.tenantHasMoved("ada");
        cache.find(1);
        cache.find(2);
        assertThat(queries).isEqualTo(3);
    }

    @Test
    void a_flight_keeps_nothing() {
        SingleFlight<Long, User> flight = SingleFlight.create();
        cache.withoutCache(flight, 1);
        cache.withoutCache(flight, 1);
        assertThat(queries).isEqualTo(2);
    }
}
