// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class GateWaitingTest {
    private static final Duration SECOND = Duration.ofSeconds(1);

    private final ManualTime time = ManualTime.create();
    private final RecordingGate gate = new RecordingGate("gate", time);
    private final RecordingGate around = new RecordingGate("around", time);
    private final Pipeline pipeline = Pipeline.of(around, gate);

    @BeforeEach
    void everybody_waits() {
        gate.waiting = true;
    }

    @AfterEach
    void nothing_is_left() { // L1, L13
        assertThat(gate.balanced()).as("permits of the gate").isTrue();
        assertThat(around.balanced()).as("permits of the gate around").isTrue();
        assertThat(gate.queue).as("the queue").isEmpty();
        assertThat(time.pendingTimers()).isZero();
        assertThat(time.parkedThreads()).isZero();
    }

    private CompletableFuture<String> staged(CallContext context) {
        return pipeline.callAsync(context, c -> CompletableFuture.completedFuture("value"));
    }

    private Calling<String> blocked(CallContext context) {
        Calling<String> call = Calling.start(() -> pipeline.call(context, c -> "value"));
        time.awaitParked(1);
        return call;
    }

    @Test
    void a_granted_thread_goes_on() throws InterruptedException {
        Calling<String> call = blocked(CallContext.root());
        assertThat(gate.grantNext()).isTrue();
        assertThat(call.ended()).isEqualTo(Outcome.success("value"));
        assertThat(call.interrupted()).isFalse();
    }

    @Test
    void a_granted_stage_goes_on() {
        CompletableFuture<String> call = staged(CallContext.root());
        assertThat(gate.grantNext()).isTrue();
        assertThat(Face.raw(call)).isEqualTo(Outcome.success("value"));
    }

    @Test
    void an_answer_from_within_enqueue_goes_on_on_the_callers_thread() {
        RecordingGate generous = new RecordingGate("generous", time) {
            @Override
            protected void enqueue(Waiter waiter) {
                waiter.grant(admitted.incrementAndGet());
            }
        };
        generous.waiting = true;
        Thread me = Thread.currentThread();
        assertThat(generous.call(Thread::currentThread)).isSameAs(me);
        AtomicReference<Thread> ran = new AtomicReference<>();
        CompletableFuture<String> call = generous.callAsync(() -> {
            ran.set(Thread.currentThread());
            return CompletableFuture.completedFuture("value");
        });
        assertThat(call).isCompletedWithValue("value");
        assertThat(ran.get()).isSameAs(me);
        assertThat(generous.balanced()).isTrue();
    }

    @Test
    void a_refused_waiter_is_rejected_with_the_hint() throws InterruptedException {
        Calling<String> call = blocked(CallContext.root());
        gate.queue.remove(0).refuse(Gate.refused(5));
        CompletableFuture<String> stage = staged(CallContext.root());
        gate.queue.remove(0).refuse(Gate.refused(5));
        for (Outcome<String> outcome : List.of(call.ended(), Face.raw(stage))) {
            assertThat(outcome.as(RejectedException.class).orElseThrow().retryAfter())
                    .contains(Duration.ofNanos(5));
        }
        assertThat(around.verdicts).containsExactly(Verdict.IGNORED, Verdict.IGNORED);
    }

    @Test // L8
    void an_interrupted_waiter_leaves_with_its_flag_set() throws InterruptedException {
        Calling<String> call = blocked(CallContext.root());
        Waiter waiter = gate.queue.get(0);
        call.interrupt();
        assertThat(call.ended().as(CallInterruptedException.class).orElseThrow())
                .hasMessage("interrupted while waiting at recording gate 'gate'");
        assertThat(call.interrupted()).isTrue();
        assertThat(gate.abandoned).containsExactly(waiter);
        assertThat(waiter.grant(7)).as("the permit stays the gate's").isFalse();
        assertThat(around.verdicts).containsExactly(Verdict.IGNORED);
    }

    @Test // L8: the answer came first, so the call goes on, and the interrupt is not lost
    void an_interrupt_that_meets_a_grant_survives_it() throws InterruptedException {
        Calling<String> call = Calling.start(() -> {
            Thread.currentThread().interrupt();
            return Pipeline.of(new RecordingGate("quick", time) {
                        @Override
                        protected void enqueue(Waiter waiter) {
                            waiter.grant(1);
                        }

                        @Override
                        protected long tryAdmit(CallContext context, long now) {
                            return WAIT;
                        }
                    })
                    .call(() -> Thread.currentThread().isInterrupted() ? "seen" : "lost");
        });
        assertThat(call.ended()).isEqualTo(Outcome.success("seen"));
        assertThat(call.interrupted()).isTrue();
    }

    @Test // core.md clarification 10: a deadline that passes in the queue is the gate's rejection
    void a_deadline_ends_the_wait_of_a_thread() throws InterruptedException {
        Calling<String> call = blocked(CallContext.root().within(SECOND));
        time.advance(SECOND);
        assertThat(call.ended().as(RejectedException.class).orElseThrow().policy())
                .isSameAs(gate);
        assertThat(gate.abandoned).hasSize(1);
    }

    @Test // the future of a face ends at its deadline; the cause tells where it stood then
    void a_deadline_ends_the_wait_of_a_stage() {
        CompletableFuture<String> call = staged(CallContext.root().within(SECOND));
        assertThat(time.pendingTimers()).as("one timer is enough").isEqualTo(1);
        time.advance(SECOND);
        TimeoutExceededException thrown =
                Face.raw(call).as(TimeoutExceededException.class).orElseThrow();
        assertThat(thrown).hasCauseInstanceOf(RejectedException.class);
        assertThat(thrown.timeout()).isEqualTo(SECOND);
        assertThat(gate.abandoned).hasSize(1);
    }

    @Test
    void a_deadline_ends_the_wait_for_a_permit_by_hand() {
        CompletableFuture<Permit> call = gate.admitAsync(CallContext.root().within(SECOND));
        time.advance(SECOND);
        assertThat(Face.raw(call).as(RejectedException.class)).isPresent();
    }

    @Test
    void the_gates_longest_wait_ends_it_too() throws InterruptedException {
        RecordingGate patient = new RecordingGate("patient", time) {
            @Override
            protected long maxWaitNanos(CallContext context) {
                return 5;
            }
        };
        patient.waiting = true;
        Calling<String> call = Calling.start(() -> patient.call(() -> "never"));
        time.awaitParked(1);
        CompletableFuture<Object> stage = patient.callAsync(() -> new CompletableFuture<>());
        time.advance(Duration.ofNanos(5));
        assertThat(call.ended().as(RejectedException.class)).isPresent();
        assertThat(Face.raw(stage).as(RejectedException.class)).isPresent();
        assertThat(patient.queue).isEmpty();
    }

    @Test // L7
    void a_cancelled_stage_leaves_the_queue() {
        CompletableFuture<String> call = staged(CallContext.root());
        Waiter waiter = gate.queue.get(0);
        call.cancel(true);
        assertThat(gate.queue).isEmpty();
        assertThat(gate.abandoned).containsExactly(waiter);
        assertThat(around.verdicts).containsExactly(Verdict.IGNORED);
    }

    @Test // L7
    void a_cancelled_call_ends_the_wait_of_a_thread_inside_it() throws InterruptedException {
        CompletableFuture<Object> outer = new CompletableFuture<>();
        AtomicReference<Calling<String>> inner = new AtomicReference<>();
        CompletableFuture<Object> call = Pipeline.of().callAsync(CallContext.root(), c -> {
            inner.set(Calling.start(() -> pipeline.call(c, x -> "never")));
            return outer;
        });
        time.awaitParked(1);
        call.cancel(true);
        assertThat(inner.get().ended().as(CallInterruptedException.class).orElseThrow())
                .hasMessage("the call was cancelled while it waited at recording gate 'gate'");
        assertThat(inner.get().interrupted()).isFalse();
    }

    @Test // a waiter that is cancelled before it stands in the queue must not stay there as a ghost
    void a_call_that_is_cancelled_while_it_queues_leaves_nothing_in_the_queue() {
        AtomicReference<Runnable> cancel = new AtomicReference<>();
        RecordingGate late = new RecordingGate("late", time) {
            @Override
            protected void enqueue(Waiter waiter) {
                cancel.get().run(); // another thread cancels here, before the gate has noted the waiter
                super.enqueue(waiter);
            }
        };
        late.waiting = true;
        CompletableFuture<Object> work = new CompletableFuture<>();
        CompletableFuture<Object> call = Pipeline.of().callAsync(CallContext.root(), c -> {
            cancel.set(() -> {
                c.scope().move(Cancellation.LIVE, Cancellation.FIRED);
                c.scope().runActions();
            });
            late.callAsync(c, x -> CompletableFuture.completedFuture("never"))
                    .whenComplete((v, t) -> work.completeExceptionally(t));
            return work;
        });
        assertThat(work).isCompletedExceptionally();
        assertThat(late.queue).isEmpty();
        assertThat(late.balanced()).isTrue();
        assertThat(call).isNotDone(); // its scope was ended behind its back
    }

    @Test
    void admit_waits_like_a_call_and_the_owner_of_the_future_can_leave_in_any_way() {
        CompletableFuture<Permit> cancelled = gate.admitAsync(CallContext.root());
        CompletableFuture<Permit> ended = gate.admitAsync(CallContext.root());
        CompletableFuture<Permit> granted = gate.admitAsync(CallContext.root());
        cancelled.cancel(true);
        ended.completeExceptionally(new IllegalStateException("too late"));
        assertThat(gate.queue).as("L7: those who left").hasSize(1);
        gate.grantNext();
        ((Outcome.Success<Permit>) Face.raw(granted)).value().success();
        assertThat(gate.verdicts).containsExactly(Verdict.SUCCESS);
    }

    @Test
    void admit_by_hand_waits_on_the_callers_thread() throws InterruptedException {
        Calling<Permit> call = Calling.start(() -> gate.admit(CallContext.root().within(SECOND)));
        time.awaitParked(1);
        gate.grantNext();
        ((Outcome.Success<Permit>) call.ended()).value().ignore();
        assertThat(gate.verdicts).containsExactly(Verdict.IGNORED);
    }

    @Test // a gate that measures its calls must not take the queue for their duration
    void a_waiter_counts_as_admitted_when_the_wait_is_over() throws InterruptedException {
        List<Long> took = new CopyOnWriteArrayList<>();
        RecordingGate measuring = new RecordingGate("measuring", time) {
            @Override
            protected void settle(long p, long at, long now, Verdict verdict, Object value, Throwable thrown) {
                took.add(now - at);
                super.settle(p, at, now, verdict, value, thrown);
            }
        };
        measuring.waiting = true;
        measuring.timed = true;
        Calling<Boolean> call = Calling.start(() -> measuring.call(() -> true));
        time.awaitParked(1);
        CompletableFuture<Boolean> stage = measuring.callAsync(() -> CompletableFuture.completedFuture(true));
        CompletableFuture<Permit> byHand = measuring.admitAsync(CallContext.root());
        time.advance(SECOND);
        for (int i = 0; i < 3; i++) measuring.grantNext();
        assertThat(call.ended().succeeded() && Face.raw(stage).succeeded()).isTrue();
        ((Outcome.Success<Permit>) Face.raw(byHand)).value().success();
        assertThat(took).containsExactly(0L, 0L, 0L);
    }

    @Test
    void a_gate_without_a_queue_that_answers_wait_says_so() {
        Gate broken = new Gate("broken", time) {
            @Override
            protected long tryAdmit(CallContext context, long now) {
                return WAIT;
            }

            @Override
            protected void settle(long p, long at, long now, Verdict verdict, Object value, Throwable thrown) {}
        };
        assertThatThrownBy(() -> broken.call(() -> "x"))
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessageContaining("answered WAIT but has no queue");
        assertThat(Face.raw(broken.callAsync(() -> CompletableFuture.completedFuture("x")))
                        .as(UnsupportedOperationException.class))
                .isPresent();
    }

    /** The clock of the test, where a subclass does not override it. */
    private final TimeSource brokenParking = new TimeSource() {
        @Override
        public long nanoTime() {
            return time.nanoTime();
        }

        @Override
        public void park(Object blocker, long nanos) {
            throw new IllegalStateException("park");
        }

        @Override
        public void unpark(Thread thread) {
            throw new IllegalStateException("unpark");
        }

        @Override
        public Timer schedule(Runnable task, long nanos) {
            return time.schedule(task, nanos);
        }

        @Override
        public Executor watched(Executor executor) {
            return task -> {
                throw new RejectedExecutionException("no thread left");
            };
        }
    };

    @Test // L1: a clock may throw, as an auto-advancing one does what its timers threw
    void a_clock_that_throws_leaves_nobody_in_the_queue() {
        RecordingGate broken = new RecordingGate("broken", brokenParking);
        broken.waiting = true;
        assertThatThrownBy(() -> broken.call(() -> "never")).hasMessage("park");
        assertThat(broken.queue).isEmpty();
        assertThat(broken.abandoned).hasSize(1);
    }

    @Test // L1: the permit is held when the clock throws
    void a_clock_that_throws_after_a_grant_for_later_gives_the_permit_back() {
        RecordingGate broken = new RecordingGate("broken", brokenParking) {
            @Override
            protected void enqueue(Waiter waiter) {
                waiter.grantAt(admitted.incrementAndGet(), time.nanoTime() + SECOND.toNanos());
            }
        };
        broken.waiting = true;
        try (Reported reported = new Reported()) {
            assertThatThrownBy(() -> broken.call(() -> "never")).hasMessage("park");
            assertThat(reported.messages()).singleElement().asString().contains("unpark"); // the grant went on
        }
        assertThat(broken.verdicts).containsExactly(Verdict.IGNORED);
        assertThat(broken.balanced()).isTrue();
    }

    @Test // L6: neither a worker nor a thread for what completes: late is better than never
    void a_grant_goes_on_when_no_worker_can_be_had() {
        RecordingGate broken = new RecordingGate("broken", brokenParking);
        broken.waiting = true;
        CompletableFuture<String> call = broken.callAsync(() -> CompletableFuture.completedFuture("value"));
        assertThat(broken.grantNext()).isTrue();
        assertThat(call).succeedsWithin(SECOND.multipliedBy(60)).isEqualTo("value");
        assertThat(broken.balanced()).isTrue();
    }
}
