// SPDX-License-Identifier: Apache-2.0
package dev.resilience.timeout;

import static dev.resilience.timeout.PlainPool.soon;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.resilience.CallContext;
import dev.resilience.CallInterruptedException;
import dev.resilience.Pipeline;
import dev.resilience.TimeoutExceededException;
import dev.resilience.testkit.ManualTime;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Detached work: on another thread, left behind at the deadline. */
@Timeout(300)
class DetachedTimeoutTest {
    private static final Duration SECOND = ofSeconds(1);

    private final dev.resilience.timeout.Timeout detached = dev.resilience.timeout.Timeout.builder("detached")
            .after(SECOND)
            .detached()
            .build();
    /** The waiting caller moves it to its deadline. */
    private final ManualTime auto = ManualTime.autoAdvancing();

    private final ManualTime time = ManualTime.create();
    private final CountDownLatch release = new CountDownLatch(1);
    private final CountDownLatch begun = new CountDownLatch(1);
    private final AtomicInteger runs = new AtomicInteger();

    @AfterEach
    void nothing_is_left() { // L8, L13
        release.countDown();
        assertThat(Thread.interrupted()).as("an interrupt leaked").isFalse();
        assertThat(soon(() -> detached.abandoned() == 0))
                .as("abandoned: %s", detached.abandoned())
                .isTrue();
        assertThat(time.pendingTimers() + auto.pendingTimers())
                .as("timers left")
                .isZero();
        assertThat(time.parkedThreads() + auto.parkedThreads())
                .as("parked threads left")
                .isZero();
    }

    private Pipeline on(ManualTime clock) {
        return Pipeline.builder("shop").policies(detached).timeSource(clock).build();
    }

    private Pipeline on(ManualTime clock, Executor executor) {
        return Pipeline.builder("shop")
                .policies(detached)
                .timeSource(clock)
                .executor(executor)
                .build();
    }

    /** Waits for the latch, whatever interrupts it; tells whether it was interrupted. */
    private static boolean stubbornly(CountDownLatch latch) {
        boolean interrupted = false;
        while (true) {
            try {
                if (!latch.await(60, TimeUnit.SECONDS)) throw new AssertionError("never released");
                return interrupted;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
    }

    private static TimeoutExceededException timedOut(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        Throwable thrown = catchThrowable(call);
        assertThat(thrown).isInstanceOf(TimeoutExceededException.class);
        return (TimeoutExceededException) thrown;
    }

    @Test
    void a_value_in_time_comes_from_another_thread() {
        Thread ran = on(time).call(Thread::currentThread);

        assertThat(ran).isNotSameAs(Thread.currentThread());
        assertThat(detached.abandoned()).isZero();
    }

    @Test // L9
    void an_exception_or_error_in_time_is_the_same_instance() {
        IOException checked = new IOException();
        LinkageError error = new LinkageError();

        assertThatThrownBy(() -> on(time).call(() -> {
                    throw checked;
                }))
                .isSameAs(checked);
        assertThatThrownBy(() -> on(time).call(() -> {
                    throw error;
                }))
                .isSameAs(error);
    }

    @Test // L8: it is the other thread's
    void an_interruption_of_the_work_in_time_comes_out_and_does_not_touch_the_caller() {
        InterruptedException theirs = new InterruptedException("theirs");

        assertThatThrownBy(() -> on(time).call(() -> {
                    throw theirs;
                }))
                .isSameAs(theirs);
        assertThat(Thread.currentThread().isInterrupted()).isFalse();
    }

    @Test
    void it_returns_at_the_deadline_while_the_work_ignores_its_interrupt_and_the_gauge_tells() {
        AtomicBoolean wasInterrupted = new AtomicBoolean();
        AtomicInteger closed = new AtomicInteger();

        TimeoutExceededException late = timedOut(() -> on(auto).call(() -> {
            wasInterrupted.set(stubbornly(release));
            return (AutoCloseable) closed::incrementAndGet;
        }));

        assertThat(late.elapsed()).isEqualTo(SECOND);
        assertThat(late.name()).isEqualTo("detached");
        assertThat(detached.abandoned()).isEqualTo(1);
        release.countDown();
        assertThat(soon(() -> closed.get() == 1)).as("the late value is closed").isTrue();
        assertThat(soon(() -> detached.abandoned() == 0))
                .as("the gauge goes down")
                .isTrue();
        assertThat(wasInterrupted).isTrue();
    }

    @Test
    void the_deadline_and_the_cancellation_are_visible_inside() {
        AtomicReference<@Nullable Duration> seen = new AtomicReference<>();
        AtomicBoolean told = new AtomicBoolean();

        timedOut(() -> on(auto).call(CallContext.root(), c -> {
            seen.set(c.deadline().remaining());
            stubbornly(release);
            told.set(c.cancelled());
            return null;
        }));

        release.countDown();
        assertThat(soon(told::get)).isTrue();
        assertThat(seen).hasValue(SECOND);
    }

    @Test
    void what_the_work_registered_to_stop_it_cannot_hold_up_the_caller() {
        timedOut(() -> on(auto).call(CallContext.root(), c -> {
            c.onCancel(() -> {
                runs.incrementAndGet();
                stubbornly(release);
            });
            stubbornly(release);
            return null;
        }));

        assertThat(soon(() -> runs.get() == 1)).isTrue();
    }

    @Test // L7, L8
    void an_interrupt_of_the_waiting_caller_ends_the_wait_and_stays_and_the_work_is_interrupted() throws Exception {
        AtomicReference<@Nullable Throwable> thrown = new AtomicReference<>();
        AtomicBoolean flag = new AtomicBoolean();
        CountDownLatch workInterrupted = new CountDownLatch(1);
        Thread caller = new Thread(() -> {
            thrown.set(catchThrowable(() -> on(time).call(() -> {
                begun.countDown();
                if (stubbornly(release)) workInterrupted.countDown();
                return null;
            })));
            flag.set(Thread.currentThread().isInterrupted());
        });
        caller.start();
        assertThat(begun.await(60, TimeUnit.SECONDS)).isTrue();
        time.awaitParked(1);

        caller.interrupt();
        caller.join(60_000);

        assertThat(thrown.get()).isInstanceOf(CallInterruptedException.class).hasMessageContaining("'detached'");
        assertThat(flag).isTrue();
        assertThat(detached.abandoned()).isEqualTo(1);
        release.countDown();
        assertThat(workInterrupted.await(60, TimeUnit.SECONDS)).isTrue();
    }

    @Test // L7
    void a_cancelled_call_ends_the_wait_and_the_work_is_interrupted() throws Exception {
        AtomicReference<@Nullable Throwable> thrown = new AtomicReference<>();
        AtomicReference<@Nullable Thread> caller = new AtomicReference<>();
        CompletableFuture<Object> out = Pipeline.builder("outer")
                .timeSource(time)
                .build()
                .callAsync(CallContext.root(), c -> {
                    Thread waiting = new Thread(() -> thrown.set(catchThrowable(() -> on(time).call(c, d -> {
                        begun.countDown();
                        return stubbornly(release);
                    }))));
                    caller.set(waiting);
                    waiting.start();
                    return new CompletableFuture<>();
                });
        assertThat(begun.await(60, TimeUnit.SECONDS)).isTrue();
        time.awaitParked(1);

        out.cancel(true);
        Thread waiting = caller.get();
        assertThat(waiting).isNotNull();
        waiting.join(60_000);

        assertThat(thrown.get())
                .isInstanceOf(CallInterruptedException.class)
                .hasMessageContaining("cancelled while it waited for a detached attempt of timeout 'detached'");
        assertThat(detached.abandoned()).isEqualTo(1);
    }

    @Test // S33: detached work interrupts the caller only through an outer timeout's own word
    void an_outer_timeout_that_interrupts_the_waiting_caller_is_blamed() {
        Pipeline pipeline = Pipeline.builder("shop")
                .policies(dev.resilience.timeout.Timeout.of(Duration.ofMillis(100)), detached)
                .timeSource(auto)
                .build();

        TimeoutExceededException late = timedOut(() -> pipeline.call(() -> stubbornly(release)));

        assertThat(late.name()).isEqualTo("timeout");
        assertThat(late.elapsed()).isEqualTo(Duration.ofMillis(100));
    }

    @Test // L14
    void an_earlier_deadline_of_the_context_is_enforced() {
        TimeoutExceededException late = timedOut(
                () -> on(auto).call(CallContext.root().within(Duration.ofMillis(10)), c -> stubbornly(release)));

        assertThat(late.elapsed()).isEqualTo(Duration.ofMillis(10));
    }

    @Test // L6
    void an_executor_that_refuses_does_not_lose_the_work() {
        Pipeline pipeline = on(time, task -> {
            throw new RejectedExecutionException("full");
        });

        assertThat(pipeline.call(runs::incrementAndGet)).isEqualTo(1);
    }

    @Test // L6, L13
    void an_executor_that_is_full_does_not_hold_up_the_caller_and_the_work_never_runs() {
        PlainPool.Full full = new PlainPool.Full();

        timedOut(() -> on(auto, full).call(runs::incrementAndGet));
        assertThat(detached.abandoned()).as("it was never begun").isZero();
        full.tasks.forEach(Runnable::run);

        assertThat(runs).hasValue(0);
    }

    @Test // L8
    void the_workers_thread_comes_back_clean() {
        try (PlainPool pool = new PlainPool()) {
            Pipeline pipeline = on(auto, pool);
            for (int round = 0; round < 30; round++) {
                CountDownLatch never = new CountDownLatch(1);
                timedOut(() -> pipeline.call(() -> never.await(60, TimeUnit.SECONDS)));
                assertThat(soon(pool::idle)).isTrue();
            }
            assertThat(pool.dirty()).isZero();
        }
    }
}
