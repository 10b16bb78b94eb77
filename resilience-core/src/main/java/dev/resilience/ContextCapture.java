// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.util.function.Supplier;

/**
 * Carries thread-bound state (a logging MDC, a tracing span) from the thread that makes a call to the threads that work
 * for it. Registered with {@link Pipeline.Builder#capture(ContextCapture)}.
 *
 * <p>{@link #capture()} runs once per call on the caller's thread. The supplier that it returns is run on a thread that
 * is about to run an attempt, a fallback or a listener of that call: it puts the captured state in place and returns
 * the action that restores what the thread had before. What any of the three throws is reported and otherwise ignored
 * (L5).
 */
@FunctionalInterface
public interface ContextCapture {
    /**
     * Takes what the current thread carries.
     *
     * @return puts it in place on the thread that runs it, and returns what restores that thread
     */
    Supplier<Runnable> capture();
}
