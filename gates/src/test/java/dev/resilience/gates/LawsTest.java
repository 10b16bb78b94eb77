// SPDX-License-Identifier: Apache-2.0
package dev.resilience.gates;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Every law and every sharp rule of what is built is cited by a test, so that it can be found and cannot be dropped. */
class LawsTest {
    /** The rules between S1 and S16 come with the saga, those from S47 on with what they are about. */
    private static final List<String> IN_FORCE = List.of(
            "L1", "L2", "L3", "L4", "L5", "L6", "L7", "L8", "L9", "L10", "L11", "L12", "L13", "L14", "L15", "L16",
            "S17", "S18", "S19", "S20", "S21", "S22", "S23", "S24", "S25", "S26", "S27", "S28", "S29", "S30", "S31",
            "S32", "S33", "S34", "S35", "S36", "S37", "S38", "S39", "S40", "S41", "S42", "S43", "S44", "S45", "S46",
            "S52", "S53");

    private static final Pattern CITATION = Pattern.compile("\\b[LS]\\d{1,2}\\b");

    @Test
    void every_law_and_rule_in_force_is_cited_by_a_test() throws IOException {
        Set<String> cited = new TreeSet<>();
        for (Path test : tests()) {
            Matcher matcher = CITATION.matcher(Files.readString(test));
            while (matcher.find()) cited.add(matcher.group());
        }
        assertThat(cited).containsAll(IN_FORCE);
    }

    private static List<Path> tests() throws IOException {
        try (Stream<Path> files = Files.walk(Repository.root())) {
            return files.filter(file -> file.toString().endsWith("Test.java"))
                    .filter(file -> file.toString().contains("/src/test/"))
                    .filter(file -> !file.endsWith("LawsTest.java"))
                    .toList();
        }
    }
}
