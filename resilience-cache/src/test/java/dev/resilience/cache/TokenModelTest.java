// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The protocol of two levels and one key as a small model, enumerated: every interleaving of the steps of a reader on node
 * A, a reader on node B and a writer on node B that changes the source twice (S21's counter-example and its relatives).
 * When all is done and every message has arrived, each level is empty or has what the source has. Each mistake breaks it.
 */
class TokenModelTest {
    enum Mistake {
        NONE,
        /** A put is stored whenever the key is empty. */
        NO_TOKEN,
        /** The message drops the copy and leaves the load that is under way. */
        MESSAGE_DOES_NOT_DETACH,
        /** The same on the writer's own node. */
        WRITER_DOES_NOT_DETACH,
        /** The others are told before the second level has changed. */
        PUBLISHED_TOO_EARLY,
        /** The first level is not invalidated again after the second. */
        ONCE_IS_ENOUGH,
        /** The second level is changed before the source. */
        CACHE_BEFORE_SOURCE
    }

    private static final int A = 0;
    private static final int B = 1;
    private static final int WRITES = 2;

    /** One state. A flight is 0 none, 1 under way, 2 detached. */
    private static final class World {
        int source = 1;
        int second;
        int removals;
        int published;
        int delivered;
        int writer;
        final int[] first = new int[2];
        final int[] flight = new int[2];
        final int[] reader = new int[2];
        final int[] reads = new int[2];
        final int[] token = new int[2];
        final int[] value = new int[2];
        final boolean[] keep = new boolean[2];

        World copy() {
            World w = new World();
            w.source = source;
            w.second = second;
            w.removals = removals;
            w.published = published;
            w.delivered = delivered;
            w.writer = writer;
            for (int n = 0; n < 2; n++) {
                w.first[n] = first[n];
                w.flight[n] = flight[n];
                w.reader[n] = reader[n];
                w.reads[n] = reads[n];
                w.token[n] = token[n];
                w.value[n] = value[n];
                w.keep[n] = keep[n];
            }
            return w;
        }

        List<Integer> identity() {
            List<Integer> all = new ArrayList<>(List.of(source, second, removals, published, delivered, writer));
            for (int n = 0; n < 2; n++) {
                all.addAll(List.of(first[n], flight[n], reader[n], reads[n], token[n], value[n], keep[n] ? 1 : 0));
            }
            return all;
        }

        void invalidate(int node, boolean detaches) {
            if (detaches && flight[node] == 1) flight[node] = 2;
            first[node] = 0;
        }
    }

    /** The next states of all actors, as changes to a copy. */
    private static List<Consumer<World>> steps(World w, Mistake mistake) {
        List<Consumer<World>> steps = new ArrayList<>();
        for (int n = 0; n < 2; n++) {
            int node = n;
            if (w.reads[n] < 2) steps.add(next -> read(next, node, mistake));
        }
        if (w.writer < 5 * WRITES) steps.add(next -> write(next, mistake));
        if (w.delivered < w.published) {
            steps.add(next -> {
                next.delivered++;
                next.invalidate(A, mistake != Mistake.MESSAGE_DOES_NOT_DETACH);
            });
        }
        return steps;
    }

    private static void read(World w, int n, Mistake mistake) {
        switch (w.reader[n]) {
            case 0 -> {
                if (w.first[n] != 0) {
                    w.reads[n]++; // a hit
                    return;
                }
                w.flight[n] = 1;
                w.keep[n] = true;
                w.reader[n] = 1;
            }
            case 1 -> {
                w.token[n] = w.removals;
                w.value[n] = w.second;
                w.reader[n] = w.second != 0 ? 4 : 2;
            }
            case 2 -> {
                w.value[n] = w.source;
                w.reader[n] = 3;
            }
            case 3 -> {
                w.keep[n] = put(w, w.value[n], w.token[n], mistake);
                w.reader[n] = 4;
            }
            default -> {
                if (w.flight[n] == 1 && w.keep[n]) w.first[n] = w.value[n];
                w.flight[n] = 0;
                w.token[n] = 0;
                w.value[n] = 0;
                w.reader[n] = 0;
                w.reads[n]++;
            }
        }
    }

    private static boolean put(World w, int value, int token, Mistake mistake) {
        boolean good = mistake == Mistake.NO_TOKEN || token == w.removals;
        if (!good || w.second != 0) return false;
        w.second = value;
        return true;
    }

    private static void write(World w, Mistake mistake) {
        int step = w.writer++ % 5;
        if (mistake == Mistake.CACHE_BEFORE_SOURCE) step = (step + 1) % 5;
        if (mistake == Mistake.PUBLISHED_TOO_EARLY && (step == 2 || step == 4)) step = 6 - step;
        switch (step) {
            case 0 -> w.source++;
            case 1 -> w.invalidate(B, mistake != Mistake.WRITER_DOES_NOT_DETACH);
            case 2 -> {
                w.second = 0;
                w.removals++;
            }
            case 3 -> {
                if (mistake != Mistake.ONCE_IS_ENOUGH) w.invalidate(B, mistake != Mistake.WRITER_DOES_NOT_DETACH);
            }
            default -> w.published++;
        }
    }

    private record Found(int states, int ends, int wrong) {}

    private static Found explore(Mistake mistake) {
        Set<List<Integer>> seen = new HashSet<>();
        Deque<World> open = new ArrayDeque<>();
        World start = new World();
        seen.add(start.identity());
        open.add(start);
        int ends = 0;
        int wrong = 0;
        while (!open.isEmpty()) {
            World w = open.pop();
            List<Consumer<World>> steps = steps(w, mistake);
            if (steps.isEmpty()) {
                ends++;
                if (!isRight(w)) wrong++;
            }
            for (Consumer<World> step : steps) {
                World next = w.copy();
                step.accept(next);
                if (seen.add(next.identity())) open.push(next);
            }
        }
        return new Found(seen.size(), ends, wrong);
    }

    private static boolean isRight(World w) {
        return isRight(w.second, w) && isRight(w.first[A], w) && isRight(w.first[B], w);
    }

    private static boolean isRight(int value, World w) {
        return value == 0 || value == w.source;
    }

    @Test
    void in_every_order_all_levels_end_empty_or_with_what_the_source_has() {
        Found found = explore(Mistake.NONE);
        assertThat(found.wrong()).isZero();
        assertThat(found.states())
                .as("so that a model that does nothing is noticed")
                .isGreaterThan(5_000);
        assertThat(found.ends()).isGreaterThan(5);
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void each_mistake_is_found(Mistake mistake) {
        assertThat(explore(mistake).wrong()).isPositive();
    }
}
