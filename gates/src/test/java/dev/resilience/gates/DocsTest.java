// SPDX-License-Identifier: Apache-2.0
package dev.resilience.gates;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Documentation that cannot lie unnoticed. */
class DocsTest {
    private static final Pattern JAVA = Pattern.compile("```java\\n(.*?)```", Pattern.DOTALL);
    private static final Pattern SNIPPET =
            Pattern.compile("\\{@snippet\\s+class=\"([\\w.]+)\"\\s+region=\"([\\w-]+)\"");
    private static final Pattern LINK = Pattern.compile("\\]\\(([^)#\\s]+)(#[^)]*)?\\)");

    @Test
    void every_java_snippet_stands_in_code_that_is_compiled() {
        String compiled = Repository.allSources().stream()
                .map(Repository::read)
                .map(DocsTest::squeezed)
                .collect(Collectors.joining("\n"));
        List<String> strangers = new ArrayList<>();
        int snippets = 0;
        for (Path page : pages()) {
            Matcher m = JAVA.matcher(Repository.read(page));
            while (m.find()) {
                snippets++;
                if (!compiled.contains(squeezed(m.group(1)))) {
                    strangers.add(Repository.relative(page) + ":\n" + m.group(1));
                }
            }
        }
        assertThat(snippets).isPositive();
        assertThat(strangers)
                .as("snippets that no compiled source contains word for word; write them in examples or in a test"
                        + " first, then copy them to the page (white space may differ)")
                .isEmpty();
    }

    @Test
    void every_snippet_of_the_javadoc_exists() {
        // the javadoc tool of JDK 17 does not look
        List<String> missing = new ArrayList<>();
        for (Path source : Repository.mainSources()) {
            Matcher m = SNIPPET.matcher(Repository.read(source));
            while (m.find()) {
                if (!hasRegion(m.group(1), m.group(2))) {
                    missing.add(Repository.relative(source) + " -> " + m.group(1) + " " + m.group(2));
                }
            }
        }
        assertThat(missing)
                .as("write the region in a test source of a published module")
                .isEmpty();
    }

    private static boolean hasRegion(String className, String region) {
        String file = "src/test/java/" + className.replace('.', '/') + ".java";
        Pattern start = Pattern.compile("@start\\s+region\\s*=\\s*\"?" + Pattern.quote(region) + "\"?\\s");
        return Repository.publishedModules().stream()
                .map(m -> Repository.root().resolve(m).resolve(file))
                .anyMatch(p ->
                        Files.exists(p) && start.matcher(Repository.read(p)).find());
    }

    @Test
    void links_lead_somewhere() {
        List<String> dead = new ArrayList<>();
        for (Path page : pages()) {
            Matcher m = LINK.matcher(Repository.read(page));
            while (m.find()) {
                String target = m.group(1);
                if (!target.contains("://") && !Files.exists(page.resolveSibling(target))) {
                    dead.add(Repository.relative(page) + " -> " + target);
                }
            }
        }
        assertThat(dead).isEmpty();
    }

    @Test
    void every_page_can_be_reached_from_the_index() {
        Path docs = Repository.root().resolve("docs");
        String index = Repository.read(docs.resolve("README.md"));
        assertThat(Repository.files(docs, ".md"))
                .filteredOn(p ->
                        !p.endsWith("README.md") && !p.getFileName().toString().startsWith("0000"))
                .map(p -> docs.relativize(p).toString().replace('\\', '/'))
                .allSatisfy(p -> assertThat(index).contains("](" + p));
    }

    @Test
    void the_readme_is_short() {
        assertThat(Repository.read(Repository.root().resolve("README.md"))
                        .lines()
                        .count())
                .isLessThanOrEqualTo(120);
    }

    private static List<Path> pages() {
        return Repository.files(Repository.root(), ".md");
    }

    private static String squeezed(String text) {
        return text.replaceAll("\\s+", "");
    }
}
