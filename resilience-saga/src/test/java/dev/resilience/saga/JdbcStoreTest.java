// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static dev.resilience.saga.JdbcFixture.ME;
import static dev.resilience.saga.JdbcFixture.NOW;
import static dev.resilience.saga.JdbcFixture.all;
import static dev.resilience.saga.JdbcFixture.claim;
import static dev.resilience.saga.JdbcFixture.ended;
import static dev.resilience.saga.JdbcFixture.head;
import static dev.resilience.saga.JdbcFixture.ref;
import static dev.resilience.saga.JdbcFixture.start;
import static dev.resilience.saga.JdbcFixture.step;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Outcome;
import dev.resilience.saga.SagaStore.Loaded;
import dev.resilience.saga.SagaStore.Signal;
import dev.resilience.saga.SagaStore.Started;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What the journal does on a real PostgreSQL, one caller at a time. */
class JdbcStoreTest {
    private static JdbcFixture db;
    private static JdbcStore store;

    @BeforeAll
    static void open() {
        db = new JdbcFixture();
        store = db.store;
    }

    @AfterAll
    static void close() {
        db.close();
    }

    @Test
    void a_head_comes_back_as_it_was_stored() {
        SagaInstance full = head(ref())
                .version(4)
                .status(SagaStatus.PAUSED)
                .heldFrom(SagaStatus.COMPENSATING)
                .owner("a#1")
                .fence(Long.MAX_VALUE - 1)
                .seq(5)
                .sig(6)
                .claims(7)
                .wakeMs(8)
                .deadlineMs(9)
                .cancelRequested(true)
                .inPivot(true)
                .pivotPassed(true)
                .lockKey("lock \u00e4\ud83d\ude00")
                .reason("REJECTED")
                .reasonStep("a")
                .reasonText("why\nnot")
                .endedMs(12)
                .build();
        db.started(full.but());
        assertThat(all(db.now(full.ref()))).isEqualTo(all(full));
        SagaInstance least = db.started();
        assertThat(all(db.now(least.ref()))).isEqualTo(all(least));
    }

    @Test
    void a_journal_comes_back_as_it_was_written() {
        SagaInstance seen = db.started();
        Checkpoint write = Checkpoint.on(seen, NOW + 5)
                .append(JdbcFixture.done("a"))
                .append(JournalEntry.of(JournalEntry.Phase.DUE, "b")
                        .index(3)
                        .attempts(4)
                        .dueMs(77)
                        .note("n\u0000ote")
                        .text("half a \ud83d character"))
                .append(JournalEntry.of(JournalEntry.Phase.TURN, "").note("REJECTED"))
                .build();
        assertThat(store.write(write)).isTrue();
        Loaded loaded = store.load(seen.ref()).orElseThrow();
        assertThat(all(loaded.head())).isEqualTo(all(write.after(seen)));
        assertThat(loaded.input()).containsExactly(1, 2, 3);
        assertThat(loaded.entries()).hasSize(3);
        assertThat(all(loaded.entries().get(0))).isEqualTo(all(write.entries().get(0)));
        assertThat(loaded.entries().get(1).dueMs()).isEqualTo(77);
        assertThat(loaded.entries().get(1).attempts()).isEqualTo(4);
        assertThat(loaded.entries().get(1).index()).isEqualTo(3);
        assertThat(loaded.entries().get(1).note()).isEqualTo("n\ufffdote");
        assertThat(loaded.entries().get(1).text()).isEqualTo("half a \ufffd character");
        assertThat(all(loaded.entries().get(2))).isEqualTo(all(write.entries().get(2)));
    }

    @Test
    void a_batch_of_all_sorts_is_answered_one_by_one() { // S5
        List<Checkpoint> batch = new ArrayList<>();
        List<Boolean> expected = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            SagaInstance seen = db.started();
            if (i % 5 == 1) store.write(step(seen, "before").build()); // its acknowledgement was lost, say
            if (i % 5 == 2)
                store.claim(new SagaStore.Claim(
                        "other#1", Set.of(ME), List.of(new SagaStore.Supported("none", 1, 1)), NOW, 1, 3, 0));
            if (i % 5 == 3) store.cancel(seen.ref(), NOW);
            Checkpoint.Builder write = step(i % 5 == 2 ? seen.but().fence(99).build() : seen, "a");
            if (i % 5 >= 3) write.unlessCancelled();
            batch.add(write.build());
            expected.add(i % 5 == 0 || i % 5 == 4);
        }
        java.util.Collections.shuffle(batch, new java.util.Random(1));
        List<Outcome<Boolean>> answers = store.writeAll(batch);
        for (int i = 0; i < batch.size(); i++) {
            Checkpoint write = batch.get(i);
            boolean written = db.steps(write.ref()).contains("a");
            assertThat(answers.get(i).orElseThrow()).as(write.toString()).isEqualTo(written);
        }
        assertThat(answers.stream().filter(a -> a.orElseThrow()).count())
                .isEqualTo(expected.stream().filter(e -> e).count());
    }

    @Test
    void the_ones_to_claim_are_the_dead_owners_and_the_due() {
        String dead = "dead#" + ref().id();
        SagaInstance orphan = db.started(head(ref()).owner(dead).claims(2).seq(3));
        SagaInstance suspect = db.started(head(ref()).owner(dead).claims(5));
        SagaInstance worse = db.started(head(ref()).owner(dead).claims(6));
        SagaInstance due = db.started(head(ref()).owner(null).wakeMs(NOW - 500).claims(1));
        SagaInstance later = db.started(head(ref()).owner(null).wakeMs(NOW + 1));
        SagaInstance parked = db.started(head(ref()).owner(dead).status(SagaStatus.NEEDS_ATTENTION));
        SagaInstance foreign = db.started(head(ref()).owner(dead).version(10));
        List<Loaded> claimed = store.claim(claim("next#1", Set.of(dead), NOW - 500));
        assertThat(claimed.stream().map(l -> l.head().ref()))
                .containsExactlyInAnyOrder(orphan.ref(), suspect.ref(), due.ref());
        for (Loaded loaded : claimed) {
            assertThat(loaded.head().owner()).isEqualTo("next#1");
            assertThat(loaded.head().fence()).isEqualTo(101);
            assertThat(loaded.head().wakeMs()).isEqualTo(SagaInstance.NEVER);
            assertThat(all(loaded.head())).isEqualTo(all(db.now(loaded.head().ref())));
        }
        assertThat(db.now(orphan.ref()).claims()).isEqualTo(3);
        assertThat(db.now(suspect.ref()).claims()).isEqualTo(6);
        assertThat(db.now(due.ref()).claims()).isEqualTo(1);
        for (SagaInstance untouched : List.of(worse, later, parked, foreign))
            assertThat(all(db.now(untouched.ref()))).isEqualTo(all(untouched));
        assertThat(store.owned("next#1")).hasSize(3);
        assertThat(store.unclaimable(List.of(new SagaStore.Supported("order", 1, 9)), NOW + 1))
                .isZero();
        assertThat(store.unclaimable(List.of(), NOW + 1)).isPositive();
    }

    @Test
    void a_lock_key_is_held_until_its_saga_ends() { // S14
        String lock = "lock-" + ref().id();
        SagaInstance holder = db.started(head(ref()).lockKey(lock));
        SagaInstance second = head(ref()).lockKey(lock).build();
        Started refused = store.insert(start(second));
        assertThat(refused.head()).isNull();
        assertThat(refused.lockHolder()).isEqualTo(holder.ref());
        assertThat(refused.lockSinceMs()).isEqualTo(NOW);
        Started same = store.insert(start(holder.but().incarnation("other").build()));
        assertThat(same.created()).isFalse();
        assertThat(requireNonNull(same.head()).incarnation()).isEqualTo("inc");
        assertThat(same.inputHash()).isEqualTo("hash");
        store.write(ended(holder, SagaStatus.ABANDONED, NOW + 1));
        assertThat(store.insert(start(second)).created()).isTrue();
    }

    @Test
    void starts_of_one_id_in_one_batch_make_one_saga() {
        SagaRef ref = ref();
        List<Outcome<Started>> answers = store.insertAll(List.of(
                start(head(ref).incarnation("a").build()),
                start(head(ref).incarnation("b").build())));
        assertThat(answers.get(0).orElseThrow().created()).isTrue();
        assertThat(answers.get(1).orElseThrow().created()).isFalse();
        assertThat(requireNonNull(answers.get(1).orElseThrow().head()).incarnation())
                .isEqualTo("a");
    }

    @Test
    void a_signal_is_kept_once_and_wakes() { // S9
        SagaInstance seen = db.started(head(ref()).owner(null));
        Signal paid = new Signal("paid", "k1", new byte[] {9}, NOW + 7);
        assertThat(store.signal(seen.ref(), paid)).isEqualTo(SagaReply.ACCEPTED);
        assertThat(store.signal(seen.ref(), paid)).isEqualTo(SagaReply.DUPLICATE);
        assertThat(store.signal(seen.ref(), new Signal("paid", "k2", null, NOW + 9)))
                .isEqualTo(SagaReply.ACCEPTED);
        Loaded loaded = store.load(seen.ref()).orElseThrow();
        assertThat(loaded.head().sig()).isEqualTo(2);
        assertThat(loaded.head().wakeMs()).isEqualTo(NOW + 7);
        assertThat(loaded.signals()).extracting(Signal::key).containsExactly("k1", "k2");
        assertThat(loaded.signals().get(0).payload()).containsExactly(9);
        assertThat(store.write(Checkpoint.on(seen, NOW).unlessSignalled().build()))
                .isFalse();
        assertThat(store.signal(ref(), paid)).isEqualTo(SagaReply.UNKNOWN);
        SagaInstance ended = db.started();
        store.write(ended(ended, SagaStatus.COMPLETED, NOW));
        assertThat(store.signal(ended.ref(), paid)).isEqualTo(SagaReply.ENDED);
    }

    @Test
    void a_cancellation_is_answered_by_where_the_saga_is() { // S3
        SagaInstance seen = db.started();
        assertThat(store.cancel(seen.ref(), NOW)).isEqualTo(SagaReply.ACCEPTED);
        assertThat(store.cancel(seen.ref(), NOW)).isEqualTo(SagaReply.DUPLICATE);
        assertThat(db.now(seen.ref()).sig()).isEqualTo(1);
        assertThat(store.write(step(seen, "a").unlessCancelled().build())).isFalse();
        assertThat(store.cancel(db.started(head(ref()).pivotPassed(true)).ref(), NOW))
                .isEqualTo(SagaReply.TOO_LATE);
        assertThat(store.cancel(
                        db.started(head(ref()).status(SagaStatus.COMPENSATING)).ref(), NOW))
                .isEqualTo(SagaReply.TOO_LATE);
        assertThat(store.cancel(ref(), NOW)).isEqualTo(SagaReply.UNKNOWN);
        SagaInstance waiting = db.started(head(ref()).owner(null).wakeMs(NOW + 50));
        store.cancel(waiting.ref(), NOW + 20);
        assertThat(db.now(waiting.ref()).wakeMs()).isEqualTo(NOW + 20);
    }

    @Test
    void heartbeats_are_told_and_owners_without_one_are_orphans() {
        String owner = "beats#" + ref().id();
        db.started(head(ref()).owner(owner));
        assertThat(store.beat("looks#1", 1, true).orphans()).contains(owner);
        SagaStore.Beat beat = store.beat(owner, 5, true);
        assertThat(beat.beats()).containsEntry(owner, 5L).containsKey("looks#1");
        assertThat(beat.orphans()).doesNotContain(owner);
        assertThat(beat.clockMs()).isGreaterThan(1_700_000_000_000L);
        store.forget(List.of(owner, "looks#1"));
        assertThat(store.beat("looks#2", 1, false).beats()).containsKey(owner).doesNotContainKey("looks#1");
    }

    @Test
    void listing_pages_by_key_and_purging_takes_all_of_a_saga() {
        List<SagaRef> refs = new ArrayList<>();
        for (int i = 0; i < 25; i++) {
            SagaInstance h = db.started(head(new SagaRef("paged", "p" + (100 + i))));
            store.write(ended(h, i % 2 == 0 ? SagaStatus.COMPLETED : SagaStatus.COMPENSATED, 10 + i));
            refs.add(h.ref());
        }
        List<SagaRef> paged = new ArrayList<>();
        SagaQuery query = SagaQuery.all().name("paged").limit(7);
        for (List<SagaInstance> page = store.list(query); !page.isEmpty(); ) {
            page.forEach(h -> paged.add(h.ref()));
            page = store.list(query.after(paged.get(paged.size() - 1)));
        }
        assertThat(paged).isEqualTo(refs);
        assertThat(store.list(
                        query.status(SagaStatus.COMPENSATED, SagaStatus.RUNNING).limit(100)))
                .hasSize(12)
                .allMatch(h -> h.status() == SagaStatus.COMPENSATED);
        assertThat(store.list(query.updatedBefore(15).limit(100))).hasSize(5);
        assertThat(store.heads(List.of(refs.get(3), new SagaRef("paged", "none"))))
                .hasSize(1);
        SagaInstance live = db.started(head(new SagaRef("paged", "live")));
        assertThat(store.purge(30, 8)).isEqualTo(8);
        assertThat(store.purge(30, 100)).isEqualTo(12);
        assertThat(store.list(query.limit(100)))
                .hasSize(6)
                .anyMatch(h -> h.ref().equals(live.ref()));
        assertThat(db.number("SELECT count(*) FROM saga_step WHERE saga_name = 'paged'"))
                .isEqualTo(5);
    }
}
