// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static java.time.Duration.ofHours;
import static java.time.Duration.ofMillis;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.testkit.ManualTime;
import dev.resilience.timeout.Timeout;
import java.lang.ref.WeakReference;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;

/** What timed calls leave behind, and what they do when the process is busy or broken: seen from inside. */
class TimedTest {
    private static final int CALLS = 100_000;

    private final SystemTimeSource system = new SystemTimeSource();
    private final Pipeline hour = Pipeline.builder("hour")
            .policies(Timeout.of(ofHours(1)))
            .timeSource(system)
            .build();
    private final ManualTime manual = ManualTime.create();
    private final Pipeline onManual = Pipeline.builder("hour")
            .policies(Timeout.of(ofHours(1)))
            .timeSource(manual)
            .build();

    @AfterEach
    void nothing_is_left() { // L8, L13
        assertThat(system.pendingTimers()).isZero();
        assertThat(manual.pendingTimers()).isZero();
        assertThat(InterruptScope.stack().top())
                .as("a scope on the thread's stack")
                .isNull();
        assertThat(Thread.interrupted()).isFalse();
    }

    private static boolean soon(BooleanSupplier condition) {
        TimeSource real = TimeSource.system();
        long since = real.nanoTime();
        while (!condition.getAsBoolean()) {
            if (real.nanoTime() - since > TimeUnit.SECONDS.toNanos(60)) return false;
            Thread.yield();
        }
        return true;
    }

    // --- nothing is retained ---

    @Test // L13
    void a_hundred_thousand_blocking_calls_leave_no_timer() throws Exception {
        for (int i = 0; i < CALLS; i++) {
            assertThat(hour.<Integer, Exception>call(system::pendingTimers)).isEqualTo(1);
        }
    }

    @Test // L13
    void a_hundred_thousand_asynchronous_calls_leave_no_timer() {
        List<CompletableFuture<Integer>> stages = new ArrayList<>();
        for (int i = 0; i < CALLS; i++) {
            CompletableFuture<Integer> stage = new CompletableFuture<>();
            stages.add(stage);
            hour.callAsync(() -> stage);
        }
        assertThat(system.pendingTimers()).isEqualTo(CALLS);
        stages.forEach(stage -> stage.complete(1));
        assertThat(system.pendingTimers()).isZero();
    }

    @Test // L13
    void a_hundred_thousand_submitted_calls_leave_no_timer() {
        Queue<Runnable> tasks = new ArrayDeque<>();
        for (int i = 0; i < CALLS; i++) hour.submit(tasks::add, () -> 1);
        assertThat(system.pendingTimers()).isEqualTo(CALLS);
        tasks.forEach(Runnable::run);
        assertThat(system.pendingTimers()).isZero();
    }

    /** An attempt whose value nobody else holds. */
    private static final class Big {
        final byte[] bytes = new byte[1024];
    }

    private static boolean collected(WeakReference<?> reference) {
        return soon(() -> {
            System.gc();
            return reference.get() == null;
        });
    }

    private WeakReference<Big> called() {
        Big big = new Big();
        hour.<Integer, RuntimeException>call(() -> big.bytes.length);
        return new WeakReference<>(big);
    }

    @Test // L13
    void after_the_call_nothing_of_the_work_is_retained() {
        assertThat(collected(called())).isTrue();
    }

    private WeakReference<Big> timedOut(Function<Big, CompletableFuture<?>> call) {
        Big big = new Big();
        CompletableFuture<?> out = call.apply(big);
        manual.advance(ofHours(1));
        assertThat(out).isCompletedExceptionally();
        return new WeakReference<>(big);
    }

    @Test // L13
    void after_a_timeout_a_full_executor_does_not_keep_the_work() {
        Queue<Runnable> full = new ArrayDeque<>();

        WeakReference<Big> weak = timedOut(big -> onManual.submit(full::add, () -> big.bytes.length));

        assertThat(full).hasSize(1);
        assertThat(collected(weak)).isTrue();
    }

    @Test // L13
    void the_future_that_a_caller_keeps_does_not_keep_the_work() {
        List<CompletableFuture<?>> kept = new ArrayList<>();

        WeakReference<Big> weak = timedOut(big -> {
            CompletableFuture<Big> out = onManual.callAsync(() -> {
                assertThat(big.bytes).isNotNull();
                return new CompletableFuture<Big>();
            });
            kept.add(out);
            return out;
        });

        assertThat(collected(weak)).isTrue();
        assertThat(kept).hasSize(1);
    }

    // --- a busy process ---

    @Test // L6
    void a_timeout_fires_within_twenty_milliseconds_while_every_pool_is_full(TestReporter reporter) {
        CountDownLatch release = new CountDownLatch(1);
        ExecutorService users = Executors.newFixedThreadPool(2);
        ExecutorService pipelines = Executors.newFixedThreadPool(2);
        try {
            int processors = ForkJoinPool.commonPool().getParallelism() + 1;
            for (int i = 0; i < processors + 2; i++) ForkJoinPool.commonPool().execute(() -> await(release));
            for (int i = 0; i < 4; i++) users.execute(() -> await(release));
            for (int i = 0; i < 4; i++) pipelines.execute(() -> await(release));
            Pipeline pipeline = Pipeline.builder("busy")
                    .policies(Timeout.of(ofMillis(10)))
                    .executor(pipelines)
                    .build();
            // What the machine adds is only ever more, and has no bound: so many have to be on time.
            TimeSource real = TimeSource.system();
            long since = real.nanoTime();
            int onTime = 0;
            int rounds = 0;
            for (; onTime < 30; rounds++) {
                long late = lateness(pipeline, users, rounds);
                assertThat(late).as("never early").isNotNegative();
                if (late <= ofMillis(20).toNanos()) onTime++;
                assertThat(real.nanoTime() - since)
                        .as("%d of %d were on time", onTime, rounds)
                        .isLessThan(TimeUnit.MINUTES.toNanos(2));
            }
            reporter.publishEntry("on time", onTime + " of " + rounds);
        } finally {
            release.countDown();
            users.shutdownNow();
            pipelines.shutdownNow();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            if (!latch.await(300, TimeUnit.SECONDS)) throw new AssertionError("never released");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** How long after its deadline the caller knows. */
    private static long lateness(Pipeline pipeline, ExecutorService full, int round) {
        TimeSource real = TimeSource.system();
        long since = real.nanoTime();
        CompletableFuture<Object> out = round % 2 == 0
                ? pipeline.callAsync(() -> new CompletableFuture<>())
                : pipeline.submit(full, Object::new);
        CompletableFuture<Long> told = out.handle((v, t) -> real.nanoTime());
        assertThat(soon(told::isDone)).isTrue();
        return told.join() - since - ofMillis(10).toNanos();
    }

    // --- a broken one ---

    @Test // L5
    void a_duration_function_that_throws_is_reported() {
        try (Reported reported = new Reported()) {
            Timeout broken = Timeout.builder("broken")
                    .after(c -> {
                        throw new IllegalStateException("no duration");
                    })
                    .build();

            assertThat(broken.<String, RuntimeException>call(() -> "done")).isEqualTo("done");
            assertThat(reported.messages())
                    .singleElement()
                    .asString()
                    .contains("timeout 'broken'", "duration function", "no duration");
        }
    }

    /** Has no thread left for its timers, or fires them at once. */
    private record Odd(boolean exhausted) implements TimeSource {
        @Override
        public long nanoTime() {
            return 0;
        }

        @Override
        public void park(Object blocker, long nanos) {
            throw new AssertionError("nobody waits");
        }

        @Override
        public void unpark(Thread thread) {
            throw new AssertionError("nobody waits");
        }

        @Override
        public Timer schedule(Runnable task, long nanos) {
            if (exhausted) throw new OutOfMemoryError("unable to create native thread");
            task.run();
            return () -> false;
        }
    }

    @Test // L8: the scope must not stay on the thread; the check after each test looks
    void a_timer_that_cannot_be_armed_fails_the_call_and_leaves_no_scope_behind() {
        AtomicInteger runs = new AtomicInteger();
        Pipeline pipeline = Pipeline.builder("exhausted")
                .policies(Timeout.of(ofMillis(1)))
                .timeSource(new Odd(true))
                .build();

        assertThatThrownBy(() -> pipeline.call(runs::incrementAndGet)).isInstanceOf(OutOfMemoryError.class);
        assertThat(pipeline.callAsync(() -> CompletableFuture.completedFuture(runs.incrementAndGet())))
                .isCompletedExceptionally();
        assertThat(runs).hasValue(0);
    }

    @Test // L8, S33: PASSED
    void a_timeout_before_the_attempt_began_is_one_even_if_a_strangers_interrupt_was_pending() {
        AtomicInteger runs = new AtomicInteger();
        Pipeline pipeline = Pipeline.builder("odd")
                .policies(Timeout.of(ofMillis(1)))
                .timeSource(new Odd(false))
                .build();
        Thread.currentThread().interrupt();

        assertThatThrownBy(() -> pipeline.call(runs::incrementAndGet)).isInstanceOf(TimeoutExceededException.class);
        assertThat(Thread.interrupted()).as("theirs").isTrue();
        assertThat(runs).hasValue(0);
    }

    // --- the tree of parts ---

    @Test // L13
    void overlapping_registrations_leave_nothing_behind_but_what_is_alive() {
        Cancellation root = new Cancellation(null);
        Object last = new Object();
        root.onCancel(last, () -> {});
        for (int i = 0; i < 1_000; i++) {
            Object next = new Object();
            root.onCancel(next, () -> {});
            root.removeActions(last);
            last = next;
        }
        assertThat(root.registered()).isLessThanOrEqualTo(2);
    }

    @Test // L7
    void an_action_that_comes_when_nobody_looks_for_actions_any_more_runs_at_once() {
        AtomicInteger runs = new AtomicInteger();
        Cancellation fired = new Cancellation(null);
        assertThat(fired.move(Cancellation.LIVE, Cancellation.FIRED)).isTrue();
        fired.onCancel(this, runs::incrementAndGet);
        new Cancellation(fired).onCancel(this, runs::incrementAndGet);

        assertThat(runs).hasValue(2);
    }

    @Test // L7, L13
    void an_action_that_comes_after_the_end_neither_runs_nor_stays() {
        AtomicInteger runs = new AtomicInteger();
        Cancellation root = new Cancellation(null);
        Cancellation done = new Cancellation(root);
        assertThat(done.move(Cancellation.LIVE, Cancellation.DONE)).isTrue();
        done.onCancel(this, runs::incrementAndGet);

        assertThat(root.move(Cancellation.LIVE, Cancellation.FIRED)).isTrue();
        root.runActions();
        assertThat(runs).hasValue(0);
    }

    @Test // L8: a stack that is full kept the inner one from its end
    void what_was_left_behind_inside_does_not_interrupt_when_the_call_is_over() {
        InterruptScope.Stack stack = InterruptScope.stack();
        InterruptScope outer = new InterruptScope(null, stack, true);
        InterruptScope inner = new InterruptScope(outer, stack, true);
        InterruptScope innermost = new InterruptScope(inner, stack, true);
        assertThat(innermost.fire()).isTrue();
        assertThat(outer.end(stack)).isEqualTo(Cancellation.DONE);
        assertThat(Thread.currentThread().isInterrupted()).isFalse();
        assertThat(inner.fire()).isFalse();
    }
}
