// SPDX-License-Identifier: Apache-2.0
package dev.resilience.gates;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The working tree and the artifacts this build has just made. */
final class Repository {
    private static final Set<String> NOT_SOURCES = Set.of("target", ".git", ".idea", "node_modules");
    private static final Pattern BOM_ENTRY = Pattern.compile(
            "<groupId>dev\\.resilience</groupId>\\s*<artifactId>([a-z0-9-]+)</artifactId>\\s*<version>");

    private Repository() {}

    static Path root() {
        Path at = Path.of("").toAbsolutePath();
        while (!Files.isDirectory(at.resolve(".mvn"))) {
            at = at.getParent();
            if (at == null) {
                throw new IllegalStateException("no .mvn above " + Path.of("").toAbsolutePath());
            }
        }
        return at;
    }

    /** The jar modules that are published: what the BOM lists. */
    static List<String> publishedModules() {
        Matcher m = BOM_ENTRY.matcher(read(root().resolve("resilience-bom/pom.xml")));
        List<String> modules = new ArrayList<>();
        while (m.find()) {
            if (!m.group(1).equals("resilience-parent")) {
                modules.add(m.group(1));
            }
        }
        if (modules.isEmpty()) {
            throw new IllegalStateException("the BOM lists nothing");
        }
        return modules;
    }

    /** Where this build has put the module: its jar in {@code verify}, its classes in {@code test}. */
    static Path artifact(String module) {
        Path target = root().resolve(module).resolve("target");
        return classPath()
                .filter(p -> p.startsWith(target))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException(
                        module + " is not on the class path of the gates: add it to" + " gates/pom.xml"));
    }

    static Stream<Path> classPath() {
        return Stream.of(System.getProperty("java.class.path").split(System.getProperty("path.separator")))
                .filter(e -> !e.isEmpty())
                .map(e -> Path.of(e).toAbsolutePath());
    }

    /** The first entry of the class path whose file name starts so. */
    static Path library(String prefix) {
        return classPath()
                .filter(p -> p.getFileName().toString().startsWith(prefix))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("no " + prefix + " on the class path"));
    }

    static ModuleDescriptor descriptor(String module) {
        return ModuleFinder.of(artifact(module)).findAll().stream()
                .findFirst()
                .orElseThrow(() -> new IllegalStateException(module + " is not a module"))
                .descriptor();
    }

    /** Every file of the working tree with this ending, outside build output. */
    static List<Path> files(Path under, String ending) {
        if (!Files.isDirectory(under)) {
            return List.of();
        }
        try (Stream<Path> walk = Files.walk(under)) {
            return walk.filter(p -> p.toString().endsWith(ending))
                    .filter(p -> Files.isRegularFile(p))
                    .filter(p -> Stream.iterate(p, q -> q != null && !q.equals(under), Path::getParent)
                            .noneMatch(q -> NOT_SOURCES.contains(q.getFileName().toString())))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What Surefire wrote about the tests of a module in this build. */
    static List<Path> reports(String module) {
        // `target`, or `target/quick` in a build without lint: where this very class is, in its own module
        Path own = root().resolve("gates");
        Path testClasses = classPath()
                .filter(p -> p.startsWith(own))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("the gates are not on their own class path"));
        Path directory = root().resolve(module)
                .resolve(own.relativize(testClasses.getParent()))
                .resolve("surefire-reports");
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        try (Stream<Path> list = Files.list(directory)) {
            return list.filter(p -> p.getFileName().toString().matches("TEST-.*\\.xml"))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Main sources of the published modules. */
    static List<Path> mainSources() {
        return publishedModules().stream()
                .flatMap(m -> files(root().resolve(m).resolve("src/main/java"), ".java").stream())
                .toList();
    }

    static List<Path> allSources() {
        return files(root(), ".java");
    }

    static String relative(Path file) {
        return root().relativize(file).toString().replace('\\', '/');
    }

    static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
