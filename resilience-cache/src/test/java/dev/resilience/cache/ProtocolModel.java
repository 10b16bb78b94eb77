// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The protocol of {@link Protocol} for one key as a small state machine, walked through in every interleaving of its
 * steps. Each step is what one thread does to shared memory at once.
 *
 * <p>The source is a counter: a change of the source is followed by an invalidation, so a value is stale for whoever
 * begins after an invalidation that began after the change. Values are the number of the change that a load has read;
 * {@code required} is the number that whoever begins now must at least see.
 *
 * <p>Checked in every state: a reader that began at {@code required} r never answers with a value below r, whether an
 * invalidation has returned or another reader has found it in the store; and at rest nothing below {@code required} is visible.
 */
final class ProtocolModel {
    /** What can be got wrong; each has to be found. */
    enum Mistake {
        NONE,
        /** Invalidate removes from the store first and takes the flight off afterwards. */
        STORE_BEFORE_DETACH,
        /** Invalidate kills no flight that it takes off the table. */
        DETACH_WITHOUT_KILL,
        /** A put stores first and detaches afterwards. */
        PUT_BEFORE_DETACH,
        /** A put that takes no flight off at all. */
        PUT_WITHOUT_DETACH,
        /** A load writes by put in place of replace. */
        PUBLISH_BY_PUT,
        /** The epoch is read when the load ends. */
        EPOCH_AT_END,
        /** The epoch is read after the registration and the load. */
        CLEAR_EMPTIES_ONLY,
        /** The tag sequence is read when the load ends. */
        SEQ_AT_END,
        /** A tag's record is overwritten in place of merged. */
        TAG_WITHOUT_MAX,
        /** A caller boards whatever is loading, also after a clear. */
        JOIN_OLD_EPOCH,
        /** A caller boards after a tag was invalidated and takes what it gets. */
        JOIN_OLD_TAG,
        /**
         * A caller takes what it gets when the tag's record is younger than its boarding: an older invalidation may
         * lie beneath it, for a record is the greatest of all.
         */
        LOOK_AT_NEWEST_BUMP_ONLY,
        /** A flight that must not be shared is taken off but not killed. */
        DISPLACE_WITHOUT_KILL,
        /** A load that lost leaves its entry, live. */
        LOST_BUT_LIVE
    }

    /** Who takes part. */
    enum Actor {
        GET,
        INVALIDATE,
        /** Writes the source, then puts what it has written. */
        PUT,
        /** Puts a value that is the truth from the moment it is stored. */
        SET,
        CLEAR,
        TAG,
        /** Invalidates a tag that the value does not have. */
        OTHER_TAG,
        EVICT
    }

    // flights: up to one per getter; entries: one per getter, one per putter
    private static final int LOADING = 0;
    private static final int LIVE = 1;
    private static final int DEAD = 2;
    private static final int NONE = -1;
    private static final int DONE = 99;

    // the state: numbers in one array, so that it can be compared and copied
    private final int actors;
    private final Actor[] kinds;
    private final Mistake mistake;
    private final int size;

    // shared
    private static final int SOURCE = 0;
    private static final int REQUIRED = 1;
    private static final int STORE = 2; // entry = actor that made it
    private static final int TABLE = 3; // flight = actor that opened it
    private static final int EPOCH = 4;
    private static final int SEQ = 5;
    private static final int TAGGED_AT = 6;
    private static final int SHARED = 7;
    // per actor
    private static final int PC = 0;
    private static final int BEGAN = 1; // required when it began
    private static final int MY_EPOCH = 2;
    private static final int MY_SEQ = 3;
    private static final int SEEN = 4;
    private static final int VALUE = 5;
    private static final int FLIGHT = 6; // state of the flight that it opened
    private static final int OVER = 7; // flight has a result
    private static final int WORD = 8; // of the entry that it made: own word
    private static final int HELD = 9; // what it looks at: entry or flight of whom
    private static final int BOARD_SEQ = 10;
    private static final int DISPLACES = 11;
    private static final int PER = 12;

    int states;
    String violation;

    ProtocolModel(List<Actor> actors, Mistake mistake) {
        this.kinds = actors.toArray(new Actor[0]);
        this.actors = kinds.length;
        this.mistake = mistake;
        this.size = SHARED + PER * this.actors;
        this.violation = "";
    }

    private static int at(int actor, int field) {
        return SHARED + PER * actor + field;
    }

    /** Walks through all states; {@link #violation} tells the first thing wrong. {@code stored}: an old value is there. */
    ProtocolModel run(boolean stored) {
        byte[] start = new byte[size];
        start[STORE] = NONE;
        start[TABLE] = NONE;
        for (int a = 0; a < actors; a++) {
            start[at(a, SEEN)] = NONE;
            start[at(a, HELD)] = NONE;
            start[at(a, FLIGHT)] = NONE;
            start[at(a, WORD)] = NONE;
        }
        start[at(0, DISPLACES)] = 1; // as if it had displaced one already: the load of one actor is shared
        if (stored) { // by the last actor, which must be EVICT: its entry is the old one
            start[STORE] = (byte) (actors - 1);
            start[at(actors - 1, WORD)] = LIVE;
        }
        Set<Key> seen = new HashSet<>();
        Deque<byte[]> open = new ArrayDeque<>();
        push(start, seen, open);
        while (!open.isEmpty() && violation.isEmpty()) {
            byte[] state = open.pop();
            boolean moved = false;
            for (int a = 0; a < actors && violation.isEmpty(); a++) {
                if (state[at(a, PC)] == DONE) continue;
                byte[] next = state.clone();
                if (!step(next, a)) continue;
                moved = true;
                push(next, seen, open);
            }
            if (!moved) checkRest(state);
        }
        states = seen.size();
        return this;
    }

    private record Key(int hash, byte[] state) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Key key && Arrays.equals(state, key.state);
        }

        @Override
        public int hashCode() {
            return hash;
        }
    }

    private static void push(byte[] state, Set<Key> seen, Deque<byte[]> open) {
        if (seen.add(new Key(Arrays.hashCode(state), state))) open.push(state);
    }

    private void checkRest(byte[] s) {
        for (int a = 0; a < actors; a++) {
            if (s[at(a, PC)] != DONE) {
                violation = "stuck: actor " + a + " at " + s[at(a, PC)];
                return;
            }
        }
        int entry = s[STORE];
        if (entry != NONE && visible(s, entry) && s[at(entry, VALUE)] < s[REQUIRED]) {
            violation = "at rest the store shows " + s[at(entry, VALUE)] + ", required " + s[REQUIRED];
        }
        if (s[TABLE] != NONE) violation = "at rest a flight is on the table";
    }

    /** I1, I2: what an entry is. */
    private boolean visible(byte[] s, int entry) {
        int word = s[at(entry, WORD)];
        if (word == LOADING) word = s[at(entry, FLIGHT)];
        return word == LIVE && s[at(entry, MY_EPOCH)] == s[EPOCH] && s[TAGGED_AT] <= s[at(entry, MY_SEQ)];
    }

    private boolean step(byte[] s, int a) {
        if (s[at(a, PC)] == 0) {
            s[at(a, BEGAN)] = s[REQUIRED];
            if (!ordered(s, a)) return false;
        }
        return switch (kinds[a]) {
            case GET -> get(s, a);
            case INVALIDATE -> invalidate(s, a);
            case PUT, SET -> put(s, a);
            case CLEAR -> clear(s, a);
            case TAG -> tag(s, a);
            case OTHER_TAG -> otherTag(s, a);
            case EVICT -> evict(s, a);
        };
    }

    /** Who puts what it has written to the source is in an order with those who also write to it: that is theirs to keep. */
    private boolean ordered(byte[] s, int a) {
        if (!changes(kinds[a])) return true;
        for (int other = 0; other < actors; other++) {
            boolean under = other != a && s[at(other, PC)] != 0 && s[at(other, PC)] != DONE;
            if (under && changes(kinds[other]) && (kinds[a] == Actor.PUT || kinds[other] == Actor.PUT)) return false;
        }
        return true;
    }

    private static boolean changes(Actor kind) {
        return switch (kind) {
            case INVALIDATE, PUT, SET, CLEAR, TAG -> true;
            case GET, OTHER_TAG, EVICT -> false;
        };
    }

    private static boolean go(byte[] s, int a, int pc) {
        s[at(a, PC)] = (byte) pc;
        return true;
    }

    private boolean answer(byte[] s, int a, int value) {
        if (value < s[at(a, BEGAN)]) {
            violation = "actor " + a + " began at " + s[at(a, BEGAN)] + " and was answered " + value;
        }
        s[at(a, HELD)] = NONE;
        return go(s, a, DONE);
    }

    // --- get: steps 1 to 8 of the protocol ---

    private boolean get(byte[] s, int a) {
        switch (s[at(a, PC)]) {
            case 0 -> { // 1 read the store
                if (s[STORE] == NONE || !visible(s, s[STORE])) return go(s, a, 1);
                int value = s[at(s[STORE], VALUE)];
                s[REQUIRED] =
                        (byte) Math.max(s[REQUIRED], value); // what one has found, a later one must not find older
                return answer(s, a, value);
            }
            case 1 -> { // 2a capture
                s[at(a, MY_EPOCH)] = s[EPOCH];
                s[at(a, MY_SEQ)] = s[SEQ];
                s[at(a, BOARD_SEQ)] = s[SEQ];
                return go(s, a, 2);
            }
            case 2 -> { // 2b look at the table: displace what must not be shared
                int flight = s[TABLE];
                if (flight == NONE || s[at(flight, FLIGHT)] != LOADING || joinable(s, flight)) return go(s, a, 4);
                s[at(a, HELD)] = (byte) flight;
                return go(s, a, 3);
            }
            case 3 -> { // kill, then take off (two steps of which the second does not matter to a dead flight)
                int flight = s[at(a, HELD)];
                if (mistake != Mistake.DISPLACE_WITHOUT_KILL && s[at(flight, FLIGHT)] == LOADING) {
                    s[at(flight, FLIGHT)] = DEAD;
                }
                if (s[TABLE] == flight) s[TABLE] = NONE;
                s[at(a, HELD)] = NONE;
                s[at(a, DISPLACES)] = 1;
                return go(s, a, 4);
            }
            case 4 -> { // 2c board or register
                int flight = s[TABLE];
                if (flight != NONE && s[at(flight, FLIGHT)] == LOADING) {
                    s[at(a, HELD)] = (byte) flight;
                    return go(s, a, 20);
                }
                s[TABLE] = (byte) a;
                s[at(a, FLIGHT)] = LOADING;
                s[at(a, OVER)] = 0;
                return go(s, a, 5);
            }
            case 5 -> { // 3 read the store again
                s[at(a, SEEN)] = s[STORE];
                if (s[STORE] != NONE && visible(s, s[STORE])) {
                    s[at(a, VALUE)] = s[at(s[STORE], VALUE)];
                    if (s[at(a, FLIGHT)] == LOADING) s[at(a, FLIGHT)] = DEAD;
                    return go(s, a, 11);
                }
                return go(s, a, 6);
            }
            case 6 -> { // 4 load
                s[at(a, VALUE)] = s[SOURCE];
                return go(s, a, 7);
            }
            case 7 -> { // 5 replace
                if (mistake == Mistake.EPOCH_AT_END) s[at(a, MY_EPOCH)] = s[EPOCH];
                if (mistake == Mistake.SEQ_AT_END) s[at(a, MY_SEQ)] = s[SEQ];
                s[at(a, WORD)] = (byte) (mistake == Mistake.LOST_BUT_LIVE ? LIVE : LOADING);
                boolean there = s[STORE] == s[at(a, SEEN)];
                if (!there && s[STORE] == NONE) { // seen vanished
                    s[at(a, SEEN)] = NONE;
                    there = true;
                }
                if (there || mistake == Mistake.PUBLISH_BY_PUT) {
                    s[STORE] = (byte) a;
                    return go(s, a, 8);
                }
                if (s[at(a, FLIGHT)] == LOADING) s[at(a, FLIGHT)] = DEAD;
                return go(s, a, 11);
            }
            case 8 -> { // 6a the flight's word
                if (s[at(a, FLIGHT)] == LOADING) {
                    s[at(a, FLIGHT)] = LIVE;
                    return go(s, a, 9);
                }
                if (mistake == Mistake.LOST_BUT_LIVE) return go(s, a, 11);
                s[at(a, WORD)] = DEAD;
                return go(s, a, 10);
            }
            case 9 -> { // 6b the entry's own word
                if (s[at(a, WORD)] == LOADING) s[at(a, WORD)] = LIVE;
                return go(s, a, 11);
            }
            case 10 -> { // lost: take it out again
                if (s[STORE] == a) s[STORE] = NONE;
                return go(s, a, 11);
            }
            case 11 -> { // 7 unregister by identity
                if (s[TABLE] == a) s[TABLE] = NONE;
                return go(s, a, 12);
            }
            case 12 -> { // 8 complete those who wait
                s[at(a, OVER)] = 1;
                return answer(s, a, s[at(a, VALUE)]);
            }
            case 20 -> { // a follower waits
                int flight = s[at(a, HELD)];
                if (s[at(flight, OVER)] == 0) return false;
                boolean outdated = mistake != Mistake.JOIN_OLD_TAG
                        && s[at(a, BOARD_SEQ)] > s[at(flight, MY_SEQ)]
                        && s[TAGGED_AT] > s[at(flight, MY_SEQ)];
                if (mistake == Mistake.LOOK_AT_NEWEST_BUMP_ONLY) outdated &= s[TAGGED_AT] <= s[at(a, BOARD_SEQ)];
                if (!outdated) return answer(s, a, s[at(flight, VALUE)]);
                s[at(a, HELD)] = NONE;
                return go(s, a, 1);
            }
            default -> throw new AssertionError();
        }
    }

    /** Tags of a load are not known before it ends: one that was displacing is shared, and looked at when it has ended. */
    private boolean joinable(byte[] s, int flight) {
        if (mistake != Mistake.JOIN_OLD_EPOCH && s[at(flight, MY_EPOCH)] != s[EPOCH]) return false;
        return s[at(flight, MY_SEQ)] == s[SEQ] || s[at(flight, DISPLACES)] == 1;
    }

    // --- the others: a change of the source first, where they tell of one ---

    private boolean invalidate(byte[] s, int a) {
        if (mistake == Mistake.STORE_BEFORE_DETACH) return invalidateWrongly(s, a);
        switch (s[at(a, PC)]) {
            case 0 -> {
                s[at(a, VALUE)] = ++s[SOURCE];
                return go(s, a, 1);
            }
            case 1 -> {
                return look(s, a, 2, 4);
            }
            case 2 -> {
                return kill(s, a, 3);
            }
            case 3 -> {
                return takeOff(s, a, 4);
            }
            case 4 -> {
                return hold(s, a, 5, 7);
            }
            case 5 -> {
                return killEntry(s, a, 6);
            }
            case 6 -> {
                return remove(s, a, 7);
            }
            case 7 -> {
                return returned(s, a);
            }
            default -> throw new AssertionError();
        }
    }

    private boolean invalidateWrongly(byte[] s, int a) {
        return switch (s[at(a, PC)]) {
            case 0 -> {
                s[at(a, VALUE)] = ++s[SOURCE];
                yield go(s, a, 1);
            }
            case 1 -> hold(s, a, 2, 4);
            case 2 -> killEntry(s, a, 3);
            case 3 -> remove(s, a, 4);
            case 4 -> look(s, a, 5, 7);
            case 5 -> kill(s, a, 6);
            case 6 -> takeOff(s, a, 7);
            default -> returned(s, a);
        };
    }

    private boolean look(byte[] s, int a, int found, int none) {
        s[at(a, HELD)] = s[TABLE];
        return go(s, a, s[TABLE] == NONE ? none : found);
    }

    private boolean kill(byte[] s, int a, int next) {
        int flight = s[at(a, HELD)];
        if (mistake != Mistake.DETACH_WITHOUT_KILL && s[at(flight, FLIGHT)] == LOADING) s[at(flight, FLIGHT)] = DEAD;
        return go(s, a, next);
    }

    private boolean takeOff(byte[] s, int a, int next) {
        int flight = s[at(a, HELD)];
        if (s[TABLE] == flight) s[TABLE] = NONE;
        s[at(a, HELD)] = NONE;
        return go(s, a, next);
    }

    private boolean hold(byte[] s, int a, int found, int none) {
        s[at(a, HELD)] = s[STORE];
        return go(s, a, s[STORE] == NONE ? none : found);
    }

    private boolean killEntry(byte[] s, int a, int next) {
        s[at(s[at(a, HELD)], WORD)] = DEAD;
        return go(s, a, next);
    }

    private boolean remove(byte[] s, int a, int next) {
        if (s[STORE] == s[at(a, HELD)]) s[STORE] = NONE;
        s[at(a, HELD)] = NONE;
        return go(s, a, next);
    }

    /** Who begins from now on must see the change that this call told of. */
    private boolean returned(byte[] s, int a) {
        s[REQUIRED] = (byte) Math.max(s[REQUIRED], s[at(a, VALUE)]);
        return go(s, a, DONE);
    }

    private boolean put(byte[] s, int a) {
        int pc = s[at(a, PC)];
        if (pc == 0) { // the source first; the entry is made live, unseen
            if (kinds[a] == Actor.PUT) s[at(a, VALUE)] = ++s[SOURCE];
            s[at(a, MY_EPOCH)] = s[EPOCH];
            s[at(a, MY_SEQ)] = s[SEQ];
            s[at(a, WORD)] = LIVE;
            boolean storeFirst = mistake == Mistake.PUT_BEFORE_DETACH || mistake == Mistake.PUT_WITHOUT_DETACH;
            return go(s, a, storeFirst ? 4 : 1);
        }
        boolean wrong = mistake == Mistake.PUT_BEFORE_DETACH;
        return switch (pc) {
            case 1 -> look(s, a, 2, wrong ? 5 : 4);
            case 2 -> kill(s, a, 3);
            case 3 -> takeOff(s, a, wrong ? 5 : 4);
            case 4 -> {
                if (kinds[a] == Actor.SET) s[at(a, VALUE)] = ++s[SOURCE];
                s[STORE] = (byte) a;
                yield go(s, a, wrong ? 1 : 5);
            }
            default -> returned(s, a);
        };
    }

    private boolean clear(byte[] s, int a) {
        return switch (s[at(a, PC)]) {
            case 0 -> {
                s[at(a, VALUE)] = ++s[SOURCE];
                yield go(s, a, 1);
            }
            case 1 -> {
                if (mistake != Mistake.CLEAR_EMPTIES_ONLY) s[EPOCH]++;
                yield go(s, a, 2);
            }
            case 2 -> {
                s[STORE] = NONE;
                yield go(s, a, 3);
            }
            default -> returned(s, a);
        };
    }

    private boolean tag(byte[] s, int a) {
        return switch (s[at(a, PC)]) {
            case 0 -> {
                s[at(a, VALUE)] = ++s[SOURCE];
                yield go(s, a, 1);
            }
            case 1 -> {
                s[at(a, MY_SEQ)] = ++s[SEQ];
                yield go(s, a, 2);
            }
            case 2 -> {
                int mine = s[at(a, MY_SEQ)];
                s[TAGGED_AT] = (byte) (mistake == Mistake.TAG_WITHOUT_MAX ? mine : Math.max(s[TAGGED_AT], mine));
                yield go(s, a, 3);
            }
            default -> returned(s, a);
        };
    }

    private boolean otherTag(byte[] s, int a) {
        s[SEQ]++;
        return go(s, a, DONE);
    }

    private boolean evict(byte[] s, int a) {
        s[STORE] = NONE;
        return go(s, a, DONE);
    }
}
