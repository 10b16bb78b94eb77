// SPDX-License-Identifier: Apache-2.0
package dev.resilience.gates;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Path;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** A suite does not shrink unnoticed. */
class TestCountTest {
    private static final Pattern SUITE = Pattern.compile("<testsuite [^>]*>", Pattern.DOTALL);

    @TestFactory
    Stream<DynamicTest> at_least_as_many_tests_ran_as_config_minimum_tests_says() throws IOException {
        Properties minimum = new Properties();
        minimum.load(new StringReader(Repository.read(Repository.root().resolve("config/minimum-tests.properties"))));
        Set<String> modules = new TreeSet<>(minimum.stringPropertyNames());
        assertThat(modules).containsAll(Repository.publishedModules());
        return modules.stream()
                .map(module -> DynamicTest.dynamicTest(
                        module,
                        () -> assertThat(ran(module))
                                .as("tests that ran in %s", module)
                                .isGreaterThanOrEqualTo(Integer.parseInt(minimum.getProperty(module)))));
    }

    private static int ran(String module) {
        int ran = 0;
        for (Path report : Repository.reports(module)) {
            Matcher suite = SUITE.matcher(Repository.read(report));
            if (suite.find()) {
                ran += number(suite.group(), "tests") - number(suite.group(), "skipped");
            }
        }
        return ran;
    }

    private static int number(String element, String attribute) {
        Matcher m = Pattern.compile(" " + attribute + "=\"(\\d+)\"").matcher(element);
        return m.find() ? Integer.parseInt(m.group(1)) : 0;
    }
}
