// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static java.time.Duration.ofNanos;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.ratelimit.RateLimiter.Carry;
import dev.resilience.testkit.ratelimit.GrantLog;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/** P16, S26: limits that are replaced again and again, by others of their kind and by others. */
class ReconfigureKindsPropertyTest {
    private static final Carry[] KEEPING = {
        Carry.KEEP_TOKENS, Carry.KEEP_DEBT_TIME, Carry.PROPORTIONAL, Carry.ADD_DIFFERENCE
    };

    private enum Shape {
        SLIDING,
        LOG,
        FIXED
    }

    private static Limit limit(Shape shape, long permits, long window, int precision) {
        return switch (shape) {
            case SLIDING -> Limit.sliding(permits, ofNanos(window)).precision(precision);
            case LOG -> Limit.slidingLog(permits, ofNanos(window));
            case FIXED -> Limit.fixed(permits, ofNanos(window));
        };
    }

    @Property(tries = 600)
    void p16_no_window_ever_sees_more_than_the_greatest_limit(
            @ForAll Shape shape, @ForAll long seed, @ForAll @IntRange(min = 5, max = 80) int steps) {
        Random random = new Random(seed);
        HandClock clock = new HandClock(random.nextLong());
        long window = 12 + random.nextInt(30);
        int precision = 1 + random.nextInt(5);
        long most = 12;
        RateLimiter limiter = RateLimiter.builder("r")
                .limit(limit(shape, 1 + random.nextInt((int) most), window, precision))
                .timeSource(clock)
                .build();
        // many changes that keep the tokens, or one of any sort: growing by the difference what has shrunk to the
        // tokens
        // grants that difference, as one has asked for
        boolean many = random.nextBoolean();
        int only = random.nextInt(steps);
        Carry carry = many ? Carry.KEEP_TOKENS : KEEPING[random.nextInt(KEEPING.length)];
        GrantLog log = new GrantLog();
        List<Answer> open = new ArrayList<>();
        for (int i = 0; i < steps; i++) {
            clock.now += random.nextInt(5);
            if (i == only || many && random.nextInt(5) == 0) {
                limiter.reconfigure(limit(shape, 1 + random.nextInt((int) most), window, precision), carry);
            }
            switch (random.nextInt(5)) {
                case 1 -> cancelOne(open, log, random);
                default -> {
                    Answer answer = new Answer();
                    long n = 1 + random.nextInt(4);
                    if (limiter.meter().take(n, random.nextInt(3) * 10, answer) != Meter.GRANTED) continue;
                    log.granted(answer.at, n);
                    open.add(answer);
                }
            }
        }
        if (shape == Shape.FIXED) log.checkFixed(most, ofNanos(window));
        else log.checkWindow(most, ofNanos(window));
    }

    private static void cancelOne(List<Answer> open, GrantLog log, Random random) {
        if (open.isEmpty()) return;
        Answer cancelled = open.remove(random.nextInt(open.size()));
        cancelled.meter.giveBack(cancelled);
        log.cancelled(cancelled.at, cancelled.n);
    }

    @Property(tries = 400)
    void p16_changing_the_kind_gives_nobody_more_than_both_together(@ForAll long seed) {
        // the old limit's window and the new one's, side by side
        Random random = new Random(seed);
        Kinds.Kind[] kinds = {Kinds.Kind.BUCKET, Kinds.Kind.STRICT, Kinds.Kind.SLIDING, Kinds.Kind.LOG, Kinds.Kind.FIXED
        };
        Kinds.Sample before = Kinds.sample(kinds[random.nextInt(kinds.length)], random);
        Kinds.Sample after = Kinds.sample(kinds[random.nextInt(kinds.length)], random);
        HandClock clock = new HandClock(random.nextLong());
        RateLimiter limiter =
                RateLimiter.builder("r").limit(before.limit()).timeSource(clock).build();
        GrantLog first = new GrantLog();
        GrantLog second = new GrantLog();
        ask(limiter, clock, random, first, (int) before.most());
        limiter.reconfigure(after.limit(), KEEPING[random.nextInt(KEEPING.length)]);
        ask(limiter, clock, random, second, (int) after.most());
        before.bound().accept(first);
        after.bound().accept(second);
    }

    private static void ask(RateLimiter limiter, HandClock clock, Random random, GrantLog log, int most) {
        for (int i = 0; i < 25; i++) {
            clock.now += random.nextInt(4);
            Answer answer = new Answer();
            long n = 1 + random.nextInt(most);
            if (limiter.meter().take(n, random.nextInt(2) * 10, answer) == Meter.GRANTED) log.granted(answer.at, n);
        }
    }

    @Property(tries = 300)
    void p16_keep_tokens_keeps_them_across_all_kinds(
            @ForAll Kinds.Kind from, @ForAll Kinds.Kind to, @ForAll long seed) {
        Random random = new Random(seed);
        Kinds.Sample before = Kinds.sample(from, random);
        Kinds.Sample after = Kinds.sample(to, random);
        HandClock clock = new HandClock(random.nextLong());
        RateLimiter limiter =
                RateLimiter.builder("r").limit(before.limit()).timeSource(clock).build();
        ask(limiter, clock, random, new GrantLog(), (int) before.most());
        long left = limiter.peek(1).remaining();
        limiter.reconfigure(after.limit(), Carry.KEEP_TOKENS);
        long now = limiter.peek(1).remaining();
        assertThat(now).as("%s to %s", before, after).isLessThanOrEqualTo(left);
        boolean severalParts = from == Kinds.Kind.ALL_OF || to == Kinds.Kind.ALL_OF; // each part has its own tokens
        if (!severalParts) assertThat(now).as("%s to %s", before, after).isEqualTo(Math.min(left, after.most()));
    }
}
