// SPDX-License-Identifier: Apache-2.0
package dev.resilience.gates;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A stranger's application, compiled against what is published and run with that and nothing else: jspecify is needed
 * to compile and must not be needed to run.
 */
class PublishedModulesTest {
    private static final long RUN_SECONDS = 60;

    private static final String EVERYTHING = "blocking staged submitted proxied call thrown answered";

    @TempDir
    Path directory;

    @Test
    void the_core_alone_runs_on_the_class_path() throws Exception {
        Path core = Repository.artifact("resilience-core");
        compile("core", List.of(core, Repository.library("jspecify-")));

        assertThat(java("-cp", path(core, directory), "com.acme.consumer.Main"))
                .contains(EVERYTHING, "with unnamed module");
    }

    @Test
    void the_core_alone_runs_on_the_module_path() throws Exception {
        Path core = Repository.artifact("resilience-core");
        compile("core", List.of(core, Repository.library("jspecify-")));

        assertThat(java("-p", path(core, directory), "-m", "com.acme.consumer/com.acme.consumer.Main"))
                .contains(EVERYTHING, "with module dev.resilience.core");
    }

    @Test
    void the_http_helper_runs_on_the_class_path() throws Exception {
        Path core = Repository.artifact("resilience-core");
        compile("http", List.of(core, Repository.library("jspecify-")));

        assertThat(java("-cp", path(core, directory), "com.acme.http.Main"))
                .contains("200 after 503 with unnamed module");
    }

    @Test
    void the_http_helper_runs_on_the_module_path_of_those_who_require_the_client() throws Exception {
        Path core = Repository.artifact("resilience-core");
        compile("http", List.of(core, Repository.library("jspecify-")));

        assertThat(java("-p", path(core, directory), "-m", "com.acme.http/com.acme.http.Main"))
                .contains("200 after 503 with module dev.resilience.core");
    }

    @Test
    void everything_else_of_the_core_runs_where_the_http_client_does_not_exist() throws Exception {
        Path core = Repository.artifact("resilience-core");
        compile("core", List.of(core, Repository.library("jspecify-")));

        String onClassPath =
                java("--limit-modules", "java.base", "-cp", path(core, directory), "com.acme.consumer.Main");
        String onModulePath = java(
                "--limit-modules",
                "java.base,dev.resilience.core",
                "-p",
                path(core, directory),
                "-m",
                "com.acme.consumer/com.acme.consumer.Main");
        assertThat(onClassPath).contains(EVERYTHING);
        assertThat(onModulePath).contains(EVERYTHING, "with module dev.resilience.core");
    }

    @Test
    void the_testkit_runs_on_the_class_path_with_junit() throws Exception {
        compile("testkit", testkit(Repository.library("jspecify-"), Repository.library("apiguardian-api-")));

        assertThat(java("-cp", path(with(directory, testkit())), "com.acme.tests.Main"))
                .contains("answered after PT1H with unnamed module");
    }

    @Test
    void the_testkit_runs_on_the_module_path_with_junit() throws Exception {
        compile("testkit", testkit(Repository.library("jspecify-"), Repository.library("apiguardian-api-")));

        assertThat(java("-p", path(with(directory, testkit())), "-m", "com.acme.tests/com.acme.tests.Main"))
                .contains("answered after PT1H with module dev.resilience.testkit");
    }

    /** What Maven brings with the testkit, for running, and whatever else. */
    private static List<Path> testkit(Path... more) {
        List<Path> entries = new ArrayList<>(List.of(
                Repository.artifact("resilience-testkit"),
                Repository.artifact("resilience-core"),
                Repository.artifact("resilience-ratelimit"),
                Repository.artifact("resilience-cache"),
                Repository.artifact("resilience-saga"),
                Repository.library("junit-jupiter-api-"),
                Repository.library("junit-platform-commons-"),
                Repository.library("opentest4j-")));
        entries.addAll(List.of(more));
        return entries;
    }

    @Test
    void observability_runs_without_the_modules_that_are_optional() throws Exception {
        compile("observability", observability(Repository.library("jspecify-")));
        String path = path(with(directory, observability()));

        String onClassPath = java("--limit-modules", "java.logging", "-cp", path, "com.acme.observed.Main");
        String onModulePath = java(
                "--limit-modules",
                "java.logging,com.acme.observed,micrometer.core,micrometer.commons",
                "-p",
                path,
                "-m",
                "com.acme.observed/com.acme.observed.Main");
        assertThat(onClassPath).contains("refused 1.0", "need the module jdk.jfr", "left 0 with unnamed module");
        assertThat(onModulePath)
                .contains("refused 1.0", "need the module jdk.jfr", "left 0 with module dev.resilience.observability");
    }

    @Test
    void observability_runs_on_both_paths_with_the_flight_recorder() throws Exception {
        compile("observability", observability(Repository.library("jspecify-")));
        String path = path(with(directory, observability()));

        assertThat(java("-cp", path, "com.acme.observed.Main")).contains("with a flight recorder");
        assertThat(java("--add-modules", "jdk.jfr", "-p", path, "-m", "com.acme.observed/com.acme.observed.Main"))
                .contains("with a flight recorder", "left 0 with module dev.resilience.observability");
    }

    /** What Maven brings with the module for running, and whatever else. */
    private static List<Path> observability(Path... more) {
        List<Path> entries = new ArrayList<>(List.of(
                Repository.artifact("resilience-observability"),
                Repository.artifact("resilience-core"),
                Repository.library("micrometer-core-"),
                Repository.library("micrometer-commons-"),
                Repository.library("micrometer-observation-"),
                Repository.library("slf4j-api-")));
        entries.addAll(List.of(more));
        return entries;
    }

    private static Path[] with(Path first, List<Path> others) {
        return Stream.concat(Stream.of(first), others.stream()).toArray(Path[]::new);
    }

    @Test
    void the_core_resolves_to_nothing_but_the_base_of_the_jdk() throws Exception {
        Path core = Repository.artifact("resilience-core");

        String modules = java(
                "-p",
                path(core),
                "--limit-modules",
                "java.base",
                "--add-modules",
                "dev.resilience.core",
                "--list-modules");
        assertThat(modules.lines().map(l -> l.split("[@ ]")[0]))
                .containsExactlyInAnyOrder("java.base", "dev.resilience.core");
    }

    @Test
    void a_published_jar_names_its_licence_and_carries_no_strangers() throws IOException {
        for (String module : Repository.publishedModules()) {
            Path artifact = Repository.artifact(module);
            List<String> entries = entries(artifact);
            assertThat(entries).contains("module-info.class", "META-INF/LICENSE");
            assertThat(entries)
                    .filteredOn(e -> e.endsWith(".class"))
                    .allMatch(e -> e.startsWith("dev/resilience/") || e.equals("module-info.class"));
        }
    }

    private static List<String> entries(Path artifact) throws IOException {
        if (Files.isDirectory(artifact)) {
            try (Stream<Path> walk = Files.walk(artifact)) {
                return walk.map(p -> artifact.relativize(p).toString().replace('\\', '/'))
                        .toList();
            }
        }
        try (JarFile jar = new JarFile(artifact.toFile())) {
            return jar.stream().map(e -> e.getName()).toList();
        }
    }

    private void compile(String consumer, List<Path> modulePath) {
        Path sources = Repository.root().resolve("gates/src/consumers").resolve(consumer);
        JavaCompiler javac = ToolProvider.getSystemJavaCompiler();
        List<String> options = List.of(
                "--release",
                "17",
                "-Xlint:all",
                "-Werror",
                "-d",
                directory.toString(),
                "-p",
                path(modulePath.toArray(Path[]::new)));
        StringWriter out = new StringWriter();
        boolean compiled = javac.getTask(
                        out,
                        null,
                        null,
                        options,
                        null,
                        javac.getStandardFileManager(null, null, null)
                                .getJavaFileObjectsFromPaths(Repository.files(sources, ".java")))
                .call();
        assertThat(compiled).as(out.toString()).isTrue();
    }

    private static String java(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output;
        try (InputStream in = process.getInputStream()) {
            output = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
        assertThat(process.waitFor(RUN_SECONDS, TimeUnit.SECONDS)).as(output).isTrue();
        assertThat(process.exitValue()).as(output).isZero();
        return output;
    }

    private static String path(Path... entries) {
        return Stream.of(entries).map(Path::toString).collect(Collectors.joining(System.getProperty("path.separator")));
    }
}
