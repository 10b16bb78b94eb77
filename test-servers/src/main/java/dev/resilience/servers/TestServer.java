// SPDX-License-Identifier: Apache-2.0
package dev.resilience.servers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A database server for tests. {@link #postgres()} and {@link #mariadb()} are the one of this JVM: the server that
 * {@code TEST_POSTGRES_URL} or {@code TEST_MARIADB_URL} names (a JDBC URL with user and password), or else one that is
 * started from an artifact of the registry when it is first asked for, and ends with the JVM. There is no third way:
 * what cannot be had fails the test and says what to do.
 */
public final class TestServer implements AutoCloseable {
    /** What kind of server. */
    public enum Kind {
        /** PostgreSQL. */
        POSTGRES,
        /** MariaDB. */
        MARIADB,
        /** H2 in this JVM. */
        H2
    }

    private static final ReentrantLock LOCK = new ReentrantLock();
    private static @Nullable TestServer postgres;
    private static @Nullable TestServer mariadb;

    private final Kind kind;
    private final String url;
    private final @Nullable ServerProcess process;

    private TestServer(Kind kind, String url, @Nullable ServerProcess process) {
        this.kind = kind;
        this.url = url;
        this.process = process;
    }

    /** The PostgreSQL of this JVM. */
    public static TestServer postgres() {
        LOCK.lock();
        try {
            if (postgres == null) postgres = named(Kind.POSTGRES, "TEST_POSTGRES_URL", TestServer::ownPostgres);
            return postgres;
        } finally {
            LOCK.unlock();
        }
    }

    /** The MariaDB of this JVM. */
    public static TestServer mariadb() {
        LOCK.lock();
        try {
            if (mariadb == null) mariadb = named(Kind.MARIADB, "TEST_MARIADB_URL", TestServer::ownMariadb);
            return mariadb;
        } finally {
            LOCK.unlock();
        }
    }

    /** H2 in memory: every {@link #database()} is one of its own. */
    public static TestServer h2() {
        return new TestServer(Kind.H2, "jdbc:h2:mem:", null);
    }

    /** The one of a kind. */
    public static TestServer of(Kind kind) {
        return switch (kind) {
            case POSTGRES -> postgres();
            case MARIADB -> mariadb();
            case H2 -> h2();
        };
    }

    private static TestServer named(Kind kind, String variable, Supplier<TestServer> own) {
        String url = System.getenv(variable);
        if (url == null || url.isBlank()) return own.get();
        try {
            DriverManager.getConnection(url).close();
            return new TestServer(kind, url, null);
        } catch (SQLException e) {
            throw new IllegalStateException(
                    "the server that " + variable + " names does not answer; unset it to have one started", e);
        }
    }

    /** A PostgreSQL of its own, which may be stopped and started again; close it. */
    public static TestServer ownPostgres() {
        Path binaries = Binaries.postgres();
        Path directory = ServerProcess.directory("postgres-data");
        Path data = directory.resolve("data");
        ServerProcess.run(
                directory,
                Path.of("/dev/null"),
                List.of(
                        binaries + "/bin/initdb",
                        "-D",
                        data.toString(),
                        "-U",
                        "test",
                        "-A",
                        "trust",
                        "-E",
                        "UTF8",
                        "--locale=C",
                        "--no-sync",
                        "--no-instructions"));
        int port = freePort();
        // a crash of the server loses nothing without fsync, only one of the machine does
        ServerProcess process = ServerProcess.start(
                directory,
                List.of(
                        binaries + "/bin/postgres",
                        "-D",
                        data.toString(),
                        "-p",
                        Integer.toString(port),
                        "-c",
                        "listen_addresses=127.0.0.1",
                        "-c",
                        "unix_socket_directories=",
                        "-c",
                        "fsync=off",
                        "-c",
                        "max_connections=200",
                        "-c",
                        "shared_buffers=64MB",
                        "-c",
                        "max_wal_size=256MB"));
        return answering(
                new TestServer(Kind.POSTGRES, "jdbc:postgresql://127.0.0.1:" + port + "/postgres?user=test", process));
    }

    private static TestServer ownMariadb() {
        Path binaries = Binaries.mariadb();
        Path directory = ServerProcess.directory("mariadb-data");
        Path data = directory.resolve("data");
        String common = "--no-defaults --basedir=" + binaries + " --datadir=" + data + " --lc-messages-dir=" + binaries
                + "/share --innodb-buffer-pool-size=64M --innodb-log-file-size=64M --skip-log-bin";
        List<String> command = List.of((binaries + "/bin/mariadbd " + common).split(" "));
        try {
            Path sql = Files.createTempFile("mariadb", ".sql");
            StringBuilder script = new StringBuilder("create database mysql;\nuse mysql;\n");
            for (String file :
                    List.of("mariadb_system_tables", "mariadb_performance_tables", "mariadb_system_tables_data"))
                script.append(Files.readString(binaries.resolve("share/" + file + ".sql")))
                        .append('\n');
            Files.writeString(sql, script);
            ServerProcess.run(directory, sql, with(List.of("sh", "-c", "mkdir \"$0\"", data.toString())));
            ServerProcess.run(directory, sql, with(command, "--bootstrap", "--innodb-flush-log-at-trx-commit=0"));
            Files.delete(sql);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        int port = freePort();
        ServerProcess process = ServerProcess.start(
                directory,
                with(
                        command,
                        "--skip-grant-tables",
                        "--skip-ssl", // or it makes a certificate first, which takes minutes on a busy machine
                        "--skip-name-resolve",
                        "--bind-address=127.0.0.1",
                        "--port=" + port,
                        "--socket=" + directory + "/s",
                        "--innodb-flush-log-at-trx-commit=2",
                        "--max-connections=200"));
        return answering(
                new TestServer(Kind.MARIADB, "jdbc:mariadb://127.0.0.1:" + port + "/mysql?user=test", process));
    }

    private static List<String> with(List<String> command, String... more) {
        List<String> all = new java.util.ArrayList<>(command);
        all.addAll(List.of(more));
        return all;
    }

    /** Below those that the system gives to whoever asks for any: nobody else is given it before the server has it. */
    private static int freePort() {
        int port = 0;
        while (port == 0) {
            try (ServerSocket socket = new ServerSocket(
                    ThreadLocalRandom.current().nextInt(12_000, 32_000), 1, InetAddress.getLoopbackAddress())) {
                port = socket.getLocalPort();
            } catch (BindException taken) {
                port = 0; // another one
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return port;
    }

    private static TestServer answering(TestServer server) {
        server.awaitAnswer();
        return server;
    }

    private void awaitAnswer() {
        ServerProcess own = own();
        long until = System.nanoTime() + ServerProcess.PATIENCE_SECONDS * 1_000_000_000L;
        while (true) {
            try {
                DriverManager.getConnection(url).close();
                return;
            } catch (SQLException notYet) {
                if (!own.ended() && System.nanoTime() - until < 0) {
                    own.pause();
                    continue;
                }
                String log = own.log();
                close();
                throw new IllegalStateException(
                        "the " + kind.name().toLowerCase(Locale.ROOT) + " for the tests does not answer; its log: "
                                + log,
                        notYet);
            }
        }
    }

    private ServerProcess own() {
        if (process == null) throw new IllegalStateException("not a server that this JVM may stop: " + url);
        return process;
    }

    /** What kind it is. */
    public Kind kind() {
        return kind;
    }

    /** A new, empty database (of PostgreSQL: a schema) of a random name. Close it: that drops it. */
    public TestDatabase database() {
        String name = "t" + UUID.randomUUID().toString().replace("-", "").substring(0, 20);
        return switch (kind) {
            case H2 -> new TestDatabase(kind, url + name + ";DB_CLOSE_DELAY=-1;LOCK_TIMEOUT=60000", name, url + name);
            case POSTGRES -> {
                TestDatabase.at(url, "CREATE SCHEMA " + name);
                yield new TestDatabase(
                        kind, url + (url.contains("?") ? "&" : "?") + "currentSchema=" + name, name, url);
            }
            case MARIADB -> {
                TestDatabase.at(url, "CREATE DATABASE " + name);
                int query = url.indexOf('?');
                String before = query < 0 ? url : url.substring(0, query);
                String of = before.substring(0, before.indexOf('/', "jdbc:mariadb://".length()) + 1) + name;
                yield new TestDatabase(kind, of + (query < 0 ? "" : url.substring(query)), name, url);
            }
        };
    }

    /** The server's own URL, user and password included. */
    public String url() {
        return url;
    }

    /** Ends it as a crash would: no transaction that is open is committed, every connection breaks. */
    public void crash() {
        own().signal(kind == Kind.POSTGRES ? "QUIT" : "KILL");
    }

    /** Ends it in order; connections break. */
    public void stop() {
        own().signal(kind == Kind.POSTGRES ? "INT" : "TERM");
    }

    /** Starts it again, at the same port and with the same data, and waits until it answers. */
    public void start() {
        own().start();
        awaitAnswer();
    }

    /** Ends one that was started here; the others are left as they are. */
    @Override
    public void close() {
        if (process != null) process.close();
    }
}
