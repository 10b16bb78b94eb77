// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.ManualTime;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** L13 and L15: what is kept, and what is allocated. */
class ReleaseTest {
    private static final CallContext.Attribute<Object> KEY = CallContext.Attribute.of("key");

    private final ManualTime time = ManualTime.create();
    private final RecordingGate gate = new RecordingGate("gate", time);
    private final Pipeline pipeline = Pipeline.of(gate, new Through("through"));

    /** What the work holds on to: collected once the call is over, though its future is kept. */
    private static final class Ballast implements Op<CompletableFuture<Object>, RuntimeException> {
        final CompletableFuture<Object> work = new CompletableFuture<>();

        @Override
        public CompletableFuture<Object> call() {
            return work;
        }
    }

    private void assertReleased(
            Function<Ballast, CompletableFuture<Object>> start, java.util.function.BiConsumer<Ballast, Future> end) {
        Ballast ballast = new Ballast();
        CompletableFuture<Object> call = start.apply(ballast);
        end.accept(ballast, new Future(call));
        assertThat(call).isDone();
        WeakReference<Ballast> reference = new WeakReference<>(ballast);
        ballast = null;
        assertThat(collected(reference)).isTrue();
        assertThat(call).isDone();
    }

    private record Future(CompletableFuture<Object> call) {}

    private static boolean collected(WeakReference<?> reference) {
        // a worker that took part may still be on its way back to its pool
        for (int i = 0; i < 6_000 && reference.get() != null; i++) {
            System.gc();
            TimeSource.system().park(reference, 10_000_000);
        }
        return reference.get() == null;
    }

    private static ContextOp<CompletableFuture<Object>, RuntimeException> in(Ballast ballast) {
        return c -> ballast.call();
    }

    @Test
    void a_completed_future_keeps_nothing_of_the_work() {
        assertReleased(pipeline::callAsync, (ballast, future) -> ballast.work.complete("done"));
    }

    @Test
    void a_cancelled_future_keeps_nothing_of_the_work() {
        assertReleased(
                ballast -> pipeline.callAsync(CallContext.of(KEY, ballast), in(ballast)),
                (ballast, future) -> future.call.cancel(true));
    }

    @Test
    void a_future_that_timed_out_keeps_nothing_of_the_work() {
        assertReleased(
                ballast -> pipeline.callAsync(CallContext.of(KEY, ballast).within(Duration.ofSeconds(1)), in(ballast)),
                (ballast, future) -> {
                    time.advance(Duration.ofSeconds(1));
                    Face.raw(future.call);
                });
    }

    @Test
    void a_typed_future_keeps_nothing_of_the_work() {
        TypedPipeline<Object> typed = pipeline.orElse("x");
        assertReleased(typed::callAsync, (ballast, future) -> ballast.work.complete("done"));
        assertReleased(typed::callAsync, (ballast, future) -> future.call.cancel(true));
    }

    @Test
    void work_that_an_executor_still_queues_is_let_go_when_the_call_is_cancelled() {
        List<Runnable> queue = new ArrayList<>();
        assertReleased(
                ballast -> pipeline.submit(queue::add, ballast::call), (ballast, future) -> future.call.cancel(true));
        assertThat(queue).hasSize(1);
    }

    @Test // a call that makes many others, overlapping, on its own context
    void a_long_call_keeps_nothing_of_the_many_short_ones_inside_it() {
        List<WeakReference<Object>> values = new ArrayList<>();
        CompletableFuture<Object> hold = new CompletableFuture<>();
        CompletableFuture<Object> call = Pipeline.of().callAsync(CallContext.root(), c -> {
            CompletableFuture<Object> previous = new CompletableFuture<>();
            pipeline.callAsync(c, x -> new CompletableFuture<>());
            for (int i = 0; i < 1000; i++) {
                CompletableFuture<Object> work = new CompletableFuture<>();
                pipeline.callAsync(c, x -> work);
                Object value = new byte[1000];
                values.add(new WeakReference<>(value));
                previous.complete(value);
                previous = work;
            }
            return hold;
        });
        List<WeakReference<Object>> early = values.subList(0, 800);
        for (int i = 0; i < 6_000 && kept(early) >= 100; i++) {
            System.gc();
            TimeSource.system().park(this, 10_000_000);
        }
        assertThat(kept(early)).isLessThan(100);
        call.cancel(true);
    }

    private static long kept(List<WeakReference<Object>> values) {
        return values.stream().filter(value -> value.get() != null).count();
    }

    /** Three gates that do nothing, and two more kinds, so that the call sites see several types. */
    private static class Trivial extends Gate {
        private final AtomicInteger settled = new AtomicInteger();

        Trivial(String name) {
            super(name, TimeSource.system());
        }

        @Override
        protected long tryAdmit(CallContext context, long now) {
            return 1;
        }

        @Override
        protected void settle(long p, long at, long now, Verdict verdict, Object value, Throwable thrown) {
            settled.incrementAndGet();
        }
    }

    private static final class Other extends Trivial {
        Other() {
            super("other");
        }
    }

    private static final class Timed extends Trivial {
        Timed() {
            super("timed");
        }

        @Override
        protected boolean timed() {
            return true;
        }
    }

    @Test // L15
    void a_successful_call_through_three_gates_allocates_nothing() {
        Pipeline three = Pipeline.of(new Trivial("a"), new Other(), new Timed());
        pollute(three);
        Op<String, RuntimeException> op = () -> "value";
        ContextOp<String, RuntimeException> contextOp = c -> "value";
        CallContext root = CallContext.root();
        Action<RuntimeException> action = () -> {};
        assertThat(Allocations.perRun(() -> three.call(op))).isZero();
        assertThat(Allocations.perRun(() -> three.call(root, contextOp))).isZero();
        assertThat(Allocations.perRun(() -> three.run(action))).isZero();
    }

    /** Other pipelines, other gates, failures and rejections: no profile is of one kind. */
    private void pollute(Pipeline three) {
        RecordingGate refusing = new RecordingGate("refusing");
        refusing.refusing = true;
        for (int i = 0; i < 2000; i++) {
            int n = i;
            pipeline.call(() -> n);
            three.outcome(() -> {
                throw new IllegalStateException();
            });
            Pipeline.of(refusing, new Other()).outcome(() -> n);
            Pipeline.of(new Through("t"), new Trivial("x")).call(CallContext.of(KEY, "x"), c -> c.get(KEY));
        }
    }
}
