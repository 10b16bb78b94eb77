// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;

/** Every refusal of every gate is counted and told once, whichever way the call came. */
class RejectionsTest {
    private final ManualTime time = ManualTime.create();
    private final Bulkhead full =
            Bulkhead.builder("db").maxConcurrent(1).timeSource(time).build();
    private final List<RejectedException> told = new ArrayList<>();

    private void occupied(Runnable test) {
        Permit permit = full.admit();
        test.run();
        permit.ignore();
    }

    private RejectedException rejected(Runnable call) {
        return catchThrowableOfType(RejectedException.class, call::run);
    }

    @Test
    void each_face_counts_a_refusal_once_and_tells_what_the_caller_gets() {
        Pipeline pipeline = Pipeline.of(full);
        full.onRejection(told::add);
        List<RejectedException> got = new ArrayList<>();
        occupied(() -> {
            got.add(rejected(() -> full.run(() -> {})));
            got.add(rejected(() -> pipeline.run(() -> {})));
            got.add(rejected(full::admit));
            got.add((RejectedException) ((Outcome.Failure<?>) full.outcome(() -> 1)).thrown());
            got.add((RejectedException) ((Outcome.Failure<?>) pipeline.outcome(() -> 1)).thrown());
            got.add(failure(full.callAsync(() -> CompletableFuture.completedFuture(1))));
            got.add(failure(full.admitAsync(CallContext.root())));
        });
        assertThat(full.rejected()).isEqualTo(7);
        assertThat(told).containsExactlyElementsOf(got);
    }

    private static RejectedException failure(CompletableFuture<?> future) {
        return (RejectedException)
                catchThrowableOfType(CompletionException.class, future::join).getCause();
    }

    @Test
    void an_outcome_that_nobody_looks_at_is_counted_and_looking_counts_no_second_time() {
        occupied(() -> {
            Outcome<Integer> outcome = full.outcome(() -> 1);
            assertThat(full.rejected()).isEqualTo(1);
            assertThat(outcome.as(RejectedException.class)).isPresent();
            assertThat(outcome.as(RejectedException.class)).isPresent();
            assertThat(full.rejected()).isEqualTo(1);
        });
    }

    @Test
    void a_wait_in_vain_counts_once_and_one_that_is_cancelled_not_at_all() {
        Bulkhead queue = Bulkhead.builder("q")
                .maxConcurrent(1)
                .maxWaiting(5)
                .maxWait(Duration.ofSeconds(1))
                .timeSource(time)
                .build();
        queue.onRejection(told::add);
        Permit permit = queue.admit();
        CompletableFuture<Integer> waits = queue.callAsync(() -> CompletableFuture.completedFuture(1));
        CompletableFuture<Integer> leaves = queue.callAsync(() -> CompletableFuture.completedFuture(1));
        leaves.cancel(true);
        assertThat(queue.rejected()).isZero();
        time.advance(Duration.ofSeconds(1));
        assertThat(failure(waits).getMessage()).contains("waited 1 s in vain");
        assertThat(queue.rejected()).isEqualTo(1);
        assertThat(told).hasSize(1);
        permit.ignore();
    }

    @Test
    void no_exception_is_made_for_a_listener_that_does_not_listen() { // L15
        Gate.RejectionListener deaf = new Gate.RejectionListener() {
            @Override
            public boolean listening() {
                return false;
            }

            @Override
            public void rejected(RejectedException rejection) {
                told.add(rejection);
            }
        };
        Permit permit = full.admit();
        double outcome = 32; // without the exception, which nobody has asked for
        Subscription subscription = full.onRejection(deaf);
        double least = Allocations.perRun(() -> full.outcome(() -> 1));
        // on a busy machine the compiler comes late, and may be kept waiting for a processor however often this is
        // called
        TimeSource real = TimeSource.system();
        long since = real.nanoTime();
        while (least > outcome && real.nanoTime() - since < 60_000_000_000L) {
            least = Math.min(least, Allocations.perRun(() -> full.outcome(() -> 1)));
        }
        assertThat(least).isLessThanOrEqualTo(outcome);
        subscription.close();
        assertThat(told).isEmpty();
        permit.ignore();
    }

    @Test
    void a_listener_that_throws_changes_nothing() { // L5
        full.onRejection(rejection -> {
            throw new IllegalStateException("of the listener");
        });
        try (Reported reported = new Reported()) {
            occupied(() -> assertThat(rejected(() -> full.run(() -> {}))).hasMessageContaining("'db' is full"));
            assertThat(reported.messages())
                    .containsExactly(
                            "bulkhead 'db': a rejection listener threw java.lang.IllegalStateException: of the listener");
        }
    }

    @Test
    void a_bulkhead_shows_its_numbers_of_one_moment() {
        Bulkhead queue = Bulkhead.builder("q")
                .maxConcurrent(1)
                .maxWaiting(5)
                .maxWait(Duration.ofSeconds(9))
                .timeSource(time)
                .build();
        Permit permit = queue.admit();
        CompletableFuture<Permit> first = queue.admitAsync(CallContext.root());
        time.advance(Duration.ofSeconds(2));
        CompletableFuture<Permit> second = queue.admitAsync(CallContext.root());
        Bulkhead.Snapshot snapshot = queue.snapshot();
        assertThat(snapshot).hasToString("in flight 1/1, waiting 2/5");
        assertThat(snapshot.oldestWait()).isEqualTo(Duration.ofSeconds(2));
        second.cancel(false);
        permit.ignore();
        first.join().ignore();
        assertThat(queue.snapshot()).hasToString("in flight 0/1, waiting 0/5");
        assertThat(queue.snapshot().oldestWait()).isZero();
    }
}
