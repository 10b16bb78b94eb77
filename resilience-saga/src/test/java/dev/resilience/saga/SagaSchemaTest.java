// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import dev.resilience.servers.TestDatabase;
import dev.resilience.servers.TestServer;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SagaSchemaTest {
    private static String name(TestServer.Kind kind) {
        return kind == TestServer.Kind.POSTGRES ? "postgresql" : kind.name().toLowerCase(Locale.ROOT);
    }

    @ParameterizedTest
    @EnumSource
    void the_files_make_what_is_verified(TestServer.Kind kind) {
        try (TestDatabase database = TestServer.of(kind).database()) {
            for (String statement : SagaSchema.statements(SagaSchema.sql(name(kind)))) database.execute(statement);
            assertThatCode(() -> SagaSchema.verify(database.pool(1))).doesNotThrowAnyException();
        }
    }

    @ParameterizedTest
    @EnumSource
    void an_empty_database_lacks_all_four_tables_in_one_message(TestServer.Kind kind) {
        try (TestDatabase database = TestServer.of(kind).database()) {
            assertThatIllegalStateException()
                    .isThrownBy(() -> SagaSchema.verify(database.pool(1)))
                    .withMessageContaining("table saga_instance is missing")
                    .withMessageContaining("table saga_step is missing")
                    .withMessageContaining("table saga_signal is missing")
                    .withMessageContaining("table saga_node is missing")
                    .withMessageContaining("SagaSchema.sql(\"" + name(kind) + "\")");
        }
    }

    /** L11: all problems in one message. */
    @ParameterizedTest
    @EnumSource
    void every_missing_or_wrong_piece_is_named_at_once(TestServer.Kind kind) {
        try (TestDatabase database = TestServer.of(kind).database()) {
            DataSource source = database.pool(2);
            SagaSchema.createIfMissing(source);
            String sql = kind == TestServer.Kind.MARIADB ? "MODIFY %s %s" : "ALTER COLUMN %s TYPE %s";
            String type = kind == TestServer.Kind.H2 ? "ALTER COLUMN %s SET DATA TYPE %s" : sql;
            String drop = kind == TestServer.Kind.MARIADB ? " ON saga_instance" : "";
            database.execute(
                    "ALTER TABLE saga_step DROP COLUMN due_ms",
                    "ALTER TABLE saga_instance " + type.formatted("saga_id", "varchar(40)"),
                    "ALTER TABLE saga_step " + type.formatted("note", "varchar(40)"),
                    "ALTER TABLE saga_signal " + type.formatted("at_ms", "integer"),
                    "ALTER TABLE saga_node ADD COLUMN region varchar(5) NOT NULL",
                    "ALTER TABLE saga_node ADD COLUMN remark varchar(5)",
                    "DROP INDEX saga_instance_wake" + drop,
                    "DROP INDEX saga_instance_lock" + drop,
                    "DROP TABLE saga_signal");
            assertThatIllegalStateException()
                    .isThrownBy(() -> SagaSchema.verify(source))
                    .withMessageContaining("column saga_step.due_ms is missing")
                    .withMessageContaining("column saga_instance.saga_id must be text of 128 characters or more, is ")
                    .withMessageContaining("column saga_step.note must be text of 65535 characters or more, is ")
                    .withMessageContaining("column saga_node.region is not the journal's and must have a value")
                    .withMessageContaining("saga_instance has no index that begins with wake_ms")
                    .withMessageContaining("saga_instance has no unique index on lock_")
                    .withMessageContaining("table saga_signal is missing")
                    .satisfies(e -> assertThat(e).message().doesNotContain("remark"));
            assertThatThrownBy(() -> SagaEngine.jdbc(source).open())
                    .as("an engine does not open on it")
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("saga_step.due_ms");
        }
    }

    @Test
    void a_collation_that_takes_different_ids_for_equal_is_refused() {
        try (TestDatabase database = TestServer.mariadb().database()) {
            DataSource source = database.pool(1);
            SagaSchema.createIfMissing(source);
            database.execute(
                    "ALTER TABLE saga_signal MODIFY signal_key varchar(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL");
            assertThatIllegalStateException()
                    .isThrownBy(() -> SagaSchema.verify(source))
                    .withMessageContaining("saga_signal.signal_key has the collation utf8mb4_bin")
                    .withMessageContaining("must be utf8mb4_nopad_bin");
        }
    }

    @ParameterizedTest
    @EnumSource
    void several_create_what_is_missing_at_once_and_again(TestServer.Kind kind) throws Exception {
        try (TestDatabase database = TestServer.of(kind).database()) {
            DataSource source = database.pool(4);
            List<FutureTask<Boolean>> tasks = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                tasks.add(new FutureTask<>(() -> {
                    SagaSchema.createIfMissing(source);
                    return true;
                }));
                new Thread(tasks.get(i)).start();
            }
            for (FutureTask<Boolean> task : tasks)
                assertThat(task.get(240, TimeUnit.SECONDS)).isTrue();
            SagaSchema.createIfMissing(source);
            database.execute("DROP TABLE saga_node");
            SagaSchema.createIfMissing(source);
            SagaSchema.verify(source);
        }
    }

    @Test
    void nothing_is_created_unless_asked_but_in_h2() {
        try (TestDatabase h2 = TestServer.h2().database();
                TestDatabase postgres = TestServer.postgres().database()) {
            SagaEngine.jdbc(h2.pool(2)).open().close();
            SagaSchema.verify(h2.pool(1));
            assertThatIllegalStateException()
                    .isThrownBy(() -> SagaEngine.jdbc(postgres.pool(2)).open())
                    .withMessageContaining("table saga_instance is missing");
            assertThatIllegalStateException().isThrownBy(() -> SagaSchema.verify(postgres.pool(1)));
        }
    }

    private static HikariDataSource pool(String url, String user) {
        HikariDataSource pool = new HikariDataSource();
        pool.setJdbcUrl(url);
        pool.setUsername(user);
        pool.setPassword("");
        return pool;
    }

    /** G1: what H2 has not yet written to its file when the process is killed, it has forgotten. */
    @Test
    void a_file_of_h2_keeps_each_commit_at_once(@TempDir Path directory) throws SQLException {
        String url = "jdbc:h2:file:" + directory.resolve("sagas");
        try (HikariDataSource admin = pool(url, "sa");
                HikariDataSource service = pool(url, "service");
                Connection open = admin.getConnection();
                Statement statement = open.createStatement()) {
            for (String each : SagaSchema.statements(SagaSchema.sql("h2"))) statement.execute(each);
            statement.execute("CREATE USER service PASSWORD ''");
            statement.execute("GRANT ALL ON SCHEMA public TO service");
            assertThatIllegalStateException()
                    .isThrownBy(() -> SagaSchema.verify(admin))
                    .withMessageContaining("add ;WRITE_DELAY=0 to the URL");
            assertThatIllegalStateException()
                    .isThrownBy(() -> SagaSchema.createIfMissing(service))
                    .withMessageContaining("add ;WRITE_DELAY=0 to the URL");
            SagaSchema.createIfMissing(admin);
            SagaSchema.verify(service);
        }
    }

    /** S16: what no session can change is said, and is no problem of the tables. */
    @Test
    void settings_by_which_a_server_forgets_are_named() throws SQLException {
        assertThat(forgetful("mariadb", "1", "0", "0")).isEmpty();
        assertThat(forgetful("mysql", "1", "1", "1")).isEmpty();
        assertThat(forgetful("mysql", "2", "0", "0"))
                .singleElement()
                .asString()
                .startsWith("innodb_flush_log_at_trx_commit = 2");
        assertThat(forgetful("mariadb", "0", "1", "0")).hasSize(2);
        assertThat(forgetful("postgresql", "off")).singleElement().asString().startsWith("fsync = off");
        assertThat(forgetful("postgresql", "on")).isEmpty();
        for (TestServer.Kind kind : TestServer.Kind.values())
            try (TestDatabase database = TestServer.of(kind).database();
                    Connection connection = database.connect()) {
                SchemaCheck.forgetful(connection, name(kind)); // can be asked of the real one, whatever it is set to
            }
    }

    private static List<String> forgetful(String database, String... answers) throws SQLException {
        Iterator<String> next = List.of(answers).iterator();
        ResultSet row = (ResultSet) Proxy.newProxyInstance(
                SagaSchemaTest.class.getClassLoader(),
                new Class<?>[] {ResultSet.class},
                (proxy, method, given) -> switch (method.getName()) {
                    case "next" -> true;
                    case "getString" -> next.next();
                    default -> null;
                });
        PreparedStatement asked = (PreparedStatement) Proxy.newProxyInstance(
                SagaSchemaTest.class.getClassLoader(),
                new Class<?>[] {PreparedStatement.class},
                (proxy, method, given) -> method.getName().equals("executeQuery") ? row : null);
        Connection connection = (Connection) Proxy.newProxyInstance(
                SagaSchemaTest.class.getClassLoader(),
                new Class<?>[] {Connection.class},
                (proxy, method, given) -> asked);
        return SchemaCheck.forgetful(connection, database);
    }

    /** Where the path to the tables does not begin with their schema. */
    @Test
    void tables_are_found_as_statements_find_them() throws SQLException {
        try (TestDatabase with = TestServer.postgres().database();
                TestDatabase without = TestServer.postgres().database()) {
            SagaSchema.createIfMissing(with.pool(1));
            String url = without.url()
                    .replace("currentSchema=" + without.name(), "currentSchema=" + without.name() + "," + with.name());
            try (Connection both = DriverManager.getConnection(url)) {
                assertThat(SchemaCheck.problems(both, "postgresql")).isEmpty();
            }
        }
    }

    @Test
    void a_database_that_is_none_of_the_four_is_refused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SagaSchema.sql("oracle"))
                .withMessage("database must be postgresql, mariadb, mysql or h2, was oracle");
        assertThat(SagaSchema.sql("mysql")).contains("utf8mb4_0900_bin").contains("CREATE TABLE saga_node");
    }
}
