// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TextTest {

    @ParameterizedTest
    @CsvSource({
        "0, 0 s",
        "1, 1 ns",
        "999, 999 ns",
        "1000, 1 µs",
        "999999, 999 µs",
        "1000000, 1 ms",
        "840000000, 840 ms",
        "999999999, 999 ms",
        "1000000000, 1 s",
        "1200000000, 1.2 s",
        "3800000000, 3.8 s",
        "59999999999, 59.9 s",
        "60000000000, 1 min",
        "90000000000, 1.5 min",
        "3600000000000, 1 h",
        "5400000000000, 1.5 h",
        "86400000000000, 1 d",
        "9223372036854775807, 106751.9 d"
    })
    void durations_read_as_people_say_them(long nanos, String text) {
        assertThat(Text.duration(nanos)).isEqualTo(text);
    }

    @ParameterizedTest
    @CsvSource({"1, 100 %", "0.5, 50 %", "0.125, 12.5 %", "0.3333, 33.33 %", "0.0105, 1.05 %", "0.0001, 0.01 %"})
    void ratios_read_as_percent(double ratio, String text) {
        assertThat(Text.percent(ratio)).isEqualTo(text);
    }

    @Test
    void the_locale_changes_nothing() {
        Locale before = Locale.getDefault();
        Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
        try {
            assertThat(Text.duration(1_200_000_000L)).isEqualTo("1.2 s");
            assertThat(Text.percent(0.125)).isEqualTo("12.5 %");
        } finally {
            Locale.setDefault(before);
        }
    }
}
