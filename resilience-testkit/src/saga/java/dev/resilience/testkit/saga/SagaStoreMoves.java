// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import static dev.resilience.testkit.saga.StoreSagas.FENCE;
import static dev.resilience.testkit.saga.StoreSagas.NOW;
import static dev.resilience.testkit.saga.StoreSagas.bytes;
import static dev.resilience.testkit.saga.StoreSagas.claimed;
import static dev.resilience.testkit.saga.StoreSagas.done;
import static dev.resilience.testkit.saga.StoreSagas.head;
import static dev.resilience.testkit.saga.StoreSagas.ids;
import static dev.resilience.testkit.saga.StoreSagas.same;
import static dev.resilience.testkit.saga.StoreSagas.signal;
import static dev.resilience.testkit.saga.StoreSagas.start;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.resilience.saga.Checkpoint;
import dev.resilience.saga.SagaInstance;
import dev.resilience.saga.SagaReply;
import dev.resilience.saga.SagaStatus;
import dev.resilience.saga.SagaStore;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Of {@link SagaStoreContract}: how sagas change hands, what comes to them from outside, and how they go. */
public abstract class SagaStoreMoves extends SagaStoreRaces {
    /** For subclasses. */
    protected SagaStoreMoves() {}

    private SagaInstance put(String id, SagaStatus status, @Nullable String owner, long wakeMs) {
        Checkpoint.Builder b = sagas().on(sagas().resting(id));
        b.head().status(status).owner(owner).wakeMs(wakeMs);
        if (status == SagaStatus.PAUSED || status == SagaStatus.NEEDS_ATTENTION) b.head().heldFrom(SagaStatus.RUNNING);
        if (status.ended()) b.head().endedMs(NOW);
        return sagas().written(b);
    }

    private List<SagaStore.Loaded> claim(SagaStore.Claim claim) {
        return store().claim(claim);
    }

    // ---- claims

    /** T16: what is due goes to who asks, with a new fence; S11: without counting; all of it is answered. */
    @Test
    public void what_is_due_is_claimed_with_all_that_belongs_to_it() {
        SagaInstance head = sagas().started(sagas().head("due").wakeMs(NOW).claims(2).deadlineMs(NOW + 9), done("s").at(0, 0, FENCE, NOW));
        store().signal(head.ref(), signal("paid", "k"));
        SagaInstance before = sagas().now("due");
        List<SagaStore.Loaded> claimed = claim(sagas().claim(sagas().node("b"), Set.of(), 10));
        assertEquals(List.of("due"), claimed(claimed));
        SagaStore.Loaded loaded = claimed.get(0);
        same(before.but().owner(sagas().node("b")).fence(FENCE + 1).wakeMs(SagaInstance.NEVER).build(), loaded.head());
        assertArrayEquals(bytes("input"), loaded.input());
        assertEquals(1, loaded.entries().size());
        assertEquals(1, loaded.signals().size());
        same(loaded.head(), sagas().now("due"));
        assertEquals(List.of(), claim(sagas().claim(sagas().node("c"), Set.of(), 10)), "it is taken");
    }

    /** What is not due yet, rests, or has an owner that is not known to be dead, stays. */
    @Test
    public void only_what_is_due_or_of_the_dead_is_claimed() {
        String dead = sagas().node("dead");
        sagas().due("now", NOW);
        sagas().due("long ago", 0);
        sagas().due("soon", NOW + 1);
        sagas().resting("resting");
        sagas().ownedBy(sagas().node("live"), "run");
        sagas().ownedBy(sagas().node("me"), "mine");
        sagas().ownedBy(dead, "orphan");
        put("undone", SagaStatus.COMPENSATING, null, NOW);
        put("undone by the dead", SagaStatus.COMPENSATING, dead, SagaInstance.NEVER);
        for (SagaStatus status : SagaStatus.values()) {
            if (status == SagaStatus.RUNNING || status == SagaStatus.COMPENSATING) continue;
            put(status + " due", status, null, NOW);
            put(status + " of the dead", status, dead, SagaInstance.NEVER);
        }
        List<SagaStore.Loaded> claimed = claim(sagas().claim(sagas().node("me"), Set.of(dead, sagas().node("other")), 100));
        assertEquals(
                Set.of("now", "long ago", "orphan", "undone", "undone by the dead"), Set.copyOf(claimed(claimed)));
        assertEquals(5, claimed.size());
        for (SagaStore.Loaded loaded : claimed) {
            boolean orphan = loaded.head().ref().id().matches("orphan|.*dead");
            assertEquals(orphan ? 1 : 0, loaded.head().claims(), "S11: only claims from the dead count");
            assertEquals(FENCE + 1, loaded.head().fence());
            assertEquals(sagas().node("me"), loaded.head().owner());
        }
        assertEquals(sagas().node("live"), sagas().now("run").owner());
        assertEquals(FENCE, sagas().now("mine").fence());
    }

    /** A version that the engine cannot run stays for one that can. */
    @Test
    public void only_supported_versions_are_claimed() {
        for (int version = 1; version <= 5; version++) {
            sagas().started(sagas().head("due" + version).version(version).wakeMs(NOW));
            sagas().started(sagas().head("orphan" + version).version(version).owner(sagas().node("dead")));
        }
        long before = store().unclaimable(List.of(sagas().runs(1, 9)), NOW);
        assertEquals(before + 3, store().unclaimable(List.of(sagas().runs(2, 3)), NOW));
        assertEquals(before + 5, store().unclaimable(List.of(), NOW));
        assertEquals(before, store().unclaimable(List.of(sagas().runs(1, 1), sagas().runs(2, 5)), NOW));
        SagaStore.Claim claim = new SagaStore.Claim(
                sagas().node("b"), Set.of(sagas().node("dead")), List.of(sagas().runs(2, 3), new SagaStore.Supported(sagas().name + "x", 4, 4)), NOW, 100, 3, 100);
        assertEquals(Set.of("due2", "due3", "orphan2", "orphan3"), Set.copyOf(claimed(claim(claim))));
        assertEquals(List.of(), claim(new SagaStore.Claim(sagas().node("b"), Set.of(sagas().node("dead")), List.of(), NOW, 100, 3, 100)));
    }

    /** A limit is one for both kinds; of what is due the longest due comes first. */
    @Test
    public void a_claim_keeps_to_its_limit_and_takes_the_longest_due() {
        for (int i = 0; i < 5; i++) sagas().due("due" + i, NOW - 10 + i);
        assertEquals(List.of("due0", "due1"), claimed(claim(sagas().claim(sagas().node("b"), Set.of(), 2))).stream().sorted().toList());
        sagas().ownedBy(sagas().node("dead"), "orphan0");
        sagas().ownedBy(sagas().node("dead"), "orphan1");
        assertEquals(3, claim(sagas().claim(sagas().node("b"), Set.of(sagas().node("dead")), 3)).size());
        assertEquals(2, claim(sagas().claim(sagas().node("b"), Set.of(sagas().node("dead")), 100)).size());
    }

    /** T17: suspects go to an engine few at a time, the least suspect first, and hold up nobody else. */
    @Test
    public void suspects_are_claimed_few_at_a_time() {
        String dead = sagas().node("dead");
        sagas().started(sagas().head("worst").owner(dead).claims(9));
        sagas().started(sagas().head("bad").owner(dead).claims(3));
        sagas().started(sagas().head("worse").owner(dead).claims(5));
        sagas().started(sagas().head("well").owner(dead).claims(2));
        sagas().started(sagas().head("due").wakeMs(NOW).claims(7));
        SagaStore.Claim none = new SagaStore.Claim(sagas().node("b"), Set.of(dead), List.of(sagas().runs(1, 1)), NOW, 1, 3, 0);
        SagaStore.Claim one = new SagaStore.Claim(sagas().node("b"), Set.of(dead), List.of(sagas().runs(1, 1)), NOW, 9, 3, 1);
        assertEquals(1, claim(none).size(), "no suspect is wanted");
        assertFalse(claimed(claim(none)).stream().anyMatch(id -> Set.of("bad", "worse", "worst").contains(id)));
        assertEquals(List.of("bad"), claimed(claim(one)));
        assertEquals(4, sagas().now("bad").claims());
        assertEquals(List.of("worse"), claimed(claim(one)));
        assertEquals(List.of("worst"), claimed(claim(one)));
        assertEquals(7, sagas().now("due").claims());
    }

    /** G9, C14: who lost a saga writes nothing to it any more. */
    @Test
    public void a_stale_owner_writes_nothing() {
        SagaInstance seen = sagas().ownedBy(sagas().node("a"), "taken");
        claim(sagas().claim(sagas().node("b"), Set.of(sagas().node("a")), 1));
        assertFalse(store().write(sagas().on(seen).append(done("s")).build()));
        SagaInstance mine = sagas().now("taken");
        assertTrue(store().write(sagas().on(mine).append(done("s")).build()));
        Checkpoint.Builder back = sagas().on(sagas().now("taken"));
        back.head().owner(null).wakeMs(NOW);
        sagas().written(back);
        claim(sagas().claim(sagas().node("a"), Set.of(), 1));
        assertFalse(store().write(sagas().on(seen).build()), "though it owns it again");
        assertEquals(1, sagas().loaded("taken").entries().size());
    }

    // ---- heartbeats

    /** S13: a store keeps beats and judges nothing; S6d: owners without a row are told. */
    @Test
    public void beats_are_kept_and_orphans_told() {
        String a = sagas().node("a");
        String b = sagas().node("b");
        sagas().ownedBy(sagas().node("lost"), "orphan");
        put("parked orphan", SagaStatus.PAUSED, sagas().node("paused"), SagaInstance.NEVER);
        put("ended", SagaStatus.COMPLETED, sagas().node("done"), SagaInstance.NEVER);
        sagas().ownedBy(a, "well");
        store().beat(a, 41, false);
        store().beat(b, Long.MAX_VALUE, false);
        SagaStore.Beat beat = store().beat(a, 42, true);
        assertEquals(42, beat.beats().get(a));
        assertEquals(Long.MAX_VALUE, beat.beats().get(b));
        assertFalse(beat.beats().containsKey(sagas().node("lost")));
        assertTrue(beat.orphans().containsAll(Set.of(sagas().node("lost"), sagas().node("paused"))), beat::toString);
        assertFalse(beat.orphans().contains(a));
        assertFalse(beat.orphans().contains(sagas().node("done")));
        long clock = beat.clockMs();
        assertTrue(store().beat(a, 43, true).clockMs() >= clock, "its clock goes forward while nobody sets it");
    }

    /** Rows of those that own nothing go, those of owners stay. */
    @Test
    public void who_still_owns_is_not_forgotten() {
        for (String node : List.of("owner", "paused", "done", "idle", "other")) store().beat(sagas().node(node), 1, false);
        sagas().ownedBy(sagas().node("owner"), "owned");
        put("held", SagaStatus.PAUSED, sagas().node("paused"), SagaInstance.NEVER);
        put("ended", SagaStatus.COMPLETED, sagas().node("done"), SagaInstance.NEVER);
        store().forget(List.of(sagas().node("owner"), sagas().node("paused"), sagas().node("done"), sagas().node("idle"), sagas().node("never seen")));
        Set<String> known = store().beat(sagas().node("me"), 1, true).beats().keySet();
        assertTrue(known.containsAll(Set.of(sagas().node("owner"), sagas().node("paused"), sagas().node("other"))), known::toString);
        assertFalse(known.contains(sagas().node("done")));
        assertFalse(known.contains(sagas().node("idle")));
        store().forget(List.of());
    }

    // ---- signals and cancellations

    /** T22, S9: kept once per name and key, in the order in which they came; each raises {@code sig}. */
    @Test
    public void signals_are_kept_once_and_in_order() {
        SagaInstance head = sagas().ownedBy(sagas().node("a"), "signalled");
        List<SagaStore.Signal> sent = List.of(
                signal("z", "1"), signal("a", "2"), signal("a", "1"), signal("A", "1"), signal("a", "1 "),
                new SagaStore.Signal("a", "0", null, NOW), new SagaStore.Signal("a", "", new byte[0], NOW));
        for (SagaStore.Signal each : sent) assertEquals(SagaReply.ACCEPTED, store().signal(head.ref(), each));
        for (SagaStore.Signal each : sent) assertEquals(SagaReply.DUPLICATE, store().signal(head.ref(), each));
        SagaStore.Loaded loaded = sagas().loaded("signalled");
        assertEquals(sent.stream().map(s -> s.name() + "/" + s.key()).toList(),
                loaded.signals().stream().map(s -> s.name() + "/" + s.key()).toList());
        assertEquals(sent.stream().map(s -> StoreSagas.text(s.payload())).toList(),
                loaded.signals().stream().map(s -> StoreSagas.text(s.payload())).toList());
        assertEquals(NOW, loaded.signals().get(0).atMs());
        assertEquals(sent.size(), loaded.head().sig());
        assertEquals(0, loaded.head().seq(), "a signal is no checkpoint");
        assertEquals(SagaInstance.NEVER, loaded.head().wakeMs(), "somebody runs it");
        assertEquals(sagas().node("a"), loaded.head().owner());
    }

    /** A saga that nobody runs can be claimed at once after a signal or a cancellation; one that is due earlier stays so. */
    @Test
    public void what_nobody_runs_is_woken() {
        sagas().resting("s rests");
        sagas().due("s later", NOW + 500);
        sagas().due("s earlier", NOW - 500);
        sagas().resting("c rests");
        sagas().due("c later", NOW + 500);
        sagas().due("c earlier", NOW - 500);
        sagas().ownedBy(sagas().node("a"), "c run");
        put("s paused", SagaStatus.PAUSED, null, SagaInstance.NEVER);
        put("s parked", SagaStatus.NEEDS_ATTENTION, null, SagaInstance.NEVER);
        for (String id : List.of("rests", "later", "earlier", "paused", "parked"))
            assertEquals(SagaReply.ACCEPTED, store().signal(sagas().ref("s " + id), signal("n", "k")), id);
        for (String id : List.of("rests", "later", "earlier", "run"))
            assertEquals(SagaReply.ACCEPTED, store().cancel(sagas().ref("c " + id), NOW), id);
        for (String kind : List.of("s ", "c ")) {
            assertEquals(NOW, sagas().now(kind + "rests").wakeMs());
            assertEquals(NOW, sagas().now(kind + "later").wakeMs());
            assertEquals(NOW - 500, sagas().now(kind + "earlier").wakeMs());
            assertEquals(1, sagas().now(kind + "rests").sig());
        }
        assertEquals(SagaInstance.NEVER, sagas().now("c run").wakeMs());
        assertEquals(1, sagas().now("c run").sig());
        assertEquals(6, claim(sagas().claim(sagas().node("b"), Set.of(), 100)).size(), "the paused and the parked stay");
    }

    /** What has ended and what never was take no signals and no cancellations. */
    @Test
    public void the_ended_and_the_unknown_say_so() {
        SagaInstance live = sagas().resting("ended");
        store().signal(live.ref(), signal("n", "k"));
        SagaInstance ended = sagas().written(sagas().ending(sagas().now("ended"), SagaStatus.COMPENSATED, NOW));
        assertEquals(SagaReply.ENDED, store().signal(live.ref(), signal("n", "new")));
        assertEquals(SagaReply.ENDED, store().signal(live.ref(), signal("n", "k")));
        assertEquals(SagaReply.ENDED, store().cancel(live.ref(), NOW));
        assertEquals(SagaReply.UNKNOWN, store().signal(sagas().ref("never"), signal("n", "k")));
        assertEquals(SagaReply.UNKNOWN, store().cancel(sagas().ref("never"), NOW));
        same(ended, sagas().now("ended"));
        assertEquals(1, sagas().loaded("ended").signals().size());
    }

    /** S3, T11: a cancellation counts before the pivot's outcome and while nothing is undone. */
    @Test
    public void a_cancellation_is_accepted_as_long_as_it_can_be() {
        for (SagaStatus from : List.of(SagaStatus.RUNNING, SagaStatus.COMPENSATING)) {
            for (SagaStatus held : List.of(SagaStatus.PAUSED, SagaStatus.NEEDS_ATTENTION)) {
                Checkpoint.Builder b = sagas().on(sagas().resting(held + " from " + from));
                b.head().status(held).heldFrom(from);
                sagas().written(b);
            }
        }
        put("undone", SagaStatus.COMPENSATING, null, NOW);
        Checkpoint.Builder in = sagas().on(sagas().resting("in pivot"));
        in.head().inPivot(true);
        sagas().written(in);
        Checkpoint.Builder past = sagas().on(sagas().resting("past pivot"));
        past.head().pivotPassed(true);
        sagas().written(past);
        for (String id : List.of("PAUSED from RUNNING", "in pivot")) {
            assertEquals(SagaReply.ACCEPTED, store().cancel(sagas().ref(id), NOW), id);
            assertEquals(SagaReply.DUPLICATE, store().cancel(sagas().ref(id), NOW), id);
            assertTrue(sagas().now(id).cancelRequested(), id);
            assertEquals(1, sagas().now(id).sig(), id);
        }
        for (String id : List.of(
                "PAUSED from COMPENSATING", "NEEDS_ATTENTION from RUNNING", "NEEDS_ATTENTION from COMPENSATING", "undone", "past pivot")) {
            SagaInstance before = sagas().now(id);
            assertEquals(SagaReply.TOO_LATE, store().cancel(sagas().ref(id), NOW), id);
            same(before, sagas().now(id));
        }
    }

    // ---- the end

    /** S8: what ended before goes with all that belongs to it, in bites; what lives or is young stays. */
    @Test
    public void purge_removes_what_ended_before_and_nothing_else() {
        while (store().purge(NOW, 1000) > 0) {}
        for (int i = 0; i < 5; i++) {
            SagaInstance head = sagas().resting("old" + i);
            store().signal(head.ref(), signal("n", "k"));
            sagas().written(sagas().ending(sagas().now("old" + i), i == 0 ? SagaStatus.ABANDONED : SagaStatus.COMPLETED, NOW - 2).append(done("s")));
        }
        sagas().ended("young", NOW - 1);
        sagas().resting("live");
        sagas().started(sagas().head("old and live").startedMs(NOW - 9).updatedMs(NOW - 9));
        put("parked", SagaStatus.NEEDS_ATTENTION, null, SagaInstance.NEVER);
        assertEquals(2, store().purge(NOW - 1, 2));
        assertEquals(3, store().purge(NOW - 1, 1000));
        assertEquals(0, store().purge(NOW - 1, 1000));
        assertEquals(List.of("live", "old and live", "parked", "young"), ids(store().list(sagas().all())));
        sagas().resting("old1");
        SagaStore.Loaded anew = sagas().loaded("old1");
        assertEquals(List.of(), anew.entries());
        assertEquals(List.of(), anew.signals());
        assertEquals(SagaReply.ACCEPTED, store().signal(anew.head().ref(), signal("n", "k")));
    }

    // ---- transactions of a database

    private boolean transactional() throws SQLException {
        try {
            store().connection().close();
            return true;
        } catch (UnsupportedOperationException inMemory) {
            return false;
        }
    }

    private void within(boolean commit, SqlBody body) throws SQLException {
        try (Connection connection = store().connection()) {
            assertFalse(connection.getAutoCommit());
            body.in(connection);
            if (commit) connection.commit();
            else connection.rollback();
        }
    }

    private interface SqlBody {
        void in(Connection connection) throws SQLException;
    }

    /**
     * S7, S14: a start within somebody's transaction is there when that commits; what refuses it leaves the transaction in
     * order. Of a store without transactions nothing is asked.
     *
     * @throws SQLException when the database cannot be asked
     */
    @Test
    public void a_start_belongs_to_the_transaction_it_was_made_in() throws SQLException {
        if (!transactional()) return;
        String key = "lock of " + sagas().name;
        within(false, c -> assertTrue(store().insert(c, start(sagas().head("rolled back").build())).created()));
        assertTrue(store().load(sagas().ref("rolled back")).isEmpty());
        sagas().started(sagas().head("holder").lockKey(key));
        within(true, c -> {
            assertTrue(store().insert(c, start(sagas().head("first").build(), done("s").at(0, 0, FENCE, NOW))).created());
            assertFalse(store().insert(c, start(sagas().head("first").incarnation("other").build())).created());
            SagaStore.Started there = store().insert(c, start(sagas().head("holder").build()));
            assertFalse(there.created());
            assertEquals(sagas().ref("holder"), head(there).ref());
            assertEquals(sagas().ref("holder"), store().insert(c, start(sagas().head("late").lockKey(key).build())).lockHolder());
            assertTrue(store().insert(c, start(sagas().head("last").build())).created());
        });
        assertEquals(1, sagas().loaded("first").entries().size());
        assertEquals("i", sagas().now("first").incarnation());
        assertTrue(store().load(sagas().ref("last")).isPresent());
        assertTrue(store().load(sagas().ref("late")).isEmpty());
    }

    /**
     * S15: so does a checkpoint of a transactional step, and a refused one writes nothing.
     *
     * @throws SQLException when the database cannot be asked
     */
    @Test
    public void a_checkpoint_belongs_to_the_transaction_it_was_made_in() throws SQLException {
        if (!transactional()) return;
        SagaInstance head = sagas().ownedBy(sagas().node("a"), "tx");
        within(false, c -> assertTrue(store().write(c, sagas().on(head).append(done("s")).build())));
        same(head, sagas().now("tx"));
        within(true, c -> assertFalse(store().write(c, sagas().on(head.but().fence(1).build()).append(done("s")).build())));
        same(head, sagas().now("tx"));
        within(true, c -> assertTrue(store().write(c, sagas().on(head).append(done("s")).build())));
        assertEquals(1, sagas().loaded("tx").entries().size());
        assertEquals(1, sagas().now("tx").seq());
    }

    /**
     * S15: who does not know whether its commit took place reads what came of it, not what was before.
     *
     * @throws Exception when the database cannot be asked, or a thread of the test does not end
     */
    @Test
    public void settled_means_after_what_was_under_way() throws Exception {
        if (!transactional()) return;
        for (int round = 0; round < rounds() / 10 + 1; round++) {
            SagaInstance head = sagas().ownedBy(sagas().node("a"), "settled" + round);
            try (Connection connection = store().connection()) {
                assertTrue(store().write(connection, sagas().on(head).append(done("s")).build()));
                List<Long> seen = sagas().<Long>together(
                        () -> store().loadSettled(head.ref()).orElseThrow().head().seq(), () -> {
                            connection.commit();
                            return 1L;
                        });
                assertEquals(1, seen.get(0), "the write was under way when it was asked");
            }
        }
    }
}
