// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * S46 as a model: every interleaving of up to three threads that put and remove, atomic step by atomic step of
 * {@link BoundedStore}, two keys, a bound of weight 2 and room for one pushed node. When all are done, nothing is pushed
 * any more, a key's node is alive, queued once and weighs what its entry weighs, the bound holds, and each entry has
 * ended once: answered, told as evicted, or there.
 */
class StoreProtocolModelTest {
    enum Flaw {
        NONE,
        /** The visit of an arrival queues the node whatever it is by now: a removal visited before it pins its weight. */
        QUEUES_WHAT_ARRIVED,
        /** The visit of a replacement takes the weight as it was when it was pushed. */
        WEIGHS_WHAT_WAS_PUSHED,
        /** Whoever drained goes home without another look. */
        NO_SECOND_LOOK,
        /** A full backlog drops what is pushed. */
        DROPS_WHEN_FULL,
        /** A victim's key is removed from the map, whichever node is there by now. */
        REMOVES_BY_KEY,
        /** A victim is removed from the map with its entry in it: a put that comes meanwhile writes into nowhere. */
        EVICTS_WITHOUT_RETIRING,
        /** A put writes its entry into a retired node. */
        REVIVES_A_RETIRED_NODE
    }

    private static final int MAX = 2;
    private static final int MAX_PENDING = 1;
    private static final int NEW = 0;
    private static final int QUEUED = 1;
    private static final int DEAD = 2;
    /** Entry n weighs this. */
    private static final int[] WEIGHTS = {0, 1, 1, 2, 1, 2, 3};

    /** Puts an entry, or removes the key when it is 0. */
    record Op(int key, int entry) {}

    private static final List<List<List<Op>>> SCENARIOS = List.of(
            List.of(List.of(new Op(0, 1)), List.of(new Op(0, 2)), List.of(new Op(0, 0))),
            List.of(List.of(new Op(0, 1), new Op(0, 3)), List.of(new Op(0, 2)), List.of(new Op(1, 4))),
            List.of(List.of(new Op(0, 1), new Op(0, 0)), List.of(new Op(0, 3), new Op(0, 0))),
            List.of(List.of(new Op(0, 1), new Op(0, 2)), List.of(new Op(1, 3), new Op(1, 4))),
            List.of(List.of(new Op(0, 3)), List.of(new Op(1, 5)), List.of(new Op(0, 1))),
            List.of(List.of(new Op(0, 1), new Op(0, 6)), List.of(new Op(1, 2), new Op(0, 0))));

    private enum At {
        START,
        TRY,
        RETIRE,
        UNMAP,
        PUSH,
        LOOK,
        LOCK,
        TAKE,
        READ,
        VISIT,
        BURY
    }

    private static final class Actor {
        int op;
        At at = At.START;
        int node = -1;
        int seen;
        int fresh = -1;
        boolean waits;
        List<int[]> batch = new ArrayList<>();
        List<Integer> victims = new ArrayList<>();

        Actor copy() {
            Actor copy = new Actor();
            copy.op = op;
            copy.at = at;
            copy.node = node;
            copy.seen = seen;
            copy.fresh = fresh;
            copy.waits = waits;
            copy.batch = new ArrayList<>(batch);
            copy.victims = new ArrayList<>(victims);
            return copy;
        }

        void write(StringBuilder to) {
            to.append(op)
                    .append(at)
                    .append(node)
                    .append(',')
                    .append(seen)
                    .append(',')
                    .append(fresh)
                    .append(waits);
            batch.forEach(task -> to.append(task[0]).append('.').append(task[1]).append('.'));
            to.append(victims);
        }
    }

    /** Nodes are {key, entry, queue, weight in the queue}, tasks {node, weight when pushed}. */
    private static final class State {
        final int[] map = {-1, -1};
        final int[] ends = new int[WEIGHTS.length];
        List<int[]> nodes = new ArrayList<>();
        List<int[]> pending = new ArrayList<>();
        List<Integer> queue = new ArrayList<>();
        int owner = -1;
        List<Actor> actors = new ArrayList<>();

        State copy() {
            State copy = new State();
            System.arraycopy(map, 0, copy.map, 0, map.length);
            System.arraycopy(ends, 0, copy.ends, 0, ends.length);
            nodes.forEach(node -> copy.nodes.add(node.clone()));
            copy.pending = new ArrayList<>(pending);
            copy.queue = new ArrayList<>(queue);
            copy.owner = owner;
            actors.forEach(actor -> copy.actors.add(actor.copy()));
            return copy;
        }

        String key() {
            StringBuilder key = new StringBuilder();
            key.append(map[0]).append(',').append(map[1]).append('|');
            for (int end : ends) key.append(end);
            for (int[] node : nodes) {
                key.append('|').append(node[0]).append(node[1]).append(node[2]).append(node[3]);
            }
            pending.forEach(task -> key.append('p').append(task[0]).append('.').append(task[1]));
            key.append(queue).append(owner);
            actors.forEach(actor -> actor.write(key.append('/')));
            return key.toString();
        }

        int weight() {
            return queue.stream().mapToInt(node -> nodes.get(node)[3]).sum();
        }
    }

    @Test
    void no_interleaving_breaks_the_protocol() {
        int states = 0;
        for (List<List<Op>> scenario : SCENARIOS) {
            Model model = new Model(scenario, Flaw.NONE);
            assertThat(model.violation()).as("of %s", scenario).isEmpty();
            states += model.states;
        }
        assertThat(states).as("states").isGreaterThan(50_000);
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void each_seeded_mistake_is_found(Flaw flaw) {
        assertThat(SCENARIOS)
                .anyMatch(scenario -> !new Model(scenario, flaw).violation().isEmpty());
    }

    private static final class Model {
        private final List<List<Op>> programs;
        private final Flaw flaw;
        private int states;

        Model(List<List<Op>> programs, Flaw flaw) {
            this.programs = programs;
            this.flaw = flaw;
        }

        /** The first one found, or nothing. */
        private String violation() {
            State start = new State();
            programs.forEach(program -> start.actors.add(new Actor()));
            Set<String> seen = new HashSet<>();
            Deque<State> open = new ArrayDeque<>();
            open.push(start);
            while (!open.isEmpty()) {
                State state = open.pop();
                boolean moved = false;
                for (int i = 0; i < programs.size(); i++) {
                    if (!canMove(state, i)) continue;
                    moved = true;
                    State next = state.copy();
                    move(next, i);
                    if (next.weight() > MAX) return "more than the bound is queued: " + next.key();
                    if (seen.add(next.key())) open.push(next);
                }
                if (!moved) {
                    String wrong = wrongAtTheEnd(state);
                    if (!wrong.isEmpty()) return wrong + ": " + state.key();
                }
            }
            states = seen.size();
            return "";
        }

        private boolean canMove(State state, int i) {
            Actor actor = state.actors.get(i);
            if (actor.at == At.LOCK) return state.owner < 0 || !actor.waits;
            return actor.op < programs.get(i).size();
        }

        private String wrongAtTheEnd(State state) {
            for (int i = 0; i < programs.size(); i++) {
                if (state.actors.get(i).op < programs.get(i).size()) return "somebody is stuck";
            }
            if (!state.pending.isEmpty()) return "something pushed stays";
            int[] ends = state.ends.clone();
            int queued = 0;
            for (int key = 0; key < 2; key++) {
                if (state.map[key] < 0) continue;
                int[] node = state.nodes.get(state.map[key]);
                if (node[1] == 0) return "a retired node stays in the map";
                if (node[2] != QUEUED) return "a node is there and not queued";
                if (node[3] != WEIGHTS[node[1]]) return "a weight is wrong";
                ends[node[1]]++;
                queued++;
            }
            if (queued != state.queue.size()) return "something is queued that is not there";
            for (List<Op> program : programs) {
                for (Op op : program)
                    if (op.entry > 0 && ends[op.entry] != 1) return "entry " + op.entry + " ended wrongly";
            }
            return "";
        }

        private void move(State state, int i) {
            Actor actor = state.actors.get(i);
            switch (actor.at) {
                case START, TRY, RETIRE, UNMAP ->
                    operate(state, actor, programs.get(i).get(actor.op));
                case PUSH -> push(state, actor, programs.get(i).get(actor.op));
                default -> drain(state, actor, i);
            }
        }

        private void operate(State state, Actor actor, Op op) {
            switch (actor.at) {
                case START -> {
                    actor.node = state.map[op.key];
                    actor.seen = actor.node < 0 ? 0 : state.nodes.get(actor.node)[1];
                    if (op.entry > 0) actor.at = At.TRY;
                    else if (actor.node < 0) end(actor);
                    else actor.at = At.RETIRE;
                }
                case TRY -> put(state, actor, op);
                case RETIRE -> {
                    int[] node = state.nodes.get(actor.node);
                    int had = node[1];
                    node[1] = 0;
                    state.ends[had]++;
                    if (had == 0) end(actor);
                    else actor.at = At.UNMAP;
                }
                default -> {
                    if (state.map[op.key] == actor.node) state.map[op.key] = -1;
                    actor.at = At.PUSH;
                }
            }
        }

        private void put(State state, Actor actor, Op op) {
            boolean revives = flaw == Flaw.REVIVES_A_RETIRED_NODE && actor.node >= 0;
            if (actor.seen == 0 && !revives) {
                if (state.map[op.key] != actor.node) {
                    actor.at = At.START;
                    return;
                }
                state.nodes.add(new int[] {op.key, op.entry, NEW, 0});
                actor.node = state.nodes.size() - 1;
                state.map[op.key] = actor.node;
                actor.at = At.PUSH;
            } else {
                int[] node = state.nodes.get(actor.node);
                if (node[1] != actor.seen) {
                    actor.at = At.START;
                    return;
                }
                node[1] = op.entry;
                if (actor.seen > 0) state.ends[actor.seen]++;
                if (WEIGHTS[actor.seen] == WEIGHTS[op.entry]) end(actor);
                else actor.at = At.PUSH;
            }
        }

        private void push(State state, Actor actor, Op op) {
            boolean full = state.pending.size() >= MAX_PENDING;
            if (!full || flaw != Flaw.DROPS_WHEN_FULL) {
                state.pending.add(new int[] {actor.node, WEIGHTS[op.entry]});
            }
            actor.waits = full;
            actor.at = full ? At.LOCK : At.LOOK;
        }

        private void drain(State state, Actor actor, int i) {
            switch (actor.at) {
                case LOOK -> {
                    actor.waits = false;
                    if (state.pending.isEmpty()) end(actor);
                    else actor.at = At.LOCK;
                }
                case LOCK -> {
                    if (state.owner >= 0) end(actor); // tryLock: its holder looks again
                    else {
                        state.owner = i;
                        actor.at = At.TAKE;
                    }
                }
                case TAKE -> {
                    actor.batch = state.pending;
                    state.pending = new ArrayList<>();
                    next(state, actor);
                }
                case READ -> {
                    actor.seen = state.nodes.get(actor.batch.get(0)[0])[1];
                    actor.at = At.VISIT;
                }
                case VISIT -> {
                    int[] task = actor.batch.remove(0);
                    visit(state, actor, task[0], task[1]);
                    next(state, actor);
                }
                default -> {
                    bury(state, actor.victims.remove(0));
                    if (actor.victims.isEmpty()) again(actor);
                }
            }
        }

        private void next(State state, Actor actor) {
            if (!actor.batch.isEmpty()) {
                actor.at = At.READ;
                return;
            }
            state.owner = -1;
            actor.at = At.BURY;
            if (actor.victims.isEmpty()) again(actor);
        }

        private void again(Actor actor) {
            if (flaw == Flaw.NO_SECOND_LOOK) end(actor);
            else actor.at = At.LOOK;
        }

        private void bury(State state, int victim) {
            int[] node = state.nodes.get(victim);
            if (state.map[node[0]] == victim || flaw == Flaw.REMOVES_BY_KEY) state.map[node[0]] = -1;
        }

        private void visit(State state, Actor actor, int at, int pushed) {
            int[] node = state.nodes.get(at);
            boolean trusting = flaw == Flaw.QUEUES_WHAT_ARRIVED && pushed > 0 && node[2] != QUEUED;
            if (actor.seen == 0 && !trusting) {
                state.queue.remove((Integer) at);
                node[2] = DEAD;
                return;
            }
            int weight = flaw == Flaw.WEIGHS_WHAT_WAS_PUSHED || trusting ? pushed : WEIGHTS[actor.seen];
            if (node[2] == DEAD && !trusting) return;
            node[3] = 0;
            if (weight > MAX) {
                state.queue.remove((Integer) at);
                evict(state, actor, at);
                return;
            }
            while (state.weight() > MAX - weight) evict(state, actor, state.queue.remove(0));
            if (node[2] == DEAD && !trusting) return;
            node[3] = weight;
            if (node[2] != QUEUED) state.queue.add(at);
            node[2] = QUEUED;
        }

        private void evict(State state, Actor actor, int victim) {
            int[] node = state.nodes.get(victim);
            node[2] = DEAD;
            state.ends[node[1]]++;
            if (node[1] > 0) actor.victims.add(victim);
            if (flaw != Flaw.EVICTS_WITHOUT_RETIRING) node[1] = 0;
        }

        private static void end(Actor actor) {
            actor.op++;
            actor.at = At.START;
            actor.node = -1;
            actor.seen = 0;
            actor.waits = false;
        }
    }
}
