// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static dev.resilience.ratelimit.Rig.SECOND;
import static dev.resilience.ratelimit.Rig.limiter;
import static dev.resilience.ratelimit.Rig.ms;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.CallContext;
import dev.resilience.Gate;
import dev.resilience.RejectedException;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What a limiter counts once somebody has looked, and what that costs. */
class CountingTest {
    private static final CallContext.Attribute<Long> COST = CallContext.Attribute.of("cost");
    private static final Duration DAY = Duration.ofDays(1);

    private final ManualTime time = ManualTime.create();
    private final RateLimiter search = limiter(Limit.of(10, SECOND).burst(4), time);

    private static void refuses(Runnable call) {
        assertThatThrownBy(call::run).isInstanceOf(RejectedException.class);
    }

    @Test
    void counting_begins_with_the_first_look() {
        search.tryAcquire();
        search.charge(3);
        search.tryAcquire();
        assertThat(search.snapshot()).hasToString("permitted 0, rejected 0");
        search.tryAcquire();
        assertThat(search.snapshot()).hasToString("permitted 0, rejected 1");
    }

    @Test
    void every_verb_counts_once() throws InterruptedException {
        search.snapshot();
        assertThat(search.tryAcquire()).isTrue();
        assertThat(search.tryAcquire(2)).isTrue();
        assertThat(search.tryAcquire(2)).isFalse();
        assertThat(search.decide(1).permitted()).isTrue();
        assertThat(search.decide(1).permitted()).isFalse();
        assertThat(search.acquireUpTo(3)).isZero();
        assertThat(search.reserve(1, ms(50))).isEmpty();
        assertThat(search.tryAcquire(1, ms(50))).isFalse();
        assertThat(search.decideAsync(1, ms(50))).isCompleted();
        assertThat(search.tryAcquire(99)).as("never").isFalse();
        search.peek(1);
        LimiterSnapshot first = search.snapshot();
        assertThat(first.permitted()).isEqualTo(3);
        assertThat(first.permits()).isEqualTo(4);
        assertThat(first.rejected()).isEqualTo(7);
        assertThat(first.rejected(Decision.Source.LOCAL)).isEqualTo(7);
        assertThat(first.permitted(Decision.Source.STORE)).isZero();
        time.advance(ms(200));
        assertThat(search.acquireUpTo(3)).isEqualTo(2);
        LimiterSnapshot second = search.snapshot();
        assertThat(second.permitted()).isEqualTo(4);
        assertThat(second.permits()).isEqualTo(6);
        assertThat(second.rejected()).isEqualTo(7);
        assertThat(first.permitted()).as("of its moment").isEqualTo(3);
    }

    @Test
    void a_charge_counts_its_permits_also_beyond_all_measure() {
        search.snapshot();
        search.charge(7);
        assertThat(search.snapshot().charged()).isEqualTo(7);
        search.charge(Long.MAX_VALUE);
        search.charge(Long.MAX_VALUE);
        assertThat(search.snapshot().charged()).isEqualTo(Long.MAX_VALUE);
        assertThat(search.snapshot().permits()).isZero();
    }

    @Test
    void waits_and_what_is_given_back_count() {
        search.snapshot();
        RateLimiter.Reservation now = search.reserve(4, SECOND).orElseThrow();
        RateLimiter.Reservation later = search.reserve(2, SECOND).orElseThrow();
        CompletableFuture<Decision> staged = search.decideAsync(1, SECOND);
        LimiterSnapshot waiting = search.snapshot();
        assertThat(waiting.waits()).isEqualTo(2);
        assertThat(waiting.waited()).isEqualTo(ms(500));
        assertThat(staged.cancel(false)).isTrue();
        assertThat(later.cancel()).isTrue();
        assertThat(later.cancel()).isFalse();
        assertThat(search.snapshot().refunded()).isEqualTo(3);
        assertThat(now.cancel()).isTrue();
        assertThat(search.snapshot())
                .hasToString("permitted 3 (7 permits), rejected 0, refunded 7, waits 2 of PT0.5S in all");
    }

    @Test
    void a_grant_from_before_the_first_look_counts_when_it_is_given_back() {
        RateLimiter.Reservation early = search.reserve(2, SECOND).orElseThrow();
        search.snapshot();
        early.cancel();
        assertThat(search.snapshot().refunded()).isEqualTo(2);
    }

    @Test
    void a_call_through_the_gate_counts_once_also_when_it_waits() {
        RateLimiter patient = RateLimiter.builder("patient")
                .limit(Limit.of(10, SECOND).burst(1))
                .cost(call -> call.get(COST, 1L))
                .maxWait(ms(100))
                .timeSource(time)
                .build();
        patient.snapshot();
        patient.run(() -> {});
        CompletableFuture<?> second = patient.callAsync(() -> CompletableFuture.completedFuture("waits"));
        refuses(() -> patient.run(() -> {}));
        refuses(() -> patient.call(CallContext.of(COST, 2L), call -> "too heavy"));
        LimiterSnapshot counted = patient.snapshot();
        assertThat(counted.permitted()).isEqualTo(2);
        assertThat(counted.rejected()).isEqualTo(patient.rejected()).isEqualTo(2);
        assertThat(counted.waited()).isEqualTo(ms(100));
        second.cancel(false);
        assertThat(patient.snapshot().refunded()).isEqualTo(1);
    }

    @Test
    void a_shadow_counts_from_the_beginning_and_rejects_nobody() {
        RateLimiter dry = RateLimiter.builder("dry")
                .limit(Limit.of(1, DAY))
                .timeSource(time)
                .shadow()
                .build();
        dry.tryAcquire();
        dry.tryAcquire();
        dry.run(() -> {});
        assertThat(dry.acquireUpTo(3)).isEqualTo(3);
        assertThat(dry.snapshot()).hasToString("permitted 1, rejected 0, would have rejected 3");
        KeyedRateLimiter<String> keys = RateLimiter.builder("dry")
                .limit(Limit.of(1, DAY))
                .timeSource(time)
                .shadow()
                .keyed(10);
        for (int i = 0; i < 3; i++) keys.tryAcquire("a");
        keys.by(call -> "a").run(() -> {});
        assertThat(keys.snapshot().shadowRejected()).isEqualTo(3);
    }

    // --- keys ---

    private KeyedRateLimiter<Integer> keyed(int maxKeys) {
        return RateLimiter.builder("tenant")
                .limit(Limit.of(10, SECOND).burst(2))
                .timeSource(time)
                .keyed(maxKeys);
    }

    @Test // L13: eviction forgives nothing, and forgets no number
    void all_keys_are_one_count_that_outlives_them() {
        KeyedRateLimiter<Integer> tenants = keyed(2);
        tenants.snapshot();
        for (int key = 0; key < 100; key++) {
            assertThat(tenants.tryAcquire(key)).isTrue();
            assertThat(tenants.decide(key, 3).permitted()).isFalse();
            tenants.charge(key, 1);
            time.advance(SECOND);
        }
        assertThat(tenants.keys()).isLessThanOrEqualTo(2);
        LimiterSnapshot counted = tenants.snapshot();
        assertThat(counted.permitted()).isEqualTo(100);
        assertThat(counted.rejected()).isEqualTo(100);
        assertThat(counted.charged()).isEqualTo(100);
    }

    @Test
    void the_overflow_counts_too() {
        KeyedRateLimiter<Integer> tenants = keyed(1);
        tenants.snapshot();
        for (int key = 0; key < 50; key++) tenants.tryAcquire(key, 2);
        LimiterSnapshot counted = tenants.snapshot();
        assertThat(counted.permitted() + counted.rejected()).isEqualTo(50);
        assertThat(counted.permits()).isEqualTo(2 * counted.permitted());
        tenants.charge(77, 5);
        assertThat(tenants.snapshot().charged()).isEqualTo(5);
    }

    @Test
    void a_keyed_call_counts_once_also_when_it_waits() {
        KeyedRateLimiter<String> tenants = RateLimiter.builder("tenant")
                .limit(Limit.of(10, SECOND).burst(1))
                .maxWait(ms(100))
                .timeSource(time)
                .keyed(10);
        Gate gate = tenants.by(call -> "acme");
        tenants.snapshot();
        gate.run(() -> {});
        CompletableFuture<?> second = gate.callAsync(() -> CompletableFuture.completedFuture("waits"));
        refuses(() -> gate.run(() -> {}));
        second.cancel(false);
        assertThat(tenants.snapshot()).hasToString("permitted 2, rejected 1, refunded 1, waits 1 of PT0.1S in all");
    }

    // --- shared ---

    @Test // S44, S45
    void a_shared_limiter_tells_who_decided() {
        AtomicInteger asked = new AtomicInteger();
        boolean[] down = {false};
        RateLimitStore memory = RateLimitStore.inMemory(100, time);
        Sharing sharing = Sharing.through(request -> {
                    asked.incrementAndGet();
                    if (down[0]) return CompletableFuture.failedFuture(new IllegalStateException("down"));
                    return memory.decide(request);
                })
                .negativeCache(SECOND)
                .onFailure(Sharing.OnFailure.DENY);
        SharedRateLimiter<String> fleet = RateLimiter.builder("fleet")
                .limit(Limit.of(1, DAY).burst(2))
                .timeSource(time)
                .shared(sharing, 10);
        fleet.snapshot();
        assertThat(fleet.tryAcquire("a", 2)).isTrue();
        assertThat(fleet.tryAcquire("a", 2)).isFalse();
        assertThat(fleet.tryAcquire("a", 2)).isFalse();
        assertThat(fleet.tryAcquire("a", 3)).as("never").isFalse();
        refuses(() -> fleet.by(call -> "a").run(() -> {}));
        down[0] = true;
        assertThat(fleet.tryAcquire("b")).isFalse();
        LimiterSnapshot counted = fleet.snapshot();
        assertThat(counted.permitted(Decision.Source.STORE)).isEqualTo(1);
        assertThat(counted.permits()).isEqualTo(2);
        assertThat(counted.rejected(Decision.Source.LOCAL)).isEqualTo(1);
        assertThat(counted.rejected(Decision.Source.FALLBACK)).isEqualTo(1);
        assertThat(counted.rejected(Decision.Source.NEGATIVE_CACHE)).isPositive();
        assertThat(counted.rejected(Decision.Source.STORE) + counted.rejected(Decision.Source.NEGATIVE_CACHE))
                .isEqualTo(3);
        assertThat(counted.rejected()).isEqualTo(5);
        assertThat(asked.get())
                .as("one grant, one failure, and each refusal of the store")
                .isEqualTo(2 + (int) counted.rejected(Decision.Source.STORE));
    }

    @Test
    void a_failure_that_is_thrown_counts_as_a_refusal_of_the_fallback() {
        Sharing sharing = Sharing.through(request -> CompletableFuture.failedFuture(new IllegalStateException("down")))
                .onFailure(Sharing.OnFailure.THROW);
        SharedRateLimiter<String> fleet = RateLimiter.builder("fleet")
                .limit(Limit.of(1, SECOND))
                .timeSource(time)
                .shared(sharing, 10);
        fleet.snapshot();
        assertThatThrownBy(() -> fleet.tryAcquire("a")).hasMessage("down");
        assertThat(fleet.snapshot().rejected(Decision.Source.FALLBACK)).isEqualTo(1);
    }

    // --- cost ---

    @Test // P6, L15
    void watched_or_not_decisions_allocate_nothing() {
        HandClock clock = new HandClock(0);
        for (boolean watched : new boolean[] {false, true}) {
            RateLimiter granting = on(clock, Limit.of(1_000_000_000, SECOND)).build();
            RateLimiter refusing = on(clock, Limit.of(1, DAY)).build();
            KeyedRateLimiter<String> keys = on(clock, Limit.of(1, DAY)).keyed(10);
            refusing.drain();
            keys.tryAcquire("acme");
            if (watched) {
                granting.snapshot();
                refusing.snapshot();
                keys.snapshot();
            }
            assertThat(Allocations.perRun(() -> {
                        granting.tryAcquire(2);
                        granting.run(() -> {});
                        clock.now += 4;
                    }))
                    .isZero();
            assertThat(Allocations.perRun(refusing::tryAcquire)).isZero();
            assertThat(Allocations.perRun(() -> refusing.reserve(1, SECOND))).isZero();
            assertThat(Allocations.perRun(() -> refusing.acquireUpTo(3))).isZero();
            assertThat(Allocations.perRun(() -> keys.tryAcquire("acme"))).isZero();
        }
    }

    private static RateLimiter.Builder on(HandClock clock, Limit limit) {
        return RateLimiter.builder("cost").limit(limit).timeSource(clock);
    }

    @Test // L1: nothing is counted twice and nothing is lost, also when many look for the first time
    void counts_of_many_threads_add_up() throws Exception {
        RateLimiter busy = limiter(Limit.of(1, DAY).burst(1_000), time);
        AtomicInteger granted = new AtomicInteger();
        Rig.together(4, number -> {
            busy.snapshot();
            for (int i = 0; i < 1_000; i++) if (busy.tryAcquire()) granted.incrementAndGet();
        });
        assertThat(granted).hasValue(1_000);
        assertThat(busy.snapshot()).hasToString("permitted 1000, rejected 3000");
    }
}
