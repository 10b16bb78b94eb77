// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.LongRange;

/** Freshness is arithmetic: its formulas for every input. */
class FreshnessPropertyTest {

    @Property(tries = 500) // cache.md 3.9: in [ttl (1 - j), ttl]
    void jitter_never_lengthens_and_never_takes_more_than_its_part(
            @ForAll @LongRange(min = 0, max = (1L << 62) - 1) long ttl,
            @ForAll @DoubleRange(min = 0, max = 0.99) double part,
            @ForAll long seed) {
        long jittered = Freshness.jittered(ttl, part, new SplittableRandom(seed));
        assertThat(jittered).isLessThanOrEqualTo(ttl);
        assertThat((double) jittered).isGreaterThanOrEqualTo(Math.floor(ttl * (1 - part) * (1 - 1e-15)));
    }

    @Example
    void a_ttl_for_ever_has_no_jitter() {
        assertThat(Freshness.jittered(Entry.ETERNAL, 0.5, new SplittableRandom(1)))
                .isEqualTo(Entry.ETERNAL);
    }

    @Example // cache.md 3.9: P(early) = exp(-remaining / (delta beta)); seeds are fixed, so this is no lottery
    void early_refreshes_come_as_often_as_the_formula_says() {
        for (double beta : new double[] {0.5, 1, 2}) {
            for (double deltas : new double[] {0, 0.1, 0.5, 1, 2, 3, 5}) {
                double delta = 400e6;
                int early = 0;
                int draws = 100_000;
                SplittableRandom random = new SplittableRandom(42);
                for (int i = 0; i < draws; i++) {
                    if (Freshness.early(delta * beta, (long) (delta * beta * deltas), random)) early++;
                }
                double p = Math.exp(-deltas);
                double sigma = Math.sqrt(p * (1 - p) / draws);
                assertThat(early / (double) draws).isBetween(p - 5 * sigma - 1e-9, p + 5 * sigma + 1e-9);
            }
        }
    }

    @Property(tries = 200) // cache.md 3.9: no logarithm, and no chance, beyond 20 deltas
    void nothing_is_early_far_from_the_end(
            @ForAll @DoubleRange(min = 1, max = 1e12) double scale, @ForAll @LongRange(min = 1, max = 1000) long more) {
        long remaining = (long) Math.ceil(scale * 20) + more;
        assertThat(Freshness.early(scale, remaining, () -> {
                    throw new AssertionError("asked for chance");
                }))
                .isFalse();
    }

    @Property(tries = 300)
    void the_verdict_follows_the_line_of_time(
            @ForAll @LongRange(min = 0, max = 1_000) long ttl,
            @ForAll @LongRange(min = 0, max = 1_000) long revalidate,
            @ForAll @LongRange(min = 0, max = 1_000) long onError,
            @ForAll @LongRange(min = 0, max = 4_000) long age,
            @ForAll long born) {
        Freshness freshness = new Freshness(Entry.ETERNAL, 0, revalidate, onError, new SplittableRandom(1));
        Entry<String> entry = new Entry<>();
        entry.value = "v";
        entry.bornNanos = born;
        entry.ttlNanos = ttl;
        Freshness.Verdict expected = Freshness.Verdict.USELESS;
        if (age < ttl + onError) expected = Freshness.Verdict.ON_ERROR;
        if (age < ttl + revalidate) expected = Freshness.Verdict.STALE;
        if (age < ttl) expected = Freshness.Verdict.FRESH;
        assertThat(freshness.judge(entry, born + age)).isEqualTo(expected);
    }

    @Property(tries = 200) // L10
    void sums_saturate(@ForAll @LongRange(min = 0) long one, @ForAll @LongRange(min = 0) long other) {
        long sum = Saturating.sum(one, other);
        boolean fits = one < (1L << 62) && other < (1L << 62) && one + other < (1L << 62);
        assertThat(sum).isEqualTo(fits ? one + other : Entry.ETERNAL);
    }
}
