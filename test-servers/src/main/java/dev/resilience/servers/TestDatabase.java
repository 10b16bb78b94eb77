// SPDX-License-Identifier: Apache-2.0
package dev.resilience.servers;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** A database that belongs to one test class. */
public final class TestDatabase implements AutoCloseable {
    private final TestServer.Kind kind;
    private final String url;
    private final String name;
    private final String admin;
    private final List<HikariDataSource> pools = new CopyOnWriteArrayList<>();

    TestDatabase(TestServer.Kind kind, String url, String name, String admin) {
        this.kind = kind;
        this.url = url;
        this.name = name;
        this.admin = admin;
    }

    /** What kind of server it is on. */
    public TestServer.Kind kind() {
        return kind;
    }

    /** A JDBC URL that leads into it, user and password included; for other processes too, unless it is H2. */
    public String url() {
        return url;
    }

    /** Its name: of PostgreSQL the schema's. */
    public String name() {
        return name;
    }

    /** A pool of connections, as a service would have one; closed with the database. */
    public DataSource pool(int size) {
        return pool(size, null);
    }

    /** The same of sessions that begin with a statement, which may set something. */
    public DataSource pool(int size, @Nullable String first) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(url);
        config.setConnectionInitSql(first);
        config.setMaximumPoolSize(size);
        config.setMinimumIdle(0);
        config.setConnectionTimeout(60_000);
        config.setInitializationFailTimeout(60_000); // a server that others use too may have no place at the moment
        HikariDataSource pool = new HikariDataSource(config);
        pools.add(pool);
        return pool;
    }

    /** A connection outside every pool. */
    public Connection connect() throws SQLException {
        return connect(url);
    }

    /** When the server, which others may use too, has no place at the moment, then later. */
    static Connection connect(String url) throws SQLException {
        long until = System.nanoTime() + ServerProcess.PATIENCE_SECONDS * 1_000_000_000L;
        while (true) {
            try {
                return DriverManager.getConnection(url);
            } catch (SQLException e) {
                boolean full = "53300".equals(e.getSQLState()) || e.getErrorCode() == 1040 || e.getErrorCode() == 1203;
                if (!full || System.nanoTime() - until > 0) throw e;
                LockSupport.parkNanos(100_000_000);
            }
        }
    }

    /** Statements without a result, in auto-commit. */
    public void execute(String... statements) {
        at(url, statements);
    }

    static void at(String url, String... statements) {
        try (Connection connection = connect(url);
                Statement statement = connection.createStatement()) {
            for (String sql : statements) statement.execute(sql);
        } catch (SQLException e) {
            throw new IllegalStateException("failed: " + List.of(statements), e);
        }
    }

    /** Closes its pools and drops it. */
    @Override
    public void close() {
        for (HikariDataSource pool : pools) pool.close();
        switch (kind) {
            case H2 -> at(url, "SHUTDOWN");
            case POSTGRES -> drop("DROP SCHEMA IF EXISTS " + name + " CASCADE");
            case MARIADB -> drop("DROP DATABASE IF EXISTS " + name);
        }
    }

    /** What a process that was killed had asked for may still be at work, and lock in another order. */
    private void drop(String sql) {
        int attempts = 10;
        while (true) {
            try {
                at(admin, sql);
                return;
            } catch (IllegalStateException e) {
                boolean deadlock = e.getCause() instanceof SQLException cause
                        && List.of("40P01", "40001").contains(String.valueOf(cause.getSQLState()));
                if (!deadlock || --attempts == 0) throw e;
            }
        }
    }
}
