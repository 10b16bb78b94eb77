// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.CallContext;
import java.io.IOException;
import java.time.Duration;

/** The examples of the Javadoc and the guide: compiled, and run by {@link FlightSnippetsTest}. */
final class FlightSnippets {
    private FlightSnippets() {}

    record User(long id) {}

    interface Users {
        User find(long id) throws IOException;
    }

    static User call(Users users, long id) {
        // @start region="call"
        SingleFlight<Long, User> flight = SingleFlight.create(); // one for all callers: a field

        User user = flight.call(id, () -> users.find(id)); // any number of callers at once, one find
        // @end
        return user;
    }

    static SingleFlight<Long, User> builder() {
        // @start region="builder"
        SingleFlight<Long, User> flight = SingleFlight.builder("users")
                .loadDeadline(Duration.ofSeconds(5)) // then those who wait fail, and the key is free again
                .detached() // loads run on threads of the library: every caller may leave
                .build();
        // @end
        return flight;
    }

    static User within(SingleFlight<Long, User> flight, Users users, long id) {
        // @start region="within"
        CallContext soon = CallContext.root().within(Duration.ofMillis(200));

        User user = flight.call(soon, id, () -> users.find(id)); // the load goes on for who can wait longer
        // @end
        return user;
    }

    static void detach(SingleFlight<Long, User> flight, long id) {
        // @start region="detach"
        // after the row was changed: who asks from now on does not get what is being read
        flight.detach(id);
        // @end
    }

    static String answer(SingleFlight<Long, User> flight, Users users, long id) {
        // @start region="answer"
        SingleFlight.Answer<User> answer = flight.answer(id, () -> users.find(id));

        String line = answer.role() + " " + answer.outcome().fold(User::toString, Throwable::getMessage);
        // @end
        return line;
    }
}
