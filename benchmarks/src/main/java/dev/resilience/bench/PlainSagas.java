// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import javax.sql.DataSource;

/**
 * The floor: the same three steps with a journal by hand, one statement and one commit for the start and for each step,
 * nothing that could take over, no lease, no fence, no compensation.
 */
final class PlainSagas implements SagaRunner {
    private static final String START =
            "INSERT INTO plain_saga (id, status, seq, input, updated_ms) VALUES (?, 0, 0, ?, ?)";
    private static final String STEP =
            "WITH h AS (UPDATE plain_saga SET seq = seq + 1, status = ?, updated_ms = ? WHERE id = ? AND seq = ?"
                    + " RETURNING id, seq) INSERT INTO plain_step (id, seq, step, payload, ended_ms)"
                    + " SELECT h.id, h.seq, ?, ?, ? FROM h";

    private final SagaWork work = new SagaWork();
    private final DataSource pool;

    PlainSagas(DataSource pool) throws SQLException {
        this.pool = pool;
        try (Connection c = pool.getConnection();
                Statement s = c.createStatement()) {
            s.execute("CREATE TABLE plain_saga (id varchar(128) PRIMARY KEY, status smallint NOT NULL,"
                    + " seq int NOT NULL, input text NOT NULL, updated_ms bigint NOT NULL) WITH (fillfactor = 70)");
            s.execute("CREATE TABLE plain_step (id varchar(128) NOT NULL, seq int NOT NULL, step varchar(120) NOT NULL,"
                    + " payload text NOT NULL, ended_ms bigint NOT NULL, PRIMARY KEY (id, seq))");
        }
    }

    @Override
    public String name() {
        return "by hand";
    }

    @Override
    public SagaWork.Receipt run(String id) throws SQLException {
        SagaWork.Order order = SagaWork.order(id);
        try (Connection c = pool.getConnection();
                PreparedStatement s = c.prepareStatement(START)) {
            s.setString(1, id);
            s.setString(2, text("id", id, "article", order.article(), "count", order.count()));
            s.setLong(3, now());
            s.executeUpdate();
        }
        SagaWork.Reservation reserved = work.reserve(order);
        step(id, 0, 0, "reserve", text("id", reserved.id(), "count", reserved.count()));
        SagaWork.Payment paid = work.pay(order, reserved);
        step(id, 0, 1, "pay", text("id", paid.id(), "cents", paid.cents()));
        SagaWork.Parcel shipped = work.ship(reserved);
        step(id, 10, 2, "ship", text("id", shipped.id(), "carrier", shipped.carrier()));
        return SagaWork.receipt(paid, shipped);
    }

    private void step(String id, int status, int seq, String step, String payload) throws SQLException {
        try (Connection c = pool.getConnection();
                PreparedStatement s = c.prepareStatement(STEP)) {
            s.setInt(1, status);
            s.setLong(2, now());
            s.setString(3, id);
            s.setInt(4, seq);
            s.setString(5, step);
            s.setString(6, payload);
            s.setLong(7, now());
            if (s.executeUpdate() != 1) throw new IllegalStateException(id + " is not at step " + seq);
        }
    }

    private static long now() {
        return System.currentTimeMillis();
    }

    /** JSON enough. */
    private static String text(Object... namesAndValues) {
        StringBuilder out = new StringBuilder("{");
        for (int i = 0; i < namesAndValues.length; i += 2) {
            if (i > 0) out.append(',');
            out.append('"')
                    .append(namesAndValues[i])
                    .append("\":\"")
                    .append(namesAndValues[i + 1])
                    .append('"');
        }
        return out.append('}').toString();
    }

    @Override
    public long steps() {
        return work.steps();
    }

    @Override
    public void close() {}
}
