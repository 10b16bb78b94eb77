// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Every interleaving of a small model of the keyed limiter's registry (docs/internals/ratelimit-keyed.md): two callers
 * of one key, an evictor, room that comes and goes, and a clock that moves at any moment. A permit costs one unit of
 * time and the burst is two. Each step of an actor is one access to shared memory, as in the code.
 */
class KeyedProtocolTest { // S27, L13
    /** What the protocol does; each other way of it lets a key have more than its burst. */
    enum Mistake {
        NONE,
        /** The evictor removes without marking: a holder of the orphan grants on it. */
        EVICTS_WITHOUT_DEAD,
        /** A grant in the overflow does not look at the map again. */
        OVERFLOW_DOES_NOT_LOOK_AGAIN,
        /** It looks, but a place that came and went meanwhile leaves no trace. */
        OVERFLOW_IGNORES_EVICTIONS,
        /** A new place starts full whatever the key owes in the overflow. */
        PLACE_FORGETS_OVERFLOW,
        /** The clock is read before the place is looked up. */
        CLOCK_BEFORE_PLACE
    }

    private static final int BURST = 2;
    private static final int INIT = -1;
    private static final int DEAD = -2;
    private static final int NONE = -1;
    private static final int LAST_TICK = 3;
    private static final int CELLS = 4;

    // shared
    private static final int MAP = 0;
    private static final int ROOM = 1;
    private static final int SLOT = 2;
    private static final int EPOCH = 3;
    private static final int NOW = 4;
    private static final int MADE = 5;
    private static final int CELL = 6;
    // evictor: pc, cell, seen, clock
    private static final int EVICTOR = CELL + CELLS;
    // callers: pc, cell, seen, clock, epoch, granted at
    private static final int CALLER = EVICTOR + 4;
    private static final int WIDTH = 6;

    private static final int LOOK = 0;
    private static final int PLACE = 1;
    private static final int OVER_EPOCH = 2;
    private static final int OVER_LOOK = 3;
    private static final int OVER_SLOT = 4;
    private static final int OVER_CLOCK = 5;
    private static final int OVER_CAS = 6;
    private static final int OVER_AGAIN = 7;
    private static final int OVER_CHECK = 8;
    private static final int CELL_CLOCK = 9;
    private static final int CELL_READ = 10;
    private static final int CELL_CAS = 11;
    private static final int INIT_SLOT = 12;
    private static final int INIT_CAS = 13;
    private static final int EARLY_CLOCK = 14;
    private static final int DONE = 15;

    private record State(int[] words) {
        @Override
        public boolean equals(Object other) {
            return other instanceof State state && Arrays.equals(words, state.words);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(words);
        }

        @Override
        public String toString() {
            return Arrays.toString(words);
        }
    }

    private final int[] weights;
    private Mistake mistake = Mistake.NONE;
    private int evictions;
    private boolean owes;

    KeyedProtocolTest() {
        weights = new int[] {2, 2};
    }

    @Test
    void no_interleaving_gives_a_key_more_than_its_burst() {
        Explored full = explore(true, 1);
        Explored empty = explore(false, 1);
        assertThat(full.violation).as("a place and debt to begin with").isNull();
        assertThat(empty.violation).as("nothing to begin with").isNull();
        // all of it was walked: both a grant in the overflow and one in a place happened
        assertThat(full.states + empty.states).isGreaterThan(10_000);
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void each_shortcut_is_caught(Mistake shortcut) {
        mistake = shortcut;
        String found = explore(true, 1).violation;
        if (found == null) found = explore(false, 1).violation;
        assertThat(found).as("a schedule in which %s over-admits", shortcut).isNotNull();
    }

    private record Explored(int states, String violation) {}

    private Explored explore(boolean withDebtor, int mostEvictions) {
        evictions = mostEvictions;
        owes = withDebtor;
        Set<State> seen = new HashSet<>();
        Deque<State> todo = new ArrayDeque<>();
        todo.add(new State(initial(withDebtor)));
        while (!todo.isEmpty()) {
            State state = todo.pop();
            if (!seen.add(state)) continue;
            if (overAdmits(state.words)) return new Explored(seen.size(), state.toString());
            for (int actor = 0; actor < 3 + weights.length; actor++) {
                int[] next = step(state.words.clone(), actor);
                if (next != null) todo.push(new State(next));
            }
        }
        return new Explored(seen.size(), null);
    }

    /** With a debtor: the key has a place, and nothing left in it until the clock has moved by the burst. */
    private int[] initial(boolean withDebtor) {
        int[] s = new int[CALLER + WIDTH * weights.length];
        Arrays.fill(s, CELL, CELL + CELLS, DEAD);
        s[MAP] = withDebtor ? 0 : NONE;
        s[MADE] = withDebtor ? 1 : 0;
        if (withDebtor) s[CELL] = BURST; // somebody was granted the burst at time 0
        for (int i = 0; i < weights.length; i++) {
            int c = CALLER + i * WIDTH;
            s[c + 5] = NONE;
            if (mistake == Mistake.CLOCK_BEFORE_PLACE) s[c] = EARLY_CLOCK;
        }
        return s;
    }

    /** Null when the actor has nothing to do. */
    private int[] step(int[] s, int actor) {
        if (actor == 0) return tick(s);
        if (actor == 1) return room(s);
        if (actor == 2) return evict(s);
        return call(s, CALLER + (actor - 3) * WIDTH, weights[actor - 3]);
    }

    private static int[] tick(int[] s) {
        if (s[NOW] == LAST_TICK) return null;
        s[NOW]++;
        return s;
    }

    /** Some other key goes and leaves room. */
    private static int[] room(int[] s) {
        if (s[ROOM] != 0 || s[MAP] != NONE) return null;
        s[ROOM] = 1;
        return s;
    }

    private int[] evict(int[] s) {
        int v = EVICTOR;
        switch (s[v]) {
            case 0 -> {
                if (s[MAP] == NONE || s[EPOCH] == evictions) return null;
                s[v + 1] = s[MAP];
            }
            case 1 -> s[v + 2] = s[CELL + s[v + 1]];
            case 2 -> s[v + 3] = s[NOW];
            case 3 -> {
                boolean full = s[v + 2] >= 0 && s[v + 2] <= s[v + 3] && s[CELL + s[v + 1]] == s[v + 2];
                if (!full) return back(s);
                if (mistake != Mistake.EVICTS_WITHOUT_DEAD) s[CELL + s[v + 1]] = DEAD;
            }
            case 4 -> s[EPOCH]++;
            default -> {
                if (s[MAP] == s[v + 1]) s[MAP] = NONE;
                s[ROOM] = 0; // and somebody else takes the room
                return back(s);
            }
        }
        s[v]++;
        return s;
    }

    private static int[] back(int[] s) {
        Arrays.fill(s, EVICTOR, EVICTOR + 4, 0);
        return s;
    }

    private int[] call(int[] s, int c, int n) {
        switch (s[c]) {
            case EARLY_CLOCK -> {
                s[c + 3] = s[NOW];
                s[c] = LOOK;
            }
            case LOOK -> found(s, c, PLACE);
            case PLACE -> place(s, c);
            case OVER_EPOCH -> {
                s[c + 4] = s[EPOCH];
                s[c] = OVER_LOOK;
            }
            case OVER_LOOK -> found(s, c, OVER_SLOT);
            case OVER_SLOT -> {
                s[c + 2] = s[SLOT];
                s[c] = mistake == Mistake.CLOCK_BEFORE_PLACE ? OVER_CAS : OVER_CLOCK;
            }
            case OVER_CLOCK -> {
                s[c + 3] = s[NOW];
                s[c] = OVER_CAS;
            }
            case OVER_CAS -> overflow(s, c, n);
            case OVER_AGAIN -> found(s, c, OVER_CHECK);
            case OVER_CHECK -> {
                if (s[EPOCH] == s[c + 4] || mistake == Mistake.OVERFLOW_IGNORES_EVICTIONS) return granted(s, c);
                s[c] = LOOK;
            }
            case CELL_CLOCK -> {
                s[c + 3] = s[NOW];
                s[c] = CELL_READ;
            }
            case CELL_READ -> {
                int tat = s[CELL + s[c + 1]];
                s[c + 2] = tat;
                s[c] = tat == INIT ? INIT_SLOT : tat == DEAD ? LOOK : CELL_CAS;
            }
            case CELL_CAS -> {
                int next = Math.max(s[c + 2], s[c + 3]) + n;
                if (next - s[c + 3] > BURST) return rejected(s, c);
                if (s[CELL + s[c + 1]] != s[c + 2]) s[c] = CELL_READ;
                else {
                    s[CELL + s[c + 1]] = next;
                    return granted(s, c);
                }
            }
            case INIT_SLOT -> {
                s[c + 2] = mistake == Mistake.PLACE_FORGETS_OVERFLOW ? 0 : s[SLOT];
                s[c] = INIT_CAS;
            }
            case INIT_CAS -> {
                if (s[CELL + s[c + 1]] == INIT) s[CELL + s[c + 1]] = Math.max(s[c + 2], s[c + 3]);
                s[c] = CELL_READ;
            }
            default -> {
                return null;
            }
        }
        return s;
    }

    /** Looks up the place: goes on with it, or elsewhere when there is none. */
    private void found(int[] s, int c, int otherwise) {
        s[c + 1] = s[MAP];
        if (s[MAP] == NONE) s[c] = otherwise;
        else s[c] = mistake == Mistake.CLOCK_BEFORE_PLACE ? CELL_READ : CELL_CLOCK;
    }

    private void place(int[] s, int c) {
        if (s[MAP] == NONE && (s[ROOM] == 0 || s[MADE] == CELLS)) {
            s[c] = OVER_EPOCH;
            return;
        }
        if (s[MAP] == NONE) {
            s[MAP] = s[MADE]++;
            s[CELL + s[MAP]] = INIT;
            s[ROOM] = 0;
        }
        found(s, c, LOOK);
    }

    private void overflow(int[] s, int c, int n) {
        int next = Math.max(s[c + 2], s[c + 3]) + n;
        if (next - s[c + 3] > BURST) {
            rejected(s, c);
        } else if (s[SLOT] != s[c + 2]) {
            s[c] = OVER_SLOT;
        } else {
            s[SLOT] = next;
            if (mistake == Mistake.OVERFLOW_DOES_NOT_LOOK_AGAIN) granted(s, c);
            else s[c] = OVER_AGAIN;
        }
    }

    private static int[] granted(int[] s, int c) {
        s[c + 5] = s[c + 3];
        return rejected(s, c);
    }

    private static int[] rejected(int[] s, int c) {
        s[c] = DONE;
        Arrays.fill(s, c + 1, c + 5, 0);
        return s;
    }

    /** N(s, t) over every pair of grants, each at the time that its decision read. */
    private boolean overAdmits(int[] s) {
        for (int from = 0; from <= LAST_TICK; from++) {
            int sum = owes && from == 0 ? BURST : 0;
            for (int to = from; to <= LAST_TICK; to++) {
                for (int i = 0; i < weights.length; i++) {
                    if (s[CALLER + i * WIDTH + 5] == to) sum += weights[i];
                }
                if (sum > BURST + (to - from)) return true;
            }
        }
        return false;
    }
}
