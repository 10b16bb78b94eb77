// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.ratelimit.RateLimitStore.Reply;
import dev.resilience.ratelimit.RateLimitStore.Request;
import dev.resilience.testkit.ManualTime;
import dev.resilience.testkit.ratelimit.RateLimitStoreContract;
import java.time.Duration;
import org.junit.jupiter.api.Test;

// @start region="contract"
class MemoryStoreTest extends RateLimitStoreContract {
    private final ManualTime time = ManualTime.create();
    private final RateLimitStore store = RateLimitStore.inMemory(1000, time);

    @Override
    protected RateLimitStore store() {
        return store;
    }

    @Override
    protected void pass(Duration duration) {
        time.advance(duration);
    }
    // @end

    private Reply ask(RateLimitStore store, String key, long cost, long allowed) {
        return store.decide(Request.of(key, 1, cost, allowed))
                .toCompletableFuture()
                .join();
    }

    @Test
    void who_owes_nothing_is_forgotten_and_a_debtor_is_not() {
        RateLimitStore small = RateLimitStore.inMemory(2, time);
        ask(small, "debtor", 1_000_000, 1_000_000);
        for (int i = 0; i < 1000; i++) {
            assertThat(ask(small, "passing-" + i, 5, 5).isGranted()).isTrue();
            time.advance(Duration.ofNanos(10));
        }
        assertThat(ask(small, "debtor", 0, 0).debtTicks()).isEqualTo(1_000_000 - 10_000);
    }

    @Test
    void a_store_full_of_debtors_fails_for_new_ones_and_serves_the_others() {
        RateLimitStore small = RateLimitStore.inMemory(2, time);
        ask(small, "a", 10, 20);
        ask(small, "b", 10, 20);
        assertThatThrownBy(() -> ask(small, "c", 10, 20))
                .hasRootCauseMessage("the store is full: 2 keys owe something");
        assertThat(ask(small, "a", 10, 20).isGranted()).isTrue();
        assertThat(ask(small, "c", 0, 20).debtTicks()).isZero();
        time.advance(Duration.ofNanos(10));
        assertThat(ask(small, "c", 10, 20).isGranted()).as("b is forgotten").isTrue();
    }

    @Test
    void years_of_silence_are_no_trouble() { // L10
        ask(store, "idle", 1_000_000_000, 1_000_000_000);
        time.advance(Duration.ofDays(365 * 200));
        assertThat(ask(store, "idle", 1_000_000_000, 1_000_000_000).isGranted()).isTrue();
        Request huge = Request.of("huge", 1024, Long.MAX_VALUE - 1, Long.MAX_VALUE);
        assertThat(store.decide(huge).toCompletableFuture().join().isGranted()).isTrue();
        assertThat(store.decide(huge).toCompletableFuture().join().debtTicks()).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void requests_and_replies_say_what_is_wrong() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Request.of("k", 0, 1, 1))
                .withMessage("ticksPerNano must be at least 1, was 0");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Request.of("k", 1, -1, 1))
                .withMessage("costTicks must be at least 0, was -1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Reply.granted(-1))
                .withMessage("debtTicks must not be negative, was -1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RateLimitStore.inMemory(0, time))
                .withMessage("maxKeys must be at least 1, was 0");
        assertThat(Request.of("k", 1, 2, 3).forced()).hasToString("Request[k, cost=2, allowed=3, ticks/ns=1, forced]");
        assertThat(Reply.refused(4)).hasToString("refused, debt 4");
    }
}
