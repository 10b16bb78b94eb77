// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** One promise about one benchmark: what it says, what it needs, and the two numbers that are compared. */
record Target(String text, Set<String> needs, ToDoubleFunction<Results> actual, ToDoubleFunction<Results> bound) {
    /** What the harness itself and other threads allocate in a run shows as a small fraction of a byte per call. */
    private static final double BYTES_OF_THE_HARNESS = 0.5;

    /** At most {@code ratio} times the fastest of the peers. */
    static Target ratio(double ratio, String ours, List<String> peers) {
        return new Target(
                "≤ " + plain(ratio) + " × peer",
                with(ours, peers),
                r -> r.get(ours).nanos(),
                r -> ratio * fastest(r, peers).nanos());
    }

    /** At most so many bytes allocated per call. */
    static Target bytes(int most, String ours) {
        return new Target(
                most == 0 ? "0 B" : "≤ " + most + " B",
                Set.of(ours),
                r -> r.get(ours).bytes(),
                r -> most + BYTES_OF_THE_HARNESS);
    }

    /** At most so many nanoseconds. */
    static Target nanos(double most, String ours) {
        return new Target(
                "≤ " + plain(most) + " ns", Set.of(ours), r -> r.get(ours).nanos(), r -> most);
    }

    /** At most {@code nanos} over the sum of the floors, each named once per use: two clock reads are named twice. */
    static Target over(String what, double nanos, String ours, List<String> floors) {
        return new Target(
                "≤ " + what + " + " + plain(nanos) + " ns",
                with(ours, floors),
                r -> r.get(ours).nanos(),
                r -> nanos + floors.stream().mapToDouble(f -> r.get(f).nanos()).sum());
    }

    /** All threads together do at least as much as one alone. */
    static Target scales(String contended, String alone) {
        return new Target(
                "throughput of 2 threads ≥ of 1",
                Set.of(contended, alone),
                r -> r.get(contended).nanos() / r.get(contended).threads(),
                r -> r.get(alone).nanos());
    }

    boolean known(Results results) {
        return needs.stream().allMatch(results::has);
    }

    boolean met(Results results) {
        return actual.applyAsDouble(results) <= bound.applyAsDouble(results);
    }

    /** Empty when met; otherwise by how much it is missed. */
    String missedBy(Results results) {
        if (met(results)) return "";
        return String.format(Locale.ROOT, "%.1f > %.1f", actual.applyAsDouble(results), bound.applyAsDouble(results));
    }

    static Results.Measured fastest(Results results, List<String> peers) {
        Results.Measured best = results.get(peers.get(0));
        for (String peer : peers) {
            if (results.get(peer).nanos() < best.nanos()) best = results.get(peer);
        }
        return best;
    }

    private static Set<String> with(String ours, List<String> others) {
        return Stream.concat(Stream.of(ours), others.stream()).collect(Collectors.toUnmodifiableSet());
    }

    private static String plain(double number) {
        return number == Math.rint(number) ? Long.toString((long) number) : Double.toString(number);
    }
}
