// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.cache.FlightSnippets.User;
import dev.resilience.cache.FlightSnippets.Users;
import dev.resilience.testkit.ManualTime;
import org.junit.jupiter.api.Test;

/** The examples do what their pages say. */
class FlightSnippetsTest {
    private final Users users = User::new;

    @Test
    void the_examples_run() {
        assertThat(FlightSnippets.builder().name()).isEqualTo("users");
        // their deadlines are real: a clock that stands still does not run away from a thread that is slow to start
        SingleFlight<Long, User> flight = SingleFlight.builder("users")
                .detached()
                .timeSource(ManualTime.create())
                .build();
        assertThat(FlightSnippets.call(users, 1)).isEqualTo(new User(1));
        assertThat(FlightSnippets.within(flight, users, 2)).isEqualTo(new User(2));
        FlightSnippets.detach(flight, 2);
        assertThat(FlightSnippets.answer(flight, users, 3)).isEqualTo("LEADER User[id=3]");
    }
}
