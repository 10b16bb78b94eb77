// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * S17 and cache.md 3.3 by enumeration: every interleaving of three callers that board, open, wait and leave, the loads
 * that they start, and somebody who detaches. One access to the table, to a state word or to a result per step, as in
 * Flights and Flight. The mistakes that the protocol avoids are found by the same search.
 */
class FlightModelTest {
    private enum Protocol {
        OURS,
        /** A seat is taken without a look at the phase. */
        BOARDS_DEAD,
        /** The last one out gives back its seat and kills in two steps, and seats are taken from zero. */
        FROM_ZERO,
        /** Those who wait are told while the flight is still loading by its phase. */
        RESULT_FIRST,
        /** Whatever is in the table is taken off. */
        BLIND_REMOVE,
        /** A flight that cannot be boarded is replaced, whatever has come since. */
        BLIND_REPLACE,
        /** Detaching only takes the flight off the table. */
        DETACH_WITHOUT_KILL
    }

    private static final int LOADING = 0;
    private static final int LIVE = 1;
    private static final int DEAD = 2;
    private static final int GIVEN_UP = 2;

    private static final int TABLE = 0;
    private static final int NEXT = 1;
    private static final int DETACHER = 2;
    private static final int DETACHED = 3;
    private static final int FLIGHTS = 4;
    // within a flight
    private static final int PHASE = 0;
    private static final int SEATS = 1;
    private static final int RESULT = 2;
    private static final int LOAD = 3;
    private static final int BARRED = 4;
    private static final int FLIGHT = 5;
    private static final int MOST = 6;
    private static final int CALLERS = FLIGHTS + FLIGHT * MOST;
    // within a caller
    private static final int STEP = 0;
    private static final int LEFT = 1;
    private static final int IN = 2;
    private static final int SEEN = 3;
    /** The flights, as bits, that it must not get into: detached before it came. */
    private static final int MUST_NOT = 4;

    private static final int CALLER = 5;

    private static final class Violation extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Violation(String what) {
            super(what, null, false, false);
        }
    }

    private Protocol protocol = Protocol.OURS;
    private int[] calls = {2, 1, 1};
    private boolean[] mayLeave = {false, true, true};

    @Test
    void callers_that_come_and_leave() {
        assertThat(search(false)).isNull();
        assertThat(states).isGreaterThan(1_000);
    }

    @Test
    void callers_and_somebody_who_detaches() {
        calls = new int[] {2, 1};
        mayLeave = new boolean[] {false, true};
        assertThat(search(true)).isNull();
        assertThat(states).isGreaterThan(1_000);
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "OURS")
    void the_search_finds_what_is_wrong_with_the_others(Protocol wrong) {
        protocol = wrong;
        String found = search(false);
        if (found == null) {
            calls = new int[] {2, 1};
            mayLeave = new boolean[] {false, true};
            found = search(true);
        }
        assertThat(found).as("in " + states + " states").isNotNull();
    }

    private int states;

    /** What is wrong, or null. */
    private @Nullable String search(boolean detaches) {
        int[] start = new int[CALLERS + calls.length * CALLER];
        for (int c = 0; c < calls.length; c++) start[CALLERS + c * CALLER + LEFT] = calls[c];
        start[DETACHER] = detaches ? 0 : 3;
        start[NEXT] = 1;
        Set<String> seen = new HashSet<>();
        Deque<int[]> todo = new ArrayDeque<>();
        todo.push(start);
        seen.add(key(start));
        try {
            while (!todo.isEmpty()) {
                int[] state = todo.pop();
                boolean any = false;
                for (int actor = 0; actor < 2 * calls.length + MOST + 1; actor++) {
                    int[] next = state.clone();
                    if (!move(next, actor)) continue;
                    any = true;
                    check(next);
                    if (seen.add(key(next))) todo.push(next);
                }
                if (!any) ended(state);
            }
        } catch (Violation found) {
            return found.getMessage();
        } finally {
            states = seen.size();
        }
        return null;
    }

    private static String key(int[] state) {
        byte[] key = new byte[state.length];
        for (int i = 0; i < key.length; i++) key[i] = (byte) state[i];
        return new String(key, StandardCharsets.ISO_8859_1);
    }

    private static int at(int flight, int field) {
        return FLIGHTS + flight * FLIGHT + field;
    }

    /** One load at a time: a flight that can be boarded is in the table. */
    private static void check(int[] s) {
        for (int f = 1; f < s[NEXT]; f++) {
            boolean open = s[at(f, PHASE)] == LOADING && s[at(f, SEATS)] > 0;
            if (open && s[TABLE] != f && s[at(f, BARRED)] == 0) throw new Violation("a load that nobody finds");
        }
    }

    private void ended(int[] s) {
        for (int c = 0; c < calls.length; c++) {
            if (s[CALLERS + c * CALLER + LEFT] > 0) throw new Violation("a caller waits for ever");
        }
        if (s[TABLE] != 0) throw new Violation("a flight is left in the table");
    }

    private boolean move(int[] s, int actor) {
        int n = calls.length;
        if (actor < n) return call(s, CALLERS + actor * CALLER);
        if (actor < 2 * n) return mayLeave[actor - n] && leave(s, CALLERS + (actor - n) * CALLER);
        if (actor < 2 * n + MOST) return load(s, actor - 2 * n);
        return detach(s);
    }

    private boolean call(int[] s, int c) {
        int f = s[c + IN];
        switch (s[c + STEP]) {
            case 0 -> { // come: what was detached before is not for this call
                if (s[c + LEFT] == 0) return false;
                s[c + MUST_NOT] = s[DETACHED];
                s[c + STEP] = 1;
            }
            case 1 -> { // read the table
                s[c + IN] = s[TABLE];
                s[c + STEP] = s[TABLE] == 0 ? 3 : 2;
            }
            case 2 -> { // take a seat
                boolean alive = s[at(f, PHASE)] == LOADING && s[at(f, SEATS)] > 0;
                if (protocol == Protocol.BOARDS_DEAD) alive = s[at(f, RESULT)] == 0;
                if (protocol == Protocol.FROM_ZERO) alive = s[at(f, PHASE)] == LOADING;
                if (alive) {
                    s[at(f, SEATS)]++;
                    seated(s, c, f);
                } else {
                    s[c + STEP] = 3;
                }
            }
            case 3 -> { // putIfAbsent
                if (s[TABLE] == 0) open(s, c);
                else {
                    s[c + IN] = s[TABLE];
                    s[c + STEP] = 4;
                }
            }
            case 4 -> // the one that is there can be boarded after all: again; else it is replaced
                s[c + STEP] = s[at(f, PHASE)] == LOADING && s[at(f, SEATS)] > 0 ? 1 : 5;
            case 5 -> { // replace by identity
                if (s[TABLE] == f || protocol == Protocol.BLIND_REPLACE) open(s, c);
                else s[c + STEP] = 1;
            }
            case 6 -> { // wait
                if (s[at(f, RESULT)] == 0) return false;
                if (s[at(f, RESULT)] == GIVEN_UP) throw new Violation("a cancelled load was inherited");
                s[c + SEEN] |= 1 << f;
                done(s, c);
            }
            case 7 -> { // the last one out, in two steps: kill
                if (s[at(f, PHASE)] == LOADING) s[at(f, PHASE)] = DEAD;
                s[c + STEP] = 8;
            }
            case 8 -> { // give up: off the table
                if (s[at(f, PHASE)] == LIVE) {
                    done(s, c);
                } else {
                    if (s[TABLE] == f || protocol == Protocol.BLIND_REMOVE) s[TABLE] = 0;
                    s[c + STEP] = 9;
                }
            }
            default -> { // the result
                if (s[at(f, RESULT)] == 0) s[at(f, RESULT)] = GIVEN_UP;
                done(s, c);
            }
        }
        return true;
    }

    private static void open(int[] s, int c) {
        int f = s[NEXT]++;
        s[TABLE] = f;
        s[at(f, SEATS)] = 1;
        s[at(f, LOAD)] = 1;
        seated(s, c, f);
    }

    private static void seated(int[] s, int c, int f) {
        if ((s[c + SEEN] & 1 << f) != 0) throw new Violation("a retry sees the load that it has seen before");
        if ((s[c + MUST_NOT] & 1 << f) != 0) throw new Violation("a detached load is shared");
        s[c + IN] = f;
        s[c + STEP] = 6;
    }

    private static void done(int[] s, int c) {
        s[c + LEFT]--;
        s[c + STEP] = 0;
        s[c + IN] = 0;
    }

    /** While it waits. */
    private boolean leave(int[] s, int c) {
        int f = s[c + IN];
        if (s[c + STEP] != 6) return false;
        boolean last = --s[at(f, SEATS)] == 0;
        if (protocol == Protocol.FROM_ZERO) {
            if (last) s[c + STEP] = 7;
            else done(s, c);
            return true;
        }
        if (last && s[at(f, PHASE)] == LOADING) s[at(f, PHASE)] = DEAD;
        if (last) s[c + STEP] = 8;
        else done(s, c);
        return true;
    }

    private boolean load(int[] s, int f) {
        boolean resultFirst = protocol == Protocol.RESULT_FIRST;
        switch (s[at(f, LOAD)]) {
            case 1 -> {
                if (resultFirst) result(s, f);
                else publish(s, f);
            }
            case 2 -> {
                if (resultFirst) publish(s, f);
                else off(s, f);
            }
            case 3 -> {
                if (resultFirst) off(s, f);
                else result(s, f);
            }
            default -> {
                return false;
            }
        }
        s[at(f, LOAD)]++;
        return true;
    }

    private static void publish(int[] s, int f) {
        if (s[at(f, PHASE)] != LOADING) return;
        if (s[at(f, BARRED)] != 0) throw new Violation("a detached load is published");
        s[at(f, PHASE)] = LIVE;
    }

    private void off(int[] s, int f) {
        if (s[TABLE] == f || protocol == Protocol.BLIND_REMOVE) s[TABLE] = 0;
    }

    private static void result(int[] s, int f) {
        if (s[at(f, RESULT)] == 0) s[at(f, RESULT)] = 1;
    }

    private boolean detach(int[] s) {
        int f = s[FLIGHTS]; // flight 0 is nobody's: its first field keeps what was read
        switch (s[DETACHER]) {
            case 0 -> {
                s[FLIGHTS] = s[TABLE];
                s[DETACHER] = s[TABLE] == 0 ? 3 : 1;
            }
            case 1 -> {
                boolean kills = protocol != Protocol.DETACH_WITHOUT_KILL;
                if (kills && s[at(f, PHASE)] == LOADING) s[at(f, PHASE)] = DEAD;
                s[DETACHER] = 2;
            }
            case 2 -> {
                if (s[TABLE] == f || protocol == Protocol.BLIND_REMOVE) s[TABLE] = 0;
                s[DETACHED] |= 1 << f;
                s[at(f, BARRED)] = 1;
                s[DETACHER] = 3;
            }
            default -> {
                return false;
            }
        }
        return true;
    }
}
