// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static java.time.Duration.ofDays;
import static java.time.Duration.ofSeconds;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import javax.sql.DataSource;

/** The code of docs/saga/engine.md and docs/saga/operating.md. */
final class EngineSnippets {
    record Order(String id, int amount) {}

    record Receipt(String capture) {}

    private EngineSnippets() {}

    static SagaEngine open(DataSource dataSource, Saga<Order, Receipt> placeOrder) {
        // @start region="open"
        SagaEngine engine = SagaEngine.jdbc(dataSource)
                .register(placeOrder)
                .lease(ofSeconds(15))
                .concurrency(500)
                .retention(ofDays(30))
                .open();
        // @end
        return engine;
    }

    static String start(SagaEngine engine, Saga<Order, Receipt> placeOrder, Order order) throws InterruptedException {
        // @start region="start"
        SagaHandle<Receipt> handle = engine.start(placeOrder, order.id(), order);
        SagaOutcome<Receipt> outcome = handle.await(ofSeconds(10));
        String answer = outcome.fold(
                receipt -> "captured " + receipt.capture(),
                undone -> "sorry: " + undone.rejectedBy() + " said no",
                parked -> "a person looks into it: " + parked.reason(),
                running -> "it goes on, ask again");
        // @end
        return answer;
    }

    static void transaction(SagaEngine engine, Saga<Order, Receipt> placeOrder, Connection connection, Order order)
            throws SQLException {
        // @start region="transaction"
        try (var insert = connection.prepareStatement("INSERT INTO orders (id, amount) VALUES (?, ?)")) {
            insert.setString(1, order.id());
            insert.setInt(2, order.amount());
            insert.executeUpdate();
        }
        engine.start(connection, placeOrder, order.id(), order); // there if and only if this commits
        connection.commit();
        // @end
    }

    static SagaReply signal(SagaEngine engine, String orderId, String paymentId) {
        // @start region="signal"
        SagaReply reply = engine.signal(new SagaRef("place-order", orderId), "paid", paymentId, paymentId);
        // @end
        return reply;
    }

    static SagaEngine.Builder carrying(SagaEngine.Builder builder, ThreadLocal<String> trace) {
        // @start region="carrying"
        builder.carrying(() -> trace.get() == null ? Map.of() : Map.of("traceparent", trace.get()), carried -> {
            String before = trace.get();
            trace.set(carried.get("traceparent"));
            return () -> trace.set(before);
        });
        // @end
        return builder;
    }

    static List<SagaInstance> attention(SagaEngine engine) {
        // @start region="attention"
        SagaAdmin admin = engine.admin();
        List<SagaInstance> parked = admin.list(SagaQuery.all().status(SagaStatus.NEEDS_ATTENTION));
        for (SagaInstance saga : parked) {
            System.out.println(
                    saga.ref() + " " + saga.reason() + " at " + saga.reasonStep() + ": " + saga.reasonText());
            for (JournalEntry line : admin.journal(saga.ref())) {
                String text = line.text() == null ? "" : ": " + line.text(); // what was thrown; who and why of a verb
                System.out.println("  " + line + text);
            }
        }
        // @end
        return parked;
    }

    static void verbs(SagaAdmin admin, SagaRef saga) {
        // @start region="verbs"
        admin.retry(saga, "ann", "TICKET-42: the carrier's API is back");
        // @end
    }

    static void resolve(SagaAdmin admin, SagaRef saga) {
        // @start region="resolve"
        admin.resolve(saga, "capture", Resolution.notDone(), "ann", "TICKET-42: no such capture at the bank");
        // @end
    }

    static long purge(SagaAdmin admin) {
        // @start region="purge"
        long removed = admin.purge(Duration.ofDays(90));
        // @end
        return removed;
    }

    static boolean healthy(SagaEngine engine) {
        // @start region="snapshot"
        SagaEngine.Snapshot now = engine.snapshot();
        boolean healthy = now.live() && now.unclaimable() == 0 && now.running() < now.concurrency();
        // @end
        return healthy;
    }
}
