// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.servers.TestDatabase;
import dev.resilience.servers.TestServer;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * G1–G9 with processes that are killed, frozen and cut off. Each participant makes its effect once per key, in a schema of
 * its own, and counts the calls. {@code -Dsaga.process.rounds=N} makes it longer ({@code stress/processes}).
 */
class SagaProcessTest {
    private static final int ROUNDS = Integer.getInteger("saga.process.rounds", 1);
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(Long.getLong("saga.process.patience", 240));

    private final TestDatabase participants = TestServer.postgres().database();
    private final List<Worker> workers = new ArrayList<>();
    private TestServer server = TestServer.postgres();
    private TestDatabase journal;
    private Connection look;

    @BeforeEach
    void effects() {
        participants.execute("CREATE TABLE effect (n bigserial, key varchar(400) PRIMARY KEY, saga varchar(128),"
                + " step varchar(40), calls int)");
    }

    @AfterEach
    void close() throws SQLException {
        workers.forEach(Worker::close);
        if (look != null) look.close();
        if (server == TestServer.postgres()) journal.close();
        else server.close();
        participants.close();
    }

    private void journal() throws SQLException {
        journal = server.database();
        SagaSchema.createIfMissing(journal.pool(1));
        look = journal.connect();
    }

    /** With a lease of a second a busy machine makes many dead who live: none of them is to be taken for poison. */
    private Worker worker(String node, String url) throws IOException {
        return worker(node, url, 1_000);
    }

    private Worker worker(String node, String url, int maxClaims) throws IOException {
        Worker worker = new Worker(node, url, participants.url(), participants.name(), maxClaims);
        workers.add(worker);
        return worker;
    }

    // ---- the tests

    /** G1, G3, G4, G9: under load, each of two is killed again and again; its sagas go on at the other. */
    @Test
    void what_a_killed_process_ran_goes_on_in_the_other() throws Exception {
        journal();
        Worker[] pair = {worker("a", journal.url()), worker("b", journal.url())};
        for (Worker worker : pair) worker.awaitReady();
        int sagas = 0;
        for (int round = 0; round < 3 * ROUNDS; round++) {
            for (int i = 0; i < 24; i++) pair[i % 2].start("s" + sagas++, i % 4 == 3 ? "declined" : "well", 20);
            int now = ended();
            int all = sagas;
            await("some of round " + round, () -> ended() >= Math.min(now + 6, all));
            Worker killed = pair[round % 2];
            killed.kill();
            long at = System.nanoTime();
            Worker heir = pair[1 - round % 2];
            // what it had not confirmed may have been started or not: the same again, by the other one (C0, C1, G2)
            for (String id : killed.sent)
                if (!killed.started.contains(id))
                    heir.start(id, Integer.parseInt(id.substring(1)) % 24 % 4 == 3 ? "declined" : "well", 20);
            int orphans =
                    number("SELECT count(*) FROM saga_instance WHERE owner = '" + killed.owner() + "' AND status < 10");
            await(
                    "takeover",
                    () -> number("SELECT count(*) FROM saga_instance WHERE owner = '" + killed.owner()
                                    + "' AND status < 10")
                            == 0);
            note("SIGKILL, lease 1 s: " + orphans + " sagas taken over after " + millis(at));
            pair[round % 2] = worker(round % 2 == 0 ? "a" : "b", journal.url());
            pair[round % 2].awaitReady();
        }
        int all = sagas;
        await("all of " + all, () -> ended() == all);
        check(all);
    }

    /** G9, C14: who is frozen for longer than its lease and wakes up writes nothing to what others run by then. */
    @Test
    void a_process_that_was_frozen_records_nothing_and_goes_on() throws Exception {
        journal();
        Worker frozen = worker("a", journal.url()).awaitReady();
        worker("b", journal.url()).awaitReady();
        int sagas = 0;
        for (int round = 0; round < ROUNDS; round++) {
            int first = sagas;
            for (int i = 0; i < 16; i++) frozen.start("s" + sagas++, i % 4 == 3 ? "declined" : "well", 100);
            int begun = sagas;
            await(
                    "starts",
                    () -> frozen.started.size() >= begun - first && number("SELECT count(*) FROM saga_step") > 8);
            frozen.signal("STOP");
            long at = System.nanoTime();
            int orphans = number("SELECT count(*) FROM saga_instance WHERE owner LIKE 'a#%' AND status < 10");
            await(
                    "takeover",
                    () -> number("SELECT count(*) FROM saga_instance WHERE owner LIKE 'a#%' AND status < 10") == 0);
            note("SIGSTOP, lease 1 s: " + orphans + " sagas taken over after " + millis(at));
            int there = number("SELECT count(*) FROM saga_instance");
            await("the heir", () -> ended() >= there);
            frozen.signal("CONT");
            for (int i = 0; i < 8; i++) {
                String id = "s" + sagas++;
                frozen.start(id, "well", 20);
            }
            int all = sagas;
            await("all of " + all + ", those of who woke up included", () -> ended() == all);
            note("SIGCONT: told " + frozen.fenced.get() + " times that a saga is another's");
            frozen.started.clear();
        }
        check(sagas);
    }

    /** C5: the server of the journal crashes under load, and answers to what it did are lost. */
    @Test
    void a_server_that_crashes_and_loses_answers_fails_no_saga() throws Exception {
        server = TestServer.ownPostgres();
        journal();
        int port = URI.create(journal.url().substring("jdbc:".length())).getPort();
        try (LossyProxy proxy = new LossyProxy(port, 15)) {
            String through = journal.url().replace(":" + port + "/", ":" + proxy.port() + "/");
            Worker one = worker("a", through).awaitReady();
            Worker other = worker("b", journal.url()).awaitReady();
            proxy.lossy(true);
            int sagas = 0;
            for (int round = 0; round < 2 * ROUNDS; round++) {
                for (int i = 0; i < 30; i++)
                    (i % 3 == 2 ? other : one).start("s" + sagas++, i % 4 == 3 ? "declined" : "well", 10);
                int now = ended();
                int all = sagas;
                await("some of round " + round, () -> ended() >= Math.min(now + 8, all));
                look.close();
                if (round % 2 == 0) server.crash();
                else server.stop();
                server.start();
                look = journal.connect();
            }
            int all = sagas;
            await("all of " + all, () -> ended() == all);
            note("answers lost: " + proxy.lost.get() + ", restarts: " + 2 * ROUNDS);
            assertThat(proxy.lost.get()).isPositive();
            assertThat(one.alive() && other.alive()).isTrue();
            check(all);
        }
    }

    /** T17, G8: a saga that kills whoever runs it is parked, and nothing else is. */
    @Test
    void a_saga_that_kills_its_process_is_parked_alone() throws Exception {
        journal();
        Worker worker = worker("a", journal.url(), 5).awaitReady();
        worker.start("s0", "poison", 0);
        for (int i = 1; i <= 12; i++) worker.start("s" + i, "well", 5);
        Set<String> unsure = new TreeSet<>();
        for (int i = 0; i <= 12; i++) unsure.add("s" + i);
        int deaths = 0;
        long until = System.nanoTime() + PATIENCE;
        while (number("SELECT count(*) FROM saga_instance WHERE status = 3") == 0 || ended() < 12) {
            if (System.nanoTime() - until > 0)
                throw new AssertionError(
                        "not parked after " + deaths + " deaths; worker " + (worker.alive() ? "runs" : "is dead")
                                + ", not started: " + unsure + ", sagas: "
                                + strings(
                                        "SELECT saga_id || ' ' || status || ' of ' ||"
                                                + " coalesce(owner, 'nobody') || ' claims ' || claims || ' seq ' || seq FROM saga_instance")
                                + strings("SELECT owner || ' ' || beat FROM saga_node") + worker.odd
                                + workers.stream().map(w -> w.taken).toList());
            unsure.removeAll(worker.started);
            if (!worker.alive()) {
                deaths++;
                worker = worker("a", journal.url(), 5).awaitReadyOrDeath();
                for (String id : unsure) worker.start(id, id.equals("s0") ? "poison" : "well", 5);
            }
            LockSupport.parkNanos(20_000_000);
        }
        note("poison: parked after " + deaths + " deaths, maxClaims 5");
        assertThat(strings("SELECT saga_id || ' ' || reason FROM saga_instance WHERE status = 3"))
                .containsExactly("s0 POISON");
        assertThat(number("SELECT count(*) FROM saga_instance WHERE status = 10"))
                .isEqualTo(12);
        assertThat(worker.alive()).isTrue();
    }

    // ---- what must be so in the end

    private void check(int sagas) throws SQLException {
        assertThat(
                        strings(
                                "SELECT saga_id || ' ' || status || ' ' || reason FROM saga_instance WHERE status NOT IN (10, 11)"))
                .as("G8: none is parked, none is left")
                .isEmpty();
        assertThat(number("SELECT count(*) FROM saga_instance")).isEqualTo(sagas);
        assertThat(strings("SELECT saga_id FROM saga_instance WHERE status = 11 AND reason <> 'REJECTED'"))
                .as("only those that were declined are undone")
                .isEmpty();
        assertThat(strings("SELECT saga_id || ' ' || step || ' ' || phase FROM saga_step WHERE phase IN ('A', 'U')"
                        + " GROUP BY saga_id, step, phase HAVING count(*) > 1"))
                .as("G4: one recorded outcome per step and phase")
                .isEmpty();
        assertThat(strings("SELECT a.saga_id FROM saga_step a JOIN saga_step b ON a.saga_id = b.saga_id"
                        + " AND (a.seq, a.ord) < (b.seq, b.ord) AND a.fence > b.fence"))
                .as("G9: nothing was written under an older fence after a newer one")
                .isEmpty();
        for (String id : strings("SELECT saga_id FROM saga_instance")) {
            boolean declined = number("SELECT status FROM saga_instance WHERE saga_id = '" + id + "'") == 11;
            List<String> effects = new ArrayList<>();
            try (Connection connection = participants.connect();
                    Statement statement = connection.createStatement();
                    ResultSet rows =
                            statement.executeQuery("SELECT step FROM effect WHERE saga = '" + id + "' ORDER BY n")) {
                while (rows.next()) effects.add(rows.getString(1));
            }
            assertThat(effects)
                    .as("G3, G5, G6, G7: effects of %s, each under one key, undone in reverse", id)
                    .isEqualTo(
                            declined
                                    ? List.of("reserve", "charge", "refund", "release")
                                    : List.of("reserve", "charge", "capture", "ship"));
        }
        for (Worker worker : workers)
            assertThat(worker.odd).as("what no process should say").isEmpty();
    }

    // ---- asking

    private interface Condition {
        boolean holds() throws SQLException;
    }

    private void await(String what, Condition condition) throws SQLException {
        long until = System.nanoTime() + PATIENCE;
        while (!condition.holds()) {
            if (System.nanoTime() - until > 0)
                throw new AssertionError(
                        "waited in vain for " + what + ": " + ended() + " ended; the others: "
                                + strings(
                                        "SELECT saga_id || ' ' || status || ' of ' || coalesce(owner, 'nobody') || ' seq ' || seq FROM saga_instance WHERE status < 10"));
            LockSupport.parkNanos(20_000_000);
        }
    }

    private int ended() throws SQLException {
        return number("SELECT count(*) FROM saga_instance WHERE status >= 10");
    }

    private int number(String sql) throws SQLException {
        try (Statement statement = look.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getInt(1);
        }
    }

    private List<String> strings(String sql) throws SQLException {
        List<String> all = new ArrayList<>();
        try (Statement statement = look.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            while (rows.next()) all.add(rows.getString(1));
        }
        return all;
    }

    private static String millis(long since) {
        return (System.nanoTime() - since) / 1_000_000 + " ms";
    }

    /** What was measured: into a file, nobody is held to it. */
    private static void note(String line) throws IOException {
        Path file = Path.of("target", "saga-processes.txt");
        Files.createDirectories(file.getParent());
        Files.writeString(file, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
}
