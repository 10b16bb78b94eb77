// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.CallContext;
import dev.resilience.Gate;
import dev.resilience.Permit;
import dev.resilience.testkit.ManualTime;
import dev.resilience.testkit.ratelimit.GrantLog;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

class KeyedRateLimiterTest {
    private static final Duration SECOND = Duration.ofSeconds(1);
    private static final CallContext.Attribute<String> USER = CallContext.Attribute.of("user");

    private final ManualTime time = ManualTime.create();

    private RateLimiter.Builder builder() {
        return RateLimiter.builder("user").timeSource(time);
    }

    private KeyedRateLimiter<String> users(Limit limit, int maxKeys) {
        return builder().limit(limit).keyed(maxKeys);
    }

    @Test
    void each_key_has_its_own() {
        KeyedRateLimiter<String> users = users(Limit.of(10, SECOND).burst(2), 100);
        assertThat(users.tryAcquire("a", 2)).isTrue();
        assertThat(users.tryAcquire("a")).isFalse();
        assertThat(users.tryAcquire("b")).isTrue();
        assertThat(users.keys()).isEqualTo(2);
        assertThat(users).hasToString("keyed rate limiter 'user' (keys 2/100)");
    }

    @Test
    void a_decision_tells_the_numbers_of_its_key() {
        KeyedRateLimiter<String> users = users(Limit.of(10, SECOND).burst(2), 100);
        Decision granted = users.decide("a", 2);
        assertThat(granted.permitted()).isTrue();
        assertThat(granted.remaining()).isZero();
        assertThat(granted.limit()).isEqualTo("user");
        assertThat(granted.source()).isEqualTo(Decision.Source.LOCAL);
        Decision refused = users.decide("a", 1);
        assertThat(refused.retryAfter()).contains(Duration.ofMillis(100));
        assertThat(users.decide("a", 3).isNever()).isTrue();
        assertThat(users.peek("a", 1).permitted()).isFalse();
        assertThat(users.peek("b", 1).remaining()).isEqualTo(2);
        assertThat(users.keys()).as("looking makes no place").isEqualTo(1);
    }

    @Test
    void charges_are_debts_of_their_key() {
        KeyedRateLimiter<String> users = users(Limit.of(10, SECOND).burst(2), 1);
        users.charge("a", 5);
        users.charge("b", 5); // no room: in the overflow
        for (String user : new String[] {"a", "b"}) {
            assertThat(users.decide(user, 1).retryAfter()).as(user).contains(Duration.ofMillis(400));
        }
        time.advance(Duration.ofMillis(400));
        assertThat(users.tryAcquire("a")).isTrue();
        assertThat(users.tryAcquire("b")).isTrue();
    }

    @Test
    void a_full_key_is_forgotten_and_a_debtor_is_not() { // S27, L13
        KeyedRateLimiter<String> users = users(Limit.of(10, SECOND).burst(2), 3);
        users.tryAcquire("debtor", 2);
        users.charge("debtor", 100);
        users.tryAcquire("a");
        users.tryAcquire("b");
        time.advance(SECOND);
        for (int i = 0; i < 1000; i++) {
            users.tryAcquire("new-" + i);
            time.advance(Duration.ofMillis(1));
        }
        assertThat(users.keys()).isEqualTo(3);
        assertThat(users.decide("debtor", 1).retryAfter()).contains(Duration.ofMillis(10_100 - 2_000));
    }

    @Test
    void who_sprays_keys_never_refreshes_a_budget() { // S27 b
        KeyedRateLimiter<String> users = users(Limit.of(1, Duration.ofHours(1)).burst(5), 100);
        assertThat(users.tryAcquire("victim", 5)).isTrue();
        for (int i = 0; i < 20_000; i++) users.tryAcquire("spray-" + i, 5);
        assertThat(users.tryAcquire("victim")).isFalse();
        assertThat(users.keys()).isEqualTo(100);
        // those in the overflow are no better off, however many places come and go
        assertThat(users.tryAcquire("spray-19999")).isFalse();
        time.advance(Duration.ofHours(4));
        for (int i = 0; i < 20_000; i++) users.tryAcquire("more-" + i, 5);
        assertThat(users.tryAcquire("victim", 5)).as("4 of 5 are back").isFalse();
        assertThat(users.tryAcquire("victim", 4)).isTrue();
    }

    @Test
    void what_a_key_owes_in_the_overflow_it_takes_along() { // S27 b
        KeyedRateLimiter<String> users = users(Limit.of(10, SECOND).burst(4), 1);
        users.tryAcquire("first", 1); // 100 ms
        assertThat(users.tryAcquire("late", 4)).as("no room: in the overflow").isTrue();
        assertThat(users.tryAcquire("late")).isFalse();
        time.advance(Duration.ofMillis(100)); // first is full again, and forgotten
        assertThat(users.decide("late", 2).retryAfter()).contains(Duration.ofMillis(100));
        assertThat(users.keys()).isEqualTo(1);
        assertThat(users.tryAcquire("late")).isTrue();
        assertThat(users.tryAcquire("late")).isFalse();
    }

    @Property(tries = 60)
    void nobody_can_tell_that_a_key_was_forgotten( // P17
            @ForAll @LongRange(min = 1, max = 1000) long permits,
            @ForAll @LongRange(min = 1, max = 7) long burst,
            @ForAll @IntRange(max = 1_000_000) int seed) {
        Limit limit = Limit.of(permits, SECOND).burst(burst);
        KeyedRateLimiter<Integer> keyed = builder().limit(limit).keyed(1000);
        Map<Integer, RateLimiter> apart = new HashMap<>();
        java.util.Random random = new java.util.Random(seed);
        int most = 0;
        for (int i = 0; i < 600; i++) {
            int key = random.nextInt(60);
            long n = 1 + random.nextInt((int) burst);
            Decision one = keyed.decide(key, n);
            Decision other = apart.computeIfAbsent(
                            key, k -> builder().limit(limit).build())
                    .decide(n);
            assertThat(one).hasToString(other.toString().replace("limiter", "user"));
            assertThat(one.resetAfter()).isEqualTo(other.resetAfter());
            most = Math.max(most, keyed.keys());
            time.advance(Duration.ofNanos(random.nextInt((int) (2_000_000_000L / permits))));
        }
        assertThat(keyed.keys()).isLessThanOrEqualTo(most);
    }

    @Property(tries = 60)
    void every_key_keeps_its_bound_with_and_without_room( // S27, P1
            @ForAll @IntRange(min = 1, max = 12) int maxKeys, @ForAll @IntRange(max = 1_000_000) int seed) {
        boundHolds(Limit.of(7, SECOND).burst(3), maxKeys, seed, log -> log.checkBucket(7, SECOND, 3));
    }

    @Property(tries = 20)
    void so_does_every_other_kind_of_limit( // S27
            @ForAll @IntRange(min = 1, max = 12) int maxKeys, @ForAll @IntRange(max = 1_000_000) int seed) {
        boundHolds(Limit.pacer(7, SECOND, 0), maxKeys, seed, log -> log.checkBucket(7, SECOND, 2));
        boundHolds(Limit.strict(7, SECOND, 3), maxKeys, seed, log -> log.checkWindow(7, SECOND));
        boundHolds(Limit.slidingLog(5, SECOND), maxKeys, seed, log -> log.checkWindow(5, SECOND));
        boundHolds(Limit.sliding(5, SECOND), maxKeys, seed, log -> log.checkWindow(5, SECOND));
        boundHolds(Limit.fixed(5, SECOND), maxKeys, seed, log -> log.checkFixed(5, SECOND));
        Limit both = Limit.allOf(Limit.of(7, SECOND).burst(3), Limit.of(20, Duration.ofSeconds(10)));
        boundHolds(both, maxKeys, seed, log -> {
            log.checkBucket(7, SECOND, 3);
            log.checkBucket(20, Duration.ofSeconds(10), 20);
        });
    }

    private void boundHolds(Limit limit, int maxKeys, int seed, java.util.function.Consumer<GrantLog> bound) {
        KeyedRateLimiter<Integer> keyed = builder().limit(limit).keyed(maxKeys);
        Map<Integer, GrantLog> logs = new HashMap<>();
        java.util.Random random = new java.util.Random(seed);
        long granted = 0;
        for (int i = 0; i < 800; i++) {
            int key = random.nextInt(1 + random.nextInt(24));
            long n = 1 + random.nextInt(2);
            if (keyed.tryAcquire(key, n)) {
                logs.computeIfAbsent(key, k -> new GrantLog()).granted(time.nanoTime(), n);
                granted++;
            }
            if (random.nextInt(3) == 0) time.advance(Duration.ofNanos(random.nextInt(300_000_000)));
            assertThat(keyed.keys()).isLessThanOrEqualTo(maxKeys);
        }
        assertThat(granted).isPositive();
        logs.values().forEach(bound);
    }

    @Test
    void each_key_may_have_a_limit_of_its_own() {
        AtomicInteger asked = new AtomicInteger();
        KeyedRateLimiter<String> plans = builder()
                .keyed(
                        user -> {
                            asked.incrementAndGet();
                            return Limit.of(user.startsWith("premium") ? 10 : 2, SECOND)
                                    .named(user);
                        },
                        100);
        assertThat(plans.tryAcquire("premium-1", 10)).isTrue();
        assertThat(plans.decide("free-1", 2).limit()).isEqualTo("free-1");
        assertThat(plans.tryAcquire("free-1")).isFalse();
        assertThat(asked).as("once for each place").hasValue(2);
    }

    @Test
    void a_limit_of_one_key_that_is_no_good_is_told_to_its_caller() { // L11
        KeyedRateLimiter<String> plans =
                builder().keyed(user -> Limit.of(10, SECOND).initial(3), 100);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> plans.tryAcquire("a"))
                .withMessage("rate limiter 'user': initial must be the burst for keys, which are full when they are"
                        + " not there, was 10/s, burst 10");
        KeyedRateLimiter<String> none = builder().keyed(user -> null, 100);
        assertThatNullPointerException().isThrownBy(() -> none.tryAcquire("a")).withMessage("the limit of a key");
        assertThatNullPointerException()
                .isThrownBy(() -> none.by(context -> null).run(() -> {}))
                .withMessageEndingWith("'user': the key of a call must not be null");
        assertThat(plans.keys() + none.keys()).isZero();
    }

    @Test
    void settings_are_refused_all_at_once() { // L11, S27 c
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder()
                        .limit(Limit.of(0, SECOND).burst(5).initial(2))
                        .maxWait(Duration.ofSeconds(-1))
                        .keyed(0))
                .withMessageContaining("rate limiter 'user': ")
                .withMessageContaining("maxKeys must be at least 1, was 0")
                .withMessageContaining("initial must be the burst for keys")
                .withMessageContaining("permits must be at least 1, was 0")
                .withMessageContaining("maxWait must not be negative, was PT-1S");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder().keyed(3))
                .withMessage("rate limiter 'user': limit must be set");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder().limit(Limit.none()).keyed(k -> Limit.none(), 3))
                .withMessage("rate limiter 'user': limit must not be set together with a function of limits");
    }

    @Test
    void arguments_are_checked() {
        KeyedRateLimiter<String> users = users(Limit.of(1, SECOND), 1);
        assertThatNullPointerException()
                .isThrownBy(() -> users.tryAcquire(null))
                .withMessage("key");
        assertThatNullPointerException().isThrownBy(() -> users.decide(null, 1)).withMessage("key");
        assertThatIllegalArgumentException().isThrownBy(() -> users.tryAcquire("a", 0));
        assertThatIllegalArgumentException().isThrownBy(() -> users.charge("a", 0));
        assertThatIllegalArgumentException().isThrownBy(() -> users.peek("a", 0));
        assertThat(users.keys()).isZero();
    }

    @Test
    void everything_and_nothing_need_no_place() {
        KeyedRateLimiter<String> mixed = builder().keyed(k -> k.equals("open") ? Limit.unlimited() : Limit.none(), 1);
        for (int i = 0; i < 3; i++) {
            assertThat(mixed.tryAcquire("open", 1_000)).isTrue();
            assertThat(mixed.decide("shut", 1).isNever()).isTrue();
        }
        assertThat(mixed.keys()).isLessThanOrEqualTo(1);
    }

    @Test
    void a_burst_of_a_fraction_of_a_nanosecond_more_fits_without_a_place() {
        KeyedRateLimiter<String> users = users(Limit.of(3, SECOND).burst(2), 1); // 333,333,333.3 ns a permit
        users.charge("first", 1_000_000);
        assertThat(users.tryAcquire("late", 2)).isTrue();
        Decision refused = users.decide("late", 2);
        assertThat(refused.remaining()).isZero();
        time.advance(refused.retryAfter().orElseThrow());
        assertThat(users.decide("late", 2).permitted()).isTrue();
        assertThat(users.tryAcquire("late")).isFalse();
    }

    @Test
    void a_window_of_a_year_is_kept_without_a_place_too() { // L10
        Limit year = Limit.fixed(999_983, Duration.ofDays(365));
        KeyedRateLimiter<String> users = users(year, 1);
        users.tryAcquire("first");
        assertThat(users.tryAcquire("late")).isTrue();
        long granted = 1;
        for (int i = 0; i < 1000; i++) {
            time.advance(Duration.ofMinutes(1));
            if (users.tryAcquire("late")) granted++;
        }
        assertThat(granted).isBetween(1000L, 1001L);
    }

    // --- as a gate ---

    @Test
    void as_a_gate_it_reads_the_key_from_the_call() {
        Gate gate = users(Limit.of(10, SECOND).burst(1), 10).by(call -> call.get(USER, "nobody"));
        String served = gate.call(CallContext.of(USER, "a"), c -> "served");
        assertThat(served).isEqualTo("served");
        assertThatThrownBy(() -> gate.call(CallContext.of(USER, "a"), c -> "served"))
                .isInstanceOf(RateLimitedException.class)
                .hasMessage("rate limit 'user' exceeded (limit 10/s, burst 1, asked 1); retry after 100 ms");
        String nobody = gate.call(() -> "as nobody");
        assertThat(nobody).isEqualTo("as nobody");
        assertThat(gate.describe().toString()).contains("10/s, burst 1", "keys");
    }

    @Test
    void a_call_through_the_gate_may_wait_and_gives_back_when_it_leaves() {
        Gate gate = builder()
                .limit(Limit.of(10, SECOND).burst(1))
                .maxWait(SECOND)
                .<String>keyed(10)
                .by(call -> call.get(USER, "nobody"));
        CallContext a = CallContext.of(USER, "a");
        gate.admit(a).success();
        CompletableFuture<Permit> leaves = gate.admitAsync(a);
        CompletableFuture<Permit> stays = gate.admitAsync(CallContext.of(USER, "b"));
        assertThat(leaves).isNotDone();
        assertThat(stays).isCompleted();
        leaves.cancel(false);
        CompletableFuture<Permit> next = gate.admitAsync(a);
        time.advance(Duration.ofMillis(100));
        assertThat(next).as("takes the time of the one that left").isCompleted();
    }

    @Test
    void a_key_without_a_place_cannot_wait() {
        Gate gate = builder()
                .limit(Limit.of(10, SECOND).burst(1))
                .maxWait(SECOND)
                .<String>keyed(1)
                .by(call -> call.get(USER, "nobody"));
        gate.admit(CallContext.of(USER, "a")).success();
        gate.admit(CallContext.of(USER, "b")).success();
        assertThatThrownBy(() -> gate.admit(CallContext.of(USER, "b")))
                .isInstanceOf(RateLimitedException.class)
                .hasMessageContaining("retry after 100 ms");
    }

    @Test
    void a_dry_run_refuses_nobody() {
        KeyedRateLimiter<String> users =
                builder().limit(Limit.of(10, SECOND).burst(1)).shadow().keyed(10);
        assertThat(users.tryAcquire("a")).isTrue();
        assertThat(users.decide("a", 1).permitted()).isFalse();
        assertThat(users.tryAcquire("a")).isTrue();
        int passed = users.by(c -> "a").call(() -> 1);
        assertThat(passed).isEqualTo(1);
    }

    // --- cost ---

    @Test
    void a_known_key_costs_no_allocation() { // L15
        KeyedRateLimiter<String> users =
                RateLimiter.builder("user").limit(Limit.of(1_000_000, SECOND)).keyed(100);
        KeyedRateLimiter<String> refusing = RateLimiter.builder("user")
                .limit(Limit.of(1, Duration.ofDays(1)))
                .keyed(100);
        refusing.tryAcquire("a");
        assertThat(Allocations.perRun(() -> users.tryAcquire("a"))).isZero();
        assertThat(Allocations.perRun(() -> refusing.tryAcquire("a"))).isZero();
    }
}
