// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import dev.resilience.Subscription;
import dev.resilience.breaker.CircuitBreaker.State;
import dev.resilience.breaker.CircuitBreaker.Transition;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * Tells listeners each transition once and in order.
 *
 * <p>Implementation notes:
 *
 * <ul>
 *   <li>I1: the transitions are a linked list; who replaced a regime links its transition behind the one of the regime it
 *       replaced. One thread replaces a regime, so the list has no gap and no fork, whoever is delayed.
 *   <li>I2: only who raised {@code work} from zero delivers, and goes on until nothing was added meanwhile. A listener
 *       that causes a transition only links it: no recursion, no lock held.
 * </ul>
 */
final class Events {
    private final CopyOnWriteArrayList<Listening> listeners = new CopyOnWriteArrayList<>();
    private final AtomicInteger work = new AtomicInteger();
    /** By the state entered. */
    private final Map<State, LongAdder> counts = new EnumMap<>(State.class);

    private final BiConsumer<? super String, ? super Throwable> report;
    /** The last one told. Guarded by {@code work}. */
    private Transition told;

    Events(Transition origin, BiConsumer<? super String, ? super Throwable> report) {
        told = origin;
        for (State state : State.values()) counts.put(state, new LongAdder());
        this.report = report;
    }

    Subscription subscribe(Consumer<? super Transition> listener) {
        Listening listening = new Listening(listener);
        listeners.add(listening);
        return () -> listeners.remove(listening);
    }

    /** How often each state was entered. */
    Map<State, Long> counts() {
        Map<State, Long> sums = new EnumMap<>(State.class);
        counts.forEach((state, count) -> sums.put(state, count.sum()));
        return sums;
    }

    void publish(Transition before, Transition transition) {
        Objects.requireNonNull(counts.get(transition.to())).increment();
        before.next = transition;
        if (work.getAndIncrement() != 0) {
            return;
        }
        int seen = 1;
        do {
            try {
                deliver();
            } catch (Throwable stackIsFull) {
                // Listeners and reports do not get here. The count below must be taken all the same, or nobody would
                // ever deliver again; what is left is told with the next transition.
            }
            seen = work.addAndGet(-seen);
        } while (seen != 0);
    }

    private void deliver() {
        for (Transition next = told.next; next != null; next = told.next) {
            told = next;
            for (Listening listening : listeners) {
                tell(listening, next);
            }
        }
    }

    private void tell(Listening listening, Transition transition) {
        try {
            listening.listener.accept(transition);
        } catch (Throwable thrown) {
            report.accept("transition listener", thrown);
        }
    }

    /** An identity of its own: the same listener may subscribe twice and leave once. */
    private static final class Listening {
        final Consumer<? super Transition> listener;

        Listening(Consumer<? super Transition> listener) {
            this.listener = listener;
        }
    }
}
