// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bulkhead;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.resilience.CallContext;
import dev.resilience.CallInterruptedException;
import dev.resilience.Permit;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/**
 * S35: any order of waits by threads and by stages, timeouts, interrupts, cancels, resizes and completions, beside a model
 * of some sixty lines. Every call has a deadline of its own, so that no two end in the same instant.
 */
class BulkheadPropertyTest {
    private static final CallContext.Attribute<Integer> WEIGHT = CallContext.Attribute.of("weight");
    private static final int MAX_WAITING = 4;
    private static final Duration MAX_WAIT = Duration.ofSeconds(10);

    enum Kind {
        ENTER,
        ENTER_BLOCKING,
        COMPLETE,
        CANCEL,
        INTERRUPT,
        ADVANCE,
        RESIZE
    }

    record Step(Kind kind, int number) {}

    @Provide
    Arbitrary<List<Step>> steps() {
        Arbitrary<Kind> kinds = Arbitraries.of(
                Kind.ENTER,
                Kind.ENTER,
                Kind.ENTER_BLOCKING,
                Kind.ENTER_BLOCKING,
                Kind.COMPLETE,
                Kind.COMPLETE,
                Kind.CANCEL,
                Kind.INTERRUPT,
                Kind.ADVANCE,
                Kind.RESIZE);
        Arbitrary<Step> step =
                kinds.flatMap(kind -> Arbitraries.integers().between(0, 9).map(n -> new Step(kind, n)));
        return step.list().ofMaxSize(40);
    }

    @Property(tries = 120)
    void every_answer_is_that_of_the_model_and_all_slots_come_back(
            @ForAll("steps") List<Step> steps, @ForAll boolean lifo) throws Exception {
        ManualTime time = ManualTime.create();
        Bulkhead.Builder builder = Bulkhead.builder("model")
                .maxConcurrent(4)
                .maxWaiting(MAX_WAITING)
                .maxWait(MAX_WAIT.plus(MAX_WAIT))
                .weight(c -> c.get(WEIGHT, 1))
                .timeSource(time);
        Bulkhead bulkhead = (lifo ? builder.lifo() : builder).build();
        Model model = new Model(4, lifo);
        List<Call> calls = new ArrayList<>();
        for (Step step : steps) {
            run(step, bulkhead, model, calls, time);
            check(bulkhead, model, calls);
        }
        model.resize(100, 100);
        bulkhead.reconfigure(b -> b.maxConcurrent(100).maxWaiting(100));
        check(bulkhead, model, calls);
        for (Call call : calls) {
            if (call.state == State.IN) finish(call, model);
        }
        assertThat(bulkhead.inFlight()).isZero();
        assertThat(bulkhead.waiting()).isZero();
        assertThat(time.pendingTimers()).isZero();
        assertThat(time.parkedThreads()).isZero();
        for (Call call : calls) call.ended();
    }

    private static void run(Step step, Bulkhead bulkhead, Model model, List<Call> calls, ManualTime time)
            throws Exception {
        switch (step.kind) {
            case ENTER -> {
                Call call = entering(step, model, calls, time);
                call.future = bulkhead.admitAsync(call.context());
            }
            case ENTER_BLOCKING -> {
                Call call = entering(step, model, calls, time);
                call.enter(bulkhead);
                if (call.state == State.WAITING) soon(() -> bulkhead.waiting() == model.queue.size());
            }
            case COMPLETE -> {
                Call call = pick(calls, c -> c.state == State.IN, step.number);
                if (call != null) finish(call, model);
            }
            case CANCEL -> {
                Call call = pick(calls, c -> c.state == State.WAITING && c.thread == null, step.number);
                if (call == null) return;
                call.future.cancel(true);
                model.leave(call, State.CANCELLED);
            }
            case INTERRUPT -> {
                Call call = pick(calls, c -> c.state == State.WAITING && c.thread != null, step.number);
                if (call == null) return;
                call.thread.interrupt();
                model.leave(call, State.INTERRUPTED);
            }
            case ADVANCE -> advance(Duration.ofSeconds(step.number), bulkhead, model, calls, time);
            case RESIZE -> {
                int size = 1 + step.number % 6;
                int waiting = 1 + step.number % 5;
                bulkhead.reconfigure(b -> b.maxConcurrent(size).maxWaiting(waiting));
                model.resize(size, waiting);
            }
        }
    }

    private static Call entering(Step step, Model model, List<Call> calls, ManualTime time) {
        Duration wait = MAX_WAIT.minusNanos(calls.size());
        Call call = new Call(1 + step.number % 3, wait, time.elapsed().plus(wait));
        calls.add(call);
        model.enter(call);
        return call;
    }

    /** From one deadline to the next, so that whoever leaves has left before somebody else does. */
    private static void advance(Duration by, Bulkhead bulkhead, Model model, List<Call> calls, ManualTime time)
            throws Exception {
        Duration until = time.elapsed().plus(by);
        for (Call next = model.nextToGo(until); next != null; next = model.nextToGo(until)) {
            time.advance(next.gone.minus(time.elapsed()));
            model.leave(next, State.REJECTED);
            check(bulkhead, model, calls);
        }
        time.advance(until.minus(time.elapsed()));
    }

    private static void finish(Call call, Model model) throws Exception {
        Permit permit = call.future.get(60, TimeUnit.SECONDS);
        permit.success();
        permit.success(); // L1: a second settlement does nothing
        model.complete(call);
    }

    private static Call pick(List<Call> calls, Predicate<Call> those, int number) {
        List<Call> candidates = calls.stream().filter(those).toList();
        return candidates.isEmpty() ? null : candidates.get(number % candidates.size());
    }

    private static void check(Bulkhead bulkhead, Model model, List<Call> calls) throws Exception {
        for (Call call : calls) {
            switch (call.state) {
                case IN -> assertThat(call.future.get(60, TimeUnit.SECONDS)).isNotNull();
                case WAITING -> assertThat(call.future).isNotDone();
                case REJECTED -> assertThat(thrown(call)).isInstanceOf(BulkheadFullException.class);
                case INTERRUPTED -> assertThat(thrown(call)).isInstanceOf(CallInterruptedException.class);
                case CANCELLED -> assertThat(call.future).isCancelled();
                case DONE -> assertThat(call.future).isDone();
            }
        }
        soon(() -> bulkhead.waiting() == model.queue.size() && bulkhead.inFlight() == model.inUse);
    }

    private static Throwable thrown(Call call) throws Exception {
        try {
            return fail("expected no permit, but " + call.future.get(60, TimeUnit.SECONDS));
        } catch (ExecutionException e) {
            return e.getCause();
        } catch (CancellationException e) {
            return e;
        }
    }

    private static void soon(BooleanSupplier condition) {
        long start = System.nanoTime();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - start > TimeUnit.SECONDS.toNanos(60)) fail("did not come about");
            Thread.onSpinWait();
        }
    }

    private enum State {
        WAITING,
        IN,
        REJECTED,
        CANCELLED,
        INTERRUPTED,
        DONE
    }

    private static final class Call {
        final int weight;
        final Duration wait;
        final Duration gone;
        State state = State.WAITING;
        CompletableFuture<Permit> future = new CompletableFuture<>();
        Thread thread;

        Call(int weight, Duration wait, Duration gone) {
            this.weight = weight;
            this.wait = wait;
            this.gone = gone;
        }

        CallContext context() {
            return CallContext.of(WEIGHT, weight).within(wait);
        }

        void enter(Bulkhead bulkhead) {
            thread = new Thread(() -> {
                try {
                    future.complete(bulkhead.admit(context()));
                } catch (CallInterruptedException e) {
                    if (Thread.interrupted()) future.completeExceptionally(e); // L8: else it stays undone, and fails
                } catch (Throwable e) {
                    future.completeExceptionally(e);
                }
            });
            thread.setDaemon(true);
            thread.start();
        }

        void ended() throws InterruptedException {
            if (thread != null) thread.join(TimeUnit.SECONDS.toMillis(60));
            assertThat(thread == null || !thread.isAlive()).isTrue();
        }
    }

    /** The naive bulkhead: a number and a list. */
    private static final class Model {
        final boolean lifo;
        final List<Call> queue = new ArrayList<>();
        int max;
        int maxWaiting = MAX_WAITING;
        int inUse;

        Model(int max, boolean lifo) {
            this.max = max;
            this.lifo = lifo;
        }

        void enter(Call call) {
            if (queue.isEmpty() && inUse + call.weight <= max) {
                inUse += call.weight;
                call.state = State.IN;
            } else if (call.weight > max || queue.size() >= maxWaiting) {
                call.state = State.REJECTED;
            } else {
                queue.add(call);
                drain();
            }
        }

        void complete(Call call) {
            call.state = State.DONE;
            inUse -= call.weight;
            drain();
        }

        void leave(Call call, State state) {
            call.state = state;
            queue.remove(call);
            drain();
        }

        Call nextToGo(Duration until) {
            return queue.stream()
                    .filter(call -> call.gone.compareTo(until) <= 0)
                    .min(Comparator.comparing(call -> call.gone))
                    .orElse(null);
        }

        void resize(int size, int waiting) {
            max = size;
            maxWaiting = waiting;
            for (Call call : List.copyOf(queue)) {
                if (call.weight > size) {
                    call.state = State.REJECTED;
                    queue.remove(call);
                }
            }
            drain();
        }

        void drain() {
            while (!queue.isEmpty()) {
                Call next = queue.get(lifo ? queue.size() - 1 : 0);
                if (inUse + next.weight > max) return;
                queue.remove(next);
                inUse += next.weight;
                next.state = State.IN;
            }
        }
    }
}
