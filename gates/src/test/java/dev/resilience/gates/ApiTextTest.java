// SPDX-License-Identifier: Apache-2.0
package dev.resilience.gates;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The public API is a text in the diff of every change that touches it. */
class ApiTextTest {
    /** house.md §3: how many public top-level types a module may have. */
    private static final Map<String, Integer> MOST_TYPES = Map.of(
            "resilience-core", 45,
            "resilience-ratelimit", 14,
            "resilience-cache", 20,
            "resilience-saga", 34);

    static List<String> modules() {
        return Repository.publishedModules();
    }

    @ParameterizedTest
    @MethodSource("modules")
    void the_api_is_what_its_text_says(String module) throws IOException {
        Path file = Repository.root().resolve("api").resolve(module + ".txt");
        String now = ApiText.of(Repository.artifact(module));
        if (System.getProperty("api.update") != null) {
            Files.createDirectories(file.getParent());
            Files.writeString(file, now);
        }
        assertThat(Files.exists(file) ? Repository.read(file) : "")
                .as(
                        "the public API of %s differs from api/%s.txt; if that is meant, run .ci/api-update and commit",
                        module, module)
                .isEqualTo(now);
    }

    @Test
    void every_text_belongs_to_a_published_module() throws IOException {
        try (Stream<Path> texts = Files.list(Repository.root().resolve("api"))) {
            assertThat(texts.map(p -> p.getFileName().toString()))
                    .containsExactlyInAnyOrderElementsOf(
                            modules().stream().map(m -> m + ".txt").toList());
        }
    }

    @ParameterizedTest
    @MethodSource("modules")
    void a_module_stays_small(String module) {
        assertThat(ApiText.publicTopLevelTypes(Repository.artifact(module)))
                .as("public top-level types of %s", module)
                .isLessThanOrEqualTo(MOST_TYPES.getOrDefault(module, 40));
    }
}
