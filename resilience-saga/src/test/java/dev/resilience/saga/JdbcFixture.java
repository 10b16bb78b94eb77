// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.saga.JournalEntry.Phase;
import dev.resilience.saga.SagaStore.Claim;
import dev.resilience.saga.SagaStore.Start;
import dev.resilience.saga.SagaStore.Supported;
import dev.resilience.servers.TestDatabase;
import dev.resilience.servers.TestServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;

/** A journal on a real PostgreSQL with a schema of its own, and what tests say about sagas in a few words. */
final class JdbcFixture implements AutoCloseable {
    static final String ME = "me#1";
    static final long NOW = 1_000_000;
    /**
     * How sessions of PostgreSQL begin whose batches wait for a lock for as long as a test holds it: a second, which is
     * the limit otherwise, is soon over on a machine that is busy.
     */
    static final String PATIENTLY = "SET lock_timeout = '240s'";

    private static final AtomicInteger IDS = new AtomicInteger();

    final TestDatabase database = TestServer.postgres().database();
    final JdbcStore store;

    JdbcFixture() {
        database.execute(ddl());
        store = JdbcStore.of(database.pool(8));
    }

    static String ddl() {
        try (InputStream sql = JdbcFixture.class.getResourceAsStream("postgresql.sql")) {
            return new String(sql.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static SagaRef ref() {
        return new SagaRef("order", "id-" + IDS.incrementAndGet());
    }

    static SagaInstance.Builder head(SagaRef ref) {
        return SagaInstance.builder(ref)
                .incarnation("inc")
                .owner(ME)
                .fence(100)
                .startedMs(NOW)
                .updatedMs(NOW);
    }

    static Start start(SagaInstance head) {
        return new Start(head, new byte[] {1, 2, 3}, "hash", null, List.of());
    }

    SagaInstance started(SagaInstance.Builder head) {
        SagaInstance h = head.build();
        SagaStore.Started started = store.insert(start(h));
        if (!started.created()) throw new AssertionError("not started: " + started);
        return h;
    }

    SagaInstance started() {
        return started(head(ref()));
    }

    static JournalEntry.Builder done(String step) {
        return JournalEntry.of(Phase.ACTION, step)
                .outcome(StepOutcome.COMPLETED)
                .kind('C')
                .payload(new byte[] {7});
    }

    static Checkpoint.Builder step(SagaInstance seen, String step) {
        return Checkpoint.on(seen, NOW + 1).append(done(step));
    }

    static Checkpoint ended(SagaInstance seen, SagaStatus status, long ms) {
        Checkpoint.Builder end = Checkpoint.on(seen, ms).append(done("last"));
        end.head()
                .status(status)
                .owner(null)
                .wakeMs(SagaInstance.NEVER)
                .lockKey(null)
                .endedMs(ms);
        return end.build();
    }

    SagaInstance now(SagaRef ref) {
        return store.load(ref).orElseThrow().head();
    }

    List<String> steps(SagaRef ref) {
        return store.load(ref).orElseThrow().entries().stream()
                .map(JournalEntry::step)
                .toList();
    }

    static Claim claim(String owner, Set<String> dead, long nowMs) {
        return new Claim(owner, dead, List.of(new Supported("order", 1, 9)), nowMs, 100, 3, 1);
    }

    /** All that a head or a line says, whatever it is made of. */
    static Map<String, Object> all(Object said) {
        Map<String, Object> all = new TreeMap<>();
        try {
            for (Method method : said.getClass().getMethods())
                if (method.getParameterCount() == 0
                        && method.getDeclaringClass() != Object.class
                        && !List.of("but", "toString").contains(method.getName()))
                    all.put(method.getName(), readable(method.invoke(said)));
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(e.getMessage(), e);
        }
        return all;
    }

    private static Object readable(Object value) {
        return value instanceof byte[] bytes ? Arrays.toString(bytes) : value;
    }

    long number(String sql) {
        try (Connection c = database.connect()) {
            return number(c, sql);
        } catch (SQLException e) {
            throw new AssertionError(sql, e);
        }
    }

    static long number(Connection c, String sql) throws SQLException {
        try (Statement s = c.createStatement();
                ResultSet r = s.executeQuery(sql)) {
            r.next();
            return r.getLong(1);
        }
    }

    @Override
    public void close() {
        database.close();
    }
}
