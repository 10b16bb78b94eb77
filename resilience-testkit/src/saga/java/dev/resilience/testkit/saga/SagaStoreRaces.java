// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import static dev.resilience.testkit.saga.StoreSagas.FENCE;
import static dev.resilience.testkit.saga.StoreSagas.NOW;
import static dev.resilience.testkit.saga.StoreSagas.claimed;
import static dev.resilience.testkit.saga.StoreSagas.done;
import static dev.resilience.testkit.saga.StoreSagas.head;
import static dev.resilience.testkit.saga.StoreSagas.signal;
import static dev.resilience.testkit.saga.StoreSagas.start;
import static dev.resilience.testkit.saga.StoreSagas.value;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.resilience.saga.Checkpoint;
import dev.resilience.saga.SagaInstance;
import dev.resilience.saga.SagaReply;
import dev.resilience.saga.SagaStatus;
import dev.resilience.saga.SagaStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Of {@link SagaStoreContract}: two at the same time. Right under every schedule; the more rounds, the more are seen. */
public abstract class SagaStoreRaces {
    private @Nullable StoreSagas sagas;


    /** For subclasses. */
    protected SagaStoreRaces() {}

    /**
     * The store under test.
     *
     * @return always the same within one test
     */
    protected abstract SagaStore store();

    /**
     * Another way to the same sagas, as a second process has it.
     *
     * @return the same store, unless overridden
     */
    protected SagaStore another() {
        return store();
    }

    /**
     * How long a test waits for its threads before it gives up.
     *
     * @return a minute, unless overridden
     */
    protected Duration patience() {
        return Duration.ofMinutes(1);
    }

    /**
     * How often each race is run.
     *
     * @return 30, unless overridden
     */
    protected int rounds() {
        return 30;
    }

    /** The sagas of this test. */
    final StoreSagas sagas() {
        StoreSagas mine = sagas;
        if (mine == null) sagas = mine = new StoreSagas(store(), patience());
        return mine;
    }

    /**
     * G2: of two starts of one saga one makes it, and both are told of the same.
     *
     * @throws Exception when a thread of the test does not end
     */
    @Test
    public void of_two_starts_one_makes_the_saga() throws Exception {
        for (int round = 0; round < rounds(); round++) {
            String id = "start" + round;
            List<SagaStore.Started> answers = sagas().together(
                    () -> store().insert(start(sagas().head(id).incarnation("1").build(), done("s").at(0, 0, FENCE, NOW))),
                    () -> another().insert(start(sagas().head(id).incarnation("2").build(), done("s").at(0, 0, FENCE, NOW))),
                    () -> value(another().insertAll(List.of(start(sagas().head(id).incarnation("3").build(), done("s").at(0, 0, FENCE, NOW)))).get(0)));
            assertEquals(1, answers.stream().filter(SagaStore.Started::created).count());
            Set<String> told = new HashSet<>();
            for (SagaStore.Started answer : answers) told.add(head(answer).incarnation());
            assertEquals(Set.of(sagas().now(id).incarnation()), told);
            assertEquals(1, sagas().loaded(id).entries().size());
        }
    }

    /**
     * S14: of two sagas that want one lock one gets it.
     *
     * @throws Exception when a thread of the test does not end
     */
    @Test
    public void of_two_that_want_a_lock_one_gets_it() throws Exception {
        for (int round = 0; round < rounds(); round++) {
            String key = "lock" + round + " of " + sagas().name;
            int n = round;
            List<SagaStore.Started> answers = sagas().together(
                    () -> store().insert(start(sagas().head("a" + n).lockKey(key).build())),
                    () -> another().insert(start(sagas().head("b" + n).lockKey(key).build())));
            boolean first = answers.get(0).created();
            assertTrue(first ^ answers.get(1).created(), () -> "one of two: " + answers);
            assertEquals(sagas().ref((first ? "a" : "b") + n), answers.get(first ? 1 : 0).lockHolder());
        }
    }

    /**
     * G4: of two checkpoints on one head one is written, with its lines.
     *
     * @throws Exception when a thread of the test does not end
     */
    @Test
    public void of_two_checkpoints_one_is_written() throws Exception {
        for (int round = 0; round < rounds(); round++) {
            SagaInstance seen = sagas().ownedBy(sagas().node("a"), "write" + round);
            List<Boolean> answers = sagas().together(
                    () -> store().write(sagas().on(seen).append(done("first")).build()),
                    () -> another().write(sagas().on(seen).append(done("second")).build()),
                    () -> value(another().writeAll(List.of(sagas().on(seen).append(done("third")).build())).get(0)));
            assertEquals(1, Collections.frequency(answers, true), () -> "written: " + answers);
            SagaStore.Loaded loaded = sagas().loaded("write" + round);
            assertEquals(1, loaded.entries().size());
            assertEquals(List.of("first", "second", "third").get(answers.indexOf(true)), loaded.entries().get(0).step());
            assertEquals(1, loaded.head().seq());
        }
    }

    /**
     * S5: batches that overlap, in orders that cross, end, and each saga has one winner.
     *
     * @throws Exception when a thread of the test does not end
     */
    @Test
    public void batches_that_cross_end_with_one_winner_each() throws Exception {
        for (int round = 0; round < rounds() / 3 + 1; round++) {
            List<SagaInstance> seen = new ArrayList<>();
            for (int i = 0; i < 12; i++) seen.add(sagas().ownedBy(sagas().node("a"), "batch" + round + "." + i));
            List<SagaInstance> reversed = new ArrayList<>(seen);
            Collections.reverse(reversed);
            List<List<Boolean>> answers = sagas().together(
                    () -> writeAll(store(), seen), () -> writeAll(another(), reversed), () -> {
                        for (SagaInstance head : reversed) another().signal(head.ref(), signal("n", "k"));
                        return List.of();
                    });
            for (int i = 0; i < 12; i++) {
                assertTrue(answers.get(0).get(i) ^ answers.get(1).get(11 - i), "one of two");
                SagaStore.Loaded loaded = sagas().loaded(seen.get(i).ref().id());
                assertEquals(1, loaded.entries().size());
                assertEquals(1, loaded.head().sig());
            }
        }
    }

    private List<Boolean> writeAll(SagaStore store, List<SagaInstance> seen) {
        List<Checkpoint> all = new ArrayList<>();
        for (SagaInstance head : seen) all.add(sagas().on(head).append(done("s")).build());
        return store.writeAll(all).stream().map(StoreSagas::value).toList();
    }

    /**
     * S4: what several engines claim at once goes to one of them each, and its fence rises once.
     *
     * @throws Exception when a thread of the test does not end
     */
    @Test
    public void of_two_claimers_one_gets_it() throws Exception {
        Set<String> dead = Set.of(sagas().node("dead"));
        for (int round = 0; round < rounds() / 3 + 1; round++) {
            for (int i = 0; i < 10; i++) {
                sagas().due("due" + round + "." + i, NOW - i);
                sagas().ownedBy(sagas().node("dead"), "orphan" + round + "." + i);
            }
            List<List<String>> answers = sagas().together(
                    () -> drain(store(), sagas().claim(sagas().node("b"), dead, 3)),
                    () -> drain(another(), sagas().claim(sagas().node("c"), dead, 4)),
                    () -> drain(another(), sagas().claim(sagas().node("d"), dead, 100)));
            List<String> all = new ArrayList<>();
            answers.forEach(all::addAll);
            // who finds everything locked by another may stop early; what is left is claimed now
            all.addAll(drain(store(), sagas().claim(sagas().node("e"), dead, 100)));
            assertEquals(20, all.size(), "claimed in all");
            assertEquals(20, new HashSet<>(all).size(), "each once");
            for (String id : all) assertEquals(FENCE + 1, sagas().now(id).fence(), () -> id + " changed hands once");
        }
    }

    private static List<String> drain(SagaStore store, SagaStore.Claim claim) {
        List<String> all = new ArrayList<>();
        for (List<String> some = claimed(store.claim(claim)); !some.isEmpty(); some = claimed(store.claim(claim)))
            all.addAll(some);
        return all;
    }

    /**
     * C14, C15: a checkpoint of the old owner and a claim: either it is written before, and the new owner reads it, or it is
     * refused.
     *
     * @throws Exception when a thread of the test does not end
     */
    @Test
    public void a_new_owner_has_read_all_that_the_old_one_wrote() throws Exception {
        for (int round = 0; round < rounds(); round++) {
            String old = sagas().node("old" + round);
            SagaInstance seen = sagas().ownedBy(old, "taken" + round);
            List<List<SagaStore.Loaded>> claims = new ArrayList<>();
            List<Boolean> answers = sagas().together(
                    () -> store().write(sagas().on(seen).append(done("s")).build()), () -> {
                        claims.add(another().claim(sagas().claim(sagas().node("new"), Set.of(old), 1)));
                        return true;
                    });
            if (claims.get(0).isEmpty()) claims.set(0, store().claim(sagas().claim(sagas().node("new"), Set.of(old), 1)));
            SagaStore.Loaded taken = claims.get(0).get(0);
            boolean written = answers.get(0);
            assertEquals(written ? 1 : 0, taken.head().seq());
            assertEquals(written ? 1 : 0, taken.entries().size(), "what was written is read by who takes over");
            assertEquals(taken.entries().size(), sagas().loaded("taken" + round).entries().size());
        }
    }

    /**
     * S9: who lies down has seen every signal: either it does not lie down, or the signal wakes it.
     *
     * @throws Exception when a thread of the test does not end
     */
    @Test
    public void a_signal_is_seen_or_wakes() throws Exception {
        for (int round = 0; round < rounds(); round++) {
            String id = "park" + round;
            SagaInstance seen = sagas().ownedBy(sagas().node("a"), id);
            Checkpoint.Builder parking = sagas().on(seen).unlessSignalled();
            parking.head().owner(null);
            List<Object> answers = sagas().together(
                    () -> store().write(parking.build()), () -> another().signal(seen.ref(), signal("n", "k")));
            assertEquals(SagaReply.ACCEPTED, answers.get(1));
            SagaInstance now = sagas().now(id);
            assertEquals(1, now.sig());
            if (answers.get(0).equals(true)) assertEquals(NOW, now.wakeMs(), "it lies, and the signal came after that");
            else assertEquals(sagas().node("a"), now.owner());
        }
    }

    /**
     * S9: of two signals with one key one is kept, of two with two keys both, and each raises {@code sig} by one.
     *
     * @throws Exception when a thread of the test does not end
     */
    @Test
    public void signals_at_once_are_all_counted() throws Exception {
        for (int round = 0; round < rounds(); round++) {
            SagaInstance head = sagas().resting("signals" + round);
            List<Callable<SagaReply>> bodies = List.of(
                    () -> store().signal(head.ref(), signal("n", "same")),
                    () -> another().signal(head.ref(), signal("n", "same")),
                    () -> store().signal(head.ref(), signal("n", "other")),
                    () -> another().cancel(head.ref(), NOW),
                    () -> store().cancel(head.ref(), NOW));
            @SuppressWarnings("unchecked")
            List<SagaReply> answers = sagas().together(bodies.toArray(Callable[]::new));
            assertEquals(1, Collections.frequency(answers.subList(0, 2), SagaReply.ACCEPTED), answers::toString);
            assertEquals(1, Collections.frequency(answers.subList(0, 2), SagaReply.DUPLICATE), answers::toString);
            assertEquals(SagaReply.ACCEPTED, answers.get(2));
            assertEquals(1, Collections.frequency(answers.subList(3, 5), SagaReply.ACCEPTED), answers::toString);
            assertEquals(1, Collections.frequency(answers.subList(3, 5), SagaReply.DUPLICATE), answers::toString);
            SagaStore.Loaded loaded = sagas().loaded("signals" + round);
            assertEquals(2, loaded.signals().size());
            assertEquals(3, loaded.head().sig());
        }
    }

    /**
     * S3: a cancellation and a checkpoint that minds it: whichever is first, both do not happen unseen.
     *
     * @throws Exception when a thread of the test does not end
     */
    @Test
    public void a_cancellation_is_seen_by_who_minds_it() throws Exception {
        for (int round = 0; round < rounds(); round++) {
            String id = "cancel" + round;
            SagaInstance seen = sagas().ownedBy(sagas().node("a"), id);
            Checkpoint.Builder turning = sagas().on(seen).unlessCancelled();
            turning.head().status(SagaStatus.COMPENSATING);
            List<Object> answers = sagas().together(
                    () -> store().write(turning.build()), () -> another().cancel(seen.ref(), NOW));
            SagaInstance now = sagas().now(id);
            boolean turned = answers.get(0).equals(true);
            assertEquals(turned ? SagaReply.TOO_LATE : SagaReply.ACCEPTED, answers.get(1));
            assertEquals(!turned, now.cancelRequested());
            assertEquals(turned ? 1 : 0, now.seq());
        }
    }

    /**
     * S3: a cancellation and the pivot: the pivot wins, and no request is left behind it.
     *
     * @throws Exception when a thread of the test does not end
     */
    @Test
    public void the_pivot_wins_over_a_cancellation() throws Exception {
        for (int round = 0; round < rounds(); round++) {
            String id = "pivot" + round;
            SagaInstance seen = sagas().ownedBy(sagas().node("a"), id);
            Checkpoint.Builder pivot = sagas().on(seen).clearsCancel().append(done("pivot"));
            pivot.head().pivotPassed(true);
            List<Object> answers = sagas().together(
                    () -> store().write(pivot.build()), () -> another().cancel(seen.ref(), NOW));
            assertEquals(true, answers.get(0), "nothing is in the pivot's way");
            SagaInstance now = sagas().now(id);
            assertTrue(now.pivotPassed());
            assertFalse(now.cancelRequested(), "nobody would ever look at it");
            assertEquals(answers.get(1) == SagaReply.ACCEPTED ? 1 : 0, now.sig());
        }
    }

    /**
     * S8: several that purge, somebody who starts a purged id anew, and a writer that comes late: each ended saga goes once,
     * the new one lives with a journal of its own.
     *
     * @throws Exception when a thread of the test does not end
     */
    @Test
    public void purge_takes_what_ended_and_nothing_of_what_comes_after() throws Exception {
        while (store().purge(NOW, 1000) > 0) {}
        for (int round = 0; round < rounds(); round++) {
            String id = "purge" + round;
            SagaInstance seen = sagas().ended(id, NOW - 1);
            SagaInstance late = seen.but().status(SagaStatus.RUNNING).build();
            List<Object> answers = sagas().together(
                    () -> store().purge(NOW, 10),
                    () -> {
                        int gone = another().purge(NOW, 10);
                        return List.of(gone, another().insert(start(sagas().head(id).incarnation("anew").build())));
                    },
                    () -> another().write(sagas().on(late).append(done("late")).build()));
            List<?> second = (List<?>) answers.get(1);
            SagaStore.Started anew = (SagaStore.Started) second.get(1);
            assertEquals(false, answers.get(2), "it had ended");
            int gone = (Integer) answers.get(0) + (Integer) second.get(0);
            if (anew.created()) {
                assertEquals(1, gone, "it went once");
                assertEquals("anew", sagas().now(id).incarnation(), "the new one was not what ended");
                assertEquals(List.of(), sagas().loaded(id).entries());
            } else {
                assertEquals("i", head(anew).incarnation());
                gone += store().purge(NOW, 10);
                assertEquals(1, gone, "it went once");
            }
        }
    }
}
