// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.CallContext;
import dev.resilience.Gate;
import dev.resilience.ratelimit.Decision.Source;
import dev.resilience.ratelimit.Sharing.OnFailure;
import dev.resilience.testkit.ManualTime;
import dev.resilience.testkit.ratelimit.GrantLog;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SharedRateLimiterTest { // L16
    private static final Duration SECOND = Duration.ofSeconds(1);
    private static final Duration DEADLINE = Duration.ofMillis(50);
    private static final Limit.Bucket LIMIT = Limit.of(10, SECOND).burst(4);

    private final ManualTime time = ManualTime.create();
    private final Puppet store = new Puppet();

    /** A store that does as it is told, and counts. */
    private final class Puppet implements RateLimitStore {
        final RateLimitStore real = RateLimitStore.inMemory(1000, time);
        final List<CompletableFuture<Reply>> open = new ArrayList<>();
        final List<Request> asked = new ArrayList<>();
        boolean hangs;
        RuntimeException throwing;
        Exception failing;

        @Override
        public CompletionStage<Reply> decide(Request request) {
            asked.add(request);
            if (throwing != null) throw throwing;
            if (failing != null) return CompletableFuture.failedFuture(failing);
            if (!hangs) return real.decide(request);
            CompletableFuture<Reply> reply = new CompletableFuture<>();
            open.add(reply);
            return reply;
        }
    }

    private RateLimiter.Builder builder() {
        return RateLimiter.builder("user").limit(LIMIT).timeSource(time);
    }

    private SharedRateLimiter<String> users(Sharing sharing) {
        return builder().shared(sharing, 100);
    }

    private Sharing plain() {
        return Sharing.through(store).negativeCache(Duration.ZERO);
    }

    @Test
    void processes_share_a_limit_through_the_store() {
        SharedRateLimiter<String> one = users(plain());
        SharedRateLimiter<String> other = users(plain());
        assertThat(one.tryAcquire("a", 3)).isTrue();
        Decision second = other.decide("a", 1);
        assertThat(second.permitted()).isTrue();
        assertThat(second.remaining()).isZero();
        assertThat(second.source()).isEqualTo(Source.STORE);
        assertThat(one.decide("a", 1).retryAfter()).contains(Duration.ofMillis(100));
        assertThat(other.tryAcquire("b")).isTrue();
        assertThat(store.asked).extracting(RateLimitStore.Request::key).contains("user:a", "user:b");
    }

    @Property(tries = 50)
    void alone_it_decides_as_a_limiter_of_this_process( // L16: the same meaning
            @ForAll @IntRange(min = 1, max = 1000) int permits,
            @ForAll @IntRange(min = 1, max = 6) int burst,
            @ForAll @IntRange(max = 1_000_000) int seed) {
        Limit limit = Limit.of(permits, SECOND).burst(burst);
        SharedRateLimiter<String> shared = builder()
                .limit(limit)
                .shared(Sharing.through(RateLimitStore.inMemory(10, time)).negativeCache(Duration.ZERO), 100);
        RateLimiter local = builder().limit(limit).build();
        Random random = new Random(seed);
        for (int i = 0; i < 100; i++) {
            int n = 1 + random.nextInt(burst + 1);
            Decision here = local.decide(n);
            Decision there = shared.decide("k", n);
            assertThat(there.permitted()).isEqualTo(here.permitted());
            assertThat(there.isNever()).isEqualTo(here.isNever());
            if (!here.isNever()) {
                assertThat(there.remaining()).as("%s %s, asked %s", i, here, n).isEqualTo(here.remaining());
                assertThat(there.retryAfter()).isEqualTo(here.retryAfter());
                assertThat(there.resetAfter()).isEqualTo(here.resetAfter());
            }
            time.advance(Duration.ofNanos(random.nextInt(2_000_000_000 / permits)));
        }
    }

    @Test
    void what_can_never_pass_is_not_asked_for() {
        assertThat(users(plain()).decide("a", 5).isNever()).isTrue();
        assertThat(store.asked).isEmpty();
    }

    // --- a store that fails ---

    @ParameterizedTest
    @CsvSource({"ALLOW, true, true, true", "DENY, false, false, false", "LOCAL, true, true, false"})
    void who_does_not_answer_is_decided_about_at_the_deadline(
            OnFailure policy, boolean first, boolean second, boolean third) {
        SharedRateLimiter<String> users = users(plain().onFailure(policy)); // a share of 0.5: burst 2
        store.hangs = true;
        List<CompletableFuture<Decision>> all =
                List.of(users.decideAsync("a", 1), users.decideAsync("a", 1), users.decideAsync("a", 1));
        time.advance(DEADLINE.minusNanos(1));
        assertThat(all).noneMatch(CompletableFuture::isDone);
        time.advance(Duration.ofNanos(1));
        assertThat(all).allMatch(CompletableFuture::isDone);
        assertThat(all).extracting(d -> d.join().source()).containsOnly(Source.FALLBACK);
        assertThat(all.stream().filter(d -> d.join().permitted()).count())
                .isEqualTo((first ? 1 : 0) + (second ? 1 : 0) + (third ? 1 : 0));
    }

    @Test
    void a_late_answer_changes_nothing_but_what_the_store_has_charged() { // L2
        SharedRateLimiter<String> users = users(plain().onFailure(OnFailure.DENY));
        store.hangs = true;
        CompletableFuture<Decision> late = users.decideAsync("a", 4);
        time.advance(DEADLINE);
        store.real.decide(store.asked.get(0)); // it did arrive
        store.open.get(0).complete(RateLimitStore.Reply.granted(400_000_000));
        assertThat(late.join().permitted()).isFalse();
        store.hangs = false;
        assertThat(users.tryAcquire("a"))
                .as("charged, so too little rather than too much")
                .isFalse();
    }

    @Test
    void a_failure_is_decided_about_at_once() {
        SharedRateLimiter<String> users = users(plain().onFailure(OnFailure.ALLOW));
        store.throwing = new IllegalStateException("no connection");
        assertThat(users.decide("a", 1)).hasToString("permitted by 'user', 4 remaining (FALLBACK)");
        store.throwing = null;
        store.failing = new java.io.IOException("reset by peer");
        assertThat(users.decide("a", 1).source()).isEqualTo(Source.FALLBACK);
        store.failing = null;
        assertThat(users.decide("a", 1).source()).isEqualTo(Source.STORE);
    }

    @Test
    void who_asked_for_it_gets_the_failure_as_it_was_thrown() { // L9
        SharedRateLimiter<String> users = users(plain().onFailure(OnFailure.THROW));
        store.throwing = new IllegalStateException("no connection");
        assertThatThrownBy(() -> users.decide("a", 1)).isSameAs(store.throwing);
        store.throwing = null;
        store.failing = new java.io.IOException("reset by peer");
        assertThatThrownBy(() -> users.decide("a", 1))
                .isInstanceOf(CompletionException.class)
                .hasCause(store.failing);
        for (int i = 0; i < 3; i++) assertThat(users.decideAsync("a", 1)).isCompletedExceptionally();
        assertThatThrownBy(() -> users.decide("a", 1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("rate limiter 'user': the store does not answer")
                .hasCause(store.failing);
    }

    @Test
    void a_store_that_is_down_is_asked_in_the_background_only() {
        SharedRateLimiter<String> users = users(plain().onFailure(OnFailure.ALLOW));
        store.throwing = new IllegalStateException("no connection");
        for (int i = 0; i < 20; i++) users.decide("a", 1);
        assertThat(store.asked).as("five failures in a row are enough").hasSize(5);
        assertThat(users).hasToString(users.toString()).asString().contains("store down");
        time.advance(SECOND);
        assertThat(store.asked).as("one look").hasSize(6);
        assertThat(store.asked.get(5).costTicks()).isZero();
        users.decide("a", 1);
        assertThat(store.asked).hasSize(6);
        store.throwing = null;
        time.advance(SECOND.multipliedBy(2));
        assertThat(store.asked).as("another look, which went well").hasSize(7);
        assertThat(users.decide("a", 1).source()).isEqualTo(Source.STORE);
    }

    @Test
    void nothing_stays_behind_when_nobody_asks_a_store_that_is_down() { // L13
        SharedRateLimiter<String> users = users(plain().onFailure(OnFailure.ALLOW));
        store.throwing = new IllegalStateException("no connection");
        for (int i = 0; i < 6; i++) users.decide("a", 1);
        time.advance(Duration.ofMinutes(1));
        assertThat(time.nextEventIn()).isEmpty();
        assertThat(store.asked).hasSize(6);
        users.decide("a", 1);
        assertThat(time.nextEventIn()).as("somebody would have asked").isPresent();
    }

    @Test
    void a_hanging_store_leaves_no_timer() { // L13
        SharedRateLimiter<String> users = users(plain());
        users.decide("a", 1);
        assertThat(time.nextEventIn()).isEmpty();
        store.hangs = true;
        CompletableFuture<Decision> decision = users.decideAsync("a", 1);
        store.open.get(0).complete(RateLimitStore.Reply.granted(1));
        assertThat(decision.join().source()).isEqualTo(Source.STORE);
        assertThat(time.nextEventIn()).isEmpty();
    }

    @Test
    void a_waiting_thread_keeps_its_interrupt() throws InterruptedException { // L8
        SharedRateLimiter<String> users = users(plain());
        store.hangs = true;
        AtomicReference<Object> seen = new AtomicReference<>();
        CountDownLatch done = new CountDownLatch(1);
        Thread caller = new Thread(() -> {
            Thread.currentThread().interrupt();
            Decision decision = users.decide("a", 1);
            seen.set(decision.source() + " " + Thread.currentThread().isInterrupted());
            done.countDown();
        });
        caller.start();
        time.awaitParked(1);
        time.advance(DEADLINE);
        assertThat(done.await(60, java.util.concurrent.TimeUnit.SECONDS)).isTrue();
        assertThat(seen).hasValue("FALLBACK true");
    }

    // --- negative cache (S44) ---

    @Test
    void a_refusal_is_repeated_here_as_long_as_it_holds() {
        SharedRateLimiter<String> users = users(Sharing.through(store));
        users.decide("a", 4);
        Decision refused = users.decide("a", 1);
        assertThat(refused.source()).isEqualTo(Source.STORE);
        time.advance(Duration.ofMillis(30));
        Decision again = users.decide("a", 2);
        assertThat(again.source()).isEqualTo(Source.NEGATIVE_CACHE);
        assertThat(users.decide("a", 1).retryAfter()).contains(Duration.ofMillis(70));
        assertThat(store.asked).hasSize(2);
        time.advance(Duration.ofMillis(70));
        assertThat(users.decide("a", 1).source()).isEqualTo(Source.STORE);
        assertThat(store.asked).hasSize(3);
    }

    @Test
    void less_than_what_was_refused_is_asked_for() {
        SharedRateLimiter<String> users = users(Sharing.through(store));
        users.decide("a", 2);
        assertThat(users.tryAcquire("a", 3)).isFalse();
        assertThat(users.decide("a", 2))
                .extracting(Decision::permitted, Decision::source)
                .containsExactly(true, Source.STORE);
    }

    @Test
    void a_long_refusal_is_asked_again_after_the_longest_time() {
        SharedRateLimiter<String> users = users(Sharing.through(store).negativeCache(Duration.ofMillis(20)));
        users.decide("a", 4);
        users.decide("a", 1);
        time.advance(Duration.ofMillis(19));
        assertThat(users.decide("a", 1).source()).isEqualTo(Source.NEGATIVE_CACHE);
        time.advance(Duration.ofMillis(1));
        assertThat(users.decide("a", 1).source())
                .as("another process may have reset it")
                .isEqualTo(Source.STORE);
    }

    @Test
    void under_attack_the_store_is_asked_once_per_refusal() {
        SharedRateLimiter<String> users = users(Sharing.through(store));
        for (int i = 0; i < 10_000; i++) users.tryAcquire("attacker", 4);
        assertThat(store.asked).hasSize(2);
    }

    // --- leasing (S45, P20) ---

    private Sharing leasing(double share) {
        return Sharing.through(store).share(share).leasing(Duration.ofMillis(100));
    }

    @Test
    void a_busy_key_is_asked_for_in_batches() {
        Limit.Bucket fast = Limit.of(100_000, SECOND).burst(10_000);
        SharedRateLimiter<String> users = builder().limit(fast).shared(leasing(0.5), 100);
        int granted = 0;
        List<Source> sources = new ArrayList<>();
        for (int i = 0; i < 10_000; i++) {
            Decision decision = users.decide("a", 1);
            sources.add(decision.source());
            if (decision.permitted()) granted++;
            time.advance(Duration.ofNanos(20_000)); // half the rate
        }
        assertThat(granted).isEqualTo(10_000);
        assertThat(sources).contains(Source.LEASE);
        assertThat(store.asked.size()).as("askings for 10000 decisions").isLessThan(100);
    }

    @Property(tries = 40)
    void leased_permits_are_spent_within_the_bound( // P20: B + r (t + lambda)
            @ForAll @IntRange(min = 1, max = 4) int processes, @ForAll @IntRange(max = 1_000_000) int seed) {
        long rate = 1000;
        long burst = 200;
        Duration lambda = Duration.ofMillis(100);
        Random random = new Random(seed);
        List<SharedRateLimiter<String>> all = new ArrayList<>();
        Limit.Bucket limit = Limit.of(rate, SECOND).burst(burst);
        Sharing leased = Sharing.through(RateLimitStore.inMemory(10, time))
                .share(1.0 / processes)
                .leasing(lambda);
        for (int i = 0; i < processes; i++) all.add(builder().limit(limit).shared(leased, 100));
        GrantLog log = new GrantLog();
        for (int i = 0; i < 3000; i++) {
            int who = random.nextInt(processes);
            int n = 1 + random.nextInt(2);
            if (all.get(who).tryAcquire("k", n)) log.granted(time.nanoTime(), n);
            if (random.nextInt(500) == 0) { // it crashes, and another one takes its place
                all.set(who, builder().limit(limit).shared(leased, 100));
            }
            int pace = 1 + random.nextInt(1 + random.nextInt(4_000_000));
            if (random.nextInt(3) == 0) time.advance(Duration.ofNanos(pace));
        }
        log.checkEverySpan(t -> burst + (long) Math.floor((t + lambda.toNanos()) * (double) rate / 1e9) + 1);
    }

    @Test
    void what_was_leased_is_dropped_when_its_time_is_over() {
        Limit.Bucket limit = Limit.of(1000, SECOND).burst(400);
        SharedRateLimiter<String> users = builder().limit(limit).shared(leasing(1), 100);
        for (int i = 0; i < 20; i++) {
            users.decide("a", 1);
            time.advance(Duration.ofMillis(1));
        }
        assertThat(users.decide("a", 1).source()).isEqualTo(Source.LEASE);
        time.advance(Duration.ofMillis(100));
        assertThat(users.decide("a", 1).source()).isEqualTo(Source.STORE);
    }

    @Test
    void who_asks_for_a_batch_that_is_not_there_gets_what_is_there() {
        Limit.Bucket limit = Limit.of(10, SECOND).burst(100);
        SharedRateLimiter<String> users = builder().limit(limit).shared(leasing(1), 100);
        int granted = 0;
        for (int i = 0; i < 300; i++) {
            if (users.tryAcquire("a")) granted++;
        }
        assertThat(granted).as("all of it, one by one at the end").isEqualTo(100);
    }

    // --- as a gate ---

    @Test
    void a_call_through_the_gate_waits_for_the_store_and_holds_no_thread() {
        Gate gate = users(plain()).by(call -> "a");
        assertThat(gate.admitAsync(CallContext.root())).isCompleted();
        store.hangs = true;
        CompletableFuture<String> call = gate.callAsync(() -> CompletableFuture.completedFuture("served"));
        assertThat(call).isNotDone();
        store.open.get(0).complete(RateLimitStore.Reply.granted(1));
        time.advance(Duration.ZERO);
        assertThat(call.orTimeout(60, java.util.concurrent.TimeUnit.SECONDS).join())
                .isEqualTo("served");
    }

    @Test
    void a_refused_call_says_so() {
        SharedRateLimiter<String> users = users(Sharing.through(store));
        users.decide("a", 4);
        Gate gate = users.by(call -> "a");
        for (int i = 0; i < 2; i++) { // by the store, and from memory
            assertThatThrownBy(gate::admit)
                    .isInstanceOf(RateLimitedException.class)
                    .hasMessage("rate limit 'user' exceeded (limit 10/s, burst 4, asked 1); retry after 100 ms");
        }
        assertThat(gate.describe().toString()).contains("LOCAL(0.5)", "50 ms");
    }

    @Test
    void a_dry_run_refuses_nobody() {
        SharedRateLimiter<String> users = builder().shadow().shared(Sharing.through(store), 10);
        assertThat(users.tryAcquire("a", 4)).isTrue();
        assertThat(users.tryAcquire("a", 4)).isTrue();
        assertThat(users.decide("a", 4).permitted()).isFalse();
        users.by(call -> "a").admit().success();
    }

    @Test
    void settings_are_refused_all_at_once() { // L11
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder()
                        .maxWait(SECOND)
                        .limit(Limit.of(10, SECOND).initial(1))
                        .shared(
                                Sharing.through(store)
                                        .share(0)
                                        .deadline(Duration.ZERO)
                                        .leasing(Duration.ofMillis(-1))
                                        .negativeCache(Duration.ofMillis(-1)),
                                0))
                .withMessageContaining("rate limiter 'user': ")
                .withMessageContaining("maxKeys must be at least 1, was 0")
                .withMessageContaining("maxWait must not be set")
                .withMessageContaining("share must be above 0 and at most 1, was 0.0")
                .withMessageContaining("deadline must be more than zero, was PT0S")
                .withMessageContaining("leasing must be more than zero, was PT-0.001S")
                .withMessageContaining("negativeCache must not be negative, was PT-0.001S")
                .withMessageContaining("initial must be the burst");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder().limit(Limit.sliding(10, SECOND)).shared(Sharing.through(store), 1))
                .withMessageContaining("limit must be a bucket (Limit.of or Limit.strict)");
        assertThatThrownBy(() -> builder().shared(null, 1)).hasMessage("sharing");
        assertThatThrownBy(() -> Sharing.through(null)).hasMessage("store");
    }
}
