// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static dev.resilience.saga.JdbcFixture.ME;
import static dev.resilience.saga.JdbcFixture.NOW;
import static dev.resilience.saga.JdbcFixture.claim;
import static dev.resilience.saga.JdbcFixture.ended;
import static dev.resilience.saga.JdbcFixture.head;
import static dev.resilience.saga.JdbcFixture.ref;
import static dev.resilience.saga.JdbcFixture.start;
import static dev.resilience.saga.JdbcFixture.step;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Outcome;
import dev.resilience.TimeSource;
import dev.resilience.saga.SagaStore.Signal;
import dev.resilience.saga.SagaStore.Started;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The interleavings that broke the naive statements (S3 to S15), on a real PostgreSQL: held in the middle by a lock, and
 * known to be there from {@code pg_stat_activity}; where the naive form is short it is shown to break.
 */
class SqlRacesTest {
    private static JdbcFixture db;
    private static JdbcStore store;
    private static ExecutorService others;

    @BeforeAll
    static void open() {
        db = new JdbcFixture();
        store = JdbcStore.of(db.database.pool(8, JdbcFixture.PATIENTLY));
        others = Executors.newCachedThreadPool();
    }

    @AfterAll
    static void close() {
        others.shutdownNow();
        db.close();
    }

    /** A session of its own that holds what it takes until it is told to commit. */
    private static final class Session implements AutoCloseable {
        final Connection connection = db.database.connect();

        Session() throws SQLException {
            connection.setAutoCommit(false);
        }

        void lock(SagaRef ref) throws SQLException {
            sql("SELECT 1 FROM saga_instance WHERE saga_id = '" + ref.id() + "' FOR UPDATE");
        }

        void sql(String sql) throws SQLException {
            try (Statement s = connection.createStatement()) {
                s.execute(sql);
            }
        }

        void commit() throws SQLException {
            connection.commit();
        }

        @Override
        public void close() throws SQLException {
            connection.rollback();
            connection.close();
        }
    }

    private static long waiting() {
        return db.number("SELECT count(*) FROM pg_stat_activity a WHERE wait_event_type = 'Lock' AND EXISTS"
                + " (SELECT 1 FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n"
                + " ON n.oid = c.relnamespace WHERE l.pid = a.pid AND n.nspname = '" + db.database.name() + "')");
    }

    /** Begins something and returns when it waits for a lock, as number {@code th} of all that wait. */
    private static <T> Future<T> waits(int th, Callable<T> what) throws Exception {
        Future<T> future = others.submit(what);
        long patience = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (waiting() < th) {
            if (future.isDone()) throw new AssertionError("did not wait: " + future.get());
            if (System.nanoTime() - patience > 0) throw new AssertionError("never waited");
        }
        return future;
    }

    private static <T> T of(Future<T> future) throws Exception {
        return future.get(60, TimeUnit.SECONDS);
    }

    private static Checkpoint pivot(SagaInstance seen) {
        Checkpoint.Builder pivot = step(seen, "pivot").clearsCancel();
        pivot.head().pivotPassed(true).inPivot(false);
        return pivot.build();
    }

    @Test
    void a_cancellation_that_comes_before_the_pivots_checkpoint_is_accepted_and_the_pivot_wins()
            throws Exception { // S3
        SagaInstance seen = db.started(head(ref()).inPivot(true));
        try (Session middle = new Session()) {
            middle.lock(seen.ref());
            Future<SagaReply> cancel = waits(1, () -> store.cancel(seen.ref(), NOW));
            Future<Boolean> pivot = waits(2, () -> store.write(pivot(seen)));
            middle.commit();
            assertThat(of(cancel)).isEqualTo(SagaReply.ACCEPTED);
            assertThat(of(pivot)).isTrue();
        }
        SagaInstance now = db.now(seen.ref());
        assertThat(now.pivotPassed()).isTrue();
        assertThat(now.cancelRequested()).isFalse();
        assertThat(now.sig()).isEqualTo(1);
        assertThat(store.write(step(now, "ship").build())).isTrue(); // S3c: nothing refuses later steps
    }

    @Test
    void a_cancellation_that_waits_behind_the_pivots_checkpoint_is_too_late() throws Exception { // S3b, G7
        SagaInstance seen = db.started(head(ref()).inPivot(true));
        try (Session middle = new Session()) {
            middle.lock(seen.ref());
            Future<Boolean> pivot = waits(1, () -> store.write(pivot(seen)));
            Future<SagaReply> cancel = waits(2, () -> store.cancel(seen.ref(), NOW));
            middle.commit();
            assertThat(of(pivot)).isTrue();
            assertThat(of(cancel)).isEqualTo(SagaReply.TOO_LATE);
        }
        assertThat(db.now(seen.ref()).cancelRequested()).isFalse();
    }

    @Test
    void a_guard_on_the_journal_instead_would_accept_it_after_the_pivot() throws Exception { // S3b, the naive form
        SagaInstance seen = db.started(head(ref()).inPivot(true));
        String naive = "UPDATE saga_instance i SET cancel_requested = TRUE WHERE saga_id = '"
                + seen.ref().id()
                + "' AND NOT EXISTS (SELECT 1 FROM saga_step s WHERE s.saga_id = i.saga_id AND s.step = 'pivot')";
        try (Session writer = new Session();
                Session canceller = new Session()) {
            assertThat(store.write(writer.connection, pivot(seen))).isTrue();
            Future<Integer> cancel = waits(1, () -> {
                try (Statement s = canceller.connection.createStatement()) {
                    return s.executeUpdate(naive);
                }
            });
            writer.commit();
            assertThat(of(cancel)).isEqualTo(1); // accepted after the pivot: what the column pivot_passed prevents
        }
    }

    /** A claim that has its snapshot and waits for the advisory lock 4711 before it looks at a row. */
    private static String held(String claim) {
        String held = claim.replaceFirst(
                "WHERE i.status", "WHERE (SELECT pg_advisory_xact_lock_shared(4711)::text) IS NOT NULL AND i.status");
        assertThat(held).isNotEqualTo(claim);
        return held;
    }

    private static List<SagaRef> claimed(Connection c, String sql, String owner, String dead) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(sql)) {
            s.setArray(1, c.createArrayOf("text", new String[] {dead}));
            s.setInt(2, 3);
            s.setArray(3, c.createArrayOf("text", new String[] {"order"}));
            s.setArray(4, c.createArrayOf("int4", new Integer[] {1}));
            s.setArray(5, c.createArrayOf("int4", new Integer[] {9}));
            s.setInt(6, 100);
            s.setString(7, owner);
            List<SagaRef> claimed = new ArrayList<>();
            try (ResultSet r = s.executeQuery()) {
                while (r.next()) claimed.add(new SagaRef(r.getString(1), r.getString(2)));
            }
            return claimed;
        }
    }

    @Test
    void of_two_claimers_one_with_an_older_snapshot_exactly_one_wins() throws Exception { // S4, G9
        String dead = "dead#" + ref().id();
        SagaInstance orphan = db.started(head(ref()).owner(dead));
        try (Session gate = new Session();
                Session slow = new Session()) {
            gate.sql("SELECT pg_advisory_xact_lock(4711)");
            Future<List<SagaRef>> late = waits(
                    1, () -> claimed(slow.connection, held(PostgresSql.claim(Dialect.Kind.ORPHANED)), "late#1", dead));
            assertThat(store.claim(claim("first#1", Set.of(dead), NOW))).hasSize(1);
            gate.commit();
            assertThat(of(late)).isEmpty();
            slow.commit();
        }
        assertThat(db.now(orphan.ref()).owner()).isEqualTo("first#1");
        assertThat(db.now(orphan.ref()).fence()).isEqualTo(101);
    }

    @Test
    void of_two_claimers_of_what_is_due_exactly_one_wins_too() throws Exception { // S4
        SagaInstance due = db.started(head(ref()).owner(null).wakeMs(5));
        String sql = held(PostgresSql.claim(Dialect.Kind.DUE));
        try (Session gate = new Session();
                Session slow = new Session()) {
            gate.sql("SELECT pg_advisory_xact_lock(4711)");
            Future<Boolean> late = waits(1, () -> {
                try (PreparedStatement s = slow.connection.prepareStatement(sql)) {
                    s.setLong(1, 5);
                    s.setArray(2, slow.connection.createArrayOf("text", new String[] {"order"}));
                    s.setArray(3, slow.connection.createArrayOf("int4", new Integer[] {1}));
                    s.setArray(4, slow.connection.createArrayOf("int4", new Integer[] {9}));
                    s.setInt(5, 100);
                    s.setString(6, "late#1");
                    try (ResultSet r = s.executeQuery()) {
                        return r.next();
                    }
                }
            });
            assertThat(store.claim(claim("first#1", Set.of(), 5))).hasSize(1);
            gate.commit();
            assertThat(of(late)).isFalse();
            slow.commit();
        }
        assertThat(db.now(due.ref()).owner()).isEqualTo("first#1");
    }

    @Test
    void a_claim_by_what_is_not_in_another_table_would_win_twice() throws Exception { // S4, the naive form
        String dead = "gone#" + ref().id();
        SagaInstance orphan = db.started(head(ref()).owner(dead));
        store.beat("first#2", 1, false);
        String naive = "WITH due AS (SELECT saga_name, saga_id FROM saga_instance i WHERE saga_id = '"
                + orphan.ref().id()
                + "' AND (SELECT pg_advisory_xact_lock_shared(4712)::text) IS NOT NULL AND status IN (0, 1)"
                + " AND NOT EXISTS (SELECT 1 FROM saga_node n WHERE n.owner = i.owner) FOR UPDATE SKIP LOCKED)"
                + " UPDATE saga_instance i SET owner = 'late#2', fence = i.fence + 1 FROM due"
                + " WHERE i.saga_name = due.saga_name AND i.saga_id = due.saga_id";
        try (Session gate = new Session();
                Session slow = new Session()) {
            slow.sql("SET LOCAL enable_hashjoin = off");
            gate.sql("SELECT pg_advisory_xact_lock(4712)");
            Future<Integer> late = waits(1, () -> {
                try (Statement s = slow.connection.createStatement()) {
                    return s.executeUpdate(naive);
                }
            });
            assertThat(store.claim(claim("first#2", Set.of(dead), NOW))).hasSize(1);
            gate.commit();
            assertThat(of(late)).isEqualTo(1); // first#2 lives, and has lost it
            slow.commit();
        }
        assertThat(db.now(orphan.ref()).fence()).isEqualTo(102);
    }

    @Test
    void the_same_checkpoint_sent_again_changes_nothing_and_raises_nothing() { // S5, C5
        SagaInstance seen = db.started();
        SagaInstance other = db.started();
        Checkpoint write = step(seen, "a").build();
        assertThat(store.write(write)).isTrue();
        List<Outcome<Boolean>> answers =
                store.writeAll(List.of(write, step(other, "a").build()));
        assertThat(answers.get(0).orElseThrow()).isFalse();
        assertThat(answers.get(1).orElseThrow()).isTrue();
        assertThat(db.steps(seen.ref())).containsExactly("a");
    }

    @Test
    void two_checkpoints_of_one_saga_in_one_batch_are_refused() { // S5
        SagaInstance seen = db.started();
        assertThatThrownBy(() -> store.writeAll(
                        List.of(step(seen, "b1").build(), step(seen, "b2").build())))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(seen.ref().toString());
        assertThat(db.steps(seen.ref())).isEmpty();
    }

    @Test
    void a_batch_waits_for_its_rows_in_the_order_of_the_key_and_holds_none_behind() throws Exception { // S5
        List<SagaInstance> heads = new ArrayList<>();
        for (char c : "abcdef".toCharArray()) heads.add(db.started(head(new SagaRef("order", ref().id() + c))));
        List<Checkpoint> upwards = new ArrayList<>();
        List<Checkpoint> downwards = new ArrayList<>();
        for (SagaInstance h : heads) {
            upwards.add(step(h, "up").build());
            downwards.add(0, step(h, "down").build());
        }
        try (Session middle = new Session();
                Session probe = new Session()) {
            middle.lock(heads.get(2).ref());
            Future<List<Outcome<Boolean>>> first = waits(1, () -> store.writeAll(upwards));
            Future<List<Outcome<Boolean>>> second = waits(2, () -> store.writeAll(downwards));
            for (SagaInstance behind : heads.subList(3, 6)) // neither has taken what comes after the one it waits for
            probe.sql("SELECT 1 FROM saga_instance WHERE saga_id = '"
                    + behind.ref().id() + "' FOR UPDATE NOWAIT");
            probe.commit();
            middle.commit();
            assertThat(of(first)).allMatch(o -> o.orElseThrow());
            assertThat(of(second)).noneMatch(o -> o.orElseThrow());
        }
        for (SagaInstance h : heads) assertThat(db.steps(h.ref())).containsExactly("up");
    }

    @Test
    void a_row_that_the_database_refuses_is_answered_alone() throws SQLException { // S5
        db.database.execute(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.step LIKE 'bad%' THEN"
                        + " RAISE EXCEPTION 'seeded' USING ERRCODE = '23514'; END IF; RETURN NEW; END $$",
                "CREATE TRIGGER refuse BEFORE INSERT ON saga_step FOR EACH ROW EXECUTE FUNCTION refuse()");
        try {
            List<Checkpoint> batch = new ArrayList<>();
            for (int i = 0; i < 33; i++)
                batch.add(step(db.started(), i == 7 || i == 20 ? "bad" : "good").build());
            List<Outcome<Boolean>> answers = store.writeAll(batch);
            for (int i = 0; i < 33; i++) {
                boolean bad = i == 7 || i == 20;
                assertThat(answers.get(i).succeeded()).isEqualTo(!bad);
                assertThat(db.steps(batch.get(i).ref())).hasSize(bad ? 0 : 1);
                if (!bad) assertThat(answers.get(i).orElseThrow()).isTrue();
                else
                    assertThat(((Outcome.Failure<Boolean>) answers.get(i)).thrown())
                            .isInstanceOf(SagaStoreException.class);
            }
        } finally {
            db.database.execute("DROP TRIGGER refuse ON saga_step");
        }
    }

    @Test
    void a_checkpoint_that_waited_looks_at_the_row_again() throws Exception { // S5, S9: the newest version decides
        SagaInstance seen = db.started();
        SagaInstance parks = db.started();
        try (Session signal = new Session()) {
            for (SagaInstance h : List.of(seen, parks))
                signal.sql("UPDATE saga_instance SET sig = sig + 1 WHERE saga_id = '"
                        + h.ref().id() + "'");
            Future<List<Outcome<Boolean>>> write = waits(
                    1,
                    () -> store.writeAll(List.of(
                            step(seen, "a").build(),
                            step(parks, "a").unlessSignalled().build())));
            signal.commit();
            assertThat(of(write).get(0).orElseThrow()).isTrue();
            assertThat(of(write).get(1).orElseThrow()).isFalse();
        }
        assertThat(db.now(seen.ref()).sig()).isEqualTo(1); // kept, though the writer had not seen it
        assertThat(db.steps(parks.ref())).isEmpty();
    }

    @Test
    void a_signal_between_reading_and_parking_refuses_the_park() throws Exception { // S9, T22
        SagaInstance seen = db.started();
        Checkpoint.Builder park = Checkpoint.on(seen, NOW).unlessSignalled();
        park.head().owner(null).wakeMs(SagaInstance.NEVER);
        Checkpoint parked = park.build();
        try (Session middle = new Session()) {
            middle.lock(seen.ref());
            Future<SagaReply> signal = waits(1, () -> store.signal(seen.ref(), new Signal("paid", "k", null, NOW)));
            Future<Boolean> write = waits(2, () -> store.write(parked));
            middle.commit();
            assertThat(of(signal)).isEqualTo(SagaReply.ACCEPTED);
            assertThat(of(write)).isFalse();
        }
        SagaInstance other = db.started();
        Checkpoint.Builder first = Checkpoint.on(other, NOW).unlessSignalled();
        first.head().owner(null).wakeMs(SagaInstance.NEVER);
        Checkpoint parkedFirst = first.build();
        try (Session middle = new Session()) {
            middle.lock(other.ref());
            Future<Boolean> write = waits(1, () -> store.write(parkedFirst));
            Future<SagaReply> signal =
                    waits(2, () -> store.signal(other.ref(), new Signal("paid", "k", null, NOW + 3)));
            middle.commit();
            assertThat(of(write)).isTrue();
            assertThat(of(signal)).isEqualTo(SagaReply.ACCEPTED);
        }
        assertThat(db.now(other.ref()).wakeMs()).isEqualTo(NOW + 3); // the one who came second wakes the parked one
    }

    @Test
    void two_signals_with_one_key_at_once_are_one() throws Exception { // S9
        SagaInstance seen = db.started();
        try (Session middle = new Session()) {
            middle.lock(seen.ref());
            Future<SagaReply> a = waits(1, () -> store.signal(seen.ref(), new Signal("paid", "k", null, NOW)));
            Future<SagaReply> b = waits(2, () -> store.signal(seen.ref(), new Signal("paid", "k", null, NOW)));
            middle.commit();
            assertThat(List.of(of(a), of(b))).containsExactlyInAnyOrder(SagaReply.ACCEPTED, SagaReply.DUPLICATE);
        }
        assertThat(db.now(seen.ref()).sig()).isEqualTo(1);
    }

    @Test
    void a_fence_that_came_twice_lets_only_its_owner_write() { // S6a, G9
        SagaInstance seen = db.started(head(ref()).owner("b#1").fence(5));
        assertThat(store.write(step(seen.but().owner("a#1").build(), "a").build()))
                .isFalse();
        assertThat(store.write(step(seen, "b").build())).isTrue();
    }

    @Test
    void a_saga_of_a_former_life_of_an_id_writes_nothing_into_the_next() { // S6b, S8
        SagaInstance former = db.started(head(ref()).incarnation("first"));
        store.write(ended(former, SagaStatus.COMPLETED, 1));
        assertThat(store.purge(2, 10_000)).isPositive();
        db.started(former.but().incarnation("second"));
        assertThat(store.write(step(former, "late").build())).isFalse();
        assertThat(db.steps(former.ref())).isEmpty();
    }

    @Test
    void a_held_lock_key_leaves_the_callers_transaction_usable() throws SQLException { // S14, S7
        String lock = "lock-" + ref().id();
        SagaInstance holder = db.started(head(ref()).lockKey(lock));
        SagaInstance free = head(ref()).owner(null).wakeMs(NOW).build();
        try (Session caller = new Session()) {
            Started held = store.insert(
                    caller.connection,
                    start(head(ref()).owner(null).lockKey(lock).build()));
            assertThat(held.lockHolder()).isEqualTo(holder.ref());
            Started there = store.insert(caller.connection, start(holder));
            assertThat(there.created()).isFalse();
            assertThat(store.insert(caller.connection, start(free)).created()).isTrue();
            assertThat(store.load(free.ref())).isEmpty(); // not before the commit
            caller.commit();
        }
        assertThat(store.claim(claim("any#1", Set.of(), NOW)).stream()
                        .map(l -> l.head().ref()))
                .contains(free.ref());
    }

    @Test
    void an_error_of_a_start_leaves_the_callers_transaction_usable() throws SQLException { // S14
        SagaInstance taken = head(ref()).build();
        try (Session caller = new Session()) {
            caller.sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
            caller.sql("SELECT count(*) FROM saga_instance"); // its snapshot
            db.started(taken.but());
            assertThatThrownBy(() -> store.insert(caller.connection, start(taken)))
                    .isInstanceOfSatisfying(
                            SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo("40001"));
            caller.sql("SELECT 1");
        }
        try (Connection automatic = db.database.connect()) {
            assertThatThrownBy(() -> store.insert(automatic, start(taken)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("auto-commit");
        }
    }

    @Test
    void a_start_waits_for_another_ones_transaction_and_follows_its_end() throws Exception { // S14, T2
        for (boolean commits : new boolean[] {true, false}) {
            SagaInstance head = head(ref()).build();
            try (Session caller = new Session()) {
                store.insert(caller.connection, start(head));
                Future<Started> second = waits(
                        1,
                        () -> store.insert(
                                start(head.but().incarnation("second").build())));
                if (commits) caller.commit();
                else caller.connection.rollback();
                assertThat(of(second).created()).isEqualTo(!commits);
            }
        }
    }

    /** L3: whoever waits for somebody's open transaction, which may stay open, waits alone. */
    @Test
    void a_start_and_a_step_that_wait_for_a_strangers_transaction_hold_up_no_other() throws Exception {
        JournalWriter writer = new JournalWriter(db.store, TimeSource.system(), new SagaListener() {}, () -> false);
        SagaInstance started = head(ref()).build();
        SagaInstance stepped = db.started();
        try (Session stranger = new Session()) {
            store.insert(stranger.connection, start(started));
            stranger.lock(stepped.ref());
            // not awaited at its lock: it waits there a second at a time, and for some seconds in all
            Future<Started> second = others.submit(
                    () -> writer.start(start(started.but().incarnation("second").build())));
            Future<Boolean> step =
                    waits(1, () -> writer.write(step(stepped, "a").build()));
            for (int i = 0; i < 3; i++) {
                SagaInstance other = head(ref()).build();
                assertThat(of(others.submit(() -> writer.start(start(other)))).created())
                        .isTrue();
                assertThat(of(others.submit(() -> writer.write(step(other, "a").build()))))
                        .isTrue();
            }
            assertThat(step.isDone()).isFalse();
            stranger.commit();
            assertThat(of(step)).isTrue();
            try {
                assertThat(of(second).created()).isFalse();
            } catch (java.util.concurrent.ExecutionException e) {
                assertThat(e.getCause()).isInstanceOf(SagaStoreException.class); // a start is patient for seconds
            }
        }
    }

    @Test
    void of_a_batch_only_those_that_wait_are_not_written() throws Exception {
        SagaInstance taken = head(ref()).build();
        SagaInstance locked = db.started();
        List<SagaInstance> free = List.of(db.started(), db.started(), db.started());
        try (Session stranger = new Session()) {
            store.insert(stranger.connection, start(taken));
            stranger.lock(locked.ref());
            List<SagaStore.Start> starts = new ArrayList<>();
            List<Checkpoint> steps = new ArrayList<>();
            for (SagaInstance h : free) {
                starts.add(start(head(ref()).build()));
                steps.add(step(h, "a").build());
            }
            starts.add(1, start(taken));
            steps.add(2, step(locked, "a").build());
            List<Outcome<Started>> made = db.store.insertAll(starts);
            List<Outcome<Boolean>> written = db.store.writeAll(steps);
            for (int i = 0; i < 4; i++) {
                if (i == 1) assertThat(state(made.get(i))).isEqualTo("55P03");
                else assertThat(made.get(i).orElseThrow().created()).isTrue();
                if (i == 2) assertThat(state(written.get(i))).isEqualTo("55P03");
                else assertThat(written.get(i).orElseThrow()).isTrue();
            }
        }
        assertThat(db.steps(locked.ref())).isEmpty();
    }

    private static String state(Outcome<?> failed) {
        Throwable thrown = ((Outcome.Failure<?>) failed).thrown();
        assertThat(thrown).isInstanceOf(SagaStoreException.class);
        return ((SQLException) thrown.getCause()).getSQLState();
    }

    @Test
    void a_lock_that_becomes_free_meanwhile_is_taken() throws Exception { // S14
        String lock = "lock-" + ref().id();
        SagaInstance holder = db.started(head(ref()).lockKey(lock));
        try (Session ending = new Session()) {
            assertThat(store.write(ending.connection, ended(holder, SagaStatus.COMPLETED, NOW)))
                    .isTrue();
            Future<Started> second =
                    waits(1, () -> store.insert(start(head(ref()).lockKey(lock).build())));
            ending.commit();
            assertThat(of(second).created()).isTrue();
        }
    }

    @Test
    void an_effect_in_the_stores_database_is_there_with_its_checkpoint_or_not_at_all() throws Exception { // S15, C17
        db.database.execute("CREATE TABLE IF NOT EXISTS effect (id varchar(200) PRIMARY KEY)");
        SagaInstance owned = db.started();
        SagaInstance lost = db.started();
        store.claim(claim("next#15", Set.of(ME), NOW)); // owned and lost are another engine's now
        SagaInstance now = db.now(owned.ref());
        for (SagaInstance h : List.of(now, lost)) {
            try (Connection c = store.connection()) {
                assertThat(c.getAutoCommit()).isFalse();
                try (Statement s = c.createStatement()) {
                    s.executeUpdate("INSERT INTO effect VALUES ('" + h.ref().id() + "')");
                }
                if (store.write(c, step(h, "debit").build())) c.commit();
                else c.rollback();
            }
        }
        assertThat(db.number(
                        "SELECT count(*) FROM effect WHERE id = '" + now.ref().id() + "'"))
                .isEqualTo(1);
        assertThat(db.number(
                        "SELECT count(*) FROM effect WHERE id = '" + lost.ref().id() + "'"))
                .isZero();
        assertThat(db.steps(now.ref())).containsExactly("debit");
        assertThat(db.steps(lost.ref())).isEmpty();
    }

    @Test
    void reading_after_a_lost_commit_waits_for_the_old_backend() throws Exception { // S15, C5
        SagaInstance seen = db.started();
        try (Session old = new Session()) {
            assertThat(store.write(old.connection, step(seen, "debit").build())).isTrue();
            assertThat(db.steps(seen.ref())).isEmpty(); // not settled: not known yet
            Future<SagaStore.Loaded> settled =
                    waits(1, () -> store.loadSettled(seen.ref()).orElseThrow());
            old.commit();
            assertThat(of(settled).entries()).hasSize(1);
            assertThat(of(settled).head().seq()).isEqualTo(1);
        }
    }
}
