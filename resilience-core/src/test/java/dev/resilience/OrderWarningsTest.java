// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.hedge.Hedge;
import dev.resilience.retry.Retry;
import dev.resilience.standard.StandardPipeline;
import dev.resilience.timeout.Timeout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OrderWarningsTest {
    private final List<String> warnings = new ArrayList<>();

    private Pipeline build(Policy... policies) {
        return Pipeline.builder("p").policies(policies).onWarning(warnings::add).build();
    }

    private void assertWarned(String... texts) {
        assertThat(warnings).containsExactly(texts);
    }

    private static Timeout timeout(String name, int seconds) {
        return Timeout.of(name, ofSeconds(seconds));
    }

    private static Retry retry(String name, int maxAttempts) {
        return Retry.builder(name).maxAttempts(maxAttempts).build();
    }

    private static Retry pausing(Backoff backoff) {
        return Retry.builder("r").backoff(backoff).build();
    }

    private static Hedge hedge(String name, Duration delay) {
        return Hedge.builder(name).delay(delay).maxHedges(2).build();
    }

    private final CircuitBreaker breaker = CircuitBreaker.of("b");

    // --- what is right is never warned of ---

    @Test
    void an_order_that_makes_sense_warns_of_nothing() {
        build(timeout("total", 10), Retry.of(3), breaker, Bulkhead.of(5), timeout("attempt", 2));
        build(timeout("total", 10), build(Retry.of(3)), build(breaker, timeout("attempt", 2)));
        build(Retry.of(3), hedge("h", ofMillis(50)), breaker, timeout("attempt", 2));
        build(Bulkhead.of(5), Retry.of(3), timeout("attempt", 2));
        assertWarned();
    }

    @Test
    void the_recommended_pipeline_warns_of_nothing() {
        try (Reported reported = new Reported()) {
            StandardPipeline.of("standard");
            Pipeline.of(Retry.of(3), breaker, Timeout.of(ofSeconds(2)));
            assertThat(reported.messages()).isEmpty();
        }
    }

    @Test
    void a_policy_alone_warns_of_nothing() {
        for (Policy alone : List.of(breaker, Retry.of(3), Bulkhead.of(5), timeout("t", 1), hedge("h", ofMillis(50))))
            build(alone);
        assertWarned();
    }

    @Test
    void without_a_listener_it_is_logged() {
        try (Reported reported = new Reported()) {
            Pipeline.of(timeout("total", 2), timeout("attempt", 5));
            assertThat(reported.messages())
                    .singleElement()
                    .asString()
                    .startsWith("pipeline 'pipeline': timeout 'total' (2 s) never lets");
        }
    }

    // --- timeout and timeout ---

    @Test
    void a_total_timeout_that_never_lets_the_attempts_fire_is_told() {
        build(timeout("total", 2), build(Retry.of(3), timeout("attempt", 5)));
        assertWarned("pipeline 'p': timeout 'total' (2 s) never lets timeout 'attempt' (5 s) inside it fire;"
                + " the outer one should be longer");
    }

    @Test
    void what_each_call_decides_cannot_be_known() {
        Timeout perCall = Timeout.of(context -> ofSeconds(1));
        build(timeout("total", 2), Retry.of(3), perCall);
        build(perCall, Retry.of(3), timeout("attempt", 5));
        build(perCall, pausing(Backoff.constant(ofSeconds(60))), breaker, Timeout.of(context -> ofSeconds(1)));
        assertWarned();
    }

    // --- attempts that multiply ---

    @Test
    void a_retry_inside_a_retry_is_told_with_its_product() {
        build(retry("outer", 3), retry("inner", 4));
        assertWarned("pipeline 'p': retry 'inner' stands inside retry 'outer': their attempts multiply, up to 12;"
                + " keep one of them");
    }

    @Test
    void a_retry_that_never_repeats_multiplies_nothing() {
        build(retry("outer", 1), retry("inner", 4));
        build(retry("outer", 4), retry("inner", 1));
        build(hedge("h", ofMillis(50)), retry("r", 1));
        build(breaker, retry("r", 1), timeout("t", 1));
        assertWarned();
    }

    @Test
    void a_hedge_around_a_retry_is_told() {
        build(hedge("h", ofMillis(50)), retry("r", 3));
        assertWarned("pipeline 'p': hedge 'h' stands outside retry 'r': a pause between two attempts looks slow to it,"
                + " and attempts multiply, up to 9; put the hedge inside, as in Pipeline.of(retry, hedge)");
    }

    @Test
    void a_hedge_inside_a_hedge_is_told() {
        build(hedge("outer", ofMillis(50)), hedge("inner", ofMillis(50)));
        assertWarned("pipeline 'p': hedge 'inner' stands inside hedge 'outer': their attempts multiply, up to 9;"
                + " keep one of them");
    }

    // --- S34: a breaker that cannot see ---

    @Test
    void a_breaker_without_a_timeout_inside_is_told() { // S34
        build(Retry.of(3), breaker);
        assertWarned("pipeline 'p': circuit breaker 'b' has no timeout inside it: a call that hangs is never counted,"
                + " so a dead dependency does not open it; put a timeout of each attempt inside, as in"
                + " Pipeline.of(retry, breaker, timeout)");
    }

    @Test
    void a_breaker_inside_the_attempts_timeout_is_told_by_whom_it_is_kept_from_learning() { // S34, L7
        build(timeout("total", 10), Retry.of(3), timeout("attempt", 2), breaker);
        assertWarned("pipeline 'p': circuit breaker 'b' has no timeout inside it, only timeout 'attempt' (2 s) outside:"
                + " a call that hangs is cancelled from there, which counts for nothing, so a dead dependency does not"
                + " open it; put a timeout of each attempt inside, as in Pipeline.of(retry, breaker, timeout)");
    }

    @Test
    void a_duration_that_each_call_decides_has_no_number() {
        build(Timeout.of(context -> ofSeconds(1)), breaker);
        assertThat(warnings).singleElement().asString().contains("only timeout 'timeout' outside: ");
    }

    @Test
    void slow_calls_see_what_hangs_unless_it_is_cancelled_before() { // S32: noticed up to a quarter later
        CircuitBreaker sees =
                CircuitBreaker.builder("b").slowCalls(ofSeconds(4), 0.5).build();
        build(Retry.of(3), sees);
        build(timeout("total", 6), sees);
        assertWarned();
        build(timeout("total", 5), sees);
        assertThat(warnings).singleElement().asString().contains("only timeout 'total' (5 s) outside: ");
    }

    @Test
    void the_word_of_a_third_partys_driver_counts() {
        build(Retry.of(3), breaker, new ThirdParty(ofSeconds(2), 1));
        assertWarned();
        build(timeout("t", 2), new ThirdParty(ofSeconds(3), 1));
        assertWarned(
                "pipeline 'p': timeout 't' (2 s) never lets third party 'other' (3 s) inside it fire; the outer one"
                        + " should be longer");
        warnings.clear();
        build(breaker, new ThirdParty(ofSeconds(3), 7));
        assertThat(warnings).singleElement().asString().contains("it counts one call for up to 7 attempts");
    }

    @Test
    void a_breaker_outside_a_retry_is_told() {
        build(breaker, Retry.of(3), timeout("attempt", 2));
        assertWarned("pipeline 'p': circuit breaker 'b' stands outside retry 'retry': it counts one call for up to 3"
                + " attempts, and they go on when it should be open; put the retry outside, as in"
                + " Pipeline.of(retry, breaker, timeout)");
    }

    // --- time that does not suffice ---

    @Test
    void a_first_pause_beyond_within_is_told() {
        build(Retry.builder("r")
                .backoff(Backoff.constant(ofSeconds(5)))
                .within(ofSeconds(5))
                .build());
        assertWarned("pipeline 'p': retry 'r' never repeats: its first pause (5 s or more) does not fit into its within"
                + " (5 s); make the backoff shorter, or within longer");
    }

    @Test
    void a_first_pause_beyond_the_timeout_around_it_is_told() {
        build(timeout("total", 10), timeout("middle", 3), pausing(Backoff.exponential(ofSeconds(3))));
        assertThat(warnings)
                .containsOnlyOnce(
                        "pipeline 'p': retry 'r' never repeats: its first pause (3 s or more) does not fit into"
                                + " timeout 'middle' (3 s) around it; make the backoff shorter, or the timeout longer");
    }

    @Test
    void a_first_pause_that_can_be_short_is_fine_and_so_is_one_that_nobody_needs() {
        build(timeout("total", 3), pausing(Backoff.exponential(ofSeconds(5)).fullJitter()));
        build(timeout("total", 3), pausing(Backoff.exponential(ofSeconds(5)).equalJitter()));
        build(timeout("total", 3), pausing(Backoff.constant(ofSeconds(5)).cap(ofSeconds(1))));
        build(timeout("total", 3), pausing(Backoff.of((attempt, previous, random) -> {
            throw new AssertionError("a rule is not asked when a pipeline is built");
        })));
        build(
                timeout("total", 3),
                Retry.builder("r")
                        .maxAttempts(1)
                        .backoff(Backoff.constant(ofSeconds(5)))
                        .build());
        assertWarned();
    }

    @Test
    void a_bulkhead_whose_waiters_time_out_is_told() {
        Bulkhead waiting =
                Bulkhead.builder("b").maxWaiting(5).maxWait(ofSeconds(2)).build();
        build(timeout("t", 3), waiting);
        build(waiting, timeout("t", 1));
        assertWarned();
        build(timeout("t", 2), waiting);
        assertWarned("pipeline 'p': bulkhead 'b' lets calls wait as long (2 s) as timeout 't' (2 s) around it lets them"
                + " live: they end as timed out, and nobody learns that it was full; make maxWait shorter");
    }

    @Test
    void a_hedge_whose_delay_never_passes_is_told() {
        build(timeout("total", 2), hedge("h", ofSeconds(2)));
        assertWarned("pipeline 'p': hedge 'h' never starts a hedge: timeout 'total' (2 s) ends the attempt before its"
                + " delay (2 s) has passed; make the delay shorter");
        warnings.clear();
        build(hedge("h", ofSeconds(2)), breaker, timeout("attempt", 1));
        assertWarned("pipeline 'p': hedge 'h' never starts a hedge: timeout 'attempt' (1 s) ends the attempt before its"
                + " delay (2 s) has passed; make the delay shorter");
    }

    @Test
    void a_delay_that_the_hedge_learns_cannot_be_known() {
        build(timeout("total", 2), Hedge.builder("h").delayQuantile(0.95, 100).build(), timeout("attempt", 1));
        build(hedge("h", ofSeconds(2)), timeout("attempt", 3));
        assertWarned();
    }

    // --- the telling itself ---

    @Test
    void the_same_policy_twice_is_told_and_the_pipeline_works() {
        Bulkhead twice = Bulkhead.builder("b").maxConcurrent(1).build();
        Pipeline pipeline = build(twice, build(twice));
        assertWarned("pipeline 'p': bulkhead 'b' stands in it 2 times; each call asks it each time; make one policy for"
                + " each place");
        assertThat(pipeline.outcome(() -> "a bulkhead of one, entered twice").succeeded())
                .isFalse();
    }

    @Test
    void twins_are_told_of_once() {
        Timeout timeout = timeout("t", 1);
        Hedge hedge = hedge("h", ofMillis(50));
        Retry retry = retry("r", 3);
        build(timeout, timeout);
        build(hedge, hedge);
        build(retry, retry);
        assertThat(warnings).hasSize(3).allMatch(text -> text.contains("stands in it 2 times"));
    }

    @Test
    void what_a_nested_pipeline_was_told_is_not_told_again() {
        Pipeline inner = build(retry("outer", 3), retry("inner", 4));
        warnings.clear();
        build(timeout("total", 10), build(inner));
        assertWarned();
        build(retry("third", 2), inner);
        assertThat(warnings).hasSize(2).allMatch(text -> text.contains("stands inside retry 'third'"));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_guest_that_throws_does_not_fail_the_build(boolean reviewing) { // L5
        ThirdParty hostile = new ThirdParty(null, 1) {
            @Override
            protected void review(Review review) {
                assertThat(review.outside()).hasSize(1);
                assertThat(review.inside()).isEmpty();
                assertThatThrownBy(() -> review.inside().add(this)).isInstanceOf(UnsupportedOperationException.class);
                assertThatThrownBy(() -> review.warn(null)).hasMessage("sentence");
                if (reviewing) throw new IllegalStateException("hostile");
                review.warn("nothing");
            }
        };
        try (Reported reported = new Reported()) {
            Pipeline pipeline = Pipeline.builder("p")
                    .policies(timeout("a", 1), hostile)
                    .onWarning(text -> {
                        throw new IllegalStateException(text);
                    })
                    .build();
            assertThat(pipeline.<String, RuntimeException>call(() -> "works")).isEqualTo("works");
            assertThat(reported.messages())
                    .containsExactly(
                            reviewing
                                    ? "third party 'other': review threw java.lang.IllegalStateException: hostile"
                                    : "pipeline 'p': an onWarning listener threw java.lang.IllegalStateException:"
                                            + " pipeline 'p': nothing");
        }
    }

    /** A driver that only says what it does. */
    private static class ThirdParty extends Driver {
        private final @Nullable Duration bound;
        private final int attempts;

        ThirdParty(@Nullable Duration bound, int attempts) {
            super("other");
            this.bound = bound;
            this.attempts = attempts;
        }

        @Override
        protected @Nullable Duration bound() {
            return bound;
        }

        @Override
        protected int attempts() {
            return attempts;
        }

        @Override
        protected <T extends @Nullable Object> T drive(Next next, ContextOp<T, ?> op, CallContext context)
                throws Exception {
            return next.call(op, context);
        }

        @Override
        protected <T extends @Nullable Object> CompletionStage<T> driveAsync(
                Next next, ContextOp<? extends CompletionStage<T>, ?> op, CallContext context) {
            return next.callAsync(op, context);
        }
    }
}
