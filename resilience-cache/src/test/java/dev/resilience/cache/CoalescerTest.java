// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.testkit.ManualTime;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Single loads that are collected into one bulk load. */
class CoalescerTest {
    private static final Duration WINDOW = Duration.ofMillis(2);

    private final ManualTime time = ManualTime.create();
    private final List<List<String>> bulks = new CopyOnWriteArrayList<>();

    private Coalescer<String, String> coalescer(int most, BulkLoader<String, String> bulk) {
        return new Coalescer<>(bulk, WINDOW.toNanos(), most, time, Runnable::run);
    }

    private Map<String, String> upper(Set<String> keys) {
        bulks.add(new ArrayList<>(keys));
        Map<String, String> values = new HashMap<>();
        for (String key : keys) if (!key.startsWith("absent")) values.put(key, key.toUpperCase(Locale.ROOT));
        return values;
    }

    private static CompletableFuture<String> loading(Coalescer<String, String> coalescer, String key) {
        CompletableFuture<String> result = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                result.complete(coalescer.load(key));
            } catch (Throwable thrown) {
                result.completeExceptionally(thrown);
            }
        });
        thread.setDaemon(true);
        thread.start();
        return result;
    }

    private static <T> T joined(CompletableFuture<T> result) {
        return result.orTimeout(60, TimeUnit.SECONDS).join();
    }

    @Test
    void keys_of_one_window_are_loaded_at_once() {
        Coalescer<String, String> coalescer = coalescer(10, this::upper);
        CompletableFuture<String> a = loading(coalescer, "a");
        time.awaitParked(1);
        CompletableFuture<String> b = loading(coalescer, "b");
        time.awaitParked(2);
        time.advance(WINDOW.minusNanos(1));
        assertThat(bulks).isEmpty();
        time.advance(Duration.ofNanos(1));
        assertThat(joined(a)).isEqualTo("A");
        assertThat(joined(b)).isEqualTo("B");
        assertThat(bulks).containsExactly(List.of("a", "b"));
        assertThat(time.pendingTimers()).isZero();
    }

    @Test
    void enough_keys_end_the_window() {
        Coalescer<String, String> coalescer = coalescer(2, this::upper);
        CompletableFuture<String> a = loading(coalescer, "a");
        time.awaitParked(1);
        assertThat(joined(loading(coalescer, "b"))).isEqualTo("B");
        assertThat(joined(a)).isEqualTo("A");
        assertThat(time.pendingTimers()).as("L13").isZero();
    }

    @Test
    void a_key_that_is_wanted_twice_is_loaded_once() {
        Coalescer<String, String> coalescer = coalescer(10, this::upper);
        CompletableFuture<String> one = loading(coalescer, "a");
        CompletableFuture<String> other = loading(coalescer, "a");
        time.awaitParked(2);
        time.advance(WINDOW);
        assertThat(joined(one)).isSameAs(joined(other));
        assertThat(bulks).containsExactly(List.of("a"));
    }

    @Test
    void a_key_that_is_missing_in_the_map_is_absent() {
        Coalescer<String, String> coalescer = coalescer(1, this::upper);
        assertThat(joined(loading(coalescer, "absent-1"))).isNull();
    }

    @Test
    void a_bulk_load_that_fails_fails_each_key_with_what_it_threw() {
        IOException down = new IOException("down");
        Coalescer<String, String> coalescer = coalescer(2, keys -> {
            throw down;
        });
        CompletableFuture<String> a = loading(coalescer, "a");
        time.awaitParked(1);
        CompletableFuture<String> b = loading(coalescer, "b");
        assertThatThrownBy(() -> joined(a)).hasCause(down);
        assertThatThrownBy(() -> joined(b)).hasCause(down);
        assertThat(coalescer.collecting()).isZero();
    }

    @Test
    void a_null_map_is_a_failure_that_says_so() {
        Coalescer<String, String> coalescer = coalescer(1, keys -> null);
        assertThatThrownBy(() -> joined(loading(coalescer, "a")))
                .hasRootCauseMessage("the bulk loader returned null instead of a map");
    }

    @Test
    void what_the_executor_refuses_fails_and_the_next_window_is_a_new_one() {
        boolean[] refuse = {true};
        Coalescer<String, String> coalescer = new Coalescer<>(this::upper, WINDOW.toNanos(), 1, time, task -> {
            if (refuse[0]) throw new IllegalStateException("full");
            task.run();
        });
        assertThatThrownBy(() -> joined(loading(coalescer, "a"))).hasRootCauseMessage("full");
        refuse[0] = false;
        assertThat(joined(loading(coalescer, "a"))).isEqualTo("A");
    }

    @Test
    void an_interrupted_caller_leaves_and_the_others_get_their_values() {
        Coalescer<String, String> coalescer = coalescer(10, this::upper);
        CompletableFuture<String> a = loading(coalescer, "a");
        time.awaitParked(1);
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> coalescer.load("b")).isInstanceOf(InterruptedException.class);
        time.advance(WINDOW);
        assertThat(joined(a)).isEqualTo("A");
    }

    @Test
    void a_load_after_the_start_of_a_bulk_load_does_not_join_it() {
        List<String> reads = new ArrayList<>();
        AtomicReference<Coalescer<String, String>> self = new AtomicReference<>();
        self.set(coalescer(1, keys -> {
            reads.addAll(keys);
            if (reads.size() == 1) joined(loading(self.get(), "a"));
            return upper(keys);
        }));
        assertThat(joined(loading(self.get(), "a"))).isEqualTo("A");
        assertThat(reads).as("S17: what is wanted now is read now").containsExactly("a", "a");
    }
}
