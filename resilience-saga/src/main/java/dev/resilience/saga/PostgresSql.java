// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static java.util.stream.Collectors.joining;

import java.util.List;
import java.util.stream.Stream;

/** The statements of {@link PostgresDialect}; why each is as it is: docs/internals/saga-jdbc.md. */
final class PostgresSql {
    private static final String LINES =
            unnest("int bigint int text int text int text int bigint bigint bigint text text bytea") + " AS e(n, "
                    + Rows.ENTRY + ")";

    /**
     * S16. A session whose {@code synchronous_commit} is off is told to wait for its commit, for this transaction alone;
     * every other setting stays. A condition without a column: it is looked at once, before anything is written, and is
     * always true.
     */
    private static final String DURABLY = "(SELECT set_config('synchronous_commit', 'on', true)"
            + " WHERE current_setting('synchronous_commit') = 'off') IS DISTINCT FROM ''";

    /**
     * Its parameter says whether the rows of a batch wait for a lock for a second only, unless the session has a limit of
     * its own: whom one of them waits for may take any time, and the others are not to. Looked at as {@link #DURABLY} is.
     */
    private static final String BRIEFLY = "(SELECT set_config('lock_timeout', '1s', true)"
            + " WHERE ?::bool AND current_setting('lock_timeout') = '0') IS DISTINCT FROM ''";

    private static final String APPEND = "INSERT INTO saga_step (saga_name, saga_id, " + Rows.ENTRY + ")"
            + " SELECT h.saga_name, h.saga_id, e.seq, e.ord, e.step, e.idx, e.phase, e.outcome, e.kind, e.attempts,"
            + " e.due_ms, e.fence, e.at_ms, e.note, e.cause, e.payload FROM " + LINES;

    /**
     * S5. {@code l} locks the rows in the order of the primary key, so that two batches never wait for each other
     * crosswise; each is looked up by itself, so that a plan that was made while the table was empty does not read all
     * of it later. {@code h} decides by columns of the row it writes alone, which PostgreSQL looks at again in the newest
     * version when somebody changed the row meanwhile; only what {@code h} returned is appended and answered.
     */
    static final String WRITE = "WITH b AS (SELECT * FROM "
            + unnest("text text text text bigint bigint int bool int int bool int "
                    + "int int text bigint bigint int bigint bigint bool bool text "
                    + "text text text bigint bigint")
            + " WITH ORDINALITY AS b(saga_name, saga_id, incarnation, owner, fence, seq, status, unless_cancelled,"
            + " unless_sig, raise, clears, def_version, to_status, held_from, to_owner, to_fence, to_seq, claims, wake_ms,"
            + " deadline_ms, in_pivot, pivot_passed, lock_key, reason, reason_step, reason_text, updated_ms, ended_ms,"
            + " n) WHERE " + BRIEFLY + "),"
            + " l AS MATERIALIZED (SELECT x.saga_name, x.saga_id FROM (SELECT saga_name, saga_id FROM b"
            + " ORDER BY saga_name COLLATE \"C\", saga_id COLLATE \"C\") o CROSS JOIN LATERAL"
            + " (SELECT i.saga_name, i.saga_id FROM saga_instance i"
            + " WHERE i.saga_name = o.saga_name AND i.saga_id = o.saga_id FOR NO KEY UPDATE) x),"
            + " h AS (UPDATE saga_instance i SET def_version = b.def_version, status = b.to_status,"
            + " held_from = b.held_from, owner = b.to_owner, fence = b.to_fence, seq = b.to_seq, sig = i.sig + b.raise,"
            + " claims = b.claims, wake_ms = b.wake_ms, deadline_ms = b.deadline_ms,"
            + " cancel_requested = (i.cancel_requested AND NOT b.clears), in_pivot = b.in_pivot,"
            + " pivot_passed = b.pivot_passed, lock_key = b.lock_key, reason = b.reason, reason_step = b.reason_step,"
            + " reason_text = b.reason_text, updated_ms = b.updated_ms, ended_ms = b.ended_ms"
            + " FROM b JOIN l ON l.saga_name = b.saga_name AND l.saga_id = b.saga_id"
            + " WHERE " + DURABLY
            + " AND i.saga_name = b.saga_name AND i.saga_id = b.saga_id AND i.incarnation = b.incarnation"
            + " AND i.fence = b.fence AND i.seq = b.seq AND i.status = b.status"
            + " AND i.owner IS NOT DISTINCT FROM b.owner"
            + " AND NOT (b.unless_cancelled AND i.cancel_requested)"
            + " AND (b.unless_sig IS NULL OR i.sig = b.unless_sig)"
            + " RETURNING i.saga_name, i.saga_id, b.n),"
            + " s AS (" + APPEND + " JOIN h ON h.n = e.n)"
            + " SELECT n FROM h";

    /** S14. No target: a held lock key raises nothing either, and 0 rows have two meanings that the caller tells apart. */
    static final String INSERT = insert(DURABLY);

    private static final String SNAPSHOT =
            "current_setting('transaction_isolation') IN ('repeatable read', 'serializable')";

    /**
     * A start in somebody's transaction. In READ COMMITTED nothing that it can meet raises an error; above that it can
     * (40001), and needs a savepoint first: it does nothing and says so by a row 0.
     */
    static final String INSERT_WITHIN =
            insert(DURABLY + " AND NOT " + SNAPSHOT) + " UNION ALL SELECT 0 WHERE " + SNAPSHOT;

    static final String HEADS = "SELECT " + Rows.HEAD + ofThem("saga_instance", Rows.HEAD);
    static final String OWNED = "SELECT " + Rows.HEAD + " FROM saga_instance WHERE owner = ? AND status + 0 < 10";
    static final String ALL =
            "SELECT " + Rows.HEAD + ", input, context" + ofThem("saga_instance", Rows.HEAD + ", input, context");
    static final String ENTRIES = "SELECT saga_name, saga_id, " + Rows.ENTRY
            + ofThem("saga_step", "saga_name, saga_id, " + Rows.ENTRY) + " ORDER BY saga_name, saga_id, seq, ord";
    static final String SIGNALS = "SELECT saga_name, saga_id, " + Rows.SIGNAL
            + ofThem("saga_signal", "saga_name, saga_id, sig, " + Rows.SIGNAL) + " ORDER BY saga_name, saga_id, sig";

    // a scalar subquery: never becomes a join, which would be looked at again with an old row (S4)
    private static final String SUPPORTED = "COALESCE((SELECT TRUE FROM unnest(?::text[], ?::int[], ?::int[])"
            + " AS s(n, f, t) WHERE s.n = i.saga_name AND i.def_version BETWEEN s.f AND s.t LIMIT 1), FALSE)";

    static final String UNCLAIMABLE = "SELECT count(*) FROM saga_instance i WHERE i.owner IS NULL AND i.wake_ms <= ?"
            + " AND i.status < 2 AND NOT " + SUPPORTED;

    private static final String ORPHANED = claim("i.owner = ANY(?::text[]) AND i.claims < ?", "", true);
    private static final String SUSPECT =
            claim("i.owner = ANY(?::text[]) AND i.claims >= ?", " ORDER BY i.claims", true);
    private static final String DUE = claim("i.owner IS NULL AND i.wake_ms <= ?", " ORDER BY i.wake_ms", false);

    static final String BEAT =
            "WITH t AS MATERIALIZED (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms),"
                    + " u AS (INSERT INTO saga_node (owner, beat, at_ms) SELECT ?, ?, ms FROM t"
                    + " ON CONFLICT (owner) DO UPDATE SET beat = excluded.beat, at_ms = excluded.at_ms)"
                    + " SELECT ms FROM t";

    /** Steps through the index from owner to owner: costs by the owners, not by the sagas; + 0 keeps other indexes out. */
    static final String ORPHANS = "WITH RECURSIVE o AS ("
            + "(SELECT owner FROM saga_instance WHERE owner IS NOT NULL AND status + 0 < 10 ORDER BY owner LIMIT 1)"
            + " UNION ALL SELECT (SELECT i.owner FROM saga_instance i WHERE i.owner > o.owner AND i.status + 0 < 10"
            + " ORDER BY i.owner LIMIT 1) FROM o WHERE o.owner IS NOT NULL)"
            + " SELECT o.owner FROM o WHERE o.owner IS NOT NULL"
            + " AND NOT EXISTS (SELECT 1 FROM saga_node n WHERE n.owner = o.owner)";

    /** S9. The head is locked first: its status and sig are the newest, and a claim or a park comes before or after. */
    static final String SIGNAL = "WITH l AS MATERIALIZED (SELECT saga_name, saga_id, status, sig FROM saga_instance"
            + " WHERE saga_name = ? AND saga_id = ? FOR NO KEY UPDATE),"
            + " s AS (INSERT INTO saga_signal (saga_name, saga_id, signal_name, signal_key, sig, at_ms, payload)"
            + " SELECT l.saga_name, l.saga_id, ?, ?, l.sig + 1, ?, ? FROM l WHERE l.status < 10 AND " + DURABLY
            + " ON CONFLICT DO NOTHING RETURNING saga_name, saga_id, sig),"
            + " u AS (UPDATE saga_instance i SET sig = s.sig, wake_ms = " + Dialect.WOKEN
            + " FROM s WHERE i.saga_name = s.saga_name AND i.saga_id = s.saga_id)"
            + " SELECT l.status, (SELECT count(*) FROM s) FROM l";

    static final String CANCEL = Dialect.CANCEL + " AND " + DURABLY;

    /** Of one state, by its index alone; the completed, which have none, by looking at all. */
    static String count(SagaStatus status) {
        String by = status == SagaStatus.COMPLETED ? "" : "status <> 10 AND ";
        return "SELECT count(*) FROM saga_instance WHERE " + by + "status = " + status.code();
    }

    /**
     * By the rows' places, looked up saga by saga: a join with a limit that is not known yet reads whole tables. The
     * journal goes with the heads that were removed and with no other.
     */
    static final String PURGE = "WITH v AS MATERIALIZED (SELECT ctid AS place FROM saga_instance"
            + " WHERE ended_ms < ? AND status >= 10 ORDER BY ended_ms LIMIT ? FOR UPDATE SKIP LOCKED),"
            + " x AS (DELETE FROM saga_instance WHERE ctid = ANY(ARRAY(SELECT place FROM v))"
            + " RETURNING saga_name, saga_id),"
            + " e AS (" + remove("saga_step") + "), g AS (" + remove("saga_signal") + ")"
            + " SELECT count(*) FROM x";

    private PostgresSql() {}

    /**
     * Rows of a batch, one array parameter for each column. Each stands in a subquery, so that the planner does not see
     * how long the arrays of this execution are: it would hold every other plan for dearer, never keep one, and plan
     * the statement anew each time, which costs more than running it.
     */
    private static String unnest(String types) {
        return "unnest("
                + Stream.of(types.split(" "))
                        .map(t -> "(SELECT ?::" + t + "[])")
                        .collect(joining(", ")) + ")";
    }

    private static String insert(String condition) {
        return "WITH b AS (SELECT * FROM "
                + unnest("text text text int int int text bigint bigint int int bigint "
                        + "bigint bool bool bool text text text text bigint bigint "
                        + "bigint text bytea bytea")
                + " WITH ORDINALITY AS b(" + Rows.HEAD
                + ", input_hash, input, context, n) WHERE " + BRIEFLY + "),"
                + " i AS (INSERT INTO saga_instance (" + Rows.HEAD + ", input_hash, input, context)"
                + " SELECT " + Rows.HEAD + ", input_hash, input, context FROM b WHERE " + condition
                + " ORDER BY saga_name, saga_id ON CONFLICT DO NOTHING RETURNING saga_name, saga_id),"
                + " h AS (SELECT i.saga_name, i.saga_id, b.n FROM i JOIN b ON b.saga_name = i.saga_name"
                + " AND b.saga_id = i.saga_id),"
                + " s AS (" + APPEND + " JOIN h ON h.n = e.n)"
                + " SELECT n FROM h";
    }

    private static String remove(String table) {
        return "DELETE FROM " + table + " WHERE ctid = ANY(ARRAY(SELECT j.place FROM x, LATERAL (SELECT i.ctid AS place"
                + " FROM " + table + " i WHERE i.saga_name = x.saga_name AND i.saga_id = x.saga_id OFFSET 0) j))";
    }

    /** The rows of some sagas, looked up saga by saga: OFFSET keeps it from becoming a join. */
    private static String ofThem(String table, String columns) {
        return " FROM unnest(?::text[], ?::text[]) AS b(n, k), LATERAL (SELECT " + columns + " FROM " + table
                + " WHERE saga_name = b.n AND saga_id = b.k OFFSET 0) i";
    }

    /**
     * S4. One table, columns of the locked row alone: who comes second passes over the row or sees it changed. What is
     * locked stays as it was found, so the update looks no further than the key. + 0 leaves the owner's index alone with
     * it; that of wake-up times is only taken for the condition it was made with.
     */
    private static String claim(String whose, String order, boolean dead) {
        return "WITH c AS MATERIALIZED (SELECT i.saga_name, i.saga_id FROM saga_instance i WHERE "
                + (dead ? "i.status + 0" : "i.status") + " < 2 AND "
                + whose + " AND " + SUPPORTED + order + " LIMIT ? FOR NO KEY UPDATE SKIP LOCKED),"
                + " u AS (UPDATE saga_instance i SET owner = ?, fence = i.fence + 1, wake_ms = NULL"
                + (dead ? ", claims = i.claims + 1" : "")
                + " FROM c WHERE i.saga_name = c.saga_name AND i.saga_id = c.saga_id AND " + DURABLY
                + " RETURNING i.saga_name, i.saga_id)"
                + " SELECT saga_name, saga_id FROM u";
    }

    static String claim(Dialect.Kind kind) {
        return switch (kind) {
            case ORPHANED -> ORPHANED;
            case SUSPECT -> SUSPECT;
            case DUE -> DUE;
        };
    }

    /**
     * Each state by itself: the completed, which are most, by the key, every other one by the index of states. The
     * conditions begin with the state so that they fit no other index: for a state that nobody is in the planner would
     * take the key, and look at all. No states means all of them.
     */
    static String list(SagaQuery query, List<SagaStatus> statuses) {
        String from = "SELECT " + Rows.HEAD + " FROM saga_instance WHERE updated_ms < ?";
        String page = " ORDER BY saga_name, saga_id LIMIT ?";
        String byKey = (query.name() == null ? "" : " AND saga_name = ?")
                + (query.after() == null ? "" : " AND (saga_name, saga_id) > (?, ?)")
                + page;
        if (statuses.isEmpty()) return from + byKey;
        return "SELECT * FROM ("
                + statuses.stream()
                        .map(s -> "("
                                + from
                                + (s == SagaStatus.COMPLETED ? " AND status = 10" + byKey : byState(query, s.code()))
                                + ")")
                        .collect(joining(" UNION ALL "))
                + ") x" + page;
    }

    private static String byState(SagaQuery query, int code) {
        return " AND status <> 10 AND status >= " + code + " AND status <= " + code
                + (query.name() == null
                        ? ""
                        : " AND (status, saga_name) >= (" + code + ", ?) AND (status, saga_name) <= (" + code + ", ?)")
                + (query.after() == null ? "" : " AND (status, saga_name, saga_id) > (" + code + ", ?, ?)")
                + " ORDER BY status, saga_name, saga_id LIMIT ?";
    }
}
