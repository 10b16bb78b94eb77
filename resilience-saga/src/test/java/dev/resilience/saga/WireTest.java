// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static dev.resilience.saga.JdbcFixture.NOW;
import static dev.resilience.saga.JdbcFixture.ended;
import static dev.resilience.saga.JdbcFixture.head;
import static dev.resilience.saga.JdbcFixture.ref;
import static dev.resilience.saga.JdbcFixture.start;
import static dev.resilience.saga.JdbcFixture.step;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.TimeSource;
import dev.resilience.saga.SagaStore.Signal;
import dev.resilience.saga.SagaStore.Start;
import dev.resilience.saga.SagaStore.Started;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.ds.PGSimpleDataSource;

/** What goes over the line to PostgreSQL: how often, and what if it is cut. */
class WireTest {
    private static JdbcFixture db;
    private static Wire wire;

    @BeforeAll
    static void open() throws Exception {
        db = new JdbcFixture();
        wire = new Wire(db.database.url());
    }

    @AfterAll
    static void close() {
        wire.close();
        db.close();
    }

    /** A pool of one connection that never asks whether it lives. */
    private static DataSource one(Connection connection) {
        Connection borrowed = (Connection) Proxy.newProxyInstance(
                Connection.class.getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("close")) return null;
                    return method.invoke(connection, arguments);
                });
        return (DataSource) Proxy.newProxyInstance(
                DataSource.class.getClassLoader(),
                new Class<?>[] {DataSource.class},
                (proxy, method, arguments) -> borrowed);
    }

    private static int trips(Wire line, Callable<?> what) throws Exception {
        int before = line.trips();
        what.call();
        return line.trips() - before;
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void starts_steps_and_signals_are_one_round_trip_each_however_many(boolean autoCommit) throws Exception {
        // a line of its own: on a shared one the farewell of another test's connection may be counted late
        try (Wire line = new Wire(db.database.url());
                Connection connection = DriverManager.getConnection(line.url())) {
            connection.setAutoCommit(autoCommit);
            SagaStore store = SagaStore.jdbc(one(connection));
            for (int i = 0; i < 12; i++) { // after some runs the driver keeps statements prepared: one more each, once
                SagaInstance warm = head(ref()).build();
                store.insert(start(warm));
                store.write(step(warm, "a").build());
                store.signal(warm.ref(), new Signal("s", "k", null, NOW));
                store.cancel(warm.ref(), NOW);
            }
            SagaInstance head = head(ref()).build();
            assertThat(trips(line, () -> store.insert(start(head)))).isEqualTo(1);
            assertThat(trips(line, () -> store.write(step(head, "a").build()))).isEqualTo(1);
            assertThat(trips(line, () -> store.signal(head.ref(), new Signal("s", "k", null, NOW))))
                    .isEqualTo(1);
            assertThat(trips(line, () -> store.cancel(head.ref(), NOW))).isEqualTo(1);
            List<Start> starts = new ArrayList<>();
            List<Checkpoint> steps = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                SagaInstance h = head(ref()).build();
                starts.add(start(h));
                steps.add(step(h, "a").build());
            }
            assertThat(trips(line, () -> store.insertAll(starts))).isEqualTo(1);
            assertThat(trips(line, () -> store.writeAll(steps))).isEqualTo(1);
            assertThat(connection.getAutoCommit()).isEqualTo(autoCommit);
            assertThat(db.steps(steps.get(99).ref())).containsExactly("a"); // committed, in both modes
        }
    }

    @Test
    void a_start_in_a_callers_transaction_is_one_round_trip_and_a_savepoint_only_where_it_can_fail() throws Exception {
        try (Wire line = new Wire(db.database.url());
                Connection caller = DriverManager.getConnection(line.url())) {
            caller.setAutoCommit(false);
            SagaStore store = db.store;
            for (int i = 0; i < 12; i++) store.insert(caller, start(head(ref()).build())); // the driver prepares it
            SagaInstance head = head(ref()).build();
            assertThat(trips(line, () -> store.insert(caller, start(head)))).isEqualTo(1);
            caller.rollback();
            caller.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            store.insert(caller, start(head(ref()).build()));
            assertThat(trips(line, () -> store.insert(caller, start(head))))
                    .isEqualTo(4); // asked, set, started, released
            caller.rollback();
        }
    }

    @Test
    void a_step_is_an_update_within_its_page() throws SQLException {
        try (Connection c = db.database.connect()) {
            c.setAutoCommit(false);
            PostgresDialect dialect = new PostgresDialect();
            SagaInstance head = head(ref()).build();
            dialect.insert(c, start(head));
            for (int i = 0; i < 5; i++) {
                Checkpoint step = step(head, "s" + i).build();
                assertThat(dialect.write(c, List.of(step), false)).containsExactly(true);
                head = step.after(head);
            }
            String hot = "SELECT n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relid = 'saga_instance'::regclass";
            String all = hot.replace("n_tup_hot_upd", "n_tup_upd");
            assertThat(JdbcFixture.number(c, all)).isEqualTo(5);
            assertThat(JdbcFixture.number(c, hot)).isEqualTo(5);
            dialect.write(c, List.of(ended(head, SagaStatus.COMPLETED, NOW)), false);
            assertThat(JdbcFixture.number(c, all)).isEqualTo(6);
            assertThat(JdbcFixture.number(c, hot)).isEqualTo(5); // the end leaves and enters indexes, once in its life
            c.rollback();
        }
    }

    /** Every borrowed connection is a new one, over the line. */
    private static SagaStore cuttable() {
        PGSimpleDataSource source = new PGSimpleDataSource();
        source.setUrl(wire.url());
        return new JdbcStore(source, new PostgresDialect());
    }

    /** Cuts at the reply or the request of what comes next, once the connection is there. */
    private static SagaStore cutting(Wire.Cut cut) throws SQLException {
        Connection connection = DriverManager.getConnection(wire.url());
        DataSource first = one(connection);
        DataSource later = new PGSimpleDataSource();
        ((PGSimpleDataSource) later).setUrl(wire.url());
        boolean[] used = new boolean[1];
        DataSource source = (DataSource) Proxy.newProxyInstance(
                DataSource.class.getClassLoader(), new Class<?>[] {DataSource.class}, (proxy, method, arguments) -> {
                    if (used[0]) return later.getConnection();
                    used[0] = true;
                    wire.cut(cut);
                    return first.getConnection();
                });
        return new JdbcStore(source, new PostgresDialect());
    }

    @ParameterizedTest
    @ValueSource(strings = {"REPLY", "REQUEST"})
    void a_cut_in_the_middle_of_a_commit_loses_nothing_and_doubles_nothing(String cut) throws Exception { // C5, S5
        SagaInstance seen = db.started();
        Checkpoint write = step(seen, "a").build();
        SagaStore store = cutting(Wire.Cut.valueOf(cut));
        JournalWriter writer = new JournalWriter(store, TimeSource.system(), new SagaListener() {}, () -> false);
        assertThat(writer.write(write)).isTrue();
        assertThat(db.steps(seen.ref())).containsExactly("a");
        assertThat(db.now(seen.ref()).seq()).isEqualTo(1);
    }

    @Test
    void a_writer_that_did_not_read_again_would_believe_it_lost_its_saga() throws Exception { // C5, the naive form
        SagaInstance seen = db.started();
        Checkpoint write = step(seen, "a").build();
        SagaStore store = cutting(Wire.Cut.REPLY);
        assertThatThrownBy(() -> store.write(write)).isInstanceOf(SagaStoreException.class);
        assertThat(store.write(write)).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"REPLY", "REQUEST"})
    void a_cut_in_the_middle_of_a_start_makes_one_saga(String cut) throws Exception { // C1, C5
        SagaInstance head = head(ref()).incarnation("mine").build();
        JournalWriter writer = new JournalWriter(
                cutting(Wire.Cut.valueOf(cut)), TimeSource.system(), new SagaListener() {}, () -> false);
        Started started = writer.start(start(head));
        assertThat(started.created()).isTrue();
        assertThat(db.now(head.ref()).incarnation()).isEqualTo("mine");
    }

    @Test
    void a_lost_commit_of_a_transaction_is_seen_by_who_reads_it_settled() throws Exception { // S15
        SagaInstance seen = db.started();
        SagaStore store = cuttable();
        Connection c = store.connection();
        try (Statement s = c.createStatement()) {
            s.execute("SELECT 1");
        }
        assertThat(store.write(c, step(seen, "debit").build())).isTrue();
        wire.cut(Wire.Cut.REPLY);
        assertThatThrownBy(c::commit).isInstanceOf(SQLException.class);
        c.close();
        assertThat(store.loadSettled(seen.ref()).orElseThrow().entries()).hasSize(1);
    }

    @Test
    void many_writers_over_a_line_that_is_cut_again_and_again_write_each_step_once() throws Exception { // C5, G4
        JournalWriter writer = new JournalWriter(cuttable(), TimeSource.system(), new SagaListener() {}, () -> false);
        ExecutorService pool = Executors.newFixedThreadPool(6);
        try {
            List<Future<SagaRef>> sagas = new ArrayList<>();
            for (int i = 0; i < 6; i++)
                sagas.add(pool.submit(() -> {
                    SagaInstance head = head(ref()).build();
                    assertThat(db.store.insert(start(head)).created()).isTrue();
                    for (int n = 0; n < 15; n++) {
                        if (n % 5 == 2) wire.cut(n % 2 == 0 ? Wire.Cut.REPLY : Wire.Cut.REQUEST); // meets anybody
                        Checkpoint step = step(head, "s" + n).build();
                        assertThat(writer.write(step)).isTrue();
                        head = step.after(head);
                    }
                    return head.ref();
                }));
            for (Future<SagaRef> saga : sagas) {
                List<String> steps = db.steps(saga.get(240, TimeUnit.SECONDS));
                assertThat(steps).hasSize(15).doesNotHaveDuplicates();
            }
        } finally {
            pool.shutdownNow();
        }
    }
}
