// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.servers.TestDatabase;
import dev.resilience.servers.TestServer;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** S7, S14, C18, C19: starts within the caller's transaction, on real databases. */
class TransactionalStartTest {
    private final String run = UUID.randomUUID().toString();
    private final CountDownLatch free = new CountDownLatch(1);
    private final Saga<String, String> saga = saga();

    @Nullable
    private TestDatabase database;

    @Nullable
    private SagaEngine engine;

    private Saga<String, String> saga() {
        SagaDefinition<String> s = Saga.define("tx-start", 1, String.class).lockKey(in -> run + in);
        Saga.Result<String> only = s.pivot("only", String.class)
                .run((in, c) -> {
                    Fleet.await(free);
                    return in + "!";
                })
                .attemptTimeout(Duration.ofMinutes(2))
                .add();
        return s.returns(only, (in, r) -> r);
    }

    private DataSource open(TestServer.Kind kind) throws SQLException {
        TestDatabase mine = TestServer.of(kind).database();
        database = mine;
        DataSource pool = mine.pool(4);
        SagaSchema.createIfMissing(pool);
        try (Connection connection = pool.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("CREATE TABLE orders (id varchar(100) PRIMARY KEY)");
        }
        engine = SagaEngine.jdbc(pool).register(saga).open();
        return pool;
    }

    @AfterEach
    void close() {
        free.countDown();
        if (engine != null) engine.close();
        if (database != null) database.close();
    }

    private static void order(Connection connection, String id) throws SQLException {
        try (var insert = connection.prepareStatement("INSERT INTO orders (id) VALUES (?)")) {
            insert.setString(1, id);
            insert.executeUpdate();
        }
    }

    private static int orders(DataSource pool) throws SQLException {
        try (Connection connection = pool.getConnection();
                Statement statement = connection.createStatement();
                ResultSet count = statement.executeQuery("SELECT count(*) FROM orders")) {
            count.next();
            return count.getInt(1);
        }
    }

    private SagaEngine engine() {
        return Fleet.there(engine);
    }

    @ParameterizedTest
    @EnumSource(TestServer.Kind.class)
    void a_saga_is_there_if_and_only_if_the_transaction_commits(TestServer.Kind kind) throws Exception {
        DataSource pool = open(kind);
        free.countDown();
        SagaHandle<String> committed;
        SagaHandle<String> rolledBack;
        try (Connection connection = pool.getConnection()) {
            connection.setAutoCommit(false);
            order(connection, "1");
            committed = engine().start(connection, saga, "1", "a");
            SagaHandle<String> seen = committed;
            assertThatThrownBy(seen::status).hasMessageContaining("not committed"); // C19: not there yet
            connection.commit();
            order(connection, "2");
            rolledBack = engine().start(connection, saga, "2", "b");
            connection.rollback();
        }
        assertThat(committed.await(Duration.ofMinutes(1)).orElseThrow()).isEqualTo("a!"); // S7: claimed, owned by none
        assertThatThrownBy(rolledBack::status).isInstanceOf(IllegalStateException.class);
        assertThat(orders(pool)).isEqualTo(1);
    }

    /** Everything a connection is asked, by the names of its methods. */
    private static Connection noting(Connection connection, List<String> asked) {
        return (Connection) Proxy.newProxyInstance(
                Connection.class.getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, arguments) -> {
                    asked.add(method.getName());
                    try {
                        return method.invoke(connection, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    @ParameterizedTest
    @EnumSource(TestServer.Kind.class)
    void a_start_sets_no_savepoint_where_nothing_can_fail_in_its_middle(TestServer.Kind kind) throws Exception {
        DataSource pool = open(kind);
        List<String> asked = new ArrayList<>();
        try (Connection connection = pool.getConnection()) {
            connection.setAutoCommit(false);
            Connection noted = noting(connection, asked);
            engine().start(noted, saga, "1", "a");
            engine().start(noted, saga, "1", "a");
            connection.rollback();
        }
        assertThat(asked).contains("prepareStatement").doesNotContain("setSavepoint");
    }

    /** InnoDB's isolation by default: who began before the saga was started does not see it, and is not told so. */
    @ParameterizedTest
    @EnumSource(TestServer.Kind.class)
    void a_transaction_with_an_older_snapshot_is_told_or_has_to_be_run_again(TestServer.Kind kind) throws Exception {
        DataSource pool = open(kind);
        try (Connection connection = pool.getConnection()) {
            connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement()) {
                statement.executeQuery("SELECT count(*) FROM saga_instance").close(); // its snapshot
            }
            SagaHandle<String> there = engine().start(saga, "1", "a");
            order(connection, "1");
            if (kind == TestServer.Kind.MARIADB) {
                assertThat(engine().start(connection, saga, "1", "a").ref()).isEqualTo(there.ref());
                assertThatThrownBy(() -> engine().start(connection, saga, "2", "a"))
                        .isInstanceOfSatisfying(
                                SagaLockedException.class,
                                locked -> assertThat(locked.holder()).isEqualTo(there.ref()));
            } else
                assertThatThrownBy(() -> engine().start(connection, saga, "1", "a"))
                        .isInstanceOfSatisfying(
                                SQLException.class,
                                e -> assertThat(e.getSQLState()).isEqualTo("40001"));
            order(connection, "2"); // it can be used in any case
            connection.commit();
        }
        assertThat(orders(pool)).isEqualTo(2);
    }

    @ParameterizedTest
    @EnumSource(TestServer.Kind.class)
    void a_repeated_start_a_conflict_and_a_held_lock_leave_the_transaction_usable(TestServer.Kind kind)
            throws Exception {
        DataSource pool = open(kind);
        SagaHandle<String> holder = engine().start(saga, "1", "a");
        try (Connection connection = pool.getConnection()) {
            connection.setAutoCommit(false);
            order(connection, "1");
            assertThat(engine().start(connection, saga, "1", "a").ref()).isEqualTo(holder.ref()); // T2
            assertThatThrownBy(() -> engine().start(connection, saga, "1", "other"))
                    .isInstanceOf(SagaIdConflictException.class);
            assertThatThrownBy(() -> engine().start(connection, saga, "2", "a"))
                    .isInstanceOfSatisfying(
                            SagaLockedException.class,
                            locked -> assertThat(locked.holder()).isEqualTo(holder.ref())); // S14: neither aborts it
            order(connection, "2");
            connection.commit();
        }
        assertThat(orders(pool)).isEqualTo(2);
        free.countDown();
        assertThat(holder.await(Duration.ofMinutes(1)).orElseThrow()).isEqualTo("a!");
    }
}
