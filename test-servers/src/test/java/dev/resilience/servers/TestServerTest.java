// SPDX-License-Identifier: Apache-2.0
package dev.resilience.servers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TestServerTest {
    @ParameterizedTest
    @EnumSource(TestServer.Kind.class)
    void each_database_is_apart_and_gone_when_closed(TestServer.Kind kind) throws SQLException {
        TestServer server = TestServer.of(kind);
        String url;
        try (TestDatabase one = server.database();
                TestDatabase other = server.database();
                Connection connection = one.pool(2).getConnection();
                Statement statement = connection.createStatement()) {
            url = one.url();
            statement.execute("CREATE TABLE t (n int)");
            statement.execute("INSERT INTO t VALUES (1)");
            other.execute("CREATE TABLE t (n int)");
            try (ResultSet rows = statement.executeQuery("SELECT n FROM t")) {
                assertThat(rows.next()).isTrue();
                assertThat(rows.getInt(1)).isEqualTo(1);
            }
        }
        assertThatThrownBy(() -> TestDatabase.at(url, "INSERT INTO t VALUES (2)"))
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    void a_server_of_its_own_crashes_and_comes_back_with_what_was_committed() throws SQLException {
        try (TestServer server = TestServer.ownPostgres();
                TestDatabase database = server.database()) {
            database.execute("CREATE TABLE t (n int)", "INSERT INTO t VALUES (1)");
            try (Connection open = database.connect();
                    Statement statement = open.createStatement()) {
                open.setAutoCommit(false);
                statement.execute("INSERT INTO t VALUES (2)");
                server.crash();
                assertThatThrownBy(() -> statement.execute("SELECT 1")).isInstanceOf(SQLException.class);
            }
            server.start();
            try (Connection again = database.connect();
                    Statement statement = again.createStatement();
                    ResultSet rows = statement.executeQuery("SELECT sum(n) FROM t")) {
                rows.next();
                assertThat(rows.getInt(1)).isEqualTo(1);
            }
            server.stop();
            server.start();
        }
    }
}
