// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.resilience.Backoff;
import dev.resilience.CallContext;
import dev.resilience.Gate;
import dev.resilience.Pipeline;
import dev.resilience.Policy;
import dev.resilience.RetryBudget;
import dev.resilience.TimeSource;
import dev.resilience.Verdict;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.breaker.Window;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.hedge.Hedge;
import dev.resilience.ratelimit.KeyedRateLimiter;
import dev.resilience.ratelimit.Limit;
import dev.resilience.ratelimit.RateLimitStore;
import dev.resilience.ratelimit.RateLimiter;
import dev.resilience.ratelimit.SharedRateLimiter;
import dev.resilience.ratelimit.Sharing;
import dev.resilience.retry.Retry;
import dev.resilience.testkit.ManualTime;
import dev.resilience.timeout.Timeout;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** One policy of each kind on a manual clock. */
final class Rig {
    final ManualTime time = ManualTime.autoAdvancing();
    final CircuitBreaker breaker = breaker("payments");
    final Retry retry = Retry.builder("payments")
            .maxAttempts(3)
            .backoff(Backoff.constant(Duration.ofMillis(100)))
            .budget(RetryBudget.builder().timeSource(time).build())
            .build();
    final Timeout timeout = Timeout.of("payments", Duration.ofSeconds(1));
    final Bulkhead bulkhead =
            Bulkhead.builder("payments").maxConcurrent(2).timeSource(time).build();
    final Hedge hedge = Hedge.builder("payments").delay(Duration.ofSeconds(9)).build();
    final RateLimiter limiter = RateLimiter.builder("payments")
            .limit(Limit.of(3, Duration.ofMinutes(1)))
            .timeSource(time)
            .build();
    final KeyedRateLimiter<String> tenants = RateLimiter.builder("tenants")
            .limit(Limit.of(3, Duration.ofMinutes(1)))
            .timeSource(time)
            .keyed(2);
    /** Of its store. */
    volatile boolean down;

    final SharedRateLimiter<String> fleet = RateLimiter.builder("fleet")
            .limit(Limit.of(3, Duration.ofMinutes(1)))
            .timeSource(time)
            .shared(Sharing.through(this::decide), 10);
    private final RateLimitStore store = RateLimitStore.inMemory(10, time);
    final CallMeter meter = CallMeter.timed("payments", time);
    final Shut gate = new Shut("payments", time);

    /** A third party's gate; refuses when it is told to. */
    static final class Shut extends Gate {
        volatile boolean shut;

        Shut(String name, TimeSource time) {
            super(name, time);
        }

        @Override
        protected long tryAdmit(CallContext context, long now) {
            return shut ? refused(0) : 0;
        }

        @Override
        protected void settle(
                long permit, long at, long now, Verdict v, @Nullable Object value, @Nullable Throwable t) {}
    }

    private CompletionStage<RateLimitStore.Reply> decide(RateLimitStore.Request request) {
        return down ? CompletableFuture.failedStage(new IOException("store down")) : store.decide(request);
    }

    CircuitBreaker breaker(String name) {
        return CircuitBreaker.builder(name)
                .window(Window.calls(4).minimumCalls(2))
                .openFor(Duration.ofSeconds(5))
                .probes(1)
                .timeSource(time)
                .build();
    }

    /** Knows its status and nothing else. */
    static HttpResponse<?> response(int status) {
        return (HttpResponse<?>) Proxy.newProxyInstance(
                Rig.class.getClassLoader(), new Class<?>[] {HttpResponse.class}, (proxy, method, args) -> {
                    if (method.getName().equals("statusCode")) return status;
                    throw new AssertionError("nobody is to ask for " + method);
                });
    }

    Pipeline pipeline(Policy... policies) {
        return Pipeline.builder("payments")
                .policies(policies)
                .timeSource(time)
                .onWarning(warning -> {})
                .build();
    }

    /** Every kind, the hedge but not in use: it needs workers. */
    Pipeline all() {
        return pipeline(meter, gate, retry, breaker, bulkhead, timeout);
    }

    static Throwable fail(Policy policy) {
        Throwable thrown = catchThrowable(() -> policy.run(() -> {
            throw new IOException("connection refused");
        }));
        assertThat(thrown).isNotNull();
        return thrown;
    }
}
