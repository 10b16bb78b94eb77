// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Every interleaving of grants in slices: two slices count, two permits pass, the clock goes through four slices, one
 * permit is given back meanwhile. The steps are those of SliceMeter.take and Slices.keep, one access to memory each; the
 * mistakes that they avoid are found by the same search. Two threads take two permits each.
 */
class SlicesModelTest {
    private enum Protocol {
        OURS,
        /** S24: a clock that was read before the state. */
        CLOCK_FIRST,
        /** A slot is written although it may belong to a later slice by now. */
        KEEPS_LATE,
        /** The head moves before the slice that it leaves is kept. */
        MOVES_FIRST
    }

    private static final int LIMIT = 2;
    private static final int LAST_SLICE = 3;
    private static final int SEALED = 99;

    // shared: which object is current, then for each object its head and its two slots; the clock; grants by slice
    private static final int CURRENT = 0;
    private static final int OBJECTS = 1;
    private static final int OBJECT = 6;
    private static final int CLOCK = OBJECTS + 2 * OBJECT;
    private static final int GRANTS = CLOCK + 1;
    private static final int THREADS = GRANTS + LAST_SLICE + 1;
    // within an object
    private static final int INDEX = 0;
    private static final int COUNT = 1;
    private static final int SLOTS = 2;
    // within a thread
    private static final int THREAD = 9;
    private static final int STEP = 0;
    private static final int LEFT = 1;
    private static final int IN = 2;
    private static final int SEEN_INDEX = 3;
    private static final int SEEN_COUNT = 4;
    private static final int OWN = 5;
    private static final int USED = 6;
    private static final int SLOT_TAG = 7;
    private static final int SLOT_COUNT = 8;

    private static final int ENDED = -1;

    private Protocol protocol = Protocol.OURS;
    private final int[] todos = {2, 2};

    @Test
    void no_window_ever_holds_more_than_the_limit() {
        assertThat(search()).isGreaterThan(200_000);
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "OURS")
    void the_search_finds_what_is_wrong_with_the_others(Protocol wrong) {
        protocol = wrong;
        assertThat(search()).isNegative();
    }

    /** How many states there are, or less than zero when one of them breaks the bound. */
    private int search() {
        int[] start = new int[THREADS + (todos.length + 1) * THREAD];
        for (int t = 0; t < todos.length; t++) start[THREADS + t * THREAD + LEFT] = todos[t];
        Set<String> seen = new HashSet<>();
        Deque<int[]> todo = new ArrayDeque<>();
        todo.push(start);
        seen.add(key(start));
        while (!todo.isEmpty()) {
            int[] state = todo.pop();
            for (int actor = -1; actor <= todos.length; actor++) {
                int[] next = state.clone();
                boolean moved =
                        actor < 0 ? tick(next) : actor < todos.length ? grant(next, actor) : cancel(next, actor);
                if (!moved) continue;
                if (broken(next)) return -seen.size();
                if (seen.add(key(next))) todo.push(next);
            }
        }
        return seen.size();
    }

    private static String key(int[] state) {
        byte[] key = new byte[state.length];
        for (int i = 0; i < key.length; i++) key[i] = (byte) state[i];
        return new String(key, StandardCharsets.ISO_8859_1);
    }

    private static boolean broken(int[] s) {
        for (int slice = 0; slice <= LAST_SLICE; slice++) {
            int window = s[GRANTS + slice] + (slice == 0 ? 0 : s[GRANTS + slice - 1]);
            if (window > LIMIT) return true;
        }
        return false;
    }

    private static boolean tick(int[] s) {
        return s[CLOCK] < LAST_SLICE && ++s[CLOCK] > 0;
    }

    /** One step of a thread that takes a permit. */
    private boolean grant(int[] s, int thread) {
        int t = THREADS + thread * THREAD;
        if (s[t + STEP] == ENDED) return false;
        int o = OBJECTS + s[t + IN] * OBJECT;
        switch (s[t + STEP]) {
            case 0 -> { // which object; a mistaken clock is read here
                s[t + IN] = s[CURRENT];
                if (protocol == Protocol.CLOCK_FIRST) s[t + OWN] = s[CLOCK];
                s[t + STEP] = 1;
            }
            case 1 -> {
                s[t + SEEN_INDEX] = s[o + INDEX];
                s[t + SEEN_COUNT] = s[o + COUNT];
                s[t + STEP] = s[o + INDEX] == SEALED ? 0 : 2;
            }
            case 2 -> {
                if (protocol != Protocol.CLOCK_FIRST) s[t + OWN] = s[CLOCK];
                s[t + STEP] = 3;
            }
            case 3 -> look(s, t, o);
            case 4 -> { // full: only if the state still stands, else again
                boolean stands = s[o + INDEX] == s[t + SEEN_INDEX] && s[o + COUNT] == s[t + SEEN_COUNT];
                if (stands) done(s, t);
                else s[t + STEP] = 0;
            }
            case 5 -> readSlot(s, t, o);
            case 6 -> { // nobody has gone on
                boolean stands = s[o + INDEX] == s[t + SEEN_INDEX] && s[o + COUNT] == s[t + SEEN_COUNT];
                s[t + STEP] = stands || protocol == Protocol.KEEPS_LATE ? 7 : 0;
            }
            case 7 -> writeSlot(s, t, o);
            case 8 -> move(s, t, o);
            default -> throw new AssertionError("step " + s[t + STEP]);
        }
        return true;
    }

    private void look(int[] s, int t, int o) {
        boolean back = protocol == Protocol.CLOCK_FIRST;
        int first = back ? s[t + OWN] : Math.max(s[t + OWN], s[t + SEEN_INDEX]);
        int used = first - s[t + SEEN_INDEX] <= 1 ? s[t + SEEN_COUNT] : 0;
        int slot = o + SLOTS + 2 * ((first + 1) % 2);
        if (first == s[t + SEEN_INDEX] && s[slot] == first - 1) used += s[slot + 1];
        s[t + OWN] = first;
        s[t + USED] = 0;
        if (used + 1 > LIMIT) s[t + STEP] = 4;
        else s[t + STEP] = first == s[t + SEEN_INDEX] || protocol == Protocol.MOVES_FIRST ? 8 : 5;
    }

    private void readSlot(int[] s, int t, int o) {
        int slot = o + SLOTS + 2 * (s[t + SEEN_INDEX] % 2);
        s[t + SLOT_TAG] = s[slot];
        s[t + SLOT_COUNT] = s[slot + 1];
        boolean kept = s[slot] == s[t + SEEN_INDEX] && s[slot + 1] == s[t + SEEN_COUNT];
        s[t + STEP] = kept ? 8 : 6;
    }

    private void writeSlot(int[] s, int t, int o) {
        int slot = o + SLOTS + 2 * (s[t + SEEN_INDEX] % 2);
        boolean same = s[slot] == s[t + SLOT_TAG] && s[slot + 1] == s[t + SLOT_COUNT];
        if (same || protocol == Protocol.KEEPS_LATE) {
            s[slot] = s[t + SEEN_INDEX];
            s[slot + 1] = s[t + SEEN_COUNT];
        }
        if (protocol == Protocol.MOVES_FIRST) done(s, t);
        else s[t + STEP] = same || protocol == Protocol.KEEPS_LATE ? 8 : 5;
    }

    private void move(int[] s, int t, int o) {
        if (s[o + INDEX] != s[t + SEEN_INDEX] || s[o + COUNT] != s[t + SEEN_COUNT]) {
            s[t + STEP] = 0;
            return;
        }
        boolean same = s[t + OWN] == s[t + SEEN_INDEX];
        s[o + INDEX] = s[t + OWN];
        s[o + COUNT] = same ? s[t + SEEN_COUNT] + 1 : 1;
        s[GRANTS + s[t + OWN]]++;
        if (!same && protocol == Protocol.MOVES_FIRST) {
            int slot = o + SLOTS + 2 * (s[t + SEEN_INDEX] % 2);
            s[t + SLOT_TAG] = s[slot];
            s[t + SLOT_COUNT] = s[slot + 1];
            s[t + STEP] = 7;
            return;
        }
        done(s, t);
    }

    /** Forgets what it has read, so that states are equal. */
    private static void done(int[] s, int t) {
        int todo = s[t + LEFT] - 1;
        Arrays.fill(s, t, t + THREAD, 0);
        s[t + LEFT] = todo;
        s[t + STEP] = todo == 0 ? ENDED : 0;
    }

    /** Gives back one permit of slice 0, if it has one: builds another object under the lock, which is the only one. */
    private boolean cancel(int[] s, int thread) {
        int t = THREADS + thread * THREAD;
        int o = OBJECTS;
        switch (s[t + STEP]) {
            case 0 -> {
                if (s[GRANTS] == 0 || s[o + INDEX] > 1) return false;
                s[t + SEEN_INDEX] = s[o + INDEX];
                s[t + SEEN_COUNT] = s[o + COUNT];
                s[t + STEP] = 1;
            }
            case 1 -> { // of the slot before the newest one; slice 0 is the newest or that one
                s[t + USED] = s[o + SLOTS] == 0 && s[t + SEEN_INDEX] == 1 ? s[o + SLOTS + 1] : 0;
                s[t + STEP] = 2;
            }
            case 2 -> {
                boolean stands = s[o + INDEX] == s[t + SEEN_INDEX] && s[o + COUNT] == s[t + SEEN_COUNT];
                if (!stands) {
                    s[t + STEP] = 0;
                    return true;
                }
                s[o + INDEX] = SEALED;
                s[t + STEP] = 3;
            }
            case 3 -> {
                int p = OBJECTS + OBJECT;
                s[p + INDEX] = s[t + SEEN_INDEX];
                s[p + COUNT] = s[t + SEEN_INDEX] == 0 ? s[t + SEEN_COUNT] - 1 : s[t + SEEN_COUNT];
                s[p + SLOTS + 1] = s[t + SEEN_INDEX] == 1 ? s[t + USED] - 1 : 0;
                s[p + SLOTS + 2] = -1;
                s[CURRENT] = 1;
                s[GRANTS]--;
                s[t + STEP] = ENDED;
            }
            default -> {
                return false;
            }
        }
        return true;
    }
}
