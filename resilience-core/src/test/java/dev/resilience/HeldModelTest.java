// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Interleavings.Actor;
import dev.resilience.Interleavings.State;
import dev.resilience.Interleavings.Violation;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * S34, L1, L13 by enumeration: every interleaving of a call's end, the ends of the attempts that it left behind, its
 * being left itself and its lease on the words of {@link Held}, one shared access per step. Each variant without one of
 * the protocol's orders has to be found wrong, so the model can fail.
 */
class HeldModelTest {
    private static final int RUNNING = 0;
    private static final int STATE = 1;
    private static final int TIMER = 2;
    private static final int SETTLED_TIMES = 3;
    /** What is true of the world, and not read by the protocol: attempts left behind whose code runs. */
    private static final int CODE = 4;

    private static final int HAS_ENDED = 5;
    private static final int FIRED = 6;
    private static final int VARS = 7;

    private static final int HELD = 0;
    private static final int LEASED = 1;
    private static final int SETTLED = 2;

    private static final int ARMED = 1;
    private static final int TAKEN_BACK = 2;

    /** Which order of the protocol is left out. */
    private enum Without {
        NOTHING,
        COUNT_BEFORE_END,
        LOOK_AFTER_ARMING,
        ONE_SETTLEMENT
    }

    @Test
    void the_permit_goes_back_once_when_all_has_ended_or_the_lease_has() {
        assertThat(searched(Without.NOTHING, 1, false)).isGreaterThan(50);
        assertThat(searched(Without.NOTHING, 2, false)).isGreaterThan(250);
    }

    @Test
    void so_does_that_of_a_call_which_is_left_behind_itself() {
        assertThat(searched(Without.NOTHING, 0, true)).isGreaterThan(20);
        assertThat(searched(Without.NOTHING, 1, true)).isGreaterThan(200);
    }

    @Test
    void each_order_is_needed() {
        assertThatThrownBy(() -> searched(Without.COUNT_BEFORE_END, 1, false)).hasMessageStartingWith("settled early");
        assertThatThrownBy(() -> searched(Without.LOOK_AFTER_ARMING, 1, false)).hasMessageStartingWith("a timer left");
        assertThatThrownBy(() -> searched(Without.ONE_SETTLEMENT, 1, false)).hasMessageStartingWith("settled 2 times");
    }

    private static int searched(Without without, int attempts, boolean leaving) {
        return Interleavings.search(
                        VARS,
                        () -> {
                            List<Actor> actors = new ArrayList<>();
                            actors.add(call(without, attempts));
                            for (int i = 0; i < attempts; i++) actors.add(attempt(without, i));
                            if (leaving) actors.add(leaver(without));
                            actors.add(lease(without));
                            return actors;
                        },
                        end -> {
                            if (end.vars[SETTLED_TIMES] != 1) {
                                throw new Violation("settled " + end.vars[SETTLED_TIMES] + " times");
                            }
                            if (end.vars[TIMER] == ARMED) throw new Violation("a timer left");
                        })
                .states();
    }

    /** Leaves its attempts behind, then ends. Running is kept without the call's own 1, so that it begins at 0. */
    private static Actor call(Without without, int attempts) {
        Actor call = new Actor("call");
        for (int i = 0; i < attempts; i++) {
            if (without != Without.COUNT_BEFORE_END) count(call, +1);
            int next = call.here() + 1;
            call.step(s -> {
                s.vars[CODE]++;
                return next;
            });
        }
        int settle = call.here() + 1;
        int keep = settle + 3;
        call.step(s -> {
            s.vars[HAS_ENDED] = 1;
            return s.vars[RUNNING]-- == 0 ? settle : keep;
        });
        settle(call, without, keep + 3);
        keep(call, without);
        if (without == Without.COUNT_BEFORE_END) for (int i = 0; i < attempts; i++) count(call, +1);
        return call;
    }

    private static void count(Actor actor, int delta) {
        int next = actor.here() + 1;
        actor.step(s -> {
            s.vars[RUNNING] += delta;
            return next;
        });
    }

    private static Actor attempt(Without without, int number) {
        Actor attempt = new Actor("attempt" + number);
        attempt.step(
                s -> { // its code ends at any time after it was left behind
                    if (s.vars[CODE] == 0) return Interleavings.BLOCKED;
                    s.vars[CODE]--;
                    return 1;
                });
        attempt.step(s -> s.vars[RUNNING]-- == 0 ? 2 : 5);
        settle(attempt, without, 5);
        return attempt;
    }

    private static Actor leaver(Without without) {
        Actor leaver = new Actor("leaver");
        keep(leaver, without);
        return leaver;
    }

    private static Actor lease(Without without) {
        Actor lease = new Actor("lease");
        lease.step(
                s -> 4, // not in this schedule
                s -> {
                    if (s.vars[TIMER] != ARMED) return Interleavings.BLOCKED;
                    s.vars[TIMER] = TAKEN_BACK;
                    s.vars[FIRED] = 1;
                    return 1;
                });
        settle(lease, without, 4);
        return lease;
    }

    private static void settle(Actor actor, Without without, int then) {
        int here = actor.here();
        actor.step(s -> {
            boolean over = s.vars[STATE] == SETTLED && without != Without.ONE_SETTLEMENT;
            s.vars[STATE] = SETTLED;
            return over ? then : here + 1;
        });
        actor.step(s -> {
            if (s.vars[TIMER] == ARMED) s.vars[TIMER] = TAKEN_BACK;
            return here + 2;
        });
        actor.step(s -> settled(s, then));
    }

    private static int settled(State s, int then) {
        boolean ended = s.vars[HAS_ENDED] == 1 && s.vars[CODE] == 0;
        if (!ended && s.vars[FIRED] == 0) throw new Violation("settled early");
        s.vars[SETTLED_TIMES]++;
        return then;
    }

    private static void keep(Actor actor, Without without) {
        int here = actor.here();
        actor.step(s -> {
            if (s.vars[STATE] != HELD) return here + 3;
            s.vars[STATE] = LEASED;
            return here + 1;
        });
        actor.step(s -> {
            s.vars[TIMER] = ARMED;
            return without == Without.LOOK_AFTER_ARMING ? here + 3 : here + 2;
        });
        actor.step(s -> {
            if (s.vars[STATE] == SETTLED && s.vars[TIMER] == ARMED) s.vars[TIMER] = TAKEN_BACK;
            return here + 3;
        });
    }
}
