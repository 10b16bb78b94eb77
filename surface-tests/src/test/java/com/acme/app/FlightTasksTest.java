// SPDX-License-Identifier: Apache-2.0
package com.acme.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.cache.SingleFlight;
import java.sql.SQLException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Test;

/** T27: what users write to let callers share a load. */
class FlightTasksTest {
    record User(long id) {}

    interface Users {
        User find(long id) throws SQLException;

        CompletionStage<User> findAsync(long id);
    }

    private final Users users = new Users() {
        @Override
        public User find(long id) {
            return new User(id);
        }

        @Override
        public CompletionStage<User> findAsync(long id) {
            return CompletableFuture.completedFuture(new User(id));
        }
    };

    @Test
    void t27_callers_share_a_load() {
        SingleFlight<Long, User> flight = SingleFlight.create();
        long id = 7;
        User user = flight.call(id, () -> users.find(id));
        assertThat(user).isEqualTo(new User(7));
        CompletableFuture<User> later = flight.callAsync(id, () -> users.findAsync(id));
        assertThat(later.join()).isEqualTo(new User(7));
        flight.detach(id);
    }
}
