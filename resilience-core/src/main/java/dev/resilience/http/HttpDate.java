// SPDX-License-Identifier: Apache-2.0
package dev.resilience.http;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The three spellings of a point in time that RFC 9110 §5.6.7 knows. The name of the day is not compared with the date. */
final class HttpDate {
    private static final String MONTHS = "janfebmaraprmayjunjulaugsepoctnovdec";
    private static final String TIME = "(?<hour>\\d{2}):(?<minute>\\d{2}):(?<second>\\d{2})";
    private static final String SHORT_DAY = "(?:mon|tue|wed|thu|fri|sat|sun)";
    private static final String LONG_DAY = "(?:mon|tues|wednes|thurs|fri|satur|sun)day";
    private static final String MONTH = "(?<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)";

    /** IMF-fixdate, RFC 850, asctime; the last two are obsolete and still sent. */
    private static final List<Pattern> SPELLINGS = List.of(
            spelling(SHORT_DAY + ", (?<day>\\d{2}) " + MONTH + " (?<year>\\d{4}) " + TIME + " gmt"),
            spelling(LONG_DAY + ", (?<day>\\d{2})-" + MONTH + "-(?<year>\\d{2}) " + TIME + " gmt"),
            spelling(SHORT_DAY + " " + MONTH + " (?<day>[ \\d]\\d) " + TIME + " (?<year>\\d{4})"));

    private HttpDate() {}

    private static Pattern spelling(String regex) {
        return Pattern.compile(regex, Pattern.CASE_INSENSITIVE);
    }

    /** Empty for what is no such date, or one that no calendar has. {@code now} is asked for a year of two digits. */
    static Optional<Instant> parse(String text, Supplier<Instant> now) {
        for (Pattern spelling : SPELLINGS) {
            Matcher match = spelling.matcher(text);
            if (match.matches()) return instant(match, now);
        }
        return Optional.empty();
    }

    private static Optional<Instant> instant(Matcher match, Supplier<Instant> now) {
        String year = match.group("year");
        int second = number(match, "second");
        if (second > 60) return Optional.empty(); // 60 is a leap second
        try {
            LocalDateTime minute = LocalDateTime.of(
                    year.length() == 2 ? recent(Integer.parseInt(year), now) : Integer.parseInt(year),
                    MONTHS.indexOf(match.group("month").toLowerCase(Locale.ROOT)) / 3 + 1,
                    number(match, "day"),
                    number(match, "hour"),
                    number(match, "minute"));
            return Optional.of(minute.plusSeconds(second).toInstant(ZoneOffset.UTC));
        } catch (DateTimeException impossible) {
            return Optional.empty();
        }
    }

    private static int number(Matcher match, String group) {
        return Integer.parseInt(match.group(group).strip());
    }

    /** The year with these last two digits that is at most fifty years ahead and less than fifty back. */
    private static int recent(int lastDigits, Supplier<Instant> now) {
        int earliest = now.get().atOffset(ZoneOffset.UTC).getYear() - 49;
        return earliest + Math.floorMod(lastDigits - earliest, 100);
    }
}
