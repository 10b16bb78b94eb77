// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** What a step of a saga in memory allocates (P14): by bytes, which do not depend on the machine, never by time. */
class SagaCostTest {
    private static final MethodHandle BYTES = handle();
    private static final int STEPS = 2_000;
    private static final int FROM = 1_000;
    /** As measured (432), and a tenth for what the JVM compiles one way or the other; the target is 400. */
    private static final int MOST = 475;

    private long before;
    private long after;

    private Saga<String, ?> saga() {
        var s = Saga.define("long", 1, String.class);
        for (int i = 0; i < STEPS; i++) {
            int step = i;
            s.step("step-" + i, String.class)
                    .run((input, c) -> {
                        if (step == FROM) before = bytes();
                        if (step == STEPS - 1) after = bytes();
                        return input;
                    })
                    .undo((input, result, c) -> {})
                    .add();
        }
        return s.build();
    }

    @Test
    void a_step_of_a_long_saga_allocates_what_it_keeps_and_little_more() throws InterruptedException {
        Saga<String, ?> saga = saga();
        long least = Long.MAX_VALUE;
        try (SagaEngine engine = SagaEngine.inMemory()
                .executor(task -> new Thread(task).start()) // no virtual ones: of those bytes are not told
                .register(saga)
                .open()) {
            for (int i = 0; i < 5; i++) {
                SagaOutcome<?> outcome = engine.start(saga, "s" + i, "x").await(Duration.ofMinutes(1));
                assertThat(outcome).isInstanceOf(SagaOutcome.Completed.class);
                least = Math.min(least, (after - before) / (STEPS - 1 - FROM));
            }
        }
        assertThat(least).isBetween(1L, most());
    }

    /** In a heap of 32 GB and more a reference takes eight bytes, and an object up to half as much again. */
    private static long most() {
        long without = bytes();
        Object[] references = new Object[100_000];
        return (bytes() - without) / references.length > 4 ? MOST * 3L / 2 : MOST;
    }

    private static long bytes() {
        try {
            return (long) BYTES.invokeExact();
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** By reflection, because the module does not read java.management. */
    private static MethodHandle handle() {
        try {
            Object threads = Class.forName("java.lang.management.ManagementFactory")
                    .getMethod("getThreadMXBean")
                    .invoke(null);
            return MethodHandles.publicLookup()
                    .unreflect(Class.forName("com.sun.management.ThreadMXBean")
                            .getMethod("getCurrentThreadAllocatedBytes"))
                    .bindTo(threads);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }
}
