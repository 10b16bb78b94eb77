// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static dev.resilience.Cancellation.DONE;
import static dev.resilience.Cancellation.FIRED;
import static dev.resilience.Cancellation.FIRING;
import static dev.resilience.Cancellation.LIVE;
import static dev.resilience.Cancellation.PASSED;
import static dev.resilience.Interleavings.BLOCKED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Interleavings.Actor;
import dev.resilience.Interleavings.Searched;
import dev.resilience.Interleavings.State;
import dev.resilience.Interleavings.Violation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The protocol of {@link InterruptScope}, L8 and S33, as a model: each access to the flag, a phase word, a link or the
 * count is a step, and all interleavings are searched. The flag is one bit; who set it is known to the model alone.
 */
class InterruptProtocolModelTest {

    /** The protocol, and what is left of it when one of its parts is taken out. */
    enum Protocol {
        AS_BUILT(""),
        /** The owner does not wait for the one who fires. */
        NO_HANDSHAKE("ours"),
        /** The one who fires looks at the flag, and interrupts all the same. */
        NO_PASSED("a stranger's interrupt that was pending"),
        UNLINK_BEFORE_CLEAR("taken for a stranger's"),
        NO_REASSERT("an outer interrupt was lost"),
        /** The scopes inside, then the flag. */
        LINKS_BEFORE_FLAG("taken for a stranger's"),
        /** The flag, then the scopes inside, but nobody counts. */
        NO_COUNT("taken for a stranger's"),
        COUNT_BEFORE_CLEAR("taken for a stranger's");

        final String violation;

        Protocol(String violation) {
            this.violation = violation;
        }
    }

    private static final int STRANGER = 1;
    private static final int NOBODY = -1;

    /** Scopes on one thread: each runs within its parent, siblings one after the other. */
    private static final class Model {
        private final Protocol protocol;
        private final int[] parents;
        private final Set<String> seen = new TreeSet<>();
        // Where each variable is. Those after `count` are for the model's eyes only.
        private final int phase = 0;
        private final int link;
        private final int begun;
        private final int ended;
        private final int local;
        private final int flag;
        private final int count;
        private final int sources;
        private final int lost;
        private final int kept;
        private final int vars;

        Model(Protocol protocol, int... parents) {
            this.protocol = protocol;
            this.parents = parents;
            int scopes = parents.length;
            link = scopes;
            begun = 2 * scopes;
            ended = 3 * scopes;
            local = 4 * scopes; // four for each: count, flag, cursor, sources at the look
            flag = 8 * scopes;
            count = flag + 1;
            sources = flag + 2;
            lost = flag + 3;
            kept = flag + 4;
            vars = flag + 5;
        }

        Searched search(boolean stranger) {
            return Interleavings.search(vars, () -> actors(stranger), this::atEnd);
        }

        private List<Actor> actors(boolean stranger) {
            List<Actor> actors = new ArrayList<>();
            Actor owner = new Actor("owner");
            for (int scope = 0; scope < parents.length; scope++) {
                if (parents[scope] == NOBODY) run(owner, scope);
            }
            actors.add(owner);
            for (int scope = 0; scope < parents.length; scope++) actors.add(fires(scope, owner.here()));
            if (stranger) actors.add(new Actor("stranger").step(s -> interrupt(s, STRANGER, 1)));
            return actors;
        }

        // --- the thread that owns the scopes ---

        private void run(Actor owner, int scope) {
            begin(owner, scope);
            op(owner);
            for (int child = 0; child < parents.length; child++) {
                if (parents[child] != scope) continue;
                run(owner, child);
                op(owner);
            }
            end(owner, scope);
        }

        private void begin(Actor owner, int scope) {
            int next = owner.here() + 1;
            owner.step(s -> {
                if (parents[scope] != NOBODY) s.vars[link + parents[scope]] = scope + 1;
                s.vars[begun + scope] = 1;
                return next;
            });
        }

        /** The user's code: goes on, or consumes an interrupt, any number of times. */
        private void op(Actor owner) {
            int here = owner.here();
            owner.step(s -> here + 1, s -> {
                if (s.vars[flag] == 0) return BLOCKED;
                if ((s.vars[sources] & STRANGER) != 0) {
                    seen.add("stranger's consumed by the op");
                    s.vars[kept] = 0;
                }
                s.vars[flag] = 0;
                s.vars[sources] = 0;
                return here;
            });
        }

        private void end(Actor owner, int scope) {
            int at = owner.here();
            int clear = at + 2;
            int unlink = at + 4;
            boolean early = protocol == Protocol.UNLINK_BEFORE_CLEAR;
            owner.step(s -> {
                if (s.vars[phase + scope] != LIVE) return at + 1;
                s.vars[phase + scope] = DONE;
                return unlink;
            });
            owner.step(s -> {
                int now = s.vars[phase + scope];
                if (now == FIRING) return protocol == Protocol.NO_HANDSHAKE ? unlink : BLOCKED;
                if (early) unlink(s, scope);
                return now == FIRED ? clear : unlink;
            });
            boolean countFirst = protocol == Protocol.COUNT_BEFORE_CLEAR;
            owner.step(s -> countFirst ? count(s, clear + 1) : clear(s, scope, clear + 1));
            owner.step(s -> countFirst ? clear(s, scope, unlink) : count(s, unlink));
            owner.step(s -> {
                if (!early || s.vars[phase + scope] == DONE) unlink(s, scope);
                return s.vars[phase + scope] == FIRED && protocol != Protocol.NO_REASSERT ? unlink + 1 : unlink + 4;
            });
            // A cursor walks outwards: it starts at the parent.
            owner.step(s -> {
                s.vars[local + 4 * scope + 2] = parents[scope] + 1;
                return unlink + 2;
            });
            owner.step(s -> firedHereOrOutside(s, scope, unlink + 2));
            owner.step(s -> interrupt(s, STRANGER << s.vars[local + 4 * scope + 2], unlink + 4));
            owner.step(s -> ended(s, scope, unlink + 5));
        }

        private void unlink(State s, int scope) {
            if (parents[scope] != NOBODY) s.vars[link + parents[scope]] = 0;
        }

        private int clear(State s, int scope, int next) {
            if ((s.vars[sources] & STRANGER) != 0) {
                for (int out = scope; out != NOBODY; out = parents[out]) {
                    // A scope around the one that saw it pending may have fired before it came.
                    boolean saw = (s.vars[kept] & 1 << out) != 0;
                    if (saw) throw new Violation("a stranger's interrupt that was pending was taken");
                }
                s.vars[lost] = 1;
            }
            s.vars[flag] = 0;
            s.vars[sources] = 0;
            return next;
        }

        private int count(State s, int next) {
            boolean counts = protocol != Protocol.NO_COUNT && protocol != Protocol.LINKS_BEFORE_FLAG;
            s.vars[count] += counts ? 1 : 0;
            return next;
        }

        private int firedHereOrOutside(State s, int scope, int here) {
            int cursor = s.vars[local + 4 * scope + 2];
            if (cursor == 0) return here + 2;
            int now = s.vars[phase + cursor - 1];
            if (now == FIRING) return BLOCKED;
            if (now == FIRED) return here + 1;
            s.vars[local + 4 * scope + 2] = parents[cursor - 1] + 1;
            return here;
        }

        private int ended(State s, int scope, int next) {
            s.vars[local + 4 * scope + 2] = 0;
            s.vars[ended + scope] = 1;
            boolean outerFired = false;
            for (int out = parents[scope]; out != NOBODY; out = parents[out]) {
                outerFired |= s.vars[phase + out] == FIRED;
            }
            boolean absorbed = s.vars[phase + scope] == FIRED;
            if (absorbed && outerFired && s.vars[flag] == 0) throw new Violation("an outer interrupt was lost");
            if (absorbed && outerFired) seen.add("outer visible again");
            return next;
        }

        // --- who fires a scope: its timer, or whoever cancels the submitted work ---

        private Actor fires(int scope, int ownerEnds) {
            int mine = local + 4 * scope;
            Actor timer = new Actor("fire" + scope + ".");
            timer.step(s -> {
                if (s.vars[begun + scope] == 0) return BLOCKED;
                if (s.vars[phase + scope] != LIVE) return 99;
                s.vars[phase + scope] = FIRING;
                return protocol == Protocol.LINKS_BEFORE_FLAG ? 3 : 1;
            });
            timer.step(s -> {
                s.vars[mine] = s.vars[count];
                return 2;
            });
            timer.step(s -> {
                s.vars[mine + 1] = s.vars[flag];
                s.vars[mine + 3] = s.vars[sources];
                return protocol == Protocol.LINKS_BEFORE_FLAG ? 5 : 3;
            });
            timer.step(s -> {
                s.vars[mine + 2] = s.vars[link + scope];
                return 4;
            });
            timer.step(s -> {
                int cursor = s.vars[mine + 2];
                if (cursor == 0) return protocol == Protocol.LINKS_BEFORE_FLAG ? 2 : 5;
                int now = s.vars[phase + cursor - 1];
                if (now == FIRING) return BLOCKED;
                if (now == FIRED) return 8;
                s.vars[mine + 2] = s.vars[link + cursor - 1];
                return 4;
            });
            timer.step(s -> s.vars[mine + 1] == 0 || protocol == Protocol.NO_PASSED ? 6 : 7);
            timer.step(s -> {
                if (s.vars[ended + scope] != 0) throw new Violation("an interrupt of ours came late");
                boolean pending = (s.vars[mine + 3] & STRANGER) != 0;
                if (pending && (s.vars[sources] & STRANGER) != 0) s.vars[kept] |= 1 << scope; // only without PASSED
                return interrupt(s, STRANGER << (scope + 1), 8);
            });
            timer.step(s -> s.vars[mine] == s.vars[count] ? passed(s, scope) : 1);
            timer.step(s -> {
                Arrays.fill(s.vars, mine, mine + 4, 0);
                s.vars[phase + scope] = FIRED;
                return 99;
            });
            return timer;
        }

        private int passed(State s, int scope) {
            int from = s.vars[local + 4 * scope + 3];
            boolean foreign = (from & STRANGER) != 0;
            for (int out = parents[scope]; out != NOBODY; out = parents[out]) {
                foreign |= (from & STRANGER << (out + 1)) != 0;
            }
            if (!foreign) throw new Violation("the interrupt of a scope inside was taken for a stranger's");
            if ((s.vars[sources] & from & STRANGER) != 0) s.vars[kept] |= 1 << scope;
            Arrays.fill(s.vars, local + 4 * scope, local + 4 * scope + 4, 0);
            s.vars[phase + scope] = PASSED;
            return 99;
        }

        private int interrupt(State s, int source, int next) {
            s.vars[flag] = 1;
            s.vars[sources] |= source;
            return next;
        }

        // --- what has to be true when all have ended ---

        private void atEnd(State s) {
            boolean strangers = (s.vars[sources] & STRANGER) != 0;
            if (s.vars[flag] != 0 && !strangers) throw new Violation("an interrupt of ours leaked");
            boolean gone = s.vars[kept] != 0 && !strangers && s.vars[lost] == 0;
            if (gone) throw new Violation("a stranger's interrupt that was pending is gone");
            boolean anyFired = false;
            for (int scope = 0; scope < parents.length; scope++) {
                anyFired |= s.vars[phase + scope] == FIRED;
                seen.add("scope " + scope + " ended as " + s.vars[phase + scope]);
            }
            if (s.vars[lost] != 0 && !anyFired)
                throw new Violation("a stranger's interrupt was lost without a timeout");
            if (s.vars[lost] != 0) seen.add("stranger's absorbed");
            if (strangers) seen.add("stranger's survived");
        }
    }

    private static final int[] ALONE = {NOBODY};
    private static final int[] NESTED = {NOBODY, 0};
    private static final int[] RETRIED = {NOBODY, 0, 0};
    private static final int[] SUBMITTED = {NOBODY, 0, 1};

    private static void holds(int states, int[] scopes, String... alsoSeen) {
        Model model = new Model(Protocol.AS_BUILT, scopes);
        Searched searched = model.search(true);
        assertThat(searched.states()).as("%s", searched).isGreaterThanOrEqualTo(states);
        // The search must not be empty: every phase and every fate of the stranger's interrupt occurred in it.
        for (int scope = 0; scope < scopes.length; scope++) {
            for (int end : new int[] {DONE, FIRED, PASSED}) {
                assertThat(model.seen).contains("scope " + scope + " ended as " + end);
            }
        }
        assertThat(model.seen).contains("stranger's absorbed", "stranger's survived", "stranger's consumed by the op");
        assertThat(model.seen).containsAll(List.of(alsoSeen));
    }

    @Test // L8, S33
    void a_timeout_and_a_stranger() {
        holds(180, ALONE);
    }

    @Test // L8, S33
    void a_timeout_in_a_timeout_and_a_stranger() {
        holds(4_000, NESTED, "outer visible again");
    }

    @Test // L8, S33
    void two_attempts_with_a_timeout_each_within_a_timeout_and_a_stranger() {
        holds(20_000, RETRIED, "outer visible again");
    }

    @Test // L8, S33
    void a_timeout_in_a_timeout_in_submitted_work_that_is_cancelled_and_a_stranger() {
        holds(20_000, SUBMITTED, "outer visible again");
    }

    @ParameterizedTest
    @EnumSource(
            value = Protocol.class,
            mode = EnumSource.Mode.EXCLUDE,
            names = {"AS_BUILT"})
    void without_any_of_its_parts_the_protocol_breaks_and_the_search_finds_it(Protocol broken) {
        assertThatThrownBy(() -> {
                    for (int[] scopes : List.of(ALONE, NESTED, RETRIED)) new Model(broken, scopes).search(true);
                })
                .isInstanceOf(Violation.class)
                .hasMessageContaining(broken.violation)
                .hasMessageContaining(" after ");
    }
}
