// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Databases that write through one statement and tell what it did by another: rows are locked first, in a transaction of
 * READ COMMITTED, and each is written by its key with the condition asked once more. H2, and by {@link MySqlDialect} MySQL
 * and MariaDB.
 */
class PlainDialect extends Dialect {
    private static final String KEYS = "SELECT saga_name, saga_id FROM saga_instance ";
    private static final String THAT = " WHERE saga_name = ? AND saga_id = ?";

    @Override
    String name() {
        return "h2";
    }

    /** Each write is a statement of its own anyway; in this process that costs no round trip. */
    @Override
    boolean batches() {
        return false;
    }

    /** Of all that violates a constraint (class 23) only what is there already. */
    @Override
    boolean isDuplicate(SQLException thrown) {
        return "23505".equals(thrown.getSQLState());
    }

    @Override
    @Nullable
    SagaInstance holder(Connection c, String lockKey, String how) throws SQLException {
        try (PreparedStatement s =
                c.prepareStatement("SELECT " + Rows.HEAD + " FROM saga_instance WHERE lock_live = ?" + how)) {
            s.setString(1, lockKey);
            List<SagaInstance> heads = heads(s);
            return heads.isEmpty() ? null : heads.get(0);
        }
    }

    // ---- claims

    @Override
    List<SagaRef> claim(Connection c, SagaStore.Claim claim, Kind kind, int limit) throws SQLException {
        List<String> dead = kind == Kind.DUE ? List.of() : List.copyOf(claim.dead());
        List<SagaRef> locked = lock(c, claim, kind, dead, limit);
        boolean counts = kind != Kind.DUE;
        String sql = "UPDATE saga_instance SET owner = ?, fence = fence + 1, wake_ms = NULL"
                + (counts ? ", claims = claims + 1" : "")
                + THAT
                + " AND status < 2 AND "
                + (counts ? owners(dead) : "owner IS NULL");
        List<SagaRef> claimed = new ArrayList<>(locked.size());
        try (PreparedStatement s = c.prepareStatement(sql)) {
            for (SagaRef ref : locked) {
                Rows.Binder b = new Rows.Binder(s).text(claim.owner()).ref(ref);
                for (String owner : dead) b.text(owner);
                if (s.executeUpdate() == 1) claimed.add(ref);
            }
        }
        return claimed;
    }

    private static List<SagaRef> lock(Connection c, SagaStore.Claim claim, Kind kind, List<String> dead, int limit)
            throws SQLException {
        String whose = switch (kind) {
            case DUE -> "owner IS NULL AND wake_ms <= ?";
            case ORPHANED -> owners(dead) + " AND claims < ?";
            case SUSPECT -> owners(dead) + " AND claims >= ?";
        };
        String order = switch (kind) {
            case DUE -> " ORDER BY wake_ms";
            case ORPHANED -> "";
            case SUSPECT -> " ORDER BY claims";
        };
        String sql = KEYS + "WHERE " + whose + " AND status < 2 AND (" + supported(claim.supported()) + ")" + order
                + " LIMIT ? FOR UPDATE SKIP LOCKED";
        try (PreparedStatement s = c.prepareStatement(sql)) {
            Rows.Binder b = new Rows.Binder(s);
            for (String owner : dead) b.text(owner);
            if (kind == Kind.DUE) b.number(claim.nowMs());
            else b.integer(claim.suspectFrom());
            bind(b, claim.supported()).integer(limit);
            return refs(s);
        }
    }

    private static String owners(List<String> dead) {
        return "owner IN (" + String.join(", ", dead.stream().map(d -> "?").toList()) + ")";
    }

    private static List<SagaRef> refs(PreparedStatement s) throws SQLException {
        List<SagaRef> refs = new ArrayList<>();
        try (ResultSet r = s.executeQuery()) {
            while (r.next()) refs.add(new SagaRef(r.getString(1), r.getString(2)));
        }
        return refs;
    }

    // ---- heartbeats

    @Override
    long beat(Connection c, String owner, long beat) throws SQLException {
        long clockMs;
        try (PreparedStatement s = c.prepareStatement(clock());
                ResultSet r = s.executeQuery()) {
            r.next();
            clockMs = r.getLong(1);
        }
        try (PreparedStatement s = c.prepareStatement(keepBeat())) {
            new Rows.Binder(s).text(owner).number(beat).number(clockMs);
            s.executeUpdate();
        }
        return clockMs;
    }

    /** Milliseconds since 1970, whatever the time zone of the session. */
    String clock() {
        return "SELECT CAST(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000 AS BIGINT)";
    }

    /** Makes or changes the row of (owner, beat, at_ms). */
    String keepBeat() {
        return "MERGE INTO saga_node (owner, beat, at_ms) KEY (owner) VALUES (?, ?, ?)";
    }

    // ---- purge

    @Override
    int purge(Connection c, long endedBeforeMs, int limit) throws SQLException {
        List<SagaRef> old;
        try (PreparedStatement s = c.prepareStatement(
                KEYS + "WHERE ended_ms < ? AND status >= 10 ORDER BY ended_ms LIMIT ? FOR UPDATE SKIP LOCKED")) {
            new Rows.Binder(s).number(endedBeforeMs).integer(limit);
            old = refs(s);
        }
        if (old.isEmpty()) return 0;
        delete(c, "DELETE FROM saga_step" + THAT, old);
        delete(c, "DELETE FROM saga_signal" + THAT, old);
        int gone = 0;
        for (int count : delete(c, "DELETE FROM saga_instance" + THAT + " AND status >= 10", old))
            if (count != 0) gone++; // a driver that does not count says so by a negative number
        return gone;
    }

    private static int[] delete(Connection c, String sql, List<SagaRef> refs) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(sql)) {
            for (SagaRef ref : refs) {
                new Rows.Binder(s).ref(ref);
                s.addBatch();
            }
            return s.executeBatch();
        }
    }
}
