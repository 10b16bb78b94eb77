// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Which thread waits for which flight, over all tables of the process: threads that wait for one another are told. */
/* Implementation notes
 *
 * I1 A thread enters before it looks, and looks before it parks. Of the threads that close a cycle the last one to enter
 *    sees all the others, so at least one is told; two that enter at once may both be.
 * I2 A thread waits for one flight at a time, and a flight runs on one thread: the walk is a chain. It changes while it
 *    is walked, so it may run into a ring that this thread is not part of: the ring's own threads see to it, and the
 *    number of steps is bounded.
 */
final class Cycles {
    private static final ConcurrentHashMap<Thread, Flight<?, ?>> WAITING = new ConcurrentHashMap<>();
    private static final int MOST = 1_000;

    private Cycles() {}

    /** This thread is about to wait for the flight. True: the flight waits for this thread. */
    static boolean enter(Thread me, Flight<?, ?> flight) {
        WAITING.put(me, flight);
        Flight<?, ?> next = flight;
        for (int steps = 0; next != null && !next.over() && steps < MOST; steps++) {
            Thread runner = next.runner();
            if (runner == me) return true;
            next = runner == null ? null : waitingFor(runner);
        }
        return false;
    }

    private static @Nullable Flight<?, ?> waitingFor(Thread thread) {
        return WAITING.get(thread);
    }

    static void exit(Thread me) {
        WAITING.remove(me);
    }

    static IllegalStateException found(String who) {
        return new IllegalStateException(
                who + ": a load waits for another one that waits for it, on another thread; both would wait for ever");
    }
}
