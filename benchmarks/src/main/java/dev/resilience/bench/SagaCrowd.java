// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import dev.resilience.saga.Saga;
import dev.resilience.saga.SagaEngine;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Whether a step costs more when many sagas are alive: they wait for a signal while others run. */
final class SagaCrowd {
    private static final int STARTERS = 32;

    private final Saga<SagaWork.Order, ?> waiting = waiting();
    private final int concurrent;
    private final Duration each;
    private final int rounds;

    SagaCrowd(int concurrent, Duration each, int rounds) {
        this.concurrent = concurrent;
        this.each = each;
        this.rounds = rounds;
    }

    /** Sagas per second while so many others wait. */
    record Point(int waiting, SagaRace.Score score) {}

    private static Saga<SagaWork.Order, ?> waiting() {
        var s = Saga.define("wait", 1, SagaWork.Order.class);
        s.await("paid", SagaWork.Payment.class).timeout(Duration.ofDays(1)).add();
        return s.build();
    }

    /** One engine; its crowd grows from point to point. */
    List<Point> measure(SagaEngine.Builder builder, @Nullable SagaServer server, List<Integer> crowds)
            throws Exception {
        try (OurSagas ours = new OurSagas("ours", builder.register(waiting))) {
            List<Point> points = new ArrayList<>();
            int there = 0;
            for (int crowd : crowds) {
                start(ours.engine(), there, crowd);
                there = crowd;
                if (server != null) server.settle();
                points.add(new Point(crowd, race(ours, points.size(), server)));
            }
            return points;
        }
    }

    private SagaRace.Score race(OurSagas ours, int salt, @Nullable SagaServer server) throws Exception {
        return new SagaRace(List.of(ours), concurrent, each, "c" + salt + "-")
                .run(rounds, server)
                .get(0);
    }

    private void start(SagaEngine engine, int from, int to) throws Exception {
        AtomicInteger next = new AtomicInteger(from);
        AtomicReference<RuntimeException> failed = new AtomicReference<>();
        CountDownLatch done = new CountDownLatch(STARTERS);
        for (int t = 0; t < STARTERS; t++) {
            new Thread(() -> {
                        try {
                            for (int i = next.getAndIncrement(); i < to; i = next.getAndIncrement())
                                engine.start(waiting, "w-" + i, SagaWork.order("w-" + i));
                        } catch (RuntimeException e) {
                            failed.set(e);
                        } finally {
                            done.countDown();
                        }
                    })
                    .start();
        }
        done.await();
        if (failed.get() != null) throw failed.get();
    }
}
