// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static dev.resilience.ratelimit.Rig.SECOND;
import static dev.resilience.ratelimit.Rig.limiter;
import static dev.resilience.ratelimit.Rig.ms;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.CallContext;
import dev.resilience.CallInterruptedException;
import dev.resilience.Gate;
import dev.resilience.Outcome;
import dev.resilience.Permit;
import dev.resilience.Pipeline;
import dev.resilience.RejectedException;
import dev.resilience.testkit.Laws;
import dev.resilience.testkit.ManualTime;
import dev.resilience.timeout.Timeout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A limiter as a policy: around calls, on both faces. */
class GateTest {
    private static final CallContext.Attribute<Long> TOKENS = CallContext.Attribute.of("tokens");

    @RegisterExtension
    final Laws laws = new Laws();

    private final ManualTime time = laws.time();
    private final RateLimiter search = limiter(Limit.of(100, SECOND).burst(20), time);
    private final RateLimiter patient = RateLimiter.builder("patient")
            .limit(Limit.of(10, SECOND).burst(1))
            .maxWait(ms(300))
            .timeSource(time)
            .build();

    private static <T> T got(CompletableFuture<T> future) throws Exception {
        return future.get(Rig.PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    private CompletableFuture<Long> later(CallContext context) {
        return patient.callAsync(context, c -> CompletableFuture.completedFuture(time.nanoTime()));
    }

    @Test
    void a_wait_that_a_timeout_around_it_cuts_short_is_warned_of() {
        List<String> warnings = new ArrayList<>();
        Timeout shorter = Timeout.of("call", ms(300));
        Pipeline.builder("p")
                .policies(shorter, patient)
                .timeSource(time)
                .onWarning(warnings::add)
                .build();
        assertThat(warnings)
                .containsExactly("pipeline 'p': rate limiter 'patient' lets calls wait as long (300 ms) as timeout"
                        + " 'call' (300 ms) around it lets them live: they end as timed out, and nobody learns that"
                        + " the limit was exceeded; make maxWait shorter");
        Pipeline.builder("p")
                .policies(Timeout.of(ms(301)), patient, search, shorter)
                .timeSource(time)
                .onWarning(warnings::add)
                .build();
        assertThat(warnings).hasSize(1);
        Gate perUser = RateLimiter.builder("user")
                .limit(Limit.of(10, SECOND))
                .maxWait(ms(300))
                .timeSource(time)
                .keyed(10)
                .by(context -> "someone");
        Pipeline.builder("p")
                .policies(shorter, perUser)
                .timeSource(time)
                .onWarning(warnings::add)
                .build();
        assertThat(warnings).hasSize(2).last().asString().contains("'user' lets calls wait as long");
    }

    @Test
    void a_refusal_tells_the_limit_and_when_to_try_again() {
        for (int i = 0; i < 20; i++) assertThat(search.call(() -> "passes")).isEqualTo("passes");
        time.advance(Duration.ofNanos(1_600_000));
        assertThatThrownBy(() -> search.call(() -> "never"))
                .isInstanceOf(RateLimitedException.class)
                .hasMessage("rate limit 'search' exceeded (limit 100/s, burst 20, asked 1); retry after 8.4 ms")
                .extracting(thrown -> ((RejectedException) thrown).retryAfter().orElseThrow())
                .isEqualTo(Duration.ofNanos(8_400_000));
        assertThat(search.rejected()).isEqualTo(1);
    }

    @Test // clarification 13
    void what_never_passes_says_never() {
        RateLimiter llm = RateLimiter.builder("llm")
                .limit(Limit.of(1000, SECOND))
                .cost(c -> c.get(TOKENS, 1L))
                .maxWait(SECOND)
                .timeSource(time)
                .build();
        Outcome<String> refused = llm.outcome(CallContext.of(TOKENS, 1001L), c -> "never");
        RateLimitedException rejection = refused.as(RateLimitedException.class).orElseThrow();
        assertThat(rejection).hasMessage("rate limit 'llm' exceeded (limit 1000/s, burst 1000, asked 1001); never");
        assertThat(rejection.retryAfter()).isEmpty();
        assertThat(llm.outcome(CallContext.of(TOKENS, 1000L), c -> "all of it"))
                .isEqualTo(Outcome.success("all of it"));
        assertThat(llm.peek(1).remaining()).isZero();
    }

    @Test // L5
    void a_cost_that_throws_or_makes_no_sense_is_reported_and_counts_one() {
        laws.expectLog(".*a cost function.*");
        RateLimiter broken = RateLimiter.builder("broken")
                .limit(Limit.of(10, SECOND))
                .cost(c -> {
                    long tokens = c.get(TOKENS, 0L);
                    if (tokens == 7) throw new IllegalStateException("seven");
                    return tokens;
                })
                .timeSource(time)
                .build();
        assertThat(broken.outcome(CallContext.of(TOKENS, -5L), c -> "passes")).isEqualTo(Outcome.success("passes"));
        assertThat(broken.outcome(CallContext.of(TOKENS, 7L), c -> "passes")).isEqualTo(Outcome.success("passes"));
        assertThat(broken.peek(1).remaining()).isEqualTo(8);
    }

    @Test
    void a_call_waits_on_its_thread_for_its_time() throws Exception {
        patient.call(() -> "first");
        long begin = time.nanoTime();
        Rig.Running<Long> call = Rig.start(() -> patient.call(() -> time.nanoTime() - begin));
        time.awaitParked(1);
        time.advance(ms(99));
        assertThat(time.parkedThreads()).isEqualTo(1);
        time.advance(ms(1));
        assertThat(call.end()).isEqualTo(ms(100).toNanos());
    }

    @Test // P10
    void stages_wait_in_the_order_in_which_they_came_and_hold_no_thread() throws Exception {
        patient.call(() -> "first");
        long begin = time.nanoTime();
        List<CompletableFuture<Long>> calls = new ArrayList<>();
        for (int i = 0; i < 3; i++) calls.add(later(CallContext.root()));
        assertThat(time.parkedThreads()).isZero();
        CompletableFuture<Long> fourth = later(CallContext.root());
        assertThatThrownBy(() -> got(fourth)).hasCauseInstanceOf(RateLimitedException.class);
        for (int i = 0; i < 3; i++) {
            time.advance(ms(100));
            assertThat(got(calls.get(i)) - begin).isEqualTo(ms(100 * (i + 1)).toNanos());
        }
    }

    @Test // the longest wait counts inclusively, the hint says when the same call would be taken
    void the_longest_wait_is_granted_and_not_a_nanosecond_more() throws Exception {
        patient.call(() -> "first");
        CompletableFuture<Long> one = later(CallContext.root());
        CompletableFuture<Long> two = later(CallContext.root());
        CompletableFuture<Long> three = later(CallContext.root());
        assertThat(three).isNotDone();
        assertThat(patient.outcome(() -> "never").as(RejectedException.class).orElseThrow())
                .hasMessageContaining("retry after 100 ms");
        time.advance(ms(100));
        CompletableFuture<Long> four = later(CallContext.root());
        assertThat(four).isNotDone();
        time.advance(SECOND);
        for (CompletableFuture<Long> call : List.of(one, two, three, four)) got(call);
    }

    @Test // L14
    void who_cannot_be_served_before_its_deadline_is_refused_at_once() throws Exception {
        patient.call(() -> "first");
        CallContext soon = CallContext.root().within(ms(100));
        assertThatThrownBy(() -> patient.call(soon, c -> "never"))
                .isInstanceOf(RateLimitedException.class)
                .hasMessageContaining("retry after 100 ms");
        CompletableFuture<Long> refused = later(soon);
        assertThatThrownBy(() -> got(refused)).hasCauseInstanceOf(RateLimitedException.class);
        assertThat(patient.peek(1).retryAfter()).contains(ms(100)); // neither has taken anything
        CompletableFuture<Long> inTime = later(CallContext.root().within(ms(101)));
        time.advance(ms(100));
        got(inTime);
    }

    @Test // L7, L13
    void a_cancelled_call_gives_its_permit_back() {
        patient.call(() -> "first");
        CompletableFuture<Long> call = later(CallContext.root());
        assertThat(patient.peek(1).retryAfter()).contains(ms(200));
        call.cancel(true);
        assertThat(patient.peek(1).retryAfter()).contains(ms(100));
        assertThat(time.pendingTimers()).isZero();
        assertThat(patient.waiting()).isZero();
    }

    @Test // L8
    void an_interrupted_call_gives_its_permit_back() throws Exception {
        patient.call(() -> "first");
        Rig.Running<String> call = Rig.start(() -> patient.call(() -> "never"));
        time.awaitParked(1);
        call.thread.interrupt();
        assertThatThrownBy(call::end)
                .isInstanceOf(ExecutionException.class)
                .hasCauseInstanceOf(CallInterruptedException.class);
        assertThat(patient.peek(1).retryAfter()).contains(ms(100));
        assertThat(patient.waiting()).isZero();
    }

    @Test // L1: nothing is kept of a call that has gone through, and a permit that was used is not given back
    void a_call_that_failed_or_was_ignored_has_used_its_permit() throws Exception {
        patient.call(() -> "first");
        CompletableFuture<Object> failed =
                patient.callAsync(() -> CompletableFuture.failedFuture(new IllegalStateException("failed")));
        time.advance(ms(100));
        assertThatThrownBy(() -> got(failed)).hasCauseInstanceOf(IllegalStateException.class);
        assertThat(patient.waiting()).isZero();
        assertThat(patient.peek(1).retryAfter()).contains(ms(100));
    }

    @Test
    void by_hand() throws Exception {
        Permit now = patient.admit();
        now.success();
        CompletableFuture<Permit> later = patient.admitAsync(CallContext.root());
        time.advance(ms(100));
        got(later).ignore(); // its time has come: used
        assertThat(patient.peek(1).retryAfter()).contains(ms(100));
        assertThat(patient.waiting()).isZero();
    }

    @Test
    void a_pacer_queues_without_being_told() throws Exception {
        RateLimiter pacer = limiter(Limit.pacer(10, SECOND, 1), time);
        Pipeline pipeline = Pipeline.of(pacer);
        List<Long> ran = new CopyOnWriteArrayList<>();
        long begin = time.nanoTime();
        pipeline.call(() -> ran.add(time.nanoTime() - begin));
        CompletableFuture<Boolean> second =
                pipeline.callAsync(() -> CompletableFuture.completedFuture(ran.add(time.nanoTime() - begin)));
        assertThatThrownBy(() -> pipeline.call(() -> ran.add(-1L))).isInstanceOf(RateLimitedException.class);
        time.advance(ms(100));
        got(second);
        assertThat(ran).containsExactly(0L, ms(100).toNanos());
    }

    @Test // S40: what a registry of gates per key may forget
    void it_may_be_forgotten_when_it_is_full() {
        assertThat(search.forgettable(0)).isTrue();
        search.tryAcquire();
        assertThat(search.forgettable(0)).isFalse();
        time.advance(ms(10));
        assertThat(search.forgettable(0)).isTrue();
        search.throttleFor(SECOND);
        assertThat(search.forgettable(0)).isFalse();
        patient.call(() -> "first");
        CompletableFuture<Long> waiting = later(CallContext.root());
        patient.reset();
        assertThat(patient.forgettable(0)).as("somebody waits").isFalse();
        waiting.cancel(true);
        assertThat(patient.forgettable(0)).isTrue();
    }
}
