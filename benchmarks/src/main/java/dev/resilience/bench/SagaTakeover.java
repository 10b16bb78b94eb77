// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import dev.resilience.saga.Saga;
import dev.resilience.saga.SagaEngine;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** How long sagas of a process that is killed stand still: another JVM dies in the middle of their steps. */
public final class SagaTakeover {
    private static final String HELD = "held";

    private SagaTakeover() {}

    /**
     * Seconds from the kill.
     *
     * @param lease of both engines
     * @param first until the first saga was taken up again
     * @param last until all were
     */
    record Took(Duration lease, double first, double last) {}

    private static Saga<String, ?> saga(Runnable body) {
        var s = Saga.define(HELD, 1, String.class);
        s.step("hold", String.class)
                .run((input, c) -> {
                    body.run();
                    return input;
                })
                .harmless()
                .attemptTimeout(Duration.ofMinutes(10))
                .add();
        return s.build();
    }

    static Took measure(SagaServer server, Duration lease, int sagas) throws IOException, InterruptedException {
        AtomicLong first = new AtomicLong();
        CountDownLatch taken = new CountDownLatch(sagas);
        Saga<String, ?> saga = saga(() -> {
            first.compareAndSet(0, System.nanoTime());
            taken.countDown();
        });
        Process victim = victim(server.url(), lease, sagas);
        SagaEngine heir = SagaEngine.jdbc(server.pool(4))
                .lease(lease)
                .nodeName("heir")
                .register(saga)
                .open();
        try {
            // let the heir see the victim's heart beat
            TimeUnit.MILLISECONDS.sleep(lease.toMillis());
            long killed = System.nanoTime();
            victim.destroyForcibly().waitFor();
            if (!taken.await(lease.toMillis() * 4 + 60_000, TimeUnit.MILLISECONDS))
                throw new IllegalStateException(taken.getCount() + " sagas were not taken over");
            return new Took(lease, (first.get() - killed) / 1e9, (System.nanoTime() - killed) / 1e9);
        } finally {
            victim.destroyForcibly();
            heir.close();
        }
    }

    private static Process victim(String url, Duration lease, int sagas) throws IOException {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        SagaTakeover.class.getName(),
                        url,
                        Long.toString(lease.toMillis()),
                        Integer.toString(sagas))
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        BufferedReader said =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        if (!"all run".equals(said.readLine())) {
            process.destroyForcibly();
            throw new IOException("the other JVM did not start");
        }
        return process;
    }

    /**
     * The process that is killed.
     *
     * @param args the journal's URL, the lease in milliseconds, how many sagas
     * @throws InterruptedException never: it is killed
     */
    public static void main(String... args) throws InterruptedException {
        int sagas = Integer.parseInt(args[2]);
        CountDownLatch running = new CountDownLatch(sagas);
        Saga<String, ?> saga = saga(() -> {
            running.countDown();
            awaitForEver();
        });
        SagaEngine engine = SagaEngine.jdbc(SagaServer.pool(args[0], 4))
                .lease(Duration.ofMillis(Long.parseLong(args[1])))
                .nodeName("victim")
                .register(saga)
                .open();
        for (int i = 0; i < sagas; i++) engine.start(saga, args[1] + "-" + i, "x");
        running.await();
        System.out.println("all run");
        awaitForEver();
    }

    private static void awaitForEver() {
        try {
            new CountDownLatch(1).await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
