// SPDX-License-Identifier: Apache-2.0
package com.acme.app;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.CallContext;
import dev.resilience.Pipeline;
import dev.resilience.RejectedException;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.ratelimit.KeyedRateLimiter;
import dev.resilience.ratelimit.Limit;
import dev.resilience.ratelimit.RateLimitHeaders;
import dev.resilience.ratelimit.RateLimitedException;
import dev.resilience.ratelimit.RateLimiter;
import dev.resilience.retry.Retry;
import dev.resilience.standard.StandardPipeline;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** T21, T22, T34, T37, T38, T42: what users write with a rate limiter. */
class LimiterTasksTest {
    private static final CallContext.Attribute<Long> TOKENS = CallContext.Attribute.of("tokens");
    private static final CallContext.Attribute<String> TENANT = CallContext.Attribute.of("tenant");

    private final ManualTime time = ManualTime.create();

    private String plain() {
        return "hello";
    }

    @Test
    void t21_a_weight_for_each_request() {
        RateLimiter llm = RateLimiter.builder("llm")
                .limit(Limit.of(90_000, ofMinutes(1)))
                .cost(c -> c.get(TOKENS, 1L))
                .timeSource(time)
                .build();
        Pipeline pipeline =
                Pipeline.of(llm, Bulkhead.builder("llm").timeSource(time).build());
        assertThat(pipeline.outcome(CallContext.of(TOKENS, 80_000L), c -> plain())
                        .succeeded())
                .isTrue();
        assertThat(pipeline.outcome(CallContext.of(TOKENS, 20_000L), c -> plain())
                        .as(RateLimitedException.class))
                .get()
                .extracting(rejected -> rejected.retryAfter().orElseThrow().toMillis())
                .isEqualTo(6_666L);
        assertThat(pipeline.outcome(CallContext.of(TOKENS, 10_000L), c -> plain())
                        .succeeded())
                .isTrue();
    }

    @Test
    void t22_a_limit_for_each_tenant_in_a_pipeline() {
        KeyedRateLimiter<String> tenants = RateLimiter.builder("tenant")
                .limit(Limit.of(100, ofSeconds(1)).burst(2))
                .timeSource(time)
                .keyed(10_000);
        CircuitBreaker breaker =
                CircuitBreaker.builder("payments").timeSource(time).build();
        Pipeline pipeline = Pipeline.of(tenants.by(c -> c.get(TENANT)), breaker);
        for (String tenant : new String[] {"acme", "umbrella"}) {
            CallContext from = CallContext.of(TENANT, tenant);
            assertThat(pipeline.outcome(from, c -> plain()).succeeded()).isTrue();
            assertThat(pipeline.outcome(from, c -> plain()).succeeded()).isTrue();
            assertThat(pipeline.outcome(from, c -> plain()).succeeded()).isFalse();
        }
    }

    @Test
    void t23_a_hint_from_a_header() {
        Retry retry = Retry.builder("http")
                .delayFrom(String.class, header -> RateLimitHeaders.retryAfter(header, Instant.EPOCH))
                .build();
        assertThat(retry.call(this::plain)).isEqualTo("hello");
        assertThat(RateLimitHeaders.retryAfter("7", Instant.EPOCH)).contains(ofSeconds(7));
    }

    @Test
    void t34_rejections_are_incident_reports() {
        RateLimiter search = RateLimiter.builder("search")
                .limit(Limit.of(1, ofSeconds(1)))
                .timeSource(time)
                .build();
        assertThat(reported(search)).isEqualTo("hello");
        assertThat(reported(search)).isEqualTo("slow down: PT1S");
    }

    private String reported(RateLimiter search) {
        try {
            return search.call(this::plain);
        } catch (RateLimitedException e) {
            return "slow down: " + e.retryAfter().map(Duration::toString).orElse("for ever");
        } catch (RejectedException e) {
            return e.policy().name() + " refused";
        }
    }

    @Test
    void t37_around_the_standard_pipeline() {
        Pipeline standard = StandardPipeline.builder("payments")
                .timeout(ofMinutes(2))
                .attemptTimeout(ofMinutes(1))
                .build();
        assertThat(Pipeline.of(RateLimiter.of(Limit.of(10, ofSeconds(1))), standard)
                        .call(this::plain))
                .isEqualTo("hello");
    }

    @Test
    void t38_reconfigure() {
        RateLimiter limiter = RateLimiter.builder("search")
                .limit(Limit.of(10, ofSeconds(1)))
                .timeSource(time)
                .build();
        limiter.reconfigure(Limit.of(50, ofSeconds(1)), RateLimiter.Carry.KEEP_DEBT_TIME);
        assertThat(limiter.peek(1).remaining()).isEqualTo(50);
    }

    @Test
    void t42_a_limiter_alone() throws InterruptedException {
        RateLimiter l = RateLimiter.builder("search")
                .limit(Limit.of(1, ofSeconds(1)))
                .timeSource(time)
                .build();
        assertThat(answered(l)).isEqualTo("hello");
        assertThat(answered(l)).isEqualTo("429 PT1S");
    }

    private String answered(RateLimiter l) throws InterruptedException {
        return l.tryAcquire(1, ofMillis(50))
                ? plain()
                : "429 " + l.decide(1).retryAfter().map(Duration::toString).orElse("never");
    }

    @Test
    void a_retry_outside_waits_for_the_permit_of_its_next_attempt() throws Exception {
        RateLimiter search = RateLimiter.builder("search")
                .limit(Limit.of(1, ofSeconds(1)))
                .timeSource(time)
                .build();
        Pipeline pipeline = Pipeline.of(Retry.of(2), search);
        assertThat(pipeline.call(this::plain)).isEqualTo("hello");
        CompletableFuture<String> second =
                pipeline.callAsync(() -> CompletableFuture.completedFuture("after a second"));
        time.advance(ofSeconds(1).minusNanos(1));
        assertThat(second).isNotDone();
        time.advance(ofSeconds(5));
        assertThat(second.get(60, TimeUnit.SECONDS)).isEqualTo("after a second");
    }
}
