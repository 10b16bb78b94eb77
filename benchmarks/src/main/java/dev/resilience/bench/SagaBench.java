// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import dev.resilience.saga.Saga;
import dev.resilience.saga.SagaEngine;
import dev.resilience.saga.SagaOutcome;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * P14: steps of a saga whose journal is in memory, in a long saga, so that it is the step that is measured, and in one
 * of three steps with its start and its end. The floor is the same calls, each result put into a map. Processor time
 * of all threads counts here: a saga runs on the engine's.
 */
public class SagaBench extends Bench {
    /** Of the long saga. */
    static final int STEPS = 100;

    private static final Duration PATIENCE = Duration.ofMinutes(1);
    private static final SagaWork.Reservation RESERVED = new SagaWork.Reservation("r-7", 3);

    /** An engine for each iteration: what has ended stays in its journal. */
    @State(Scope.Thread)
    public static class Engines {
        final SagaWork work = new SagaWork();
        final Saga<SagaWork.Order, SagaWork.Receipt> three = OurSagas.saga(work);
        final Saga<SagaWork.Order, @Nullable Void> hundred = hundred();
        final SagaWork.Order order = SagaWork.order("7");

        @SuppressWarnings("NullAway.Init") // by open()
        SagaEngine engine;

        long started;

        /** Opens it. */
        @Setup(Level.Iteration)
        public void open() {
            engine = SagaEngine.inMemory().register(three).register(hundred).open();
        }

        /** Closes it. */
        @TearDown(Level.Iteration)
        public void close() {
            engine.close();
        }

        <O extends @Nullable Object> SagaOutcome<O> run(Saga<SagaWork.Order, O> saga) throws InterruptedException {
            SagaOutcome<O> outcome =
                    engine.start(saga, Long.toString(started++), order).await(PATIENCE);
            if (outcome instanceof SagaOutcome.Completed<O>) return outcome;
            throw new IllegalStateException("" + outcome);
        }
    }

    /** A hundred steps that can be undone, and that allocate nothing themselves. */
    static Saga<SagaWork.Order, @Nullable Void> hundred() {
        var s = Saga.define("hundred", 1, SagaWork.Order.class);
        for (int i = 0; i < STEPS; i++) {
            s.step("step-" + i, SagaWork.Reservation.class)
                    .run((order, c) -> RESERVED)
                    .undo((order, reservation, c) -> {})
                    .add();
        }
        return s.build();
    }

    @Benchmark
    @OperationsPerInvocation(STEPS)
    public Object ours(Engines engines) throws InterruptedException {
        return engines.run(engines.hundred);
    }

    @Benchmark
    @OperationsPerInvocation(3)
    public Object oursThree(Engines engines) throws InterruptedException {
        return engines.run(engines.three);
    }

    @Benchmark
    @OperationsPerInvocation(STEPS)
    public Object map(Engines engines) {
        Map<String, Object> journal = new HashMap<>();
        for (int i = 0; i < STEPS; i++) journal.put(NAMES[i], RESERVED);
        return journal;
    }

    private static final String[] NAMES = new String[STEPS];

    static {
        for (int i = 0; i < STEPS; i++) NAMES[i] = "step-" + i;
    }
}
