// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.ManualTime;
import java.math.BigDecimal;
import java.math.MathContext;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.jspecify.annotations.Nullable;

/** The budget against a model that keeps every slice and a fractional reserve; and against its published bound. */
class RetryBudgetPropertyTest {
    private static final long SECOND = 1_000_000_000L;

    /** Deposit n, advance n nanoseconds, withdraw, or put the oldest withdrawal back. */
    record Step(String what, long n) {}

    @Provide
    Arbitrary<List<Step>> steps() {
        Arbitrary<Step> deposits = Arbitraries.longs().between(1, 40).map(n -> new Step("deposit", n));
        Arbitrary<Step> moves = Arbitraries.longs().between(0, 4 * SECOND).map(n -> new Step("advance", n));
        Arbitrary<Step> jumps =
                Arbitraries.longs().between(9 * SECOND, 90 * SECOND).map(n -> new Step("advance", n));
        Arbitrary<Step> withdrawals = Arbitraries.just(new Step("withdraw", 0));
        Arbitrary<Step> rejected = Arbitraries.just(new Step("restore", 0));
        return Arbitraries.frequencyOf(
                        net.jqwik.api.Tuple.of(4, deposits),
                        net.jqwik.api.Tuple.of(4, moves),
                        net.jqwik.api.Tuple.of(1, jumps),
                        net.jqwik.api.Tuple.of(8, withdrawals),
                        net.jqwik.api.Tuple.of(2, rejected))
                .list()
                .ofMaxSize(200);
    }

    /** S36 word for word, in fractions. */
    private static final class Naive {
        final BigDecimal ratio;
        final BigDecimal rate;
        final TreeMap<Long, BigDecimal> slices = new TreeMap<>();
        BigDecimal reserve;
        long now;
        long lookedAt;
        long waiting;

        Naive(int percent, int minPerSecond) {
            ratio = BigDecimal.valueOf(percent, 2);
            rate = BigDecimal.valueOf(minPerSecond);
            reserve = rate;
        }

        void look() {
            long since = now - lookedAt;
            BigDecimal seconds = BigDecimal.valueOf(since, 9);
            BigDecimal share =
                    since <= 10 * SECOND ? BigDecimal.ONE : BigDecimal.TEN.divide(seconds, MathContext.DECIMAL128);
            slices.merge(
                    now / SECOND, ratio.multiply(BigDecimal.valueOf(waiting)).multiply(share), BigDecimal::add);
            slices.headMap(now / SECOND - 9).clear();
            reserve = rate.min(reserve.add(rate.multiply(seconds)));
            waiting = 0;
            lookedAt = now;
        }

        /** Null: refused. Empty: from the reserve. Else the oldest slice that gave. */
        @Nullable
        OptionalLong withdraw() {
            look();
            if (reserve.compareTo(BigDecimal.ONE) >= 0) {
                reserve = reserve.subtract(BigDecimal.ONE);
                return OptionalLong.empty();
            }
            BigDecimal missing = BigDecimal.ONE;
            if (slices.values().stream()
                            .reduce(BigDecimal.ZERO, BigDecimal::add)
                            .compareTo(missing)
                    < 0) return null;
            OptionalLong oldest = OptionalLong.empty();
            for (Map.Entry<Long, BigDecimal> slice : slices.entrySet()) {
                BigDecimal taken = missing.min(slice.getValue());
                if (taken.signum() > 0 && oldest.isEmpty()) oldest = OptionalLong.of(slice.getKey());
                slice.setValue(slice.getValue().subtract(taken));
                missing = missing.subtract(taken);
            }
            return oldest;
        }

        void restore(OptionalLong from) {
            look();
            if (from.isEmpty()) reserve = rate.min(reserve.add(BigDecimal.ONE));
            else slices.computeIfPresent(from.getAsLong(), (slice, tokens) -> tokens.add(BigDecimal.ONE));
        }

        /** Within a hair of a whole token the cut-off millionths may decide either way. */
        boolean onTheEdge() {
            BigDecimal sum = slices.values().stream().reduce(BigDecimal.ZERO, BigDecimal::add);
            BigDecimal toNext = sum.subtract(BigDecimal.ONE).abs();
            return toNext.signum() != 0 && toNext.compareTo(new BigDecimal("0.001")) < 0;
        }
    }

    @Property(tries = 400)
    void it_does_what_the_model_does(
            @ForAll("steps") List<Step> steps,
            @ForAll @IntRange(min = 1, max = 100) int percent,
            @ForAll @IntRange(max = 12) int minPerSecond) {
        ManualTime time = ManualTime.startingAt(Long.MAX_VALUE - 20 * SECOND);
        RetryBudget budget = RetryBudget.builder()
                .ratio(percent / 100.0)
                .minPerSecond(minPerSecond)
                .timeSource(time)
                .build();
        Naive model = new Naive(percent, minPerSecond);
        Deque<Long> receipts = new ArrayDeque<>();
        Deque<OptionalLong> modelReceipts = new ArrayDeque<>();
        for (Step step : steps) {
            switch (step.what) {
                case "deposit" -> {
                    for (int i = 0; i < step.n; i++) budget.deposit();
                    model.waiting += step.n;
                }
                case "advance" -> {
                    time.advance(Duration.ofNanos(step.n));
                    model.now += step.n;
                }
                case "restore" -> {
                    if (receipts.isEmpty()) continue;
                    budget.restore(receipts.remove());
                    model.restore(modelReceipts.remove());
                }
                default -> {
                    model.look();
                    if (model.onTheEdge()) return;
                    long receipt = budget.withdraw();
                    OptionalLong expected = model.withdraw();
                    assertThat(receipt != 0).as("%s at %s", step, time).isEqualTo(expected != null);
                    if (expected == null) continue;
                    receipts.add(receipt);
                    modelReceipts.add(expected);
                }
            }
        }
    }

    @Property(tries = 400)
    void the_published_bound_holds_from_the_start_and_in_every_interval(
            @ForAll("steps") @Size(min = 20, max = 200) List<Step> steps,
            @ForAll @IntRange(min = 1, max = 100) int percent,
            @ForAll @IntRange(max = 12) int minPerSecond) {
        ManualTime time = ManualTime.create();
        RetryBudget budget = RetryBudget.builder()
                .ratio(percent / 100.0)
                .minPerSecond(minPerSecond)
                .timeSource(time)
                .build();
        List<long[]> firsts = new ArrayList<>(); // at, how many
        List<long[]> extras = new ArrayList<>(); // granted at, given back at (never: MAX_VALUE), receipt
        long at = 0;
        long lastLook = 0;
        boolean even = true; // no pause over 10 s between two looks: then the interval bound holds, too
        for (Step step : steps) {
            switch (step.what) {
                case "deposit" -> {
                    for (int i = 0; i < step.n; i++) budget.deposit();
                    firsts.add(new long[] {at, step.n});
                }
                case "advance" -> {
                    time.advance(Duration.ofNanos(step.n));
                    at += step.n;
                }
                case "restore" -> {
                    even &= at - lastLook <= 10 * SECOND;
                    lastLook = at;
                    for (long[] extra : extras) {
                        if (extra[1] != Long.MAX_VALUE) continue;
                        budget.restore(extra[2]);
                        extra[1] = at;
                        break;
                    }
                }
                default -> {
                    even &= at - lastLook <= 10 * SECOND;
                    lastLook = at;
                    long receipt = budget.withdraw();
                    if (receipt != 0) extras.add(new long[] {at, Long.MAX_VALUE, receipt});
                }
            }
        }
        assertBound(firsts, extras, 0, at, percent, minPerSecond);
        if (!even) return;
        for (long from = 0; from < at; from += at / 16 + 1)
            for (long to = from; to <= at; to += at / 16 + 1)
                assertBound(firsts, extras, from, to, percent, minPerSecond);
    }

    private static void assertBound(
            List<long[]> firsts, List<long[]> extras, long from, long to, int percent, int minPerSecond) {
        double first = firsts.stream()
                .filter(e -> e[0] >= from - 20 * SECOND && e[0] <= to)
                .mapToLong(e -> e[1])
                .sum();
        long ran = extras.stream()
                .filter(e -> e[0] >= from && e[0] <= to && e[1] > to)
                .count();
        long givenBack = extras.stream()
                .filter(e -> e[0] < from && e[1] >= from && e[1] <= to)
                .count();
        assertThat((double) ran)
                .as("from %s to %s", from, to)
                .isLessThanOrEqualTo(
                        percent / 100.0 * first + minPerSecond * (1 + (to - from) / 1e9) + givenBack + 1e-6);
    }
}
