// SPDX-License-Identifier: Apache-2.0
package dev.resilience.gates;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Rules that byte code does not show. */
class SourceTest {
    private static final int MOST_LINES = 600;
    private static final Predicate<Path> IS_TEST = p -> Repository.relative(p).contains("src/test/");

    @Test
    void every_file_names_its_licence_first() {
        assertThat(Repository.allSources())
                .isNotEmpty()
                .filteredOn(p -> !Repository.read(p).startsWith("// SPDX-License-Identifier: Apache-2.0\n"))
                .extracting(Repository::relative)
                .isEmpty();
    }

    @Test
    void main_code_has_no_monitors() {
        // pins carrier threads before JDK 24
        assertThat(hits(Repository.mainSources(), "\\bsynchronized\\b|\\.(wait|notify|notifyAll)\\(\\)"))
                .isEmpty();
    }

    @Test
    void tests_do_not_sleep() {
        List<Path> tests = Repository.allSources().stream().filter(IS_TEST).toList();
        assertThat(tests).isNotEmpty();
        assertThat(hits(
                        tests,
                        "\\bThread\\.sleep\\b|\\bTimeUnit\\.\\w+\\.sleep\\b|\\b(NANO|MICRO|MILLI)?SECONDS\\.sleep\\b"))
                .isEmpty();
    }

    @Test
    void no_test_is_switched_off() {
        assertThat(hits(Repository.allSources().stream().filter(IS_TEST).toList(), "@Disabled\\b|\\bAssumptions\\b"))
                .isEmpty();
    }

    @Test
    void a_test_class_has_a_name_that_is_run() {
        // Surefire runs *Test and nothing else: under another name a class is silently left out
        Pattern test = Pattern.compile("@(Test|Property|ParameterizedTest|RepeatedTest|TestFactory|Example)\\b");
        assertThat(Repository.allSources())
                .filteredOn(IS_TEST)
                .filteredOn(
                        p -> test.matcher(JavaText.codeOf(Repository.read(p))).find())
                .filteredOn(p -> !p.toString().endsWith("Test.java"))
                .filteredOn(p -> !Repository.read(p).contains("abstract class "))
                .extracting(Repository::relative)
                .isEmpty();
    }

    @Test
    void names_say_what_a_thing_is() {
        // house.md §4; Surefire has no say in main code, the reader has
        Pattern bad = Pattern.compile("(?:.*Impl|Default.*|Abstract.*|I[A-Z][a-z].*)\\.java");
        Pattern badPackage = Pattern.compile(".*/(internal|impl|util|common|model)/.*");
        assertThat(Repository.mainSources())
                .filteredOn(p -> bad.matcher(p.getFileName().toString()).matches()
                        || badPackage.matcher(Repository.relative(p)).matches())
                .extracting(Repository::relative)
                .isEmpty();
    }

    @Test
    void nothing_is_left_for_later() {
        List<String> found = new ArrayList<>();
        for (Path file : Repository.allSources()) {
            if (file.endsWith("SourceTest.java")) {
                continue;
            }
            Matcher m = Pattern.compile("\\b(TODO|FIXME|XXX)\\b").matcher(Repository.read(file));
            if (m.find()) {
                found.add(Repository.relative(file) + ": " + m.group());
            }
        }
        assertThat(found).isEmpty();
    }

    @Test
    void a_file_has_at_most_600_lines() {
        assertThat(Repository.mainSources())
                .filteredOn(p -> Repository.read(p).lines().count() > MOST_LINES)
                .extracting(Repository::relative)
                .isEmpty();
    }

    @Test
    void the_scan_sees_code_and_only_code() {
        // the rules above are worth nothing if this one fails
        String source =
                "/* synchronized */ String s = \"synchronized \\\" synchronized\"; // synchronized\nsynchronized (s) {}";
        Matcher m = Pattern.compile("synchronized").matcher(JavaText.codeOf(source));
        assertThat(m.results().count()).isEqualTo(1);
    }

    private static List<String> hits(List<Path> files, String pattern) {
        Pattern wanted = Pattern.compile(pattern);
        List<String> found = new ArrayList<>();
        for (Path file : files) {
            String[] lines = JavaText.codeOf(Repository.read(file)).split("\n", -1);
            for (int i = 0; i < lines.length; i++) {
                if (wanted.matcher(lines[i]).find()) {
                    found.add(Repository.relative(file) + ":" + (i + 1) + ": " + lines[i].strip());
                }
            }
        }
        return found;
    }
}
