// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import static dev.resilience.testkit.saga.StoreSagas.FENCE;
import static dev.resilience.testkit.saga.StoreSagas.NOW;
import static dev.resilience.testkit.saga.StoreSagas.bytes;
import static dev.resilience.testkit.saga.StoreSagas.done;
import static dev.resilience.testkit.saga.StoreSagas.head;
import static dev.resilience.testkit.saga.StoreSagas.ids;
import static dev.resilience.testkit.saga.StoreSagas.lines;
import static dev.resilience.testkit.saga.StoreSagas.same;
import static dev.resilience.testkit.saga.StoreSagas.signal;
import static dev.resilience.testkit.saga.StoreSagas.start;
import static dev.resilience.testkit.saga.StoreSagas.text;
import static dev.resilience.testkit.saga.StoreSagas.value;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.resilience.Outcome;
import dev.resilience.saga.Checkpoint;
import dev.resilience.saga.JournalEntry;
import dev.resilience.saga.SagaInstance;
import dev.resilience.saga.SagaReply;
import dev.resilience.saga.SagaStatus;
import dev.resilience.saga.SagaStore;
import dev.resilience.saga.StepOutcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * What every {@link SagaStore} keeps to. Extend it in the tests of your store and say how to reach one; JUnit runs the
 * rest, with {@link SagaStoreMoves} and {@link SagaStoreRaces}.
 *
 * {@snippet class="dev.resilience.saga.MemoryStoreContractTest" region="contract"}
 *
 * <p>Sagas have names of their own in each test, so one store may serve them all, but nobody else may use it meanwhile.
 */
public abstract class SagaStoreContract extends SagaStoreMoves {
    /** For subclasses. */
    protected SagaStoreContract() {}

    // ---- start

    /** Everything that a start says is there afterwards. */
    @Test
    public void a_start_is_read_as_it_was_written() {
        SagaInstance head = sagas().head("full")
                .incarnation("0f9a")
                .version(7)
                .owner(sagas().node("a"))
                .fence(Long.MAX_VALUE - 7)
                .wakeMs(NOW + 5)
                .deadlineMs(NOW + 6)
                .lockKey("lock of " + sagas().name)
                .build();
        JournalEntry first = done("first").at(0, 0, FENCE, NOW);
        JournalEntry second = JournalEntry.of(JournalEntry.Phase.ITEMS, "each").kind('C').payload(bytes("[]")).at(0, 1, FENCE, NOW);
        SagaStore.Started started = store()
                .insert(new SagaStore.Start(head, bytes("in"), "of in", bytes("context"), List.of(first, second)));
        assertTrue(started.created());
        assertEquals("of in", started.inputHash());
        assertNull(started.lockHolder());
        same(head, head(started));
        SagaStore.Loaded loaded = sagas().loaded("full");
        same(head, loaded.head());
        assertArrayEquals(bytes("in"), loaded.input());
        assertArrayEquals(bytes("context"), loaded.context());
        assertEquals(lines(List.of(first, second)), lines(loaded.entries()));
        assertEquals(List.of(), loaded.signals());
    }

    /** What is not set stays not set. */
    @Test
    public void a_start_with_nothing_set_is_read_as_that() {
        SagaInstance head = sagas().head("bare").build();
        store().insert(new SagaStore.Start(head, new byte[0], "", null, List.of()));
        SagaStore.Loaded loaded = sagas().loaded("bare");
        same(head, loaded.head());
        assertArrayEquals(new byte[0], loaded.input());
        assertNull(loaded.context());
        assertEquals(List.of(), loaded.entries());
    }

    /** G2: the second start is answered with the first one's saga, as it is by now. */
    @Test
    public void a_second_start_changes_nothing() {
        SagaInstance later = sagas().written(sagas().on(sagas().resting("twice")).append(done("s")));
        SagaInstance other = sagas().head("twice").incarnation("other").fence(9).owner("x").build();
        SagaStore.Started again = store()
                .insert(new SagaStore.Start(
                        other, bytes("other"), "of other", null, List.of(done("t").at(0, 0, 9, NOW))));
        assertFalse(again.created());
        assertEquals("hash", again.inputHash(), "of the input that it was started with");
        same(later, head(again));
        assertArrayEquals(bytes("input"), sagas().loaded("twice").input());
        assertEquals(1, sagas().loaded("twice").entries().size());
    }

    /** S14: a lock that a live saga holds refuses another, and says who and since when. */
    @Test
    public void a_lock_refuses_and_names_its_holder() {
        String key = "lock of " + sagas().name;
        sagas().started(sagas().head("holder").lockKey(key).startedMs(NOW - 5));
        SagaStore.Started refused = store().insert(start(sagas().head("late").lockKey(key).build()));
        assertFalse(refused.created());
        assertNull(refused.head());
        assertEquals(sagas().ref("holder"), refused.lockHolder());
        assertEquals(NOW - 5, refused.lockSinceMs());
        assertTrue(store().load(sagas().ref("late")).isEmpty(), "nothing was started");
        sagas().started(sagas().head("other").lockKey(key + " "));
        sagas().started(sagas().head("Other").lockKey(key.replace("lock", "Lock")));
    }

    /** T2 before the lock: who is there already is answered, and its own lock is no reason. */
    @Test
    public void an_existing_saga_is_answered_before_a_held_lock() {
        String key = "lock of " + sagas().name;
        sagas().started(sagas().head("holder").lockKey(key));
        sagas().resting("free");
        for (String id : List.of("holder", "free")) {
            SagaStore.Started again = store().insert(start(sagas().head(id).lockKey(key).build()));
            assertFalse(again.created());
            assertEquals(sagas().ref(id), head(again).ref());
        }
    }

    /** S14: a parked saga keeps its lock, an ended one has none. */
    @Test
    public void a_lock_is_free_once_its_saga_has_ended() {
        String key = "lock of " + sagas().name;
        Checkpoint.Builder parking = sagas().on(sagas().started(sagas().head("holder").lockKey(key)));
        parking.head().status(SagaStatus.NEEDS_ATTENTION).heldFrom(SagaStatus.RUNNING);
        SagaInstance parked = sagas().written(parking);
        assertEquals(
                sagas().ref("holder"),
                store().insert(start(sagas().head("next").lockKey(key).build())).lockHolder());
        sagas().written(sagas().ending(parked, SagaStatus.ABANDONED, NOW));
        sagas().started(sagas().head("next").lockKey(key));
    }

    /** Ids are compared by their characters, not by what looks alike. */
    @Test
    public void ids_are_apart_unless_they_are_equal() {
        List<String> ids = List.of("a", "A", "a ", " a", "\u00e4", "a\u0308", "\u00df", "ss", "\ud83d\ude00", "a%", "a_", "a\\", "'");
        for (String id : ids) sagas().started(sagas().head(id).incarnation("i" + ids.indexOf(id)));
        for (String id : ids) assertEquals("i" + ids.indexOf(id), sagas().now(id).incarnation(), () -> "of '" + id + "'");
    }

    /** Starts at once are answered one by one, and see each other. */
    @Test
    public void many_starts_are_answered_one_by_one() {
        sagas().resting("there");
        String key = "lock of " + sagas().name;
        List<SagaStore.Start> starts = new ArrayList<>();
        for (int i = 0; i < 40; i++) starts.add(start(sagas().head("new" + i).build(), done("s").at(0, 0, FENCE, NOW)));
        starts.add(start(sagas().head("there").incarnation("other").build()));
        starts.add(start(sagas().head("one").lockKey(key).build()));
        starts.add(start(sagas().head("two").lockKey(key).build()));
        starts.add(start(sagas().head("new0").incarnation("other").build()));
        List<Outcome<SagaStore.Started>> answers = store().insertAll(starts);
        assertEquals(starts.size(), answers.size());
        for (int i = 0; i < 40; i++) {
            assertTrue(value(answers.get(i)).created(), "new" + i);
            assertEquals(sagas().ref("new" + i), head(value(answers.get(i))).ref());
            assertEquals(1, sagas().loaded("new" + i).entries().size());
        }
        assertFalse(value(answers.get(40)).created());
        assertEquals("i", head(value(answers.get(40))).incarnation());
        SagaStore.Started one = value(answers.get(41));
        SagaStore.Started two = value(answers.get(42));
        assertTrue(one.created() ^ two.created(), "one of two that want one lock");
        assertEquals(sagas().ref(one.created() ? "one" : "two"), (one.created() ? two : one).lockHolder());
        assertFalse(value(answers.get(43)).created(), "twice in one batch");
        assertEquals("i", sagas().now("new0").incarnation());
    }

    // ---- checkpoints

    /** Everything that a checkpoint says is there afterwards, and {@code seq} is one more. */
    @Test
    public void a_checkpoint_is_read_as_it_was_written() {
        Checkpoint.Builder b = Checkpoint.on(sagas().ownedBy(sagas().node("a"), "full"), NOW + 77);
        b.head()
                .version(3)
                .status(SagaStatus.PAUSED)
                .heldFrom(SagaStatus.COMPENSATING)
                .owner(sagas().node("b"))
                .fence(FENCE + 1)
                .claims(4)
                .wakeMs(NOW + 1)
                .deadlineMs(NOW + 2)
                .inPivot(true)
                .pivotPassed(true)
                .lockKey("lock of " + sagas().name)
                .reason("REJECTED")
                .reasonStep("pay")
                .reasonText("said no")
                .endedMs(NOW + 3);
        int index = 0;
        for (JournalEntry.Phase phase : JournalEntry.Phase.values())
            b.append(JournalEntry.of(phase, "step \u00fc").index(index++).kind(' ').note("note").text("cause").attempts(3).dueMs(NOW + 9));
        for (StepOutcome outcome : StepOutcome.values())
            b.append(JournalEntry.of(JournalEntry.Phase.UNDO, "").outcome(outcome).kind('R').payload(new byte[] {0, -1, 39, 92}));
        Checkpoint checkpoint = b.build();
        assertTrue(store().write(checkpoint));
        SagaStore.Loaded loaded = sagas().loaded("full");
        same(checkpoint.next(), loaded.head());
        assertEquals(1, loaded.head().seq());
        assertEquals(NOW + 77, loaded.head().updatedMs());
        assertEquals(lines(checkpoint.entries()), lines(loaded.entries()));
        assertArrayEquals(bytes("input"), loaded.input());
    }

    /** Guards: each condition alone refuses, and what is refused leaves no trace (G9, S3, S5, S6). */
    @Test
    public void each_condition_alone_refuses_a_checkpoint() {
        SagaInstance head = sagas().ownedBy(sagas().node("a"), "guarded");
        for (SagaInstance seen : List.of(
                head.but().owner(sagas().node("b")).build(),
                head.but().owner(null).build(),
                head.but().fence(FENCE - 1).build(),
                head.but().fence(FENCE + 1).build(),
                head.but().seq(1).build(),
                head.but().seq(-1).build(),
                head.but().status(SagaStatus.COMPENSATING).build(),
                head.but().status(SagaStatus.PAUSED).build(),
                head.but().incarnation("other").build())) {
            Checkpoint.Builder b = sagas().on(seen).append(done("s"));
            b.head().owner(null).wakeMs(NOW);
            assertFalse(store().write(b.build()), () -> "was seen as " + text(seen) + " but is " + text(head));
            SagaStore.Loaded loaded = sagas().loaded("guarded");
            same(head, loaded.head());
            assertEquals(List.of(), loaded.entries());
            }
        SagaInstance nobodys = sagas().resting("nobody's");
        assertFalse(store().write(sagas().on(nobodys.but().owner(sagas().node("a")).build()).build()), "of nobody");
        assertFalse(store().write(sagas().on(sagas().head("unknown").build()).append(done("s")).build()), "of no saga");
        assertTrue(store().load(sagas().ref("unknown")).isEmpty());
        assertTrue(store().write(sagas().on(head).build()), "as it is");
        assertTrue(store().write(sagas().on(nobodys).build()), "nobody's, as it is");
    }

    /** S3, S9: a cancellation and a signal refuse those that want it, and stay for those that do not care. */
    @Test
    public void what_came_meanwhile_refuses_who_asks_and_is_never_lost() {
        SagaInstance head = sagas().ownedBy(sagas().node("a"), "meanwhile");
        assertTrue(store().write(sagas().on(head).unlessCancelled().unlessSignalled().build()), "nothing came");
        SagaInstance seen = sagas().now("meanwhile");
        assertEquals(SagaReply.ACCEPTED, store().signal(head.ref(), signal("paid", "1")));
        assertFalse(store().write(sagas().on(seen).unlessSignalled().build()), "a signal came");
        assertTrue(store().write(sagas().on(seen).unlessCancelled().build()), "no cancellation came");
        SagaInstance signalled = sagas().now("meanwhile");
        assertEquals(1, signalled.sig(), "though its writer had seen none");
        assertTrue(store().write(sagas().on(signalled).unlessSignalled().build()), "it was seen");
        seen = sagas().now("meanwhile");
        assertEquals(SagaReply.ACCEPTED, store().cancel(head.ref(), NOW));
        assertFalse(store().write(sagas().on(seen).unlessCancelled().build()), "a cancellation came");
        assertFalse(store().write(sagas().on(seen).unlessSignalled().build()), "it counts as a signal");
        assertTrue(store().write(sagas().on(seen).append(done("pivot")).build()), "who does not care");
        SagaInstance cancelled = sagas().now("meanwhile");
        assertTrue(cancelled.cancelRequested(), "though its writer had seen none");
        assertEquals(2, cancelled.sig());
        assertFalse(store().write(sagas().on(cancelled).unlessCancelled().build()), "seen, and still in the way");
        assertTrue(store().write(sagas().on(cancelled).clearsCancel().raisesSig().build()));
        assertFalse(sagas().now("meanwhile").cancelRequested());
        assertEquals(3, sagas().now("meanwhile").sig());
    }

    /** S5, C5: a checkpoint that is sent again, since nobody knows whether it arrived, is written once. */
    @Test
    public void a_checkpoint_that_is_sent_again_is_written_once() {
        Checkpoint checkpoint = sagas().on(sagas().resting("again")).append(done("s")).build();
        assertTrue(store().write(checkpoint));
        assertFalse(store().write(checkpoint));
        assertFalse(value(store().writeAll(List.of(checkpoint)).get(0)));
        assertEquals(1, sagas().loaded("again").entries().size());
        assertEquals(1, sagas().now("again").seq());
    }

    /** S5: of checkpoints that are written at once, those whose guards fail harm no other. */
    @Test
    public void many_checkpoints_are_answered_one_by_one() {
        List<Checkpoint> all = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            SagaInstance seen = i % 7 == 6
                    ? sagas().head("no" + i).build()
                    : sagas().started(sagas().head("many" + (99 - i)).owner(i % 2 == 0 ? null : sagas().node("a")));
            Checkpoint.Builder b = sagas().on(i % 5 == 4 ? seen.but().fence(1).build() : seen).append(done("s")).append(done("t"));
            if (i % 3 == 0) b.unlessCancelled();
            if (i % 4 == 0) b.unlessSignalled();
            if (i % 11 == 10) b.raisesSig();
            all.add(b.build());
        }
        List<Outcome<Boolean>> answers = store().writeAll(all);
        assertEquals(all.size(), answers.size());
        for (int i = 0; i < 60; i++) {
            boolean good = i % 7 != 6 && i % 5 != 4;
            assertEquals(good, value(answers.get(i)), "the one at " + i);
            if (i % 7 == 6) continue;
            SagaStore.Loaded loaded = sagas().loaded("many" + (99 - i));
            assertEquals(good ? 2 : 0, loaded.entries().size());
            assertEquals(good && i % 11 == 10 ? 1 : 0, loaded.head().sig());
        }
    }

    /** Payloads have every byte and any size, none differs from nothing, and people's texts hold anything. */
    @Test
    public void payloads_and_texts_of_any_size_come_back() {
        byte[] large = new byte[1 << 20];
        for (int i = 0; i < large.length; i++) large[i] = (byte) (i * 31 + (i >> 8));
        String longText = "\u00fc\ud83d\ude00 'quoted' \\ ".repeat(20_000);
        Checkpoint checkpoint = sagas().on(sagas().resting("large"))
                .append(done("none").payload(null).text(""))
                .append(done("nothing").payload(new byte[0]).text(longText).note(""))
                .append(done("large").payload(large))
                .build();
        assertTrue(store().write(checkpoint));
        assertEquals(lines(checkpoint.entries()), lines(sagas().loaded("large").entries()));
        // half a character and a NUL: such a text may be mended, but the checkpoint counts
        Checkpoint.Builder odd = sagas().on(sagas().now("large")).append(done("odd").text("a\0b\ud83d").note("ok"));
        odd.head().reasonText("c\0\ude00d");
        sagas().written(odd);
        assertNotNull(sagas().loaded("large").entries().get(3).text());
        assertNotNull(sagas().now("large").reasonText());
    }

    /** Lines come in the order in which they were written. */
    @Test
    public void a_journal_is_read_oldest_first() {
        SagaInstance head = sagas().resting("long");
        for (int i = 0; i < 12; i++) head = sagas().written(sagas().on(head).append(done("a" + i)).append(done("b" + i)));
        Checkpoint.Builder wide = sagas().on(head);
        for (int i = 0; i < 12; i++) wide.append(done("w" + i));
        sagas().written(wide);
        List<String> steps = sagas().loaded("long").entries().stream().map(JournalEntry::step).toList();
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < 12; i++) expected.addAll(List.of("a" + i, "b" + i));
        for (int i = 0; i < 12; i++) expected.add("w" + i);
        assertEquals(expected, steps);
    }

    // ---- reading

    /** What is not there is not answered; what an engine owns is what lives. */
    @Test
    public void heads_are_those_that_are_there_and_owned_are_those_that_live() {
        assertTrue(store().load(sagas().ref("none")).isEmpty());
        assertTrue(store().loadSettled(sagas().ref("none")).isEmpty());
        String me = sagas().node("me");
        sagas().ownedBy(me, "mine");
        Checkpoint.Builder paused = sagas().on(sagas().ownedBy(me, "paused"));
        paused.head().status(SagaStatus.PAUSED).heldFrom(SagaStatus.RUNNING);
        sagas().written(paused);
        Checkpoint.Builder ended = sagas().on(sagas().ownedBy(me, "ended"));
        ended.head().status(SagaStatus.COMPLETED).endedMs(NOW);
        sagas().written(ended);
        sagas().ownedBy(sagas().node("you"), "yours");
        sagas().resting("nobody's");
        assertEquals(Set.of("mine", "paused"), Set.copyOf(ids(store().owned(me))));
        assertEquals(List.of(), store().owned(sagas().node("nobody")));
        List<SagaInstance> heads =
                store().heads(List.of(sagas().ref("ended"), sagas().ref("none"), sagas().ref("nobody's"), sagas().ref("mine")));
        assertEquals(Set.of("ended", "nobody's", "mine"), Set.copyOf(ids(heads)));
        assertEquals(List.of(), store().heads(List.of()));
        same(sagas().now("mine"), store().loadSettled(sagas().ref("mine")).orElseThrow().head());
    }

    /** A count is of one state and of nothing else. */
    @Test
    public void counts_are_of_one_state() {
        long attention = store().count(SagaStatus.NEEDS_ATTENTION);
        long completed = store().count(SagaStatus.COMPLETED);
        long running = store().count(SagaStatus.RUNNING);
        for (String id : List.of("a", "b", "c", "d")) sagas().started(sagas().head(id));
        for (String id : List.of("a", "b")) {
            Checkpoint.Builder parked = sagas().on(sagas().now(id));
            parked.head().status(SagaStatus.NEEDS_ATTENTION).heldFrom(SagaStatus.RUNNING);
            sagas().written(parked);
        }
        sagas().written(sagas().ending(sagas().now("c"), SagaStatus.COMPLETED, NOW));
        assertEquals(attention + 2, store().count(SagaStatus.NEEDS_ATTENTION));
        assertEquals(completed + 1, store().count(SagaStatus.COMPLETED));
        assertEquals(running + 1, store().count(SagaStatus.RUNNING));
    }

    /** Lists are in order, page by page, and hold what was asked for. */
    @Test
    public void lists_are_in_order_and_narrow() {
        for (String id : List.of("c", "a", "B", "d", "e")) sagas().started(sagas().head(id).startedMs(NOW + id.charAt(0)));
        Checkpoint.Builder parked = Checkpoint.on(sagas().now("d"), NOW + 9);
        parked.head().status(SagaStatus.NEEDS_ATTENTION).heldFrom(SagaStatus.RUNNING);
        sagas().written(parked);
        sagas().written(sagas().ending(sagas().now("e"), SagaStatus.COMPLETED, NOW));
        sagas().written(Checkpoint.on(sagas().now("a"), NOW + 50));
        assertEquals(List.of("B", "a", "c", "d", "e"), ids(store().list(sagas().all())));
        assertEquals(List.of("B", "a"), ids(store().list(sagas().all().limit(2))));
        assertEquals(List.of("c", "d"), ids(store().list(sagas().all().after(sagas().ref("a")).limit(2))));
        assertEquals(List.of(), ids(store().list(sagas().all().after(sagas().ref("e")))));
        assertEquals(List.of("d"), ids(store().list(sagas().all().status(SagaStatus.NEEDS_ATTENTION))));
        assertEquals(
                List.of("d", "e"),
                ids(store().list(sagas().all().status(SagaStatus.COMPLETED, SagaStatus.NEEDS_ATTENTION))));
        assertEquals(List.of("B", "c"), ids(store().list(sagas().all().updatedBefore(NOW + 1))));
        assertEquals(List.of("B", "c", "d", "e"), ids(store().list(sagas().all().updatedBefore(NOW + 50))));
        assertEquals(List.of(), ids(store().list(sagas().all().name(sagas().name.toUpperCase(java.util.Locale.ROOT)))));
        same(sagas().now("d"), store().list(sagas().all().status(SagaStatus.NEEDS_ATTENTION)).get(0));
    }
}
