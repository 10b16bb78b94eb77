// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static dev.resilience.saga.JdbcFixture.ME;
import static dev.resilience.saga.JdbcFixture.NOW;
import static dev.resilience.saga.JdbcFixture.claim;
import static dev.resilience.saga.JdbcFixture.head;
import static dev.resilience.saga.JdbcFixture.ref;
import static dev.resilience.saga.JdbcFixture.start;
import static dev.resilience.saga.JdbcFixture.step;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.saga.SagaStore.Signal;
import dev.resilience.servers.TestServer;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.postgresql.ds.PGSimpleDataSource;

/** S16: a session whose commits need not be on the disk does not make sagas forgettable. */
class DurableCommitTest {
    private static JdbcFixture db;

    @BeforeAll
    static void open() {
        db = new JdbcFixture();
        // what the setting is when a row is written: nothing after that changes it before the commit looks at it
        db.database.execute(
                "CREATE TABLE noted (id bigserial, setting text)",
                "CREATE FUNCTION note() RETURNS trigger AS $$ BEGIN INSERT INTO noted (setting)"
                        + " VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$ LANGUAGE plpgsql",
                "CREATE TRIGGER noting AFTER INSERT OR UPDATE ON saga_instance FOR EACH ROW EXECUTE FUNCTION note()",
                "CREATE TRIGGER noting AFTER INSERT OR UPDATE ON saga_signal FOR EACH ROW EXECUTE FUNCTION note()");
    }

    @AfterAll
    static void close() {
        db.close();
    }

    private static PGSimpleDataSource sessions(String setting) {
        PGSimpleDataSource source = new PGSimpleDataSource();
        source.setUrl(db.database.url());
        source.setOptions("-c synchronous_commit=" + setting);
        return source;
    }

    private interface Work {
        void run() throws SQLException;
    }

    /** The settings under which rows were written meanwhile. */
    private static List<String> noted(Work work) throws SQLException {
        db.database.execute("TRUNCATE noted");
        work.run();
        List<String> settings = new ArrayList<>();
        try (Connection c = db.database.connect();
                Statement s = c.createStatement();
                ResultSet r = s.executeQuery("SELECT DISTINCT setting FROM noted")) {
            while (r.next()) settings.add(r.getString(1));
        }
        return settings;
    }

    private static String setting(Connection c) throws SQLException {
        try (Statement s = c.createStatement();
                ResultSet r = s.executeQuery("SHOW synchronous_commit")) {
            r.next();
            return r.getString(1);
        }
    }

    @ParameterizedTest
    @CsvSource({"off, on", "on, on", "local, local", "remote_apply, remote_apply"})
    void every_write_waits_for_its_commit_and_never_for_less_than_the_session_wants(String session, String written)
            throws SQLException {
        SagaStore store = new JdbcStore(sessions(session), new PostgresDialect());
        SagaInstance head = head(ref()).build();
        assertThat(noted(() -> store.insert(start(head)))).containsExactly(written);
        assertThat(noted(() -> store.insertAll(
                        List.of(start(head(ref()).build()), start(head(ref()).build())))))
                .containsExactly(written);
        Checkpoint step = step(head, "a").build();
        assertThat(noted(() -> assertThat(store.write(step)).isTrue())).containsExactly(written);
        assertThat(noted(() -> store.signal(head.ref(), new Signal("paid", "k", null, NOW))))
                .containsExactly(written);
        assertThat(noted(() -> store.cancel(head.ref(), NOW))).containsExactly(written);
        assertThat(noted(() -> assertThat(store.claim(claim("next#1", Set.of(ME), NOW)))
                        .isNotEmpty()))
                .containsExactly(written);
        SagaInstance due = head(ref()).owner(null).wakeMs(NOW).build();
        assertThat(noted(() -> store.insert(start(due)))).containsExactly(written);
        assertThat(noted(() ->
                        assertThat(store.claim(claim("next#1", Set.of(), NOW))).isNotEmpty()))
                .containsExactly(written);
    }

    /** The transaction is somebody's, and so is its setting; the session's own is what it was. */
    @Test
    void a_transaction_that_starts_or_steps_a_saga_waits_for_its_commit_and_the_next_one_as_before()
            throws SQLException {
        try (Connection c = sessions("off").getConnection()) {
            c.setAutoCommit(false);
            for (String isolation : List.of("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")) {
                try (Statement s = c.createStatement()) {
                    s.execute("SET TRANSACTION ISOLATION LEVEL " + isolation);
                }
                assertThat(setting(c)).isEqualTo("off");
                assertThat(db.store.insert(c, start(head(ref()).build())).created())
                        .isTrue();
                assertThat(setting(c)).as(isolation).isEqualTo("on");
                c.commit();
                assertThat(setting(c)).isEqualTo("off");
                c.rollback();
            }
            SagaInstance seen = db.started();
            assertThat(db.store.write(c, step(seen, "debit").build())).isTrue();
            assertThat(setting(c)).isEqualTo("on");
            c.commit();
            assertThat(setting(c)).isEqualTo("off");
        }
    }

    @Test
    void a_saga_whose_start_returned_is_there_after_the_server_crashed() throws SQLException { // G1
        try (TestServer server = TestServer.ownPostgres();
                var database = server.database()) {
            database.execute(JdbcFixture.ddl());
            database.execute(
                    "ALTER SYSTEM SET synchronous_commit = off",
                    "ALTER SYSTEM SET wal_writer_delay = '10s'", // nobody writes the log meanwhile but who commits
                    "SELECT pg_reload_conf()");
            PGSimpleDataSource source = new PGSimpleDataSource();
            source.setUrl(database.url());
            SagaStore store = SagaStore.jdbc(source);
            List<SagaRef> started = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                SagaInstance head = head(ref()).build();
                if (i < 2) store.insert(start(head));
                else startIn(database.url(), head);
                started.add(head.ref());
                server.crash();
                server.start();
                try (Connection c = database.connect()) {
                    assertThat(setting(c)).isEqualTo("off");
                }
                assertThat(store.heads(started)).hasSize(i + 1);
            }
        }
    }

    private static void startIn(String url, SagaInstance head) throws SQLException {
        try (Connection c = DriverManager.getConnection(url)) {
            c.setAutoCommit(false);
            db.store.insert(c, start(head));
            c.commit();
        }
    }
}
