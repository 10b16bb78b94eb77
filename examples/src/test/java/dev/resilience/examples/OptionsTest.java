// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNoException;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OptionsTest {
    @Test
    void without_arguments_it_takes_twenty_seconds() {
        assertThat(Options.parse()).isEqualTo(new Options(Duration.ofSeconds(20), false, false));
    }

    @Test
    void seconds_are_given_as_the_next_argument_or_after_an_equals_sign() {
        assertThat(Options.parse("--seconds", "7").length()).isEqualTo(Duration.ofSeconds(7));
        assertThat(Options.parse("--seconds=3600").length()).isEqualTo(Duration.ofHours(1));
    }

    @Test
    void help_has_a_short_form() {
        assertThat(Options.parse("--help").help()).isTrue();
        assertThat(Options.parse("-h", "--seconds=5").help()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--seconds=3",
                "--seconds=3601",
                "--seconds=-5",
                "--seconds=",
                "--seconds=five",
                "--seconds",
                "--seconds=99999999999999999999",
                "--seconds=5.5"
            })
    void seconds_out_of_range_are_refused_with_the_range_and_the_value(String argument) {
        String value = argument.contains("=") ? argument.substring(argument.indexOf('=') + 1) : "nothing";
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Options.parse(argument))
                .withMessage("--seconds must be a whole number from 4 to 3600, was '%s'", value);
    }

    @ParameterizedTest
    @ValueSource(strings = {"21", "25.0.1", "26-ea"})
    void virtual_threads_are_for_a_java_that_has_them(String java) {
        assertThatNoException().isThrownBy(() -> Threads.requireVirtual(Runtime.Version.parse(java)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"17.0.15", "20"})
    void an_older_java_is_refused_with_its_version(String java) {
        Runtime.Version version = Runtime.Version.parse(java);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Threads.requireVirtual(version))
                .withMessage(
                        "--virtual-threads needs Java 21 or newer, this is Java %s; leave it out, or start"
                                + " another java",
                        version.feature());
    }

    @Test
    void help_is_shown_whatever_java_it_is() {
        assertThat(Options.parse("--virtual-threads", "--help").help()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"--second=5", "20", "", "--SECONDS=5"})
    void what_it_does_not_know_is_refused_by_name(String argument) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Options.parse("--seconds", "5", argument))
                .withMessage("unknown argument '%s', expected --seconds, --virtual-threads or --help", argument);
    }
}
