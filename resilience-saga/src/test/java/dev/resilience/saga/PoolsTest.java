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

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.resilience.TimeSource;
import dev.resilience.saga.SagaStore.Signal;
import dev.resilience.servers.TestServer;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Phaser;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.postgresql.PGConnection;
import org.postgresql.core.BaseConnection;
import org.postgresql.core.TransactionState;

/** The journal with the pools that people have: any isolation, in or out of auto-commit, small, and with a server that goes away. */
class PoolsTest {
    private static JdbcFixture db;

    @BeforeAll
    static void open() {
        db = new JdbcFixture();
    }

    @AfterAll
    static void close() {
        db.close();
    }

    private static HikariDataSource pool(String url, int size, boolean autoCommit, String isolation) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(url);
        config.setMaximumPoolSize(size);
        config.setMinimumIdle(0);
        config.setAutoCommit(autoCommit);
        config.setTransactionIsolation(isolation);
        config.setConnectionTimeout(60_000);
        config.setInitializationFailTimeout(60_000);
        return new HikariDataSource(config);
    }

    /** Looks at every connection that is given back. */
    private static final class Watched {
        final AtomicReference<String> wrong = new AtomicReference<>();
        final AtomicInteger borrowed = new AtomicInteger();

        DataSource over(DataSource source) {
            return proxy(DataSource.class, source, (name, result) -> {
                if (!name.equals("getConnection")) return result;
                borrowed.incrementAndGet();
                return connection((Connection) result);
            });
        }

        private Connection connection(Connection connection) throws SQLException {
            boolean autoCommit = connection.getAutoCommit();
            return (Connection) Proxy.newProxyInstance(
                    Connection.class.getClassLoader(), new Class<?>[] {Connection.class}, (p, method, arguments) -> {
                        if (method.getName().equals("close")) {
                            borrowed.decrementAndGet();
                            TransactionState state =
                                    ((BaseConnection) connection.unwrap(PGConnection.class)).getTransactionState();
                            if (!connection.isClosed() && connection.getAutoCommit() != autoCommit)
                                wrong.set("given back with another auto-commit");
                            if (state != TransactionState.IDLE) wrong.set("given back with a transaction " + state);
                        }
                        try {
                            return method.invoke(connection, arguments);
                        } catch (InvocationTargetException e) {
                            throw e.getCause();
                        }
                    });
        }

        private interface Result {
            Object of(String name, Object result) throws SQLException;
        }

        private static <T> T proxy(Class<T> type, T target, Result result) {
            return type.cast(Proxy.newProxyInstance(
                    type.getClassLoader(), new Class<?>[] {type}, (p, method, arguments) -> {
                        try {
                            return result.of(method.getName(), method.invoke(target, arguments));
                        } catch (InvocationTargetException e) {
                            throw e.getCause();
                        }
                    }));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "true, TRANSACTION_READ_COMMITTED",
        "false, TRANSACTION_READ_COMMITTED",
        "true, TRANSACTION_REPEATABLE_READ",
        "false, TRANSACTION_REPEATABLE_READ",
        "true, TRANSACTION_SERIALIZABLE",
        "false, TRANSACTION_SERIALIZABLE"
    })
    void sagas_that_many_write_to_at_once_keep_their_rules(boolean autoCommit, String isolation) throws Exception {
        Watched watched = new Watched();
        ExecutorService threads = Executors.newFixedThreadPool(7);
        try (HikariDataSource pool = pool(db.database.url(), 4, autoCommit, isolation)) {
            SagaStore store = SagaStore.jdbc(watched.over(pool));
            JournalWriter writer = new JournalWriter(store, TimeSource.system(), new SagaListener() {}, () -> false);
            Phaser running = new Phaser(5);
            List<Future<?>> all = new ArrayList<>();
            List<SagaInstance> heads = new ArrayList<>();
            for (int i = 0; i < 5; i++) heads.add(head(ref()).build());
            for (SagaInstance first : heads)
                all.add(threads.submit(() -> {
                    assertThat(writer.start(start(first)).created()).isTrue();
                    running.arriveAndAwaitAdvance();
                    SagaInstance head = first;
                    for (int n = 0; n < 12; n++) {
                        Checkpoint step = step(head, "s" + n).build();
                        assertThat(writer.write(step)).isTrue(); // who signals or claims others does not stop it
                        head = step.after(head);
                    }
                    running.arriveAndDeregister();
                    return null;
                }));
            for (int t = 0; t < 2; t++) {
                String name = "outside#" + t;
                all.add(threads.submit(() -> {
                    for (int n = 0; n < 12; n++) {
                        for (SagaInstance h : heads)
                            writer.patiently(
                                    () -> store.signal(h.ref(), new Signal(name, "" + Math.random(), null, NOW)));
                        writer.patiently(() -> store.claim(claim(name, Set.of("nobody#1"), 0)));
                        writer.patiently(() -> store.beat(name, 1, true));
                    }
                    return null;
                }));
            }
            for (Future<?> one : all) one.get(120, TimeUnit.SECONDS);
            for (SagaInstance h : heads) {
                SagaStore.Loaded loaded = store.load(h.ref()).orElseThrow();
                assertThat(loaded.entries())
                        .extracting(JournalEntry::step)
                        .hasSize(12)
                        .doesNotHaveDuplicates();
                assertThat(loaded.signals().size()).isEqualTo(loaded.head().sig());
            }
            assertThat(watched.borrowed).hasValue(0);
            assertThat(watched.wrong).hasValue(null);
        } finally {
            threads.shutdownNow();
        }
    }

    @ParameterizedTest
    @CsvSource({"true", "false"})
    void every_operation_gives_its_connection_back_as_it_was_also_when_it_fails(boolean autoCommit) throws Exception {
        Watched watched = new Watched();
        try (JdbcFixture own = new JdbcFixture();
                HikariDataSource pool = pool(own.database.url(), 1, autoCommit, "TRANSACTION_READ_COMMITTED")) {
            SagaStore store = SagaStore.jdbc(watched.over(pool));
            for (boolean tables : new boolean[] {true, false}) {
                SagaInstance head = head(ref()).lockKey("lock").build();
                List<Runnable> operations = List.of(
                        () -> store.insert(start(head)),
                        () -> store.insert(start(head(ref()).lockKey("lock").build())),
                        () -> store.write(step(head, "a").build()),
                        () -> store.load(head.ref()),
                        () -> store.loadSettled(head.ref()),
                        () -> store.heads(List.of(head.ref())),
                        () -> store.owned(ME),
                        () -> store.signal(head.ref(), new Signal("s", "k", null, NOW)),
                        () -> store.cancel(head.ref(), NOW),
                        () -> store.claim(claim("x#1", Set.of(ME), NOW)),
                        () -> store.beat("x#1", 1, true),
                        () -> store.forget(List.of("x#1")),
                        () -> store.list(SagaQuery.all()),
                        () -> store.unclaimable(List.of(), NOW),
                        () -> store.count(SagaStatus.RUNNING),
                        () -> store.purge(NOW, 10),
                        () -> transaction(store, head));
                for (Runnable operation : operations) {
                    if (tables) operation.run();
                    else assertThatThrownBy(operation::run).isInstanceOf(SagaStoreException.class);
                    assertThat(watched.borrowed).hasValue(0);
                    assertThat(watched.wrong).hasValue(null);
                }
                if (tables) own.database.execute("DROP TABLE saga_instance, saga_step, saga_signal, saga_node");
            }
        }
    }

    private static void transaction(SagaStore store, SagaInstance head) {
        try (Connection c = store.connection()) {
            assertThat(c.getAutoCommit()).isFalse();
            assertThat(c.unwrap(PGConnection.class)).isNotNull();
            try {
                store.write(c, step(head, "tx").build());
            } finally {
                c.rollback();
            }
        } catch (SQLException e) {
            throw new SagaStoreException("transaction", e);
        }
    }

    @Test
    void a_server_that_crashes_and_comes_back_costs_no_step_and_doubles_none() throws Exception { // C5, G1, G4
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try (TestServer server = TestServer.ownPostgres();
                var database = server.database();
                HikariDataSource pool = pool(database.url(), 4, true, "TRANSACTION_READ_COMMITTED")) {
            pool.setConnectionTimeout(500);
            database.execute(JdbcFixture.ddl());
            SagaStore store = SagaStore.jdbc(pool);
            JournalWriter writer = new JournalWriter(store, TimeSource.system(), new SagaListener() {}, () -> false);
            AtomicInteger steps = new AtomicInteger();
            List<Future<SagaRef>> sagas = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                SagaInstance first = head(ref()).build();
                store.insert(start(first));
                sagas.add(threads.submit(() -> {
                    SagaInstance head = first;
                    for (int n = 0; n < 200; n++) {
                        Checkpoint step =
                                n < 199 ? step(head, "s" + n).build() : ended(head, SagaStatus.COMPLETED, NOW);
                        assertThat(writer.write(step)).isTrue();
                        head = step.after(head);
                        steps.incrementAndGet();
                    }
                    return first.ref();
                }));
            }
            for (int crash = 1; crash <= 3; crash++) {
                int until = crash * 150;
                long patience = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
                while (steps.get() < until && System.nanoTime() - patience < 0) Thread.onSpinWait();
                if (crash == 2) server.stop();
                else server.crash();
                server.start();
            }
            for (Future<SagaRef> saga : sagas) {
                SagaStore.Loaded loaded =
                        writer.load(saga.get(120, TimeUnit.SECONDS), false).orElseThrow();
                assertThat(loaded.entries())
                        .hasSize(200)
                        .extracting(JournalEntry::step)
                        .doesNotHaveDuplicates();
                assertThat(loaded.head().status()).isEqualTo(SagaStatus.COMPLETED);
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void a_statement_that_is_cancelled_is_no_guilty_row_but_asked_again() throws Exception {
        SagaInstance seen = db.started();
        try (Connection holder = db.database.connect();
                Statement s = holder.createStatement();
                HikariDataSource pool = pool(
                        db.database.url() + "&options=-c%20statement_timeout=50ms",
                        1,
                        true,
                        "TRANSACTION_READ_COMMITTED")) {
            holder.setAutoCommit(false);
            s.execute(
                    "SELECT 1 FROM saga_instance WHERE saga_id = '" + seen.ref().id() + "' FOR UPDATE");
            SagaStore store = SagaStore.jdbc(pool);
            AtomicInteger asked = new AtomicInteger();
            JournalWriter writer = new JournalWriter(store, TimeSource.system(), new SagaListener() {}, () -> {
                if (asked.incrementAndGet() == 2) unlock(holder);
                return false;
            });
            assertThat(writer.write(step(seen, "a").build())).isTrue();
            assertThat(asked.get()).isGreaterThanOrEqualTo(2);
        }
        assertThat(db.steps(seen.ref())).containsExactly("a");
    }

    private static void unlock(Connection holder) {
        try {
            holder.rollback();
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }
}
