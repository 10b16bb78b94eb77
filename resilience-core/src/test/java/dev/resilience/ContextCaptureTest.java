// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.retry.Retry;
import dev.resilience.testkit.ManualTime;
import dev.resilience.timeout.Timeout;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ContextCaptureTest {
    private static final ThreadLocal<String> USER = new ThreadLocal<>();
    private static final ThreadLocal<String> SPAN = new ThreadLocal<>();

    private final ManualTime time = ManualTime.create();
    private final AtomicInteger captured = new AtomicInteger();
    private final List<String> seen = new CopyOnWriteArrayList<>();

    @AfterEach
    void this_thread_is_as_it_was() {
        USER.remove();
        SPAN.remove();
    }

    private ContextCapture carrying(ThreadLocal<String> local) {
        return () -> {
            captured.incrementAndGet();
            String mine = local.get();
            return () -> {
                String before = local.get();
                local.set(mine);
                return () -> local.set(before);
            };
        };
    }

    private Pipeline.Builder carryingUser() {
        return Pipeline.builder("carrying").timeSource(time).capture(carrying(USER));
    }

    private static String state() {
        return USER.get() + "/" + SPAN.get();
    }

    @Test
    void submitted_work_finds_what_its_caller_had() {
        USER.set("ada");
        CompletableFuture<String> call = carryingUser().build().submit(Face.elsewhere(), ContextCaptureTest::state);
        assertThat(Face.raw(call)).isEqualTo(Outcome.success("ada/null"));
        assertThat(captured).hasValue(1);
    }

    @Test
    void detached_work_finds_what_its_caller_had() {
        USER.set("ada");
        Timeout detached =
                Timeout.builder("t").after(Duration.ofMinutes(1)).detached().build();
        Pipeline pipeline = carryingUser().policies(detached).build();
        assertThat(pipeline.<String, RuntimeException>call(ContextCaptureTest::state))
                .isEqualTo("ada/null");
    }

    @Test
    void it_is_taken_once_per_call_on_every_face() {
        Pipeline pipeline = carryingUser().build();
        TypedPipeline<Object> typed = pipeline.orElse("x");
        for (Face face : Face.values()) {
            captured.set(0);
            face.go(pipeline, () -> "x");
            assertThat(captured).as(face.name()).hasValue(1);
        }
        captured.set(0);
        typed.call(() -> "x");
        typed.outcome(() -> "x");
        typed.callAsync(() -> CompletableFuture.completedFuture("x"));
        typed.submit(Runnable::run, () -> "x");
        assertThat(captured).hasValue(4);
    }

    @Test // the caller's own thread already has it, and what the work changes there is the work's business
    void on_the_callers_thread_nothing_is_touched() {
        USER.set("ada");
        Pipeline pipeline =
                carryingUser().policies(Timeout.of(Duration.ofMinutes(1))).build();
        pipeline.run(() -> USER.set("changed by the work"));
        assertThat(USER.get()).isEqualTo("changed by the work");
        pipeline.callAsync(() -> {
            USER.set("changed again");
            return CompletableFuture.completedFuture("x");
        });
        assertThat(USER.get()).isEqualTo("changed again");
    }

    @Test // a pool of one thread, an event loop: the same thread, but meanwhile it works for somebody else
    void a_later_attempt_finds_it_on_the_callers_own_thread_too() {
        Deque<Runnable> loop = new ArrayDeque<>();
        Retry retry = Retry.builder("retry")
                .maxAttempts(2)
                .backoff(Backoff.constant(Duration.ofSeconds(1)))
                .onRetry(event -> seen.add("listener " + state()))
                .build();
        Pipeline pipeline = carryingUser().policies(retry).executor(loop::add).build();
        USER.set("ada");
        CompletableFuture<String> call = pipeline.callAsync(() -> {
            seen.add(state());
            return seen.size() > 2
                    ? CompletableFuture.completedFuture("done")
                    : CompletableFuture.failedFuture(new IllegalStateException());
        });
        USER.set("grace"); // the next request of this thread
        time.advance(Duration.ofSeconds(1));
        while (!loop.isEmpty()) loop.poll().run();
        assertThat(Face.raw(call)).isEqualTo(Outcome.success("done"));
        assertThat(seen).containsExactly("ada/null", "listener ada/null", "ada/null");
        assertThat(USER.get()).as("put back").isEqualTo("grace");
    }

    @Test
    void a_fallback_finds_it_wherever_it_runs() {
        USER.set("ada");
        CompletableFuture<Object> work = new CompletableFuture<>();
        CompletableFuture<Object> call = carryingUser()
                .build()
                .<Object>fallback(Fallback.from(o -> state()))
                .callAsync(() -> work);
        USER.set("grace");
        Face.elsewhere().execute(() -> work.completeExceptionally(new IllegalStateException()));
        assertThat(Face.raw(call)).isEqualTo(Outcome.success("ada/null"));
    }

    @Test
    void several_are_put_in_place_in_order_and_taken_back_in_reverse() {
        List<String> order = new CopyOnWriteArrayList<>();
        ContextCapture first = () -> () -> {
            order.add("+1");
            return () -> order.add("-1");
        };
        ContextCapture second = () -> () -> {
            order.add("+2");
            return () -> order.add("-2");
        };
        Pipeline pipeline =
                Pipeline.builder("two").capture(first).capture(second).build();
        Face.raw(pipeline.submit(Face.elsewhere(), () -> order.add("work")));
        assertThat(order).startsWith("+1", "+2", "work", "-2");
    }

    @Test
    void a_pipeline_in_a_pipeline_keeps_its_captures() {
        USER.set("ada");
        SPAN.set("span");
        Pipeline inner = Pipeline.builder("inner").capture(carrying(SPAN)).build();
        Pipeline outer = carryingUser().policies(inner).build();
        assertThat(Face.raw(outer.submit(Face.elsewhere(), ContextCaptureTest::state)))
                .isEqualTo(Outcome.success("ada/span"));
    }

    @Test
    void a_call_inside_a_call_adds_its_captures_to_those_around_it() {
        USER.set("ada");
        Pipeline inner = Pipeline.builder("inner").capture(carrying(SPAN)).build();
        CompletableFuture<String> call = carryingUser().build().callAsync(CallContext.root(), c -> {
            SPAN.set("span of the inner call");
            return inner.callAsync(
                    c,
                    x -> CompletableFuture.supplyAsync(() -> "", Face.elsewhere())
                            .thenCompose(v -> {
                                CompletableFuture<String> deep = Pipeline.builder("deep")
                                        .build()
                                        .callAsync(x, y -> CompletableFuture.completedFuture(state()));
                                return deep;
                            }));
        });
        assertThat(Face.raw(call)).isEqualTo(Outcome.success("ada/span of the inner call"));
    }

    @Test // L5
    void what_a_capture_throws_is_reported_and_the_call_goes_on() {
        IllegalStateException broken = new IllegalStateException("broken");
        Supplier<Runnable> undoBreaks = () -> () -> {
            throw broken;
        };
        Pipeline pipeline = Pipeline.builder("broken")
                .capture(() -> {
                    throw broken;
                })
                .capture(() -> () -> {
                    throw broken;
                })
                .capture(() -> undoBreaks)
                .capture(carrying(USER))
                .build();
        USER.set("ada");
        List<Runnable> queue = new ArrayList<>();
        try (Reported reported = new Reported()) {
            CompletableFuture<String> call = pipeline.submit(queue::add, ContextCaptureTest::state);
            USER.set("grace");
            queue.get(0).run();
            assertThat(Face.raw(call)).isEqualTo(Outcome.success("ada/null"));
            assertThat(USER.get()).isEqualTo("grace");
            assertThat(reported.messages())
                    .containsExactly(
                            "call: a ContextCapture threw " + broken,
                            "call: putting captured context in place threw " + broken,
                            "call: restoring a thread's context threw " + broken);
        }
    }
}
