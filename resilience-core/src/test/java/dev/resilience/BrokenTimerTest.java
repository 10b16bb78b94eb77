// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.ManualTime;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A timer that cannot be armed ends the stages that need it, and costs no permit and no place in a queue. L1, L6. */
class BrokenTimerTest {
    /** Refuses every timer. */
    private static final class NoTimers implements TimeSource {
        final ManualTime time = ManualTime.create();

        @Override
        public long nanoTime() {
            return time.nanoTime();
        }

        @Override
        public void park(Object blocker, long nanos) {
            time.park(blocker, nanos);
        }

        @Override
        public void unpark(Thread thread) {
            time.unpark(thread);
        }

        @Override
        public Timer schedule(Runnable task, long nanos) {
            throw new RejectedExecutionException("no more timers");
        }
    }

    private final NoTimers time = new NoTimers();
    private final RecordingGate gate = new RecordingGate("gate", time) {
        @Override
        protected void enqueue(Waiter waiter) {
            super.enqueue(waiter);
            if (atOnce) grantLater();
        }

        @Override
        protected long maxWaitNanos(CallContext context) {
            return limited ? 10 : Long.MAX_VALUE;
        }
    };
    private boolean limited;
    private boolean atOnce;

    private void grantLater() {
        Waiter next = gate.queue.remove(0);
        assertThat(next.grantAt(gate.admitted.incrementAndGet(), time.nanoTime() + 5))
                .isTrue();
    }

    private interface Way {
        CompletableFuture<?> through(Gate gate);
    }

    static Stream<Way> ways() {
        return Stream.of(
                gate -> gate.callAsync(() -> CompletableFuture.completedFuture("value")),
                gate -> gate.admitAsync(CallContext.root()));
    }

    private void refused(CompletableFuture<?> stage) {
        assertThat(stage).isCompletedExceptionally();
        assertThat(stage.handle((value, thrown) -> Handles.unwrap(thrown)))
                .isCompletedWithValueMatching(RejectedExecutionException.class::isInstance);
        assertThat(gate.balanced()).isTrue();
        assertThat(gate.queue).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("ways")
    void who_cannot_be_timed_out_leaves_the_queue(Way way) {
        gate.waiting = true;
        limited = true;
        refused(way.through(gate));
        assertThat(gate.abandoned).hasSize(1);
        assertThat(gate.abandoned.get(0).grant(7))
                .as("the permit stays the gate's")
                .isFalse();
    }

    @ParameterizedTest
    @MethodSource("ways")
    void a_permit_for_later_goes_back_when_it_came_at_once(Way way) {
        gate.waiting = true;
        atOnce = true;
        refused(way.through(gate));
        assertThat(gate.verdicts).containsExactly(Verdict.IGNORED);
    }

    @ParameterizedTest
    @MethodSource("ways")
    void a_permit_for_later_goes_back_when_it_came_after_a_while(Way way) {
        gate.waiting = true;
        CompletableFuture<?> stage = way.through(gate);
        assertThat(stage).isNotDone();
        grantLater();
        refused(stage);
        assertThat(gate.verdicts).containsExactly(Verdict.IGNORED);
    }
}
