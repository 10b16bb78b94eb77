// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.ManualTime;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Seats and the table, step by step: S17, cache.md 3.3. */
class FlightTest {
    private final ManualTime time = ManualTime.create();
    private final Flights<String, String> flights = new Flights<>(
            new FlightRules(new FlightRules.Owner("t", "table 't'", time), Long.MAX_VALUE, 64, false),
            time,
            Landing.keepingNothing());
    private final Flight<String, String> flight = Objects.requireNonNull(flights.open("k", null, Flight.Mode.OUTSIDE));

    @Test
    void a_seat_is_never_taken_in_a_flight_that_all_have_left() {
        assertThat(flight.reserve()).isTrue();
        assertThat(flight.vacate()).isFalse();
        assertThat(flight.vacate()).isTrue();
        assertThat(flight.phase()).isEqualTo(Flight.DEAD);
        assertThat(flight.reserve()).isFalse();
        assertThat(flight.seated()).isZero();
    }

    @Test
    void nor_in_one_that_is_killed_or_published() {
        assertThat(flight.kill()).isTrue();
        assertThat(flight.reserve()).isFalse();
        assertThat(flight.publish()).isFalse();
        Flight<String, String> other = Objects.requireNonNull(flights.open("other", null, Flight.Mode.OUTSIDE));
        assertThat(other.publish()).isTrue();
        assertThat(other.reserve()).isFalse();
        assertThat(other.kill()).isFalse();
    }

    @Test
    void a_flight_that_cannot_be_boarded_is_replaced_and_takes_nobody_off_later() {
        flight.kill(); // and not yet off the table
        assertThat(flights.board("k")).isNull();
        Flight<String, String> next = flights.open("k", null, Flight.Mode.OUTSIDE);
        assertThat(next).isNotNull();
        flights.unregister(flight);
        assertThat(flights.find("k")).isSameAs(next);
        assertThat(flights.open("k", null, Flight.Mode.OUTSIDE)).isNull();
    }

    @Test
    void what_is_published_is_not_given_up() {
        flight.publish();
        flight.leave();
        assertThat(flight.over()).isFalse();
        assertThat(flight.land("v", null)).isTrue();
        assertThat(flight.result()).isEqualTo("v");
        assertThat(flights.abandoned()).isZero();
    }
}
