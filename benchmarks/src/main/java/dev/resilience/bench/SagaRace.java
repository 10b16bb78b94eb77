// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Several runners side by side: each in its turn keeps so many sagas going for a while, round after round, so that what
 * else happens on the machine happens to all.
 */
final class SagaRace {
    private final List<SagaRunner> runners;
    private final int concurrent;
    private final Duration each;
    private final String prefix;
    private int turns;

    /** {@code prefix}: of the ids of all sagas, new in each race on the same journal. */
    SagaRace(List<? extends SagaRunner> runners, int concurrent, Duration each, String prefix) {
        this.runners = List.copyOf(runners);
        this.concurrent = concurrent;
        this.each = each;
        this.prefix = prefix;
    }

    /**
     * One runner's turn.
     *
     * @param name of the runner
     * @param sagas that ended in it
     * @param seconds that it took
     * @param cpuSeconds of processor time of this JVM
     * @param server what the server did; null without one
     */
    record Turn(String name, long sagas, double seconds, double cpuSeconds, SagaServer.@Nullable Usage server) {
        double perSecond() {
            return sagas / seconds;
        }
    }

    /** All turns of one runner. */
    record Score(String name, List<Turn> turns) {
        double perSecond() {
            return median(turns.stream().mapToDouble(Turn::perSecond).toArray());
        }

        double least() {
            return turns.stream().mapToDouble(Turn::perSecond).min().orElse(Double.NaN);
        }

        double most() {
            return turns.stream().mapToDouble(Turn::perSecond).max().orElse(Double.NaN);
        }

        /** Microseconds of this JVM's processor time per saga. */
        double cpuMicros() {
            return median(turns.stream()
                    .mapToDouble(t -> 1e6 * t.cpuSeconds() / t.sagas())
                    .toArray());
        }

        /** Of the server's. */
        double serverMicros() {
            return perSaga(SagaServer.Usage::cpuSeconds) * 1e6;
        }

        double commits() {
            return perSaga(u -> u.commits());
        }

        /** The share of updates that touched no index. */
        double hot() {
            return perSaga(u -> u.hotUpdates()) / perSaga(u -> u.updates());
        }

        private double perSaga(java.util.function.ToDoubleFunction<SagaServer.Usage> of) {
            return median(turns.stream()
                    .mapToDouble(t -> t.server() == null ? Double.NaN : of.applyAsDouble(t.server()) / t.sagas())
                    .toArray());
        }

        private static double median(double[] values) {
            Arrays.sort(values);
            return Results.median(values);
        }
    }

    /** A turn of each that is not counted, then {@code rounds} that are. */
    List<Score> run(int rounds, @Nullable SagaServer server) throws Exception {
        List<List<Turn>> turns = new ArrayList<>();
        for (SagaRunner runner : runners) {
            turns.add(new ArrayList<>());
            turn(runner, server);
        }
        for (int round = 0; round < rounds; round++) {
            if (server != null) server.settle();
            for (int i = 0; i < runners.size(); i++) turns.get(i).add(turn(runners.get(i), server));
        }
        List<Score> scores = new ArrayList<>();
        for (int i = 0; i < runners.size(); i++)
            scores.add(new Score(runners.get(i).name(), turns.get(i)));
        return scores;
    }

    /** One turn of one of them. */
    Turn turn(SagaRunner runner, @Nullable SagaServer server) throws Exception {
        String mine = prefix + turns++ + "-";
        SagaServer.Usage before = server == null ? null : server.usage();
        long steps = runner.steps();
        double cpu = cpu();
        long began = System.nanoTime();
        long sagas = flood(runner, mine, began + each.toNanos());
        double seconds = (System.nanoTime() - began) / 1e9;
        double spent = cpu() - cpu;
        if (runner.steps() - steps != 3 * sagas) {
            throw new IllegalStateException(
                    runner.name() + ": " + (runner.steps() - steps) + " steps in " + sagas + " sagas");
        }
        return new Turn(
                runner.name(),
                sagas,
                seconds,
                spent,
                before == null || server == null ? null : server.usage().since(before));
    }

    /** Runs sagas on as many threads until the time is over; answers how many ended. */
    private long flood(SagaRunner runner, String turn, long until) throws Exception {
        LongAdder ended = new LongAdder();
        AtomicReference<@Nullable Exception> failed = new AtomicReference<>();
        CountDownLatch done = new CountDownLatch(concurrent);
        for (int t = 0; t < concurrent; t++) {
            String mine = turn + t + "-";
            Thread client = new Thread(() -> {
                try {
                    for (int i = 0; i == 0 || (System.nanoTime() < until && failed.get() == null); i++) {
                        SagaWork.Receipt receipt = runner.run(mine + i);
                        if (!receipt.payment().equals("p-" + mine + i)) throw new IllegalStateException("" + receipt);
                        ended.increment();
                    }
                } catch (Exception e) {
                    failed.compareAndSet(null, e);
                } finally {
                    done.countDown();
                }
            });
            client.start();
        }
        done.await();
        if (failed.get() != null) throw new IllegalStateException(runner.name() + " failed", failed.get());
        return ended.sum();
    }

    private static double cpu() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean os
                ? os.getProcessCpuTime() / 1e9
                : Double.NaN;
    }
}
