// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What JMH measured, by {@code Class.method}. A score is the median of the iterations of all forks: on a machine that
 * others use too, one disturbed iteration moves a mean and leaves a median alone. It is processor time when the run had
 * {@link CpuTime}, for the same reason.
 */
final class Results {
    private final Map<String, Measured> byName;
    private final String jdk;
    private final String vm;

    private Results(Map<String, Measured> byName, String jdk, String vm) {
        this.byName = byName;
        this.jdk = jdk;
        this.vm = vm;
    }

    /** One benchmark: nanoseconds and bytes per call and thread. */
    record Measured(String name, int threads, double nanos, double least, double most, double bytes) {}

    /** Reads the file that {@code -rf json -prof gc} writes. */
    static Results of(String json) {
        if (!(Json.parse(json) instanceof List<?> runs)) throw new IllegalArgumentException("JMH: expected an array");
        Map<String, Measured> byName = new LinkedHashMap<>();
        String jdk = "?";
        String vm = "?";
        for (Object run : runs) {
            Measured measured = measured(run);
            byName.put(measured.name(), measured);
            jdk = text(run, "jdkVersion");
            vm = text(run, "vmName") + " " + text(run, "vmVersion");
        }
        return new Results(byName, jdk, vm);
    }

    private static Measured measured(@Nullable Object run) {
        Object score = score(run);
        String unit = text(score, "scoreUnit");
        if (!unit.equals("ns/op")) throw new IllegalArgumentException("JMH: expected ns/op, was " + unit);
        List<Double> raw = numbers(at(score, "rawData"));
        double[] sorted = raw.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        if (sorted.length == 0) throw new IllegalArgumentException("JMH: no raw data");
        return new Measured(
                shortName(text(run, "benchmark")),
                (int) number(at(run, "threads")),
                median(sorted),
                sorted[0],
                sorted[sorted.length - 1],
                bytes(at(run, "secondaryMetrics")));
    }

    private static @Nullable Object score(@Nullable Object run) {
        Object primary = at(run, "primaryMetric");
        Object secondary = at(run, "secondaryMetrics");
        return secondary instanceof Map<?, ?> metrics && metrics.containsKey(CpuTime.METRIC)
                ? metrics.get(CpuTime.METRIC)
                : primary;
    }

    /** The package says nothing here. */
    private static String shortName(String benchmark) {
        return benchmark.substring(benchmark.lastIndexOf('.', benchmark.lastIndexOf('.') - 1) + 1);
    }

    static double median(double[] sorted) {
        int half = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    }

    /** NaN when the run had no {@code -prof gc}. */
    private static double bytes(@Nullable Object secondary) {
        if (!(secondary instanceof Map<?, ?> metrics)) return Double.NaN;
        for (Map.Entry<?, ?> metric : metrics.entrySet()) {
            if (String.valueOf(metric.getKey()).endsWith("gc.alloc.rate.norm")) {
                return number(at(metric.getValue(), "score"));
            }
        }
        return Double.NaN;
    }

    private static @Nullable Object at(@Nullable Object object, String name) {
        if (!(object instanceof Map<?, ?> map) || !map.containsKey(name)) {
            throw new IllegalArgumentException("JMH: expected a member '" + name + "'");
        }
        return map.get(name);
    }

    private static String text(@Nullable Object object, String name) {
        return String.valueOf(at(object, name));
    }

    private static double number(@Nullable Object value) {
        if (value instanceof Double d) return d;
        if ("NaN".equals(value)) return Double.NaN;
        throw new IllegalArgumentException("JMH: expected a number, was " + value);
    }

    /** All numbers of nested lists: forks, then iterations. */
    private static List<Double> numbers(@Nullable Object nested) {
        if (!(nested instanceof List<?> list)) return List.of(number(nested));
        List<Double> all = new ArrayList<>();
        for (Object each : list) all.addAll(numbers(each));
        return all;
    }

    boolean has(String name) {
        return byName.containsKey(name);
    }

    Measured get(String name) {
        return Objects.requireNonNull(byName.get(name), name);
    }

    Collection<Measured> all() {
        return byName.values();
    }

    /** The version of the JDK that ran them. */
    String jdk() {
        return jdk;
    }

    String vm() {
        return vm;
    }
}
