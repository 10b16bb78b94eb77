// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples.checkout;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.resilience.TimeSource;
import dev.resilience.saga.Saga;
import dev.resilience.saga.SagaEngine;
import dev.resilience.saga.SagaHandle;
import dev.resilience.saga.SagaListener;
import dev.resilience.saga.SagaOutcome;
import dev.resilience.saga.SagaRef;
import dev.resilience.saga.SagaSchema;
import java.net.URI;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The process that runs the sagas and is killed for it. It knows nothing of that: it opens its engine, says again which
 * orders there are (a start under an id that is known is no second start), and waits until every one has come to its end.
 */
final class Worker {
    /** Says that it runs. */
    static final String UP = "up";

    private static final Duration PATIENCE = Duration.ofMinutes(3);

    private Worker() {}

    /**
     * Runs until every order has come to its end, and prints how many came to which.
     *
     * @param args the journal's JDBC URL, the run and how many orders it has, and where the four services are
     * @throws Exception of the database or the network
     */
    public static void main(String[] args) throws Exception {
        Participants participants = new Participants(
                HttpClient.newHttpClient(),
                URI.create(args[3]),
                URI.create(args[4]),
                URI.create(args[5]),
                URI.create(args[6]));
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(args[0]);
        config.setMaximumPoolSize(8);
        try (HikariDataSource journal = new HikariDataSource(config)) {
            SagaSchema.createIfMissing(journal);
            System.out.println(
                    run(journal, Checkout.saga(participants), Order.make(args[1], Integer.parseInt(args[2]))));
        }
        System.exit(0); // the client's threads would stay for a while
    }

    private static String run(HikariDataSource journal, Saga<Order, Checkout.Receipt> saga, List<Order> orders)
            throws InterruptedException {
        TimeSource time = TimeSource.system();
        AtomicInteger takenOver = new AtomicInteger();
        SagaListener counter = new SagaListener() {
            @Override
            public void takenOver(SagaRef ref, @Nullable String from, int claims) {
                takenOver.incrementAndGet();
            }
        };
        try (SagaEngine engine = SagaEngine.jdbc(journal)
                .register(saga)
                .listener(counter)
                .lease(Duration.ofSeconds(1)) // who is killed is found out soon
                .open()) {
            System.out.println(UP);
            List<SagaHandle<Checkout.Receipt>> handles = new ArrayList<>();
            for (Order order : orders) handles.add(engine.start(saga, order.id(), order));
            long until = time.nanoTime() + PATIENCE.toNanos();
            int completed = 0;
            int compensated = 0;
            int other = 0;
            for (SagaHandle<Checkout.Receipt> handle : handles) {
                SagaOutcome<Checkout.Receipt> outcome =
                        handle.await(Duration.ofNanos(Math.max(0, until - time.nanoTime())));
                if (outcome instanceof SagaOutcome.Completed) completed++;
                else if (outcome instanceof SagaOutcome.Compensated) compensated++;
                else {
                    other++;
                    System.out.println(handle.id() + ": " + outcome);
                }
            }
            System.out.println(takenOver + " sagas taken over from a worker that is dead");
            return "completed " + completed + ", compensated " + compensated + ", other " + other;
        }
    }
}
