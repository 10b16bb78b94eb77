// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.CallContext;
import dev.resilience.Gate;
import dev.resilience.ratelimit.Decision.Source;
import dev.resilience.ratelimit.Sharing.OnFailure;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Keys that throw while the store is asked, and what a gate makes of a store's failure. */
class SharedFaultTest {
    private static final Duration SECOND = Duration.ofSeconds(1);

    private final ManualTime time = ManualTime.create();

    /** Answers when it is told to. */
    private final class Slow implements RateLimitStore {
        final RateLimitStore real = RateLimitStore.inMemory(1000, time);

        @Nullable
        CompletableFuture<Void> open;

        @Override
        public CompletionStage<Reply> decide(Request request) {
            CompletableFuture<Void> gate = open;
            return gate == null ? real.decide(request) : gate.thenCompose(unused -> real.decide(request));
        }
    }

    /** Throws wherever it is told to. */
    private static final class Fragile {
        boolean nameless;
        boolean broken;

        @Override
        public int hashCode() {
            if (broken) throw new IllegalStateException("broken key");
            return 1;
        }

        @Override
        public boolean equals(Object other) {
            return this == other;
        }

        @Override
        public String toString() {
            if (nameless) throw new IllegalStateException("nameless key");
            return "key";
        }
    }

    private RateLimiter.Builder builder() {
        return RateLimiter.builder("user").limit(Limit.of(10, SECOND)).timeSource(time);
    }

    @Test // L5, L6
    void a_key_that_throws_when_the_store_has_answered_ends_the_decision() {
        Slow store = new Slow();
        SharedRateLimiter<Fragile> users = builder().shared(Sharing.through(store), 100);
        Fragile key = new Fragile();
        assertThat(users.tryAcquire(key, 10)).isTrue();
        store.open = new CompletableFuture<>();
        CompletableFuture<Decision> decision = users.decideAsync(key, 1);
        assertThat(decision).isNotDone();
        key.broken = true; // a refusal is to be remembered for it
        store.open.complete(null);
        assertThat(decision.handle((value, thrown) -> thrown))
                .isCompletedWithValueMatching(IllegalStateException.class::isInstance);
    }

    @Test // L5
    void a_key_without_a_name_does_not_keep_others_from_leasing() {
        Slow store = new Slow();
        SharedRateLimiter<Fragile> users =
                builder().shared(Sharing.through(store).leasing(SECOND).share(1), 100);
        Fragile key = new Fragile();
        assertThat(users.tryAcquire(key)).isTrue();
        key.nameless = true;
        assertThatIllegalStateException().isThrownBy(() -> users.decideAsync(key, 1));
        key.nameless = false;
        Source last = Source.STORE;
        for (int i = 0; i < 6 && last == Source.STORE; i++)
            last = users.decide(key, 1).source();
        assertThat(last).isEqualTo(Source.LEASE);
    }

    private Gate failing(RateLimiter.Builder builder) {
        RateLimitStore none = request -> CompletableFuture.failedFuture(new IllegalStateException("no connection"));
        return builder.<String>shared(Sharing.through(none).onFailure(OnFailure.THROW), 100)
                .by(context -> "key");
    }

    @Test
    void a_gate_rejects_what_a_failing_store_does_not_decide_and_does_not_say_never() {
        Gate gate = failing(builder());
        assertThatThrownBy(() -> gate.call(() -> "value"))
                .isInstanceOf(RateLimitedException.class)
                .message()
                .contains("retry after")
                .doesNotContain("never");
        assertThat(gate.admitAsync(CallContext.root())).isCompletedExceptionally();
    }

    @Test
    void a_dry_run_refuses_nobody_also_when_the_store_fails() {
        Gate gate = failing(builder().shadow());
        for (int i = 0; i < 7; i++) assertThat(gate.call(() -> "value")).isEqualTo("value");
    }
}
