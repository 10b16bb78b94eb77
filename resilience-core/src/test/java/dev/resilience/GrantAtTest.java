// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A permit that is given now for later: pacers and reservations. */
class GrantAtTest {
    private static final Duration SECOND = Duration.ofSeconds(1);

    private final ManualTime time = ManualTime.create();
    private final RecordingGate pacer = new RecordingGate("pacer", time) {
        @Override
        protected long tryAdmit(CallContext context, long now) {
            return WAIT;
        }

        @Override
        protected void enqueue(Waiter waiter) {
            long permit = admitted.incrementAndGet();
            if (!waiter.grantAt(permit, time.nanoTime() + SECOND.toNanos())) {
                admitted.decrementAndGet();
                waiter.refuse(refused(0));
            }
        }
    };

    @AfterEach
    void nothing_is_left() { // L1, L13
        assertThat(pacer.balanced()).isTrue();
        assertThat(time.pendingTimers()).isZero();
        assertThat(time.parkedThreads()).isZero();
    }

    @Test
    void a_thread_proceeds_at_the_time_and_not_before() throws InterruptedException {
        List<Long> ran = new CopyOnWriteArrayList<>();
        Calling<Boolean> call = Calling.start(() -> pacer.call(() -> ran.add(time.nanoTime())));
        time.awaitParked(1);
        long start = time.nanoTime();
        time.advance(SECOND.minusNanos(1));
        assertThat(ran).isEmpty();
        time.advance(Duration.ofNanos(1));
        assertThat(call.ended().succeeded()).isTrue();
        assertThat(ran).containsExactly(start + SECOND.toNanos());
    }

    @Test
    void a_stage_proceeds_at_the_time_and_not_before() {
        CompletableFuture<String> call = pacer.callAsync(() -> CompletableFuture.completedFuture("paced"));
        time.advance(SECOND.minusNanos(1));
        assertThat(call).isNotDone();
        time.advance(Duration.ofNanos(1));
        assertThat(Face.raw(call)).isEqualTo(Outcome.success("paced"));
    }

    @Test // L7: the permit is held, so it is given back
    void a_cancelled_stage_gives_the_permit_back_at_once() {
        CompletableFuture<String> call = pacer.callAsync(() -> CompletableFuture.completedFuture("never"));
        call.cancel(true);
        assertThat(pacer.verdicts).containsExactly(Verdict.IGNORED);
    }

    @Test // L8
    void an_interrupted_thread_gives_the_permit_back_and_keeps_its_flag() throws InterruptedException {
        Calling<String> call = Calling.start(() -> pacer.call(() -> "never"));
        time.awaitParked(1);
        call.interrupt();
        assertThat(call.ended().as(CallInterruptedException.class)).isPresent();
        assertThat(call.interrupted()).isTrue();
        assertThat(pacer.verdicts).containsExactly(Verdict.IGNORED);
    }

    @Test // L14: at its deadline a deadline has passed
    void a_time_at_the_deadline_or_past_it_is_not_granted() {
        CallContext soon = CallContext.root().within(SECOND);
        assertThat(pacer.outcome(soon, c -> "never").as(RejectedException.class))
                .isPresent();
        assertThat(Face.raw(pacer.callAsync(soon, c -> CompletableFuture.completedFuture("never")))
                        .as(RejectedException.class))
                .isPresent();
        assertThat(pacer.verdicts).isEmpty();
    }

    @Test // L8: the waiter has taken the interrupt, and then the answer was a time far away
    void an_interrupt_taken_before_the_grant_still_ends_the_pause() throws InterruptedException {
        GrantingClock clock = new GrantingClock(time);
        RecordingGate slow = new RecordingGate("slow", clock);
        slow.waiting = true;
        clock.gate = slow;
        Calling<String> call = Calling.start(() -> {
            Thread.currentThread().interrupt();
            return slow.call(() -> "never");
        });
        assertThat(call.ended().as(CallInterruptedException.class)).isPresent();
        assertThat(call.interrupted()).isTrue();
        assertThat(slow.verdicts).containsExactly(Verdict.IGNORED);
    }

    /** Grants whoever stands in the queue at the moment at which the waiter reads the clock. */
    private static final class GrantingClock implements TimeSource {
        private final ManualTime time;
        private RecordingGate gate;

        GrantingClock(ManualTime time) {
            this.time = time;
        }

        @Override
        public long nanoTime() {
            if (gate != null && !gate.queue.isEmpty()) {
                gate.queue.remove(0).grantAt(gate.admitted.incrementAndGet(), time.nanoTime() + SECOND.toNanos());
            }
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
            return time.schedule(task, nanos);
        }
    }

    @Test // L1, L6: the pipeline's executor swallows what it is given
    void a_grant_whose_executor_drops_it_is_given_back_when_the_call_is_cancelled() {
        RecordingGate gate = new RecordingGate("gate", time);
        gate.waiting = true;
        Pipeline pipeline =
                Pipeline.builder("dropping").policies(gate).executor(task -> {}).build();
        CompletableFuture<String> call = pipeline.callAsync(() -> CompletableFuture.completedFuture("never"));
        gate.grantNext();
        call.cancel(true);
        assertThat(gate.verdicts).containsExactly(Verdict.IGNORED);
        assertThat(gate.balanced()).isTrue();
    }

    @Test // L3: the pause after a grant outlives what ends the wait
    void a_grant_that_comes_while_the_call_settles_down_to_wait_is_not_lost() {
        GrantingClock clock = new GrantingClock(time);
        RecordingGate gate = new RecordingGate("gate", clock);
        gate.waiting = true;
        clock.gate = gate;
        CompletableFuture<String> call = gate.callAsync(() -> CompletableFuture.completedFuture("paced"));
        time.advance(SECOND);
        assertThat(call).succeedsWithin(Duration.ofSeconds(60)).isEqualTo("paced");
        assertThat(gate.balanced()).isTrue();
    }
}
