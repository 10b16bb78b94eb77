// SPDX-License-Identifier: Apache-2.0
package dev.resilience.hedge;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;

class QuantilePropertyTest {
    @Property
    void the_answer_is_the_sorted_lists_within_an_eighth(
            @ForAll @Size(value = 32) List<@LongRange(min = 1, max = Long.MAX_VALUE) Long> nanos,
            @ForAll @DoubleRange(min = 0.01, max = 0.99) double q) {
        Quantile quantile = new Quantile(q, 32);
        nanos.forEach(quantile::record);
        long exact = nanos.stream()
                .sorted()
                .skip((long) Math.ceil(q * 32) - 1)
                .findFirst()
                .orElseThrow();
        assertThat((double) quantile.nanos()).isBetween((double) exact, exact * 1.126 + 1);
    }

    @Property
    void every_duration_lies_in_its_bucket(@ForAll @LongRange(min = 1, max = Long.MAX_VALUE) long nanos) {
        int bucket = Quantile.bucket(nanos);
        assertThat(Quantile.upper(bucket)).isGreaterThanOrEqualTo(nanos);
        if (nanos >= 16) assertThat(Quantile.upper(bucket - 1)).isLessThan(nanos);
    }

    @Property(tries = 20)
    void it_follows_a_dependency_that_becomes_faster(@ForAll @LongRange(min = 1_000, max = 1_000_000) long fast) {
        Quantile quantile = new Quantile(0.95, 100);
        for (int i = 0; i < 10_000; i++) quantile.record(fast * 50);
        for (int i = 0; i < 40_000; i++) quantile.record(fast);
        assertThat(quantile.nanos()).isLessThan(fast * 2);
    }
}
