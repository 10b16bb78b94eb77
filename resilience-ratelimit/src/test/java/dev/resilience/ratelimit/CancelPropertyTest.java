// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static java.time.Duration.ofNanos;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.ratelimit.Kinds.Kind;
import dev.resilience.ratelimit.Kinds.Sample;
import dev.resilience.testkit.ratelimit.GrantLog;
import dev.resilience.testkit.ratelimit.ReplayOracle;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/** Reservations that are taken back: before their time, when due, the newest, any. */
class CancelPropertyTest {

    @Property(tries = 400) // S22, and S23 for several limits at once
    void p12_the_bound_holds_whatever_is_cancelled(
            @ForAll Kind kind, @ForAll long seed, @ForAll @IntRange(min = 2, max = 60) int steps) {
        Random random = new Random(seed);
        Sample sample = Kinds.sample(kind, random);
        HandClock time = new HandClock(random.nextLong());
        Meter meter = sample.limit().meter(time);
        GrantLog log = new GrantLog();
        List<Answer> open = new ArrayList<>();
        for (int i = 0; i < steps; i++) {
            time.now += random.nextInt(4);
            if (!open.isEmpty() && random.nextInt(3) == 0) {
                Answer cancelled = open.remove(random.nextInt(open.size()));
                meter.giveBack(cancelled);
                assertThat(log.cancelled(cancelled.at, cancelled.n)).isTrue();
            } else {
                Answer answer = new Answer();
                long n = 1 + random.nextInt((int) sample.most());
                if (meter.take(n, random.nextInt(50), answer) != Meter.GRANTED) continue;
                log.granted(answer.at, n);
                open.add(answer);
            }
        }
        sample.bound().accept(log);
    }

    @Property(tries = 400)
    void p12_a_window_gives_back_all_that_was_taken(@ForAll long seed, @ForAll @IntRange(min = 2, max = 60) int steps) {
        Random random = new Random(seed);
        Kind kind = List.of(Kind.SLIDING, Kind.FIXED, Kind.LOG).get(random.nextInt(3));
        Sample sample = Kinds.sample(kind, random);
        HandClock time = new HandClock(random.nextLong());
        long start = time.now;
        Meter meter = sample.limit().meter(time);
        Model model = sample.model().get();
        List<Answer> open = new ArrayList<>();
        long deepest = 0;
        for (int i = 0; i < steps; i++) {
            time.now += random.nextInt(6);
            long now = time.now - start;
            String what = sample + ", step " + i + " at " + now;
            if (!open.isEmpty() && random.nextInt(3) == 0) {
                Answer cancelled = open.remove(random.nextInt(open.size()));
                meter.giveBack(cancelled);
                model.cancel(cancelled.at - start, cancelled.n);
                deepest += cancelled.n;
                continue;
            }
            Answer answer = new Answer();
            long n = 1 + random.nextInt((int) sample.most());
            long wait = model.until(now, n);
            long told = meter.look(n);
            long got = meter.take(n, 1_000, answer);
            if (kind == Kind.LOG && deepest > sample.most()) {
                // a log remembers twice its limit: what is cancelled beyond that over-restricts
                assertThat(told).as(what).isGreaterThanOrEqualTo(wait);
                wait = told;
            }
            if (wait > 1_000) continue;
            assertThat(got).as(what).isEqualTo(Meter.GRANTED);
            assertThat(answer.wait).as(what).isEqualTo(wait);
            model.grant(now, now + wait, n);
            open.add(answer);
        }
    }

    @Property(tries = 400)
    void p13_reserving_and_cancelling_at_once_is_as_if_nothing_had_been(@ForAll Kind kind, @ForAll long seed) {
        Random random = new Random(seed);
        Sample sample = Kinds.sample(kind, random);
        HandClock time = new HandClock(random.nextLong());
        Meter touched = sample.limit().meter(time);
        Meter untouched = sample.limit().meter(time);
        for (int i = 0; i < 30; i++) {
            time.now += random.nextInt(5);
            long n = 1 + random.nextInt((int) sample.most());
            long longest = random.nextInt(3) * 20L;
            if (random.nextBoolean()) {
                Answer cancelled = new Answer();
                if (touched.take(n, longest, cancelled) == Meter.GRANTED) touched.giveBack(cancelled);
            }
            Answer one = new Answer();
            Answer other = new Answer();
            assertThat(touched.take(n, longest, one))
                    .as("%s step %s", sample, i)
                    .isEqualTo(untouched.take(n, longest, other));
            assertThat(one.wait).as("%s step %s", sample, i).isEqualTo(other.wait);
            assertThat(one.remaining).as("%s step %s", sample, i).isEqualTo(other.remaining);
            assertThat(one.resetAfter).as("%s step %s", sample, i).isEqualTo(other.resetAfter);
        }
    }

    @Property(tries = 300)
    void a_cancel_of_an_earlier_era_gives_nothing_back(@ForAll Kind kind, @ForAll long seed) {
        // L2, S22
        Random random = new Random(seed);
        Sample sample = Kinds.sample(kind, random);
        HandClock time = new HandClock(random.nextLong());
        Meter meter = sample.limit().meter(time);
        List<Answer> before = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            Answer answer = new Answer();
            if (meter.take(1, 40, answer) == Meter.GRANTED) before.add(answer);
            time.now += random.nextInt(3);
        }
        meter.reset();
        GrantLog log = new GrantLog();
        for (Answer cancelled : before) {
            Answer answer = new Answer();
            if (meter.take(1, 0, answer) == Meter.GRANTED) log.granted(answer.at, 1);
            meter.giveBack(cancelled);
        }
        for (int i = 0; i < 20; i++) {
            if (meter.take(1) == Meter.GRANTED) log.granted(time.now, 1);
        }
        sample.bound().accept(log);
    }

    @Property(tries = 200)
    void s23_a_composite_cancels_by_the_rule_of_each_limit(@ForAll long seed) {
        Random random = new Random(seed);
        Sample sample = Kinds.sample(Kind.ALL_OF, random);
        HandClock time = new HandClock(random.nextLong());
        Meter meter = sample.limit().meter(time);
        GrantLog log = new GrantLog();
        List<Answer> open = new ArrayList<>();
        for (int i = 0; i < 80; i++) {
            time.now += random.nextInt(3);
            boolean cancel = open.size() > 1 && random.nextBoolean();
            if (cancel) {
                Answer cancelled = open.remove(random.nextInt(open.size()));
                meter.giveBack(cancelled);
                log.cancelled(cancelled.at, cancelled.n);
            }
            Answer answer = new Answer();
            long n = 1 + random.nextInt((int) sample.most());
            if (meter.take(n, 30, answer) != Meter.GRANTED) continue;
            log.granted(answer.at, n);
            open.add(answer);
        }
        sample.bound().accept(log);
    }

    /** How much of what is cancelled comes back, beside the most that keeps the bound. */
    private static final class Recovered {
        long cancelled;
        long given;
        long possible;

        double rule() {
            return 100.0 * given / cancelled;
        }

        double oracle() {
            return 100.0 * possible / cancelled;
        }

        @Override
        public String toString() {
            return String.format(Locale.ROOT, "%.1f of %.1f %%", rule(), oracle());
        }
    }

    @Test
    void refunds_come_near_to_what_a_clairvoyant_would_give_back() {
        Recovered pending = recovered(1);
        Recovered due = recovered(2);
        Recovered mixed = recovered(3);
        String all = "pending " + pending + ", due " + due + ", mixed " + mixed;
        assertThat(pending.rule()).as(all).isBetween(70.0, pending.oracle());
        assertThat(due.rule()).as(all).isBetween(12.0, due.oracle());
        assertThat(mixed.rule()).as(all).isBetween(22.0, mixed.oracle());
    }

    private static long busy(Meter meter) {
        Answer answer = new Answer();
        meter.peek(1, answer);
        return answer.resetAfter;
    }

    /** Which: 1 only those that wait, 2 only those that are due, 3 both. */
    private static Recovered recovered(int which) {
        Recovered sum = new Recovered();
        for (int seed = 0; seed < 1_000; seed++) trace(new Random(seed), which, sum);
        return sum;
    }

    private static void trace(Random random, int which, Recovered sum) {
        int burst = 1 + random.nextInt(8);
        int nanos = 1 + random.nextInt(6);
        HandClock time = new HandClock(0);
        Meter meter = Limit.of(1, ofNanos(nanos)).burst(burst).meter(time);
        ReplayOracle oracle = ReplayOracle.of(1, ofNanos(nanos), burst);
        GrantLog log = new GrantLog();
        List<Answer> open = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            time.now += random.nextInt(1 + 4 * nanos);
            List<Answer> some = open.stream()
                    .filter(a -> (a.at > time.now ? 1 : 2) == which || which == 3)
                    .toList();
            if (!some.isEmpty() && random.nextInt(3) == 0) {
                Answer cancelled = some.get(random.nextInt(some.size()));
                open.remove(cancelled);
                long before = oracle.untilFull(time.now).toNanos();
                oracle.cancelled(cancelled.at, cancelled.n);
                log.cancelled(cancelled.at, cancelled.n);
                sum.possible += before - oracle.untilFull(time.now).toNanos();
                sum.given += busy(meter);
                meter.giveBack(cancelled);
                sum.given -= busy(meter);
                sum.cancelled += cancelled.n * nanos;
                continue;
            }
            Answer answer = new Answer();
            long n = 1 + random.nextInt(burst);
            if (meter.take(n, nanos * 20L, answer) != Meter.GRANTED) continue;
            assertThat(answer.wait)
                    .isGreaterThanOrEqualTo(oracle.delay(time.now, n).toNanos());
            oracle.granted(answer.at, n);
            log.granted(answer.at, n);
            open.add(answer);
        }
        log.checkBucket(1, ofNanos(nanos), burst);
    }
}
