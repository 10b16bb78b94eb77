// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class JsonTest {
    @Test
    void reads_nested_objects_arrays_and_words() {
        assertThat(Json.parse(" { \"a\" : [ 1 , -2.5e3, true,false ], \"b\":{}, \"c\" : [] } "))
                .isEqualTo(Map.of("a", List.of(1.0, -2500.0, true, false), "b", Map.of(), "c", List.of()));
        assertThat(Json.parse("[null]")).isEqualTo(Arrays.asList((Object) null));
    }

    @Test
    void reads_escapes_in_strings() {
        assertThat(Json.parse("\"a\\\"b\\\\c\\n\\u00b7\\/\"")).isEqualTo("a\"b\\c\n·/");
    }

    @Test
    void names_the_place_of_what_it_cannot_read() {
        assertThatThrownBy(() -> Json.parse("{\"a\" 1}")).hasMessage("JSON: expected ':' at 5, found '1'");
        assertThatThrownBy(() -> Json.parse("[1,]")).hasMessage("JSON: expected a value at 3, found ']'");
        assertThatThrownBy(() -> Json.parse("[1")).hasMessage("JSON: expected more at 2, found the end");
        assertThatThrownBy(() -> Json.parse("\"abc")).hasMessage("JSON: expected more at 4, found the end");
        assertThatThrownBy(() -> Json.parse("1 2")).hasMessage("JSON: expected the end at 2, found '2'");
        assertThatThrownBy(() -> Json.parse("{1:2}")).hasMessage("JSON: expected a name at 1, found '1'");
    }
}
