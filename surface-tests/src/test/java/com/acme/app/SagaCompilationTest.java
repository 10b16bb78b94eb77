// SPDX-License-Identifier: Apache-2.0
package com.acme.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Policy;
import dev.resilience.saga.Saga;
import java.io.File;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a definition of a saga does not let a user write: it does not compile (G7). */
class SagaCompilationTest {
    private static final String AROUND = """
            import dev.resilience.*;
            import dev.resilience.saga.*;
            import java.util.*;
            class Written {
                static void written(SagaDefinition<String> s, Fork.Branch<String> branch) {
                    var a = s.step("a", String.class).run((in, c) -> in).harmless().add();
                    Saga.Result<Integer> number = null;
                    %s
                }
            }
            """;

    @TempDir
    Path directory;

    /** The errors of a definition with this in it; nothing if it compiles. */
    private List<String> errors(String statement) {
        JavaCompiler javac = ToolProvider.getSystemJavaCompiler();
        DiagnosticCollector<JavaFileObject> said = new DiagnosticCollector<>();
        JavaFileObject source =
                new SimpleJavaFileObject(URI.create("string:///Written.java"), JavaFileObject.Kind.SOURCE) {
                    @Override
                    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                        return AROUND.formatted(statement);
                    }
                };
        List<String> options =
                List.of("--release", "17", "-proc:none", "-d", directory.toString(), "-classpath", classPath());
        javac.getTask(null, null, said, options, null, List.of(source)).call();
        return said.getDiagnostics().stream()
                .filter(d -> d.getKind() == Diagnostic.Kind.ERROR)
                .map(d -> d.getMessage(Locale.ENGLISH))
                .toList();
    }

    private static String classPath() {
        return Stream.of(Saga.class, Policy.class, Nullable.class)
                .map(SagaCompilationTest::placeOf)
                .distinct()
                .collect(Collectors.joining(File.pathSeparator));
    }

    private static String placeOf(Class<?> type) {
        try {
            return Path.of(type.getProtectionDomain()
                            .getCodeSource()
                            .getLocation()
                            .toURI())
                    .toString();
        } catch (URISyntaxException impossible) {
            throw new AssertionError(impossible);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "s.step(\"b\", String.class).run(a, (in, r, c) -> r).undo((in, r, c) -> {}).add();",
                "s.pivot(\"b\", String.class).run(a, (in, r, c) -> r).add();",
                "s.retriable(\"b\", String.class).run(a, (in, r, c) -> r).addWhen(a, (in, r) -> r.isEmpty());",
                "s.txStep(\"b\", String.class).run(a, (in, tx, r, c) -> tx.getCatalog()).harmless().add();",
                "branch.step(\"b\", String.class).run(a, (in, r, c) -> r).harmless().add();",
                "s.step(\"b\", Integer.class).run(number, (in, n, c) -> n + 1).undo((in, n, c) -> n.intValue()).add();",
            })
    void what_is_right_compiles(String statement) {
        assertThat(errors(statement)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"pivot", "retriable", "txPivot", "txRetriable"})
    void an_undo_from_the_pivot_on_does_not_compile(String verb) {
        for (String undo : List.of("undo", "undoInDoubt", "undoRetry", "probe", "harmless"))
            assertThat(errors("s." + verb + "(\"b\", String.class)." + undo + "(null);"))
                    .as(undo)
                    .singleElement()
                    .asString()
                    .contains("cannot find symbol")
                    .contains("method " + undo + "(");
        assertThat(errors("s.forEachRetriable(\"b\", String.class, String.class).undo(null);"))
                .singleElement()
                .asString()
                .contains("method undo(");
    }

    @Test
    void a_pivot_in_a_branch_or_for_each_element_does_not_compile() {
        assertThat(errors("branch.pivot(\"b\", String.class);"))
                .singleElement()
                .asString()
                .contains("method pivot(");
        assertThat(errors("branch.txPivot(\"b\", String.class);")).hasSize(1);
        assertThat(errors("s.forEachPivot(\"b\", String.class, String.class);")).hasSize(1);
    }

    @Test
    void a_conditional_pivot_does_not_compile() {
        assertThat(errors("s.pivot(\"b\", String.class).run((in, c) -> in).addWhen(in -> true);"))
                .singleElement()
                .asString()
                .contains("addWhen");
        assertThat(errors("s.txPivot(\"b\", String.class).run((in, tx, c) -> in).addWhen(in -> true);"))
                .hasSize(1);
    }

    @Test
    void a_result_before_its_step_does_not_compile() {
        assertThat(errors("s.step(\"b\", String.class).run(later, (in, r, c) -> r).harmless().add();"
                        + " var later = s.step(\"later\", String.class).run((in, c) -> in).harmless().add();"))
                .isNotEmpty();
        assertThat(errors(
                        "var b = s.step(\"b\", String.class); s.pivot(\"p\", String.class).run(b, (in, r, c) -> in);"))
                .isNotEmpty();
    }

    @Test
    void a_result_of_the_wrong_type_does_not_compile() {
        assertThat(errors("s.step(\"b\", Integer.class).run((in, c) -> \"one\").harmless().add();"))
                .isNotEmpty();
        assertThat(errors("s.pivot(\"b\", String.class).run(number, (in, n, c) -> n.length()).add();"))
                .isNotEmpty();
        assertThat(errors("Saga.Result<String> b = s.step(\"b\", String.class).run((in, c) -> in).harmless()"
                        + ".addWhen(in -> true);"))
                .isNotEmpty();
        assertThat(errors("s.step(\"b\", String.class).run((in, c) -> in).probe((in, c) -> ProbeResult.completed(1));"))
                .isNotEmpty();
    }

    @Test
    void as_many_arguments_as_results_or_it_does_not_compile() {
        assertThat(errors("s.pivot(\"b\", String.class).run(a, (in, c) -> in).add();"))
                .isNotEmpty();
        assertThat(errors("s.pivot(\"b\", String.class).run((in, r, c) -> in).add();"))
                .isNotEmpty();
        assertThat(errors("s.returns(a, in -> in);")).isNotEmpty();
    }
}
