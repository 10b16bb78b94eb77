// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.resilience.saga.SagaSchema;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/** A database of one's own on a PostgreSQL that runs already; dropped at the end. */
final class SagaServer implements AutoCloseable {
    private static final String LOOPBACK = "jdbc:postgresql://127.0.0.1:5432/postgres?user=postgres";
    /** What Linux counts processor time in. */
    private static final long TICKS_PER_SECOND = 100;

    private final String admin;
    private final String database;
    private final List<HikariDataSource> pools = new ArrayList<>();

    private SagaServer(String admin, String database) {
        this.admin = admin;
        this.database = database;
    }

    /** The server of {@code TEST_POSTGRES_URL} or the one on loopback; empty if none answers. */
    static Optional<SagaServer> find() {
        String url = Optional.ofNullable(System.getenv("TEST_POSTGRES_URL")).orElse(LOOPBACK);
        String name = "bench_" + Long.toString(ThreadLocalRandom.current().nextLong(1L << 40), 36);
        try (Connection c = DriverManager.getConnection(url);
                Statement s = c.createStatement()) {
            s.execute("CREATE DATABASE " + name);
        } catch (SQLException e) {
            return Optional.empty();
        }
        SagaServer server = new SagaServer(url, name);
        SagaSchema.createIfMissing(server.pool(1));
        return Optional.of(server);
    }

    String url() {
        return url(admin, database);
    }

    /** The same server, another database. */
    static String url(String admin, String database) {
        int options = admin.indexOf('?');
        String base = options < 0 ? admin : admin.substring(0, options);
        return base.substring(0, base.lastIndexOf('/') + 1) + database + (options < 0 ? "" : admin.substring(options));
    }

    /** A pool whose connections are all there. */
    HikariDataSource pool(int size) {
        HikariDataSource pool = pool(url(), size);
        pools.add(pool);
        return pool;
    }

    static HikariDataSource pool(String url, int size) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(url);
        config.setMaximumPoolSize(size);
        config.setMinimumIdle(size);
        return new HikariDataSource(config);
    }

    /** What the server has done for this database until now. */
    record Usage(long commits, long updates, long hotUpdates, double cpuSeconds) {
        Usage since(Usage before) {
            return new Usage(
                    commits - before.commits,
                    updates - before.updates,
                    hotUpdates - before.hotUpdates,
                    cpuSeconds - before.cpuSeconds);
        }
    }

    Usage usage() throws SQLException {
        try (Connection c = DriverManager.getConnection(url());
                Statement s = c.createStatement()) {
            long[] tables = longs(
                    s,
                    "SELECT coalesce(sum(n_tup_upd), 0), coalesce(sum(n_tup_hot_upd), 0)"
                            + " FROM pg_stat_user_tables");
            long commits = longs(s, "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")[0];
            return new Usage(commits, tables[0], tables[1], cpu(s));
        }
    }

    /** Settles what PostgreSQL does after a load, so that it does not run in the next one's time. */
    void settle() throws SQLException {
        try (Connection c = DriverManager.getConnection(url());
                Statement s = c.createStatement()) {
            s.execute("VACUUM ANALYZE");
            s.execute("CHECKPOINT");
        }
    }

    String version() throws SQLException {
        try (Connection c = DriverManager.getConnection(url());
                Statement s = c.createStatement();
                ResultSet r = s.executeQuery("SHOW server_version")) {
            r.next();
            return "PostgreSQL " + r.getString(1);
        }
    }

    private static long[] longs(Statement s, String query) throws SQLException {
        try (ResultSet r = s.executeQuery(query)) {
            r.next();
            long[] row = new long[r.getMetaData().getColumnCount()];
            for (int i = 0; i < row.length; i++) row[i] = r.getLong(i + 1);
            return row;
        }
    }

    /** Of the connections of this database and of the server's own processes; NaN where that cannot be read. */
    private static double cpu(Statement s) throws SQLException {
        double seconds = 0;
        try (ResultSet r = s.executeQuery("SELECT pid FROM pg_stat_activity WHERE backend_type <> 'client backend'"
                + " AND backend_type <> 'autovacuum worker' OR datname = current_database()")) {
            while (r.next()) seconds += cpu(r.getLong(1));
        }
        return seconds;
    }

    private static double cpu(long pid) {
        try {
            String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
            if (!stat.contains("(postgres)")) return Double.NaN;
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
            return (double) (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) / TICKS_PER_SECOND;
        } catch (IOException e) {
            return Double.NaN;
        }
    }

    /** Connections of one measurement are not there in the next one's time. */
    void closePools() {
        pools.forEach(HikariDataSource::close);
        pools.clear();
    }

    @Override
    public void close() {
        closePools();
        try (Connection c = DriverManager.getConnection(admin);
                Statement s = c.createStatement()) {
            s.execute("DROP DATABASE " + database + " WITH (FORCE)");
        } catch (SQLException e) {
            System.err.println("left behind: database " + database + ": " + e.getMessage());
        }
    }
}
