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
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import dev.resilience.saga.SagaStore.Signal;
import dev.resilience.servers.TestDatabase;
import dev.resilience.servers.TestServer;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Connections that a pool takes for whole, and that can do nothing for sagas any more. */
class StaleConnectionsTest {
    private static final int SIZE = 3;

    private static HikariDataSource pool(TestDatabase database) {
        HikariDataSource pool = new HikariDataSource();
        pool.setJdbcUrl(database.url());
        pool.setMaximumPoolSize(SIZE);
        pool.setMinimumIdle(0);
        pool.setConnectionTimeout(60_000);
        return pool;
    }

    /** Does this to all connections that the pool has, without its knowing. */
    private static void each(DataSource pool, String sql) throws SQLException {
        List<Connection> all = new ArrayList<>();
        try {
            for (int i = 0; i < SIZE; i++) all.add(pool.getConnection());
            for (Connection c : all)
                try (Statement s = c.createStatement()) {
                    s.execute(sql);
                }
        } finally {
            for (Connection c : all) c.close();
        }
    }

    /** What a failover leaves behind: the connections live, and their server is a standby now. */
    @ParameterizedTest
    @EnumSource(value = TestServer.Kind.class, names = "H2", mode = EnumSource.Mode.EXCLUDE)
    void connections_to_a_server_that_only_reads_are_thrown_away(TestServer.Kind kind) throws SQLException {
        String demoted = kind == TestServer.Kind.POSTGRES
                ? "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"
                : "SET SESSION TRANSACTION READ ONLY";
        try (TestDatabase database = TestServer.of(kind).database();
                HikariDataSource pool = pool(database)) {
            SagaSchema.createIfMissing(pool);
            SagaStore store = SagaStore.jdbc(pool);
            SagaInstance head = head(ref()).build();
            each(pool, demoted);
            assertThat(store.insert(start(head)).created()).isTrue();
            each(pool, demoted);
            assertThat(store.write(step(head, "a").build())).isTrue();
            each(pool, demoted);
            assertThat(store.signal(head.ref(), new Signal("s", "k", null, NOW)))
                    .isEqualTo(SagaReply.ACCEPTED);
            each(pool, demoted);
            assertThat(store.beat("me#1", 1, true).beats()).containsEntry("me#1", 1L);
            each(pool, demoted);
            assertThat(store.claim(claim("next#1", Set.of(ME), NOW))).hasSize(1);
            assertThat(pool.getHikariPoolMXBean().getActiveConnections()).isZero();
        }
    }

    @Test
    void a_data_source_that_only_reads_is_no_place_for_sagas_and_says_so() {
        try (TestDatabase database = TestServer.postgres().database()) {
            SagaSchema.createIfMissing(database.pool(1));
            try (HikariDataSource set = pool(database);
                    HikariDataSource standby = pool(database)) {
                set.setReadOnly(true); // the driver says so to the server when a transaction begins
                standby.setConnectionInitSql("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY");
                for (HikariDataSource reading : List.of(set, standby))
                    assertThatIllegalStateException()
                            .isThrownBy(() -> SagaEngine.jdbc(reading).open())
                            .withMessageContaining("it is read-only for this data source");
                SagaStore store = new JdbcStore(standby, new PostgresDialect());
                assertThatThrownBy(() -> store.insert(start(head(ref()).build())))
                        .isInstanceOf(SagaStoreException.class)
                        .hasMessageContaining("read-only transaction");
                assertThat(standby.getHikariPoolMXBean().getActiveConnections()).isZero();
            }
        }
    }

    /** A proxy that shares sessions gives one in which nothing was prepared, or another statement of that name. */
    @ParameterizedTest
    @ValueSource(strings = {"DEALLOCATE ALL", "DEALLOCATE ALL; PREPARE \"S_%d\" AS SELECT 1"})
    void prepared_statements_that_are_gone_or_anothers_cost_a_connection_and_no_saga(String meanwhile)
            throws SQLException {
        try (TestDatabase database = TestServer.postgres().database();
                HikariDataSource pool = pool(database)) {
            pool.setMaximumPoolSize(1);
            SagaSchema.createIfMissing(pool);
            SagaStore store = SagaStore.jdbc(pool);
            StringBuilder all = new StringBuilder();
            for (int i = 1; i < 40; i++)
                all.append("BEGIN EXECUTE '")
                        .append(meanwhile.replace("%d", "" + i).replace("; ", "'; EXECUTE '"))
                        .append("'; EXCEPTION WHEN OTHERS THEN END; ");
            SagaInstance head = head(ref()).build();
            store.insert(start(head));
            for (int i = 0; i < 30; i++) {
                if (i % 7 == 6)
                    try (Connection c = pool.getConnection();
                            Statement s = c.createStatement()) {
                        s.execute("DO $$ BEGIN " + all + " END $$"); // the driver does not see what is done
                    }
                Checkpoint step = step(head, "s" + i).build();
                assertThat(store.write(step)).isTrue();
                head = step.after(head);
                assertThat(store.load(head.ref()).orElseThrow().entries()).hasSize(i + 1);
                assertThat(store.claim(claim("next#1", Set.of("nobody#1"), 0))).isEmpty(); // a transaction
            }
        }
    }

    @Test
    void a_table_that_is_altered_while_statements_are_prepared_costs_no_saga() throws SQLException {
        try (TestDatabase database = TestServer.postgres().database();
                HikariDataSource pool = pool(database)) {
            SagaSchema.createIfMissing(pool);
            SagaStore store = SagaStore.jdbc(pool);
            SagaInstance head = head(ref()).build();
            store.insert(start(head));
            for (int i = 0; i < 12; i++) store.load(head.ref());
            database.execute("ALTER TABLE saga_instance ALTER reason TYPE varchar(300)");
            assertThat(store.load(head.ref())).isPresent();
            assertThat(store.write(step(head, "a").build())).isTrue();
        }
    }

    /** A driver with a bug, or a proxy of somebody's around it. */
    @Test
    void what_a_driver_throws_that_is_no_sql_exception_is_a_store_that_cannot_be_asked() {
        try (TestDatabase database = TestServer.h2().database()) {
            DataSource whole = database.pool(2);
            SagaSchema.createIfMissing(whole);
            AtomicReference<RuntimeException> bug = new AtomicReference<>();
            SagaStore store = SagaStore.jdbc(buggy(whole, bug));
            SagaInstance head = head(ref()).build();
            store.insert(start(head));
            for (RuntimeException each : List.of(new NullPointerException("bug"), new IllegalStateException("bug"))) {
                bug.set(each);
                assertThatThrownBy(() -> store.write(step(head, "a").build()))
                        .isInstanceOf(SagaStoreException.class)
                        .hasRootCause(each);
                assertThatThrownBy(() -> store.load(head.ref())).isInstanceOf(SagaStoreException.class);
                bug.set(null);
                assertThat(store.load(head.ref()).orElseThrow().entries()).isEmpty();
            }
            assertThat(store.write(step(head, "a").build())).isTrue();
        }
    }

    private static DataSource buggy(DataSource whole, AtomicReference<RuntimeException> bug) {
        return proxy(
                DataSource.class,
                whole,
                (name, result) -> name.equals("getConnection")
                        ? proxy(Connection.class, (Connection) result, (asked, answer) -> {
                            RuntimeException now = bug.get();
                            if (now != null && asked.equals("prepareStatement")) throw now;
                            return answer;
                        })
                        : result);
    }

    private interface Answer {
        Object of(String name, Object result);
    }

    private static <T> T proxy(Class<T> type, T target, Answer answer) {
        return type.cast(Proxy.newProxyInstance(
                StaleConnectionsTest.class.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> {
                    try {
                        return answer.of(method.getName(), method.invoke(target, arguments));
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                }));
    }
}
