// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import dev.resilience.saga.SagaEngine;
import dev.resilience.saga.SagaStore;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;

/**
 * Durable sagas on one PostgreSQL beside DBOS Transact, in one run: what JMH is not made for, because the unit is a
 * server, 32 clients and some seconds. Prints its tables; with a document named, writes its section too.
 */
public final class SagaTable {
    private static final int CONCURRENT = 32;
    /** Connections of each contender. DBOS's own pool has 10; more were tried and did not help it. */
    private static final int POOL = 16;

    private static final double TARGET = 3;

    private final SagaServer server;
    private final Effort effort;
    private final SagaReport report = new SagaReport();

    private SagaTable(SagaServer server, Effort effort) {
        this.server = server;
        this.effort = effort;
    }

    /** How long things are measured. */
    private record Effort(int rounds, Duration turn, List<Integer> crowds, List<Duration> leases) {
        static Effort of(String mode) {
            return switch (mode) {
                case "quick" ->
                    new Effort(2, Duration.ofSeconds(3), List.of(0, 10_000), List.of(Duration.ofSeconds(2)));
                case "full" ->
                    new Effort(
                            7,
                            Duration.ofSeconds(6),
                            List.of(0, 10_000, 100_000),
                            List.of(Duration.ofSeconds(2), Duration.ofSeconds(5), Duration.ofSeconds(15)));
                default -> throw new IllegalArgumentException("expected: quick or full, was " + mode);
            };
        }
    }

    /**
     * {@code SagaTable quick|full results.json [document.md commit]}.
     *
     * @param args how much is measured; what JMH wrote about sagas in memory; for a document also its path and the
     *     commit that is measured
     * @throws Exception when something that is measured fails
     */
    public static void main(String... args) throws Exception {
        Thread.currentThread().setUncaughtExceptionHandler((thread, thrown) -> {
            thrown.printStackTrace();
            System.exit(1);
        });
        run(args);
        System.exit(0); // DBOS leaves threads behind
    }

    private static void run(String... args) throws Exception {
        if (args.length != 2 && args.length != 4)
            throw new IllegalArgumentException(
                    "expected: quick|full results.json [document.md commit], was " + List.of(args));
        Effort effort = Effort.of(args[0]);
        Results memory = Results.of(Files.readString(Path.of(args[1])));
        PrintStream console = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        Optional<SagaServer> found = SagaServer.find();
        if (found.isEmpty()) {
            console.println("no PostgreSQL at TEST_POSTGRES_URL or on loopback: durable sagas are not measured");
            return;
        }
        try (SagaServer server = found.get()) {
            String steps = Table.targets(memory, row -> row.ours().startsWith("SagaBench.")) + "\n";
            console.print(steps);
            String tables = steps + new SagaTable(server, effort).measure(console);
            if (args.length == 4) write(Path.of(args[2]), args[3], server.version(), tables);
        }
    }

    private String measure(PrintStream console) throws Exception {
        List<Section> sections = List.of(this::race, this::trips, this::crowds, this::takeover);
        for (Section section : sections) {
            int before = report.markdown().length();
            section.measure();
            server.closePools();
            console.print(report.markdown().substring(before));
        }
        return report.markdown();
    }

    /** Part of the report. */
    private interface Section {
        void measure() throws Exception;
    }

    private SagaEngine.Builder engine(DataSource pool) {
        return SagaEngine.jdbc(pool);
    }

    private void race() throws Exception {
        try (OurSagas ours = new OurSagas("ours", engine(server.pool(POOL)));
                OurSagas single = new OurSagas(
                        "ours, each write alone", SagaEngine.on(OurSagas.oneByOne(SagaStore.jdbc(server.pool(POOL)))));
                PlainSagas plain = new PlainSagas(server.pool(POOL));
                DbosSagas dbos = new DbosSagas(server.pool(POOL))) {
            List<SagaRunner> runners = List.of(ours, single, plain, dbos);
            report.race(new SagaRace(runners, CONCURRENT, effort.turn(), "r").run(effort.rounds(), server), TARGET);
        }
    }

    private void trips() throws Exception {
        List<SagaReport.Counted> counted = new ArrayList<>();
        for (int concurrent : List.of(1, CONCURRENT)) {
            Trips trips = new Trips(server.pool(POOL));
            try (OurSagas ours = new OurSagas("ours", SagaEngine.jdbc(trips).lease(Duration.ofHours(1)))) {
                counted.add(counted("ours, " + concurrent + " at once", ours, trips, concurrent));
            }
        }
        Trips trips = new Trips(server.pool(POOL));
        try (DbosSagas dbos = new DbosSagas(trips)) {
            counted.add(counted(dbos.name() + ", 1 at once", dbos, trips, 1));
        }
        report.trips(counted);
    }

    private SagaReport.Counted counted(String what, SagaRunner runner, Trips trips, int concurrent) throws Exception {
        SagaRace race = new SagaRace(List.of(runner), concurrent, effort.turn(), "t" + trips.hashCode() + "-");
        race.turn(runner, null);
        long before = trips.count();
        long sagas = race.turn(runner, null).sagas();
        return new SagaReport.Counted(what, (trips.count() - before) / (double) sagas);
    }

    private void crowds() throws Exception {
        SagaCrowd crowd = new SagaCrowd(CONCURRENT, effort.turn(), effort.rounds());
        List<SagaCrowd.Point> inMemory = new ArrayList<>();
        // an engine for each: what has ended stays in its journal, and would fill the heap before the largest crowd
        for (int waiting : effort.crowds())
            inMemory.addAll(crowd.measure(SagaEngine.inMemory(), null, List.of(waiting)));
        report.crowd("in memory", inMemory);
        report.crowd("PostgreSQL", crowd.measure(engine(server.pool(POOL)), server, effort.crowds()));
    }

    private void takeover() throws IOException, InterruptedException {
        List<SagaTakeover.Took> times = new ArrayList<>();
        for (Duration lease : effort.leases()) times.add(SagaTakeover.measure(server, lease, 100));
        report.takeover(times);
    }

    private static void write(Path document, String commit, String server, String tables) throws IOException {
        String jdk = System.getProperty("java.version");
        String section = "JDK " + jdk + ", " + server + ", "
                + Runtime.getRuntime().availableProcessors() + " cores for both, commit " + commit + ".\n\n" + tables;
        Files.writeString(document, Table.replaced(Files.readString(document), Table.major(jdk) + ", sagas", section));
    }
}
