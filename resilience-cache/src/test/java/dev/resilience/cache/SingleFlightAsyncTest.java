// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.CallContext;
import dev.resilience.CallInterruptedException;
import dev.resilience.TimeoutExceededException;
import dev.resilience.cache.Flyers.Flyer;
import dev.resilience.cache.Flyers.Held;
import dev.resilience.testkit.Laws;
import dev.resilience.testkit.ManualTime;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The asynchronous faces: cache.md 3.2 to 3.5, L6, L7, L13. */
class SingleFlightAsyncTest {
    @RegisterExtension
    final Laws laws = new Laws();

    private final ManualTime time = laws.time();
    private final Deque<Runnable> queue = new ArrayDeque<>();
    private final SingleFlight<String, String> flight =
            SingleFlight.builder("users").executor(queue::add).timeSource(time).build();
    private final SingleFlight<String, String> onCallers =
            SingleFlight.builder("users").timeSource(time).build();
    private final CompletableFuture<String> source = new CompletableFuture<>();

    private static CompletionStage<String> notWanted() {
        throw new AssertionError("must not be run");
    }

    private static Throwable failure(CompletableFuture<?> future) {
        try {
            future.get(60, TimeUnit.SECONDS);
            throw new AssertionError("it has a value");
        } catch (ExecutionException e) {
            return e.getCause();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void callers_share_a_stage_and_get_futures_of_their_own() {
        CompletableFuture<String> one = flight.callAsync("k", () -> source);
        CompletableFuture<String> two = flight.callAsync("k", SingleFlightAsyncTest::notWanted);
        assertThat(one).isNotSameAs(two).isNotSameAs(source);
        source.complete("v");
        assertThat(one).isCompletedWithValue("v");
        assertThat(two).isCompletedWithValue("v");
        assertThat(flight.snapshot().loading()).isZero();
    }

    @Test
    void a_stage_that_is_complete_already_is_answered_at_once() {
        assertThat(flight.callAsync("k", () -> CompletableFuture.completedFuture("v")))
                .isCompletedWithValue("v");
    }

    @Test
    void a_failed_stage_fails_each_caller_with_an_exception_of_its_own() {
        CompletableFuture<String> one = flight.callAsync("k", () -> source.thenApply(v -> v));
        CompletableFuture<String> two = flight.callAsync("k", SingleFlightAsyncTest::notWanted);
        IOException cause = new IOException();
        source.completeExceptionally(cause);
        assertThat(failure(one)).isInstanceOf(CacheLoadException.class).hasCause(cause);
        assertThat(failure(two))
                .isInstanceOf(CacheLoadException.class)
                .hasCause(cause)
                .isNotSameAs(failure(one));
    }

    @Test
    void what_the_operation_throws_and_a_missing_stage_fail_the_future() {
        assertThat(failure(flight.callAsync("k", () -> {
                    throw new IOException();
                })))
                .hasCauseInstanceOf(IOException.class);
        assertThat(failure(flight.callAsync("k", () -> null)))
                .hasRootCauseMessage("the load returned null instead of a CompletionStage");
    }

    @Test
    void an_error_is_the_leaders_as_it_is() {
        CompletableFuture<String> one = flight.callAsync("k", () -> source);
        CompletableFuture<String> two = flight.callAsync("k", SingleFlightAsyncTest::notWanted);
        Error error = new AssertionError();
        source.completeExceptionally(error);
        assertThat(failure(one)).isSameAs(error);
        assertThat(failure(two)).isInstanceOf(CacheLoadException.class).hasCause(error);
    }

    /** L6, L7: the shared stage is handed to nobody. */
    @Test
    void whatever_a_caller_does_to_its_future_leaves_the_others() {
        CompletableFuture<String> cancelled = flight.callAsync("k", () -> source);
        CompletableFuture<String> completed = flight.callAsync("k", SingleFlightAsyncTest::notWanted);
        CompletableFuture<String> failed = flight.callAsync("k", SingleFlightAsyncTest::notWanted);
        CompletableFuture<String> waits = flight.callAsync("k", SingleFlightAsyncTest::notWanted);
        cancelled.cancel(true);
        completed.complete("mine");
        failed.completeExceptionally(new IOException());
        assertThat(source).isNotDone();
        source.complete("v");
        assertThat(waits).isCompletedWithValue("v");
        assertThat(completed).isCompletedWithValue("mine");
    }

    @Test
    void the_last_caller_to_leave_cancels_the_stage() {
        CompletableFuture<String> one = flight.callAsync("k", () -> source);
        CompletableFuture<String> two = flight.callAsync("k", SingleFlightAsyncTest::notWanted);
        one.cancel(true);
        assertThat(source).isNotDone();
        two.cancel(true);
        assertThat(source).isCancelled();
        assertThat(flight.snapshot().abandoned()).isZero();
    }

    /** cache.md 3.3: nobody inherits a cancelled load. */
    @Test
    void who_comes_when_all_have_left_starts_a_new_load() {
        CompletableFuture<String> stubborn = new CompletableFuture<>() {
            @Override
            public boolean cancel(boolean mayInterruptIfRunning) {
                return false;
            }
        };
        flight.callAsync("k", () -> stubborn).cancel(true);
        assertThat(flight.snapshot().abandoned()).isEqualTo(1);
        CompletableFuture<String> next = flight.callAsync("k", () -> source);
        stubborn.complete("late");
        assertThat(flight.snapshot().abandoned()).isZero();
        assertThat(next).isNotDone();
        source.complete("v");
        assertThat(next).isCompletedWithValue("v");
    }

    @Test
    void seats_that_were_left_are_not_kept() {
        CompletableFuture<String> first = flight.callAsync("k", () -> source);
        for (int i = 0; i < 10_000; i++) {
            flight.callAsync("k", SingleFlightAsyncTest::notWanted).cancel(true);
        }
        assertThat(seats()).isLessThanOrEqualTo(2);
        source.complete("v");
        assertThat(first).isCompletedWithValue("v");
    }

    private int seats() {
        return flight.flights().find("k").waiting();
    }

    /** cache.md 3.5, L6, L13. */
    @Test
    void a_stage_that_never_completes_is_abandoned_at_the_deadline() {
        SingleFlight<String, AutoCloseable> short1 = SingleFlight.builder("short")
                .loadDeadline(Duration.ofSeconds(2))
                .timeSource(time)
                .build();
        CompletableFuture<AutoCloseable> never = new CompletableFuture<>() {
            @Override
            public boolean cancel(boolean mayInterruptIfRunning) {
                return false;
            }
        };
        CompletableFuture<AutoCloseable> one = short1.callAsync("k", () -> never);
        CompletableFuture<AutoCloseable> two = short1.callAsync("k", () -> never);
        time.advance(Duration.ofSeconds(2));
        for (CompletableFuture<AutoCloseable> each : java.util.List.of(one, two)) {
            assertThat(failure(each))
                    .hasMessage("single flight 'short': the load failed after 2 s:"
                            + " dev.resilience.TimeoutExceededException")
                    .hasCauseInstanceOf(TimeoutExceededException.class);
        }
        assertThat(short1.snapshot().abandoned()).isEqualTo(1);
        assertThat(short1.snapshot().loading()).isZero();
        AutoCloseable value = () -> {};
        assertThat(short1.callAsync("k", () -> CompletableFuture.completedFuture(value)))
                .isCompletedWithValue(value);
        boolean[] closed = new boolean[1];
        never.complete(() -> closed[0] = true);
        assertThat(short1.snapshot().abandoned()).isZero();
        assertThat(closed[0]).isTrue();
    }

    @Test
    void what_closing_a_late_result_throws_is_reported() {
        laws.expectLog(".*single flight 'users': closing a late result threw .*");
        SingleFlight<String, AutoCloseable> closing =
                SingleFlight.builder("users").timeSource(time).build();
        CompletableFuture<AutoCloseable> never = new CompletableFuture<>() {
            @Override
            public boolean cancel(boolean mayInterruptIfRunning) {
                return false;
            }
        };
        closing.callAsync("k", () -> never).cancel(true);
        never.complete(() -> {
            throw new IOException();
        });
        assertThat(closing.snapshot().abandoned()).isZero();
    }

    /** cache.md 3.5: loads that never return do not pile up. */
    @Test
    void above_the_cap_of_abandoned_loads_new_ones_are_refused_and_joining_is_not() {
        SingleFlight<String, String> capped = SingleFlight.builder("users")
                .loadDeadline(Duration.ofSeconds(1))
                .maxAbandoned(1)
                .timeSource(time)
                .build();
        CompletableFuture<String> never = new CompletableFuture<>() {
            @Override
            public boolean cancel(boolean mayInterruptIfRunning) {
                return false;
            }
        };
        CompletableFuture<String> lost = capped.callAsync("k", () -> never);
        time.advance(Duration.ofMillis(500));
        CompletableFuture<String> other = capped.callAsync("other", () -> source);
        time.advance(Duration.ofMillis(500));
        assertThat(failure(lost)).hasCauseInstanceOf(TimeoutExceededException.class);
        String message = "single flight 'users' rejected the load (abandoned loads that still run: 1/1)";
        assertThatThrownBy(() -> capped.call("k", () -> "v"))
                .isInstanceOf(LoadRejectedException.class)
                .hasMessage(message);
        assertThat(failure(capped.callAsync("k", SingleFlightAsyncTest::notWanted)))
                .hasMessage(message);
        CompletableFuture<String> joins = capped.callAsync("other", SingleFlightAsyncTest::notWanted);
        source.complete("v");
        assertThat(joins).isCompletedWithValue("v");
        assertThat(other).isCompletedWithValue("v");
        never.complete("late");
        assertThat(capped.call("k", () -> "v")).isEqualTo("v");
    }

    @Test
    void a_future_ends_at_its_callers_deadline_and_the_load_goes_on() {
        CallContext soon = CallContext.root().within(Duration.ofMillis(200));
        CompletableFuture<String> hasty = flight.callAsync(soon, "k", () -> source);
        CompletableFuture<String> patient = flight.callAsync("k", SingleFlightAsyncTest::notWanted);
        time.advance(Duration.ofMillis(200));
        assertThat(failure(hasty)).isInstanceOf(TimeoutExceededException.class);
        assertThat(source).isNotDone();
        source.complete("v");
        assertThat(patient).isCompletedWithValue("v");
    }

    @Test
    void the_callers_deadline_of_a_lone_future_cancels_the_stage() {
        CallContext soon = CallContext.root().within(Duration.ofMillis(200));
        CompletableFuture<String> hasty = flight.callAsync(soon, "k", () -> source);
        time.advance(Duration.ofMillis(200));
        assertThat(failure(hasty)).isInstanceOf(TimeoutExceededException.class);
        Flyers.until(source::isCancelled);
    }

    @Test
    void a_submitted_load_runs_on_the_executor() {
        CompletableFuture<String> one = flight.submit("k", () -> "v");
        CompletableFuture<String> two = flight.submit("k", () -> "not wanted");
        assertThat(one).isNotDone();
        queue.remove().run();
        assertThat(one).isCompletedWithValue("v");
        assertThat(two).isCompletedWithValue("v");
        assertThat(queue).isEmpty();
    }

    @Test
    void a_submitted_load_that_all_left_before_it_began_never_runs() {
        flight.submit("k", () -> {
                    throw new AssertionError("must not be run");
                })
                .cancel(true);
        assertThat(flight.snapshot().abandoned()).isZero();
        queue.remove().run();
        assertThat(flight.snapshot().abandoned()).isZero();
        CompletableFuture<String> next = flight.submit("k", () -> "v");
        queue.remove().run();
        assertThat(next).isCompletedWithValue("v");
    }

    @Test
    void a_future_may_follow_a_blocking_leader() throws Exception {
        Held<String> load = new Held<>(() -> "v");
        Flyer<String> leader = Flyers.fly(() -> onCallers.call("k", load));
        load.awaitIn();
        CompletableFuture<String> follower = onCallers.callAsync("k", SingleFlightAsyncTest::notWanted);
        load.letOut();
        assertThat(leader.value()).isEqualTo("v");
        assertThat(follower.get(60, TimeUnit.SECONDS)).isEqualTo("v");
    }

    /** cache.md 3.3, with a future among those who elect. */
    @Test
    void a_future_leads_when_the_blocking_leader_is_interrupted() throws Exception {
        Held<String> load = new Held<>(() -> "never");
        Flyer<String> leader = Flyers.fly(() -> onCallers.call("k", load));
        load.awaitIn();
        CompletableFuture<String> follower = onCallers.callAsync("k", () -> source);
        source.complete("v");
        leader.interrupt();
        assertThat(leader.thrown()).isInstanceOf(CallInterruptedException.class);
        assertThat(follower.get(60, TimeUnit.SECONDS)).isEqualTo("v");
    }

    @Test
    void a_stage_that_asks_for_its_own_key_is_told_at_once() {
        assertThat(failure(flight.callAsync("k", () -> flight.callAsync("k", () -> source))))
                .hasCauseInstanceOf(IllegalStateException.class);
    }

    /** S17: off the table before anybody is told. */
    @Test
    void a_retry_from_within_the_failures_callback_is_a_new_load() {
        CompletableFuture<String> second = new CompletableFuture<>();
        flight.callAsync("k", () -> source)
                .whenComplete((value, thrown) -> flight.callAsync("k", () -> {
                    second.complete("a load of its own");
                    return second;
                }));
        source.completeExceptionally(new IOException());
        assertThat(second).isCompletedWithValue("a load of its own");
    }
}
