// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/** How many bytes this thread has allocated. By reflection, because the core's module does not read java.management. */
final class Allocations {
    private static final MethodHandle BYTES = handle();

    private Allocations() {}

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

    /**
     * Bytes per run, after a warm-up that lets the compiler remove what it can remove. The least of several rounds: what
     * the JVM itself does on this thread in between is not the code's.
     */
    static double perRun(Runnable code) {
        for (int i = 0; i < 20_000; i++) code.run();
        double least = Double.MAX_VALUE;
        for (int round = 0; round < 5; round++) {
            long before = bytes();
            for (int i = 0; i < 10_000; i++) code.run();
            least = Math.min(least, (bytes() - before) / 10_000.0);
        }
        return least;
    }

    /**
     * The same, again and again until it is not above what is hoped for, thirty times at most: on a busy machine the
     * compiler that removes what can be removed comes late.
     */
    static double perRun(Runnable code, double hoped) {
        double least = perRun(code);
        for (int again = 1; again < 30 && least > hoped; again++) least = Math.min(least, perRun(code));
        return least;
    }

    private static long bytes() {
        try {
            return (long) BYTES.invokeExact();
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
