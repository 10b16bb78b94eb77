// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit;

import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** The threads that the library has started: each is idle soon after a test, whatever the test did. */
final class LibraryThreads {
    private static final TimeSource REAL = TimeSource.system();

    private LibraryThreads() {}

    static void checkNoneIsStuck(Duration patience) {
        long since = REAL.nanoTime();
        String stuck = stuck();
        while (!stuck.isEmpty()) {
            if (REAL.nanoTime() - since > patience.toNanos()
                    || Thread.currentThread().isInterrupted()) {
                throw new AssertionError("L13: threads of the library are still at work: " + stuck);
            }
            REAL.park(LibraryThreads.class, TimeUnit.MILLISECONDS.toNanos(2));
            stuck = stuck();
        }
    }

    private static String stuck() {
        return Thread.getAllStackTraces().entrySet().stream()
                .filter(entry -> entry.getKey().getName().startsWith("resilience-"))
                .filter(entry -> !isIdle(entry.getValue()))
                .map(LibraryThreads::describe)
                .collect(Collectors.joining(", "));
    }

    /** A pool's thread that waits for work, the timer thread, or one that has not begun or has ended. */
    private static boolean isIdle(StackTraceElement[] stack) {
        return stack.length == 0
                || Arrays.stream(stack)
                        .anyMatch(frame -> frame.getMethodName().equals("getTask")
                                || frame.getClassName().endsWith("SystemTimeSource"));
    }

    private static String describe(Map.Entry<Thread, StackTraceElement[]> entry) {
        return entry.getKey().getName() + " at "
                + Arrays.stream(entry.getValue()).limit(6).toList();
    }
}
