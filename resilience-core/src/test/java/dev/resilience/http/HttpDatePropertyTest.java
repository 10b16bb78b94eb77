// SPDX-License-Identifier: Apache-2.0
package dev.resilience.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.StringLength;

/** The JDK's formatters write, the parser reads back. */
class HttpDatePropertyTest {
    private static final long FIRST = Instant.parse("0001-01-01T00:00:00Z").getEpochSecond();
    private static final long LAST = Instant.parse("9999-12-31T23:59:59Z").getEpochSecond();
    private static final DateTimeFormatter FIXDATE = spelled("EEE, dd MMM uuuu HH:mm:ss 'GMT'");
    private static final DateTimeFormatter RFC_850 = spelled("EEEE, dd-MMM-uu HH:mm:ss 'GMT'");
    private static final DateTimeFormatter ASCTIME = spelled("EEE MMM ppd HH:mm:ss uuuu");

    private static final Supplier<Instant> NOBODY_ASKS = () -> {
        throw new AssertionError("a year of four digits needs no clock");
    };

    private static DateTimeFormatter spelled(String pattern) {
        return DateTimeFormatter.ofPattern(pattern, Locale.US).withZone(ZoneOffset.UTC);
    }

    @Property(tries = 300)
    void a_date_with_a_whole_year_is_read_back(
            @ForAll @LongRange(min = -62135596800L, max = 253402300799L) long second) {
        Instant at = Instant.ofEpochSecond(second);
        assertThat(HttpDate.parse(FIXDATE.format(at), NOBODY_ASKS)).contains(at);
        assertThat(HttpDate.parse(ASCTIME.format(at), NOBODY_ASKS)).contains(at);
    }

    @Property(tries = 300)
    void a_year_of_two_digits_is_at_most_fifty_years_ahead(
            @ForAll @LongRange(min = -1_000_000_000L, max = 5_000_000_000L) long now,
            @ForAll @IntRange(min = -48, max = 50) int years,
            @ForAll @IntRange(min = 0, max = 364) int days) {
        OffsetDateTime today = Instant.ofEpochSecond(now).atOffset(ZoneOffset.UTC);
        // any day of a year that has these last two digits
        OffsetDateTime at = today.withDayOfYear(1).plusYears(years).plusDays(days);
        assertThat(HttpDate.parse(RFC_850.format(at), today::toInstant)).contains(at.toInstant());
    }

    @Property(tries = 500)
    void whatever_else_is_sent_is_no_date_and_throws_nothing(@ForAll @StringLength(max = 40) String text) {
        assertThat(HttpDate.parse(text, NOBODY_ASKS)).isEmpty();
    }

    @Property(tries = 500)
    void a_date_with_a_character_changed_throws_nothing(
            @ForAll @IntRange(min = 0, max = 28) int at,
            @ForAll char changed,
            @ForAll @IntRange(max = 2) int spelling) {
        DateTimeFormatter formatter = List.of(FIXDATE, RFC_850, ASCTIME).get(spelling);
        StringBuilder text = new StringBuilder(formatter.format(Instant.EPOCH));
        text.setCharAt(at % text.length(), changed);
        assertThat(HttpDate.parse(text.toString(), () -> Instant.EPOCH)).isNotNull();
    }

    @Example
    void the_bounds_of_the_property_are_what_four_digits_can_say() {
        assertThat(FIRST).isEqualTo(-62135596800L);
        assertThat(LAST).isEqualTo(253402300799L);
    }
}
