// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.ratelimit.Kinds.Kind;
import dev.resilience.ratelimit.Kinds.Sample;
import dev.resilience.testkit.ratelimit.GrantLog;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/** Each kind of limit beside its naive model, asked at random times for random weights and waits. */
class DecisionPropertyTest {

    @Property(tries = 400)
    void p2_every_decision_is_that_of_the_model(
            @ForAll Kind kind, @ForAll long seed, @ForAll @IntRange(min = 1, max = 60) int steps) {
        Random random = new Random(seed);
        Sample sample = Kinds.sample(kind, random);
        HandClock time = new HandClock(random.nextLong());
        long start = time.now;
        Meter meter = sample.limit().meter(time);
        Model model = sample.model().get();
        GrantLog log = new GrantLog();
        boolean heavy = false;
        long lastAction = start;
        for (int i = 0; i < steps; i++) {
            time.now += random.nextInt(4) == 0 ? random.nextInt((int) sample.span() * 2 + 1) : random.nextInt(4);
            long now = time.now - start;
            long n = 1 + random.nextInt((int) sample.most() + 1);
            long longest = Math.min(random.nextBoolean() ? 0 : random.nextInt(60), meter.longestWait());
            long wait = model.until(now, n);
            String what = sample + ", step " + i + " at " + now + ": " + n + " within " + longest;

            Answer before = new Answer();
            assertThat(meter.peek(n, before)).as(what).isEqualTo(wait);
            assertThat(meter.look(n)).as(what).isEqualTo(wait);
            assertThat(before.remaining).as(what).isEqualTo(model.remaining(now, sample.most()));

            Answer answer = new Answer();
            long got = meter.take(n, longest, answer);
            if (wait > longest) { // P8, P9
                assertThat(got).as(what).isEqualTo(wait == Meter.NEVER ? Meter.NEVER : wait - longest);
                assertThat(answer.wait).as(what).isEqualTo(got);
                assertThat(answer.meter).isNull();
                assertSame(before, meter, n, what);
                continue;
            }
            assertThat(got).as(what).isEqualTo(Meter.GRANTED);
            assertThat(answer.wait).as(what).isEqualTo(wait);
            assertThat(answer.at).as(what).isEqualTo(time.now + wait);
            assertThat(answer.at - lastAction).as("P10 " + what).isNotNegative();
            lastAction = answer.at;
            model.grant(now, now + wait, n);
            assertThat(answer.remaining).as(what).isEqualTo(model.remaining(now, sample.most()));
            heavy |= n > 1;
            log.granted(answer.at, n);
        }
        if (kind != Kind.PACER || !heavy) sample.bound().accept(log); // P1
    }

    private static void assertSame(Answer before, Meter meter, long n, String what) {
        Answer after = new Answer();
        meter.peek(n, after);
        assertThat(after.wait).as(what).isEqualTo(before.wait);
        assertThat(after.remaining).as(what).isEqualTo(before.remaining);
        assertThat(after.resetAfter).as(what).isEqualTo(before.resetAfter);
    }

    @Property(tries = 300)
    void p3_retry_after_is_enough_and_one_nanosecond_less_is_not(@ForAll Kind kind, @ForAll long seed) {
        Random random = new Random(seed);
        Sample sample = Kinds.sample(kind, random);
        HandClock time = new HandClock(random.nextLong());
        Meter meter = used(sample, time, random);
        long n = 1 + random.nextInt((int) sample.most());
        long wait = meter.take(n);
        if (wait == Meter.GRANTED) return;
        assertThat(wait).as(sample.toString()).isPositive().isNotEqualTo(Meter.NEVER);
        time.now += wait - 1;
        assertThat(meter.take(n)).as(sample.toString()).isEqualTo(1);
        time.now++;
        assertThat(meter.take(n)).as(sample.toString()).isEqualTo(Meter.GRANTED);
    }

    @Property(tries = 300)
    void p3_the_same_asking_with_the_same_wait_succeeds_after_what_was_answered(@ForAll Kind kind, @ForAll long seed) {
        Random random = new Random(seed);
        Sample sample = Kinds.sample(kind, random);
        HandClock time = new HandClock(random.nextLong());
        Meter meter = used(sample, time, random);
        long n = 1 + random.nextInt((int) sample.most());
        long longest = Math.min(random.nextInt(20), meter.longestWait());
        long after = meter.take(n, longest, new Answer());
        if (after == Meter.GRANTED) return;
        time.now += after - 1;
        assertThat(meter.take(n, longest, new Answer())).as(sample.toString()).isEqualTo(1);
        time.now++;
        assertThat(meter.take(n, longest, new Answer())).as(sample.toString()).isEqualTo(Meter.GRANTED);
    }

    @Property(tries = 300)
    void p6_what_is_there_only_grows_while_nobody_asks_and_looking_takes_nothing(@ForAll Kind kind, @ForAll long seed) {
        Random random = new Random(seed);
        Sample sample = Kinds.sample(kind, random);
        HandClock time = new HandClock(random.nextLong());
        Meter meter = used(sample, time, random);
        long before = 0;
        Answer answer = new Answer();
        meter.peek(1, answer);
        long full = answer.resetAfter;
        for (long passed = 0; passed <= full; passed++) {
            meter.peek(1, answer);
            assertThat(answer.remaining).as("%s after %s ns", sample, passed).isBetween(before, sample.most());
            assertThat(answer.resetAfter).as(sample.toString()).isEqualTo(full - passed);
            before = answer.remaining;
            time.now++;
        }
        time.now--;
        assertThat(answer.remaining).as(sample.toString()).isEqualTo(sample.most());
        assertThat(meter.full()).as(sample.toString()).isTrue();
    }

    @Property(tries = 300)
    void p7_at_one_instant_a_sum_passes_when_its_parts_do(@ForAll Kind kind, @ForAll long seed) {
        if (kind == Kind.PACER) return; // a pacer spaces what is asked for, so it is not the same there
        Random random = new Random(seed);
        Sample sample = Kinds.sample(kind, random);
        HandClock time = new HandClock(random.nextLong());
        long more = random.nextLong();
        Meter whole = used(sample, time, new Random(more));
        HandClock other = new HandClock(time.now - 1_000_000);
        Meter parts = used(sample, other, new Random(more));
        long a = 1 + random.nextInt(4);
        long b = 1 + random.nextInt(4);
        boolean together = whole.take(a + b) == Meter.GRANTED;
        boolean first = parts.take(a) == Meter.GRANTED;
        assertThat(first && parts.take(b) == Meter.GRANTED)
                .as(sample.toString())
                .isEqualTo(together);
    }

    @Property(tries = 300)
    void p11_nobody_passes_a_reservation(@ForAll Kind kind, @ForAll long seed) {
        Random random = new Random(seed);
        Sample sample = Kinds.sample(kind, random);
        HandClock time = new HandClock(random.nextLong());
        Meter meter = used(sample, time, random);
        Answer reserved = new Answer();
        long n = 1 + random.nextInt((int) sample.most());
        if (meter.take(n, meter.longestWait(), reserved) != Meter.GRANTED) return;
        while (time.now - reserved.at < 0) {
            assertThat(meter.take(1)).as(sample.toString()).isPositive();
            assertThat(meter.takeUpTo(sample.most())).as(sample.toString()).isZero();
            time.now++;
        }
    }

    @Property(tries = 200)
    void take_up_to_takes_what_is_there(@ForAll Kind kind, @ForAll long seed) {
        Random random = new Random(seed);
        Sample sample = Kinds.sample(kind, random);
        HandClock time = new HandClock(random.nextLong());
        Meter meter = used(sample, time, random);
        Answer answer = new Answer();
        meter.peek(1, answer);
        long n = 1 + random.nextInt(10);
        assertThat(meter.takeUpTo(n)).as(sample.toString()).isEqualTo(Math.min(n, answer.remaining));
        long left = answer.remaining - Math.min(n, answer.remaining);
        meter.peek(1, answer);
        assertThat(answer.remaining).as(sample.toString()).isEqualTo(left);
    }

    /** A meter with some traffic behind it; reservations among it. */
    private static Meter used(Sample sample, HandClock time, Random random) {
        Meter meter = sample.limit().meter(time);
        for (int i = random.nextInt(20); i > 0; i--) {
            time.now += random.nextInt(5);
            meter.take(1 + random.nextInt((int) sample.most()), random.nextInt(3) * 10, new Answer());
        }
        return meter;
    }
}
