// SPDX-License-Identifier: Apache-2.0
package dev.resilience.gates;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.module.ModuleDescriptor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a published module may drag into somebody's application: the table of docs/adr/0001, as a test. */
class DependencyTest {
    private static final Pattern DEPENDENCY = Pattern.compile("<dependency>(.*?)</dependency>", Pattern.DOTALL);
    private static final String JSPECIFY = "org.jspecify:jspecify";

    private static final Map<String, List<String>> COMPILE = Map.of(
            "resilience-core", List.of(JSPECIFY),
            "resilience-ratelimit", List.of("dev.resilience:resilience-core", JSPECIFY),
            "resilience-cache", List.of("dev.resilience:resilience-core", JSPECIFY),
            "resilience-saga", List.of("dev.resilience:resilience-core", JSPECIFY),
            "resilience-testkit",
                    List.of(
                            "dev.resilience:resilience-core",
                            "dev.resilience:resilience-ratelimit",
                            "dev.resilience:resilience-cache",
                            "dev.resilience:resilience-saga",
                            JSPECIFY,
                            "org.junit.jupiter:junit-jupiter-api"),
            "resilience-observability",
                    List.of(
                            "dev.resilience:resilience-core",
                            "io.micrometer:micrometer-core",
                            JSPECIFY,
                            "org.slf4j:slf4j-api"));

    private static final Map<String, List<String>> REQUIRES = Map.of(
            "resilience-core", List.of("static java.net.http", "static transitive org.jspecify"), // docs/adr/0015
            "resilience-ratelimit", List.of("static transitive org.jspecify", "transitive dev.resilience.core"),
            "resilience-cache",
                    List.of(
                            "static com.github.benmanes.caffeine", // who wants CaffeineStore brings it himself
                            "static transitive org.jspecify",
                            "transitive dev.resilience.core"),
            "resilience-saga",
                    List.of(
                            "static transitive org.jspecify",
                            "transitive dev.resilience.core",
                            "transitive java.sql"), // a DataSource in, a caller's Connection
            "resilience-testkit",
                    List.of(
                            "java.logging", // Laws listens to what the library logs
                            "static transitive org.jspecify",
                            "transitive dev.resilience.core",
                            "transitive dev.resilience.cache", // the contracts of its SPIs
                            "transitive dev.resilience.ratelimit", // the contract of its SPI
                            "transitive dev.resilience.saga", // the contract of its SPI, the crash matrix
                            "transitive org.junit.jupiter.api"),
            "resilience-observability",
                    List.of(
                            "static dev.resilience.cache", // who caches brings it himself
                            "static dev.resilience.ratelimit", // who limits brings it himself
                            "static dev.resilience.saga", // who has sagas brings it himself
                            "static java.net.http", // who has responses has it
                            "static jdk.jfr", // a trimmed image may not have it
                            "static transitive org.jspecify",
                            "transitive dev.resilience.core",
                            "transitive micrometer.core",
                            "transitive org.slf4j"));

    static List<String> modules() {
        return Repository.publishedModules();
    }

    @ParameterizedTest
    @MethodSource("modules")
    void a_module_brings_exactly_what_the_table_says(String module) {
        String pom = Repository.read(Repository.root().resolve(module).resolve("pom.xml"));
        List<String> compile = new ArrayList<>();
        Matcher m = DEPENDENCY.matcher(pom);
        while (m.find()) {
            String dependency = m.group(1);
            boolean brought =
                    !dependency.contains("<scope>test</scope>") && !dependency.contains("<scope>provided</scope>");
            if (brought) {
                compile.add(element(dependency, "groupId") + ":" + element(dependency, "artifactId"));
            }
        }
        assertThat(COMPILE).as("a published module needs its row in this table").containsKey(module);
        assertThat(compile).containsExactlyInAnyOrderElementsOf(COMPILE.get(module));
        // an optional module is a trap on the module path (docs/adr/0001)
        assertThat(pom).doesNotContain("<optional>");
    }

    @ParameterizedTest
    @MethodSource("modules")
    void a_descriptor_requires_exactly_what_the_table_says(String module) {
        assertThat(REQUIRES)
                .as("a published module needs its row in this table")
                .containsKey(module);
        assertThat(Repository.descriptor(module).requires().stream()
                        .filter(r -> !r.modifiers().contains(ModuleDescriptor.Requires.Modifier.MANDATED))
                        .map(DependencyTest::text))
                .containsExactlyInAnyOrderElementsOf(REQUIRES.get(module));
    }

    @ParameterizedTest
    @MethodSource("modules")
    void a_descriptor_hides_nothing_and_opens_nothing(String module) {
        ModuleDescriptor descriptor = Repository.descriptor(module);
        assertThat(descriptor.name()).isEqualTo("dev." + module.replace('-', '.'));
        assertThat(descriptor.isOpen()).isFalse();
        assertThat(descriptor.opens()).isEmpty();
        assertThat(descriptor.exports()).noneMatch(ModuleDescriptor.Exports::isQualified);
    }

    @Test
    void the_bom_lists_every_published_module() {
        Matcher m = Pattern.compile("<module>(resilience-[a-z]+)</module>")
                .matcher(Repository.read(Repository.root().resolve("pom.xml")));
        List<String> built = m.results()
                .map(r -> r.group(1))
                .filter(n -> !n.equals("resilience-bom"))
                .toList();
        assertThat(modules()).containsExactlyInAnyOrderElementsOf(built);
    }

    @Test
    void a_child_pom_is_little_more_than_its_dependencies() {
        try (Stream<Path> poms = Repository.files(Repository.root(), "pom.xml").stream()) {
            assertThat(poms.filter(p -> !p.getParent().equals(Repository.root()))
                            .filter(p -> p.endsWith("pom.xml"))
                            .filter(p -> Repository.read(p).lines().count() > 40)
                            .map(Repository::relative))
                    .isEmpty();
        }
    }

    private static String text(ModuleDescriptor.Requires r) {
        String modifiers = Stream.of(
                        ModuleDescriptor.Requires.Modifier.STATIC, ModuleDescriptor.Requires.Modifier.TRANSITIVE)
                .filter(r.modifiers()::contains)
                .map(m -> m.name().toLowerCase(java.util.Locale.ROOT) + " ")
                .reduce("", String::concat);
        return modifiers + r.name();
    }

    private static String element(String xml, String name) {
        Matcher m = Pattern.compile("<" + name + ">(.*?)</" + name + ">").matcher(xml);
        return m.find() ? m.group(1) : "";
    }
}
