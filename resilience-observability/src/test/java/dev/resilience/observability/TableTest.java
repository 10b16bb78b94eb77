// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The table of docs/observability.md is what a Prometheus registry writes, no row more and none less. */
class TableTest {
    private static final Pattern ROW = Pattern.compile(
            "^\\| `(resilience\\.[a-z.]+)` \\| `(resilience_\\w+)` \\| (\\w+) \\| ([^|]+) \\| [^|]+ \\|$",
            Pattern.MULTILINE);

    private final Scrape scrape = new Scrape();

    /** One row: the name in Prometheus, its type, and the further labels' values by their keys. */
    private record Row(String type, Map<String, Set<String>> labels) {}

    private static Map<String, Row> table() {
        Map<String, Row> rows = new TreeMap<>();
        Matcher row = ROW.matcher(Scrape.doc("observability.md"));
        while (row.find()) {
            Map<String, Set<String>> labels = new TreeMap<>();
            for (String tag : row.group(4).split("; ")) {
                String[] second = tag.split(": ", 2);
                if (second.length == 2) labels.put(second[0], new TreeSet<>(Arrays.asList(second[1].split(", "))));
            }
            assertThat(row.group(2)).startsWith(row.group(1).replace('.', '_'));
            rows.put(row.group(2), new Row(row.group(3), labels));
        }
        return rows;
    }

    @Test
    void names_and_types_are_those_of_the_table() {
        Map<String, String> expected = new TreeMap<>();
        table().forEach((name, row) -> expected.put(name, row.type()));
        Map<String, String> written = new TreeMap<>(scrape.types);
        expected.forEach((name, type) -> { // of everything that has a time or a size
            if (type.equals("summary"))
                assertThat(written.remove(name + "_max")).isEqualTo("gauge");
        });
        assertThat(written).isEqualTo(expected).hasSizeGreaterThan(25);
    }

    @Test
    void tags_and_their_values_are_those_of_the_table() {
        Map<String, Map<String, Set<String>>> expected = new TreeMap<>();
        table().forEach((name, row) -> {
            List<String> samples = row.type().equals("summary")
                    ? List.of(name + "_count", name + "_sum", name + "_max")
                    : List.of(name);
            samples.forEach(sample -> expected.put(sample, row.labels()));
        });
        assertThat(scrape.labels).isEqualTo(expected);
    }

    @Test
    void every_sample_has_a_name_and_no_other_tag_than_outcome_state_source_or_phase() {
        assertThat(scrape.text.lines().filter(line -> line.startsWith("resilience_")))
                .isNotEmpty()
                .allSatisfy(line -> assertThat(line).contains("name=\""));
        assertThat(scrape.labels.values())
                .allSatisfy(labels -> assertThat(Set.of("outcome", "state", "source", "phase"))
                        .containsAll(labels.keySet()));
    }
}
