// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class SingleFlightTest {
    private final SingleFlight<String, String> flight = SingleFlight.create();

    @Test
    void a_caller_alone_gets_what_its_load_returns() {
        assertThat(flight.call("k", () -> "v")).isEqualTo("v");
    }

    @Test
    void a_failed_load_is_an_exception_around_its_cause() {
        IOException broken = new IOException("secret");
        assertThatThrownBy(() -> flight.call("k", () -> {
                    throw broken;
                }))
                .isInstanceOf(CacheLoadException.class)
                .hasCause(broken);
    }

    @Test
    void a_load_that_asks_for_its_own_key_is_told_at_once() {
        assertThatThrownBy(() -> flight.call("k", () -> flight.call("k", () -> "inner")))
                .isInstanceOf(CacheLoadException.class)
                .hasCauseInstanceOf(IllegalStateException.class);
    }

    @Test
    void a_stage_is_shared_by_copies() {
        CompletableFuture<String> source = new CompletableFuture<>();
        CompletableFuture<String> one = flight.callAsync("k", () -> source);
        CompletableFuture<String> two = flight.callAsync("k", () -> {
            throw new AssertionError("joins");
        });
        one.cancel(true);
        source.complete("v");
        assertThat(two.join()).isEqualTo("v");
        assertThat(one).isCancelled();
    }
}
