// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.DoubleRange;

class HistogramPropertyTest {
    @Property
    void a_percentile_is_that_of_a_sorted_list_or_at_most_a_32nd_above(
            @ForAll("durations") List<Long> durations, @ForAll @DoubleRange(min = 0, max = 1) double share) {
        long exact = naive(durations, share);
        long found = of(durations).percentile(share);
        assertThat(found - exact).isBetween(0L, exact / 32);
    }

    @Property
    void nothing_is_lost_and_the_longest_is_exact(@ForAll("durations") List<Long> durations) {
        Histogram histogram = of(durations);
        assertThat(histogram.count()).isEqualTo(durations.size());
        assertThat(histogram.max())
                .isEqualTo(durations.stream().mapToLong(d -> d).max().orElseThrow());
        assertThat(histogram.percentile(1)).isEqualTo(histogram.max());
    }

    @Property
    void two_histograms_added_are_that_of_all_durations(
            @ForAll("durations") List<Long> some, @ForAll("durations") List<Long> others) {
        Histogram sum = of(some);
        sum.addAll(of(others));
        Histogram all = of(some);
        others.forEach(all::add);
        assertThat(sum.count()).isEqualTo(all.count());
        assertThat(sum.max()).isEqualTo(all.max());
        for (double share : new double[] {0, 0.1, 0.5, 0.9, 0.99, 1}) {
            assertThat(sum.percentile(share)).isEqualTo(all.percentile(share));
        }
    }

    @Example
    void without_durations_every_percentile_is_zero() {
        assertThat(new Histogram().percentile(0.5)).isZero();
        assertThat(new Histogram().max()).isZero();
    }

    @Example
    void a_clock_that_went_back_counts_as_no_time() {
        assertThat(of(List.of(-5L)).percentile(1)).isZero();
    }

    @Provide
    Arbitrary<List<Long>> durations() {
        Arbitrary<Long> any = Arbitraries.oneOf(
                Arbitraries.longs().between(0, 200),
                Arbitraries.longs().between(0, 5_000_000_000L),
                Arbitraries.longs().between(0, Long.MAX_VALUE));
        return any.list().ofMinSize(1).ofMaxSize(200);
    }

    private static Histogram of(List<Long> durations) {
        Histogram histogram = new Histogram();
        durations.forEach(histogram::add);
        return histogram;
    }

    /** Nearest rank, as the textbook has it. */
    private static long naive(List<Long> durations, double share) {
        int rank = (int) Math.ceil(share * durations.size());
        return durations.stream()
                .sorted()
                .skip(Math.max(rank, 1) - 1)
                .findFirst()
                .orElseThrow();
    }
}
