// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;

/** Walks every interleaving of a small model: each thread's next step in each reachable state, each state once. */
final class Explorer {
    private Explorer() {}

    /** A state of all threads and what they share. Equal states must have equal keys. */
    interface Model<M extends Model<M>> {
        int threads();

        /** The model after the next step of a thread, or null when that thread has ended. */
        M step(int thread);

        Object key();
    }

    /** Returns how many states there are; {@code atEnd} sees those in which all threads have ended. */
    static <M extends Model<M>> int explore(M start, Consumer<? super M> always, Consumer<? super M> atEnd) {
        Set<Object> seen = new HashSet<>();
        Deque<M> todo = new ArrayDeque<>();
        seen.add(start.key());
        todo.push(start);
        while (!todo.isEmpty()) {
            M model = todo.pop();
            always.accept(model);
            boolean ended = true;
            for (int thread = 0; thread < model.threads(); thread++) {
                M next = model.step(thread);
                if (next == null) continue;
                ended = false;
                if (seen.add(next.key())) todo.push(next);
            }
            if (ended) atEnd.accept(model);
        }
        return seen.size();
    }

    /** A key of numbers, none of them large. */
    static String key(int[]... numbers) {
        StringBuilder key = new StringBuilder();
        for (int[] some : numbers) {
            for (int number : some) key.append((char) (number + 1_000));
        }
        return key.toString();
    }
}
