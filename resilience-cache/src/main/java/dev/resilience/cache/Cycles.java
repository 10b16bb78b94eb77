// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.util.ArrayList;
import java.util.List;
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
 * I3 A way is believed when it was found twice. A flight has one run, so one that runs on a thread both times did so in
 *    between, and a thread that waits runs nothing else: what it waits for is what its flight needs.
 */
final class Cycles {
    private static final ConcurrentHashMap<Thread, Flight<?, ?>> WAITING = new ConcurrentHashMap<>();
    private static final int MOST = 1_000;

    private Cycles() {}

    /** This thread is about to wait for the flight. True: the flight waits for this thread. */
    static boolean enter(Thread me, Flight<?, ?> flight) {
        WAITING.put(me, flight);
        List<Flight<?, ?>> ring = ring(me, flight);
        return ring != null && ring.equals(ring(me, flight));
    }

    /** The flights from this one to one that runs on this thread; null when there is no such way. */
    private static @Nullable List<Flight<?, ?>> ring(Thread me, Flight<?, ?> flight) {
        List<Flight<?, ?>> passed = new ArrayList<>(2);
        Flight<?, ?> each = flight;
        while (each != null && !each.over() && passed.size() < MOST) {
            passed.add(each);
            Thread runner = each.runner();
            if (runner == me) return passed;
            each = runner == null ? null : WAITING.get(runner);
        }
        return null;
    }

    static void exit(Thread me) {
        WAITING.remove(me);
    }

    static IllegalStateException found(String who) {
        return new IllegalStateException(
                who + ": a load waits for another one that waits for it, on another thread; both would wait for ever");
    }
}
