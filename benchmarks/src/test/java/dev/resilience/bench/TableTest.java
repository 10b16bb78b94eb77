// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.annotations.Benchmark;

class TableTest {
    private static final String OURS = "TimeoutBench.ours";

    private static String run(String name, int threads, String raw, double bytes) {
        return String.format(
                Locale.ROOT,
                "{\"jdkVersion\":\"17.0.1\",\"vmName\":\"VM\",\"vmVersion\":\"17.0.1+1\",\"benchmark\":\"dev.resilience.bench.%s\","
                        + "\"threads\":%d,\"primaryMetric\":{\"score\":1e9,\"scoreUnit\":\"ns/op\",\"rawData\":%s},"
                        + "\"secondaryMetrics\":{\"gc.alloc.rate\":{\"score\":7777.0},\"gc.alloc.rate.norm\":{\"score\":%f}}}",
                name,
                threads,
                raw,
                bytes);
    }

    private static Results results(String... runs) {
        return Results.of("[" + String.join(",", runs) + "]");
    }

    private static Row row(Target... targets) {
        return new Row("P0", "path", "B.ours", List.of("B.slow", "B.fast"), List.of(targets));
    }

    @Test
    void a_score_is_the_median_over_the_iterations_of_all_forks() {
        Results results =
                results(run("A.odd", 1, "[[1.0, 9.0], [2.0]]", 0), run("A.even", 2, "[[1, 2, 4, 100]]", 24.4));
        assertThat(results.get("A.odd")).isEqualTo(new Results.Measured("A.odd", 1, 2, 1, 9, 0));
        assertThat(results.get("A.even")).isEqualTo(new Results.Measured("A.even", 2, 3, 1, 100, 24.4));
        assertThat(results.jdk()).isEqualTo("17.0.1");
    }

    @Test
    void processor_time_goes_before_time_on_the_wall() {
        String cpu = "{\"cpu.norm\":{\"scoreUnit\":\"ns/op\",\"rawData\":[[3.0,4.0,5.0]]},";
        String run = run("A.a", 1, "[[70.0]]", 0).replace("\"secondaryMetrics\":{", "\"secondaryMetrics\":" + cpu);
        assertThat(results(run).get("A.a").nanos()).isEqualTo(4);
    }

    @Test
    void a_file_in_another_unit_is_refused() {
        String wrong = "[" + run("A.a", 1, "[[1.0]]", 0).replace("ns/op", "ops/s") + "]";
        assertThatThrownBy(() -> Results.of(wrong)).hasMessage("JMH: expected ns/op, was ops/s");
        assertThatThrownBy(() -> Results.of("[{}]")).hasMessage("JMH: expected a member 'primaryMetric'");
        assertThatThrownBy(() -> Results.of("{}")).hasMessage("JMH: expected an array");
    }

    @Test
    void a_run_without_the_allocation_profiler_meets_no_target_of_bytes() {
        Results results = Results.of("[" + run("B.ours", 1, "[[1.0]]", 0).replace("gc.alloc", "gc.other") + "]");
        assertThat(row(Target.bytes(0, "B.ours")).markdown(results)).contains("| – | 0 B | **no**");
    }

    @Test
    void the_ratio_is_to_the_fastest_peer() {
        Results results = results(
                run("B.ours", 1, "[[20.0]]", 0.004),
                run("B.slow", 1, "[[400.0]]", 0),
                run("B.fast", 1, "[[100.0]]", 0));
        Target quarter = Target.ratio(0.25, "B.ours", List.of("B.slow", "B.fast"));
        assertThat(row(quarter, Target.bytes(0, "B.ours")).markdown(results))
                .isEqualTo("| P0 | path | 20.0 | 100.0 (fast) | 0.20 | 0 | ≤ 0.25 × peer, 0 B | yes |");
    }

    @Test
    void a_missed_target_says_by_how_much() {
        Results results = results(
                run("B.ours", 1, "[[30.0]]", 8), run("B.slow", 1, "[[400.0]]", 0), run("B.fast", 1, "[[100.0]]", 0));
        Target quarter = Target.ratio(0.25, "B.ours", List.of("B.slow", "B.fast"));
        assertThat(row(quarter, Target.bytes(8, "B.ours")).verdict(results))
                .isEqualTo("**no**: ≤ 0.25 × peer (30.0 > 25.0)");
        assertThat(row(quarter, Target.bytes(7, "B.ours")).verdict(results)).contains("≤ 7 B (8.0 > 7.5)");
    }

    @Test
    void what_was_not_measured_is_not_called_met() {
        Results results = results(run("B.ours", 1, "[[1.0]]", 0));
        Target quarter = Target.ratio(0.25, "B.ours", List.of("B.fast"));
        assertThat(row(quarter).markdown(results))
                .isEqualTo("| P0 | path | 1.0 | – | – | 0 | ≤ 0.25 × peer | not measured: ≤ 0.25 × peer |");
        assertThat(row().verdict(results)).isEqualTo("–");
    }

    @Test
    void floors_are_added_up_once_for_each_use() {
        Target two = Target.over("two clock reads", 12, "B.ours", List.of("B.clock", "B.clock"));
        assertThat(two.met(results(run("B.ours", 1, "[[52.0]]", 0), run("B.clock", 1, "[[20.0]]", 0))))
                .isTrue();
        assertThat(two.met(results(run("B.ours", 1, "[[52.1]]", 0), run("B.clock", 1, "[[20.0]]", 0))))
                .isFalse();
    }

    @Test
    void throughput_falls_when_a_call_of_two_threads_costs_more_than_two_of_one() {
        Target scales = Target.scales("B.two", "B.one");
        assertThat(scales.met(results(run("B.two", 2, "[[20.0]]", 0), run("B.one", 1, "[[10.0]]", 0))))
                .isTrue();
        assertThat(scales.met(results(run("B.two", 2, "[[20.1]]", 0), run("B.one", 1, "[[10.0]]", 0))))
                .isFalse();
    }

    @Test
    void a_section_replaces_only_what_stands_between_its_markers() {
        String document = "a\n<!-- measured: JDK 17 -->\nold\n<!-- end: JDK 17 -->\nb\n"
                + "<!-- measured: JDK 25 -->\nkept\n<!-- end: JDK 25 -->\n";
        assertThat(Table.replaced(document, "17", "\nnew\n\n")).isEqualTo(document.replace("old", "new"));
        assertThatThrownBy(() -> Table.replaced(document, "21", "new")).hasMessageContaining("JDK 21");
    }

    @Test
    void a_section_names_the_jdk_the_cores_and_the_commit() {
        String section = Table.section(results(run(OURS, 1, "[[1.0]]", 0)), "abc", 2);
        assertThat(section).contains("JDK 17.0.1", "2 cores", "commit abc", "| P9 |", "| " + OURS + " | 1 |");
    }

    @Test
    void the_major_version_picks_the_section() {
        assertThat(Stream.of("17.0.15", "25", "25-ea", "25+36").map(Table::major))
                .containsExactly("17", "25", "25", "25");
    }

    @Test
    void every_benchmark_that_a_row_names_exists() throws ClassNotFoundException {
        Set<String> named = new HashSet<>();
        for (Row row : Rows.ALL) {
            named.add(row.ours());
            named.addAll(row.peers());
            row.targets().forEach(t -> named.addAll(t.needs()));
        }
        assertThat(named).isNotEmpty();
        for (String name : named) {
            String[] parts = name.split("\\.");
            Set<String> methods = Arrays.stream(
                            Class.forName("dev.resilience.bench." + parts[0]).getDeclaredMethods())
                    .filter(m -> m.isAnnotationPresent(Benchmark.class))
                    .map(java.lang.reflect.Method::getName)
                    .collect(Collectors.toSet());
            assertThat(methods).contains(parts[1]);
        }
    }
}
