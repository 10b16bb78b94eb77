// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a database is asked, in words that H2, MySQL and MariaDB understand; a subclass says what differs. Knows
 * connections, never data sources: {@link JdbcStore} borrows, commits, tries again and gives back.
 *
 * <p><b>Transactions.</b> A method that writes runs in one transaction of READ COMMITTED that {@link JdbcStore} commits;
 * if {@link #oneStatement()}, those that are one statement run in auto-commit instead. After an {@link SQLException} the
 * transaction is rolled back, never continued, except by {@link #isDuplicate}'s callers here.
 *
 * <p><b>Guards.</b> Whatever decides a write is a column of the row that is written (S3, S4). Statements have stable
 * texts, so that drivers keep them prepared.
 */
abstract class Dialect {
    /** How a start stands. */
    record Stored(SagaInstance head, String inputHash) {}

    /** Which claimable sagas: see {@link SagaStore.Claim}. */
    enum Kind {
        /** The owner is dead, claimed fewer than {@code suspectFrom} times. */
        ORPHANED,
        /** The owner is dead, claimed {@code suspectFrom} times or more; fewest claims first. */
        SUSPECT,
        /** Nobody's, and its time has come; the longest due first. */
        DUE
    }

    private static final String SELECT_HEAD = "SELECT " + Rows.HEAD + " FROM saga_instance ";
    private static final String ALL = "SELECT " + Rows.HEAD + ", input, context FROM saga_instance ";
    private static final String BY_REF = " WHERE saga_name = ? AND saga_id = ?";

    /** The name of its file of DDL, without the suffix. */
    abstract String name();

    /** Whether writes, starts, signals, heartbeats and purges are one statement each, so that auto-commit does. */
    boolean oneStatement() {
        return false;
    }

    /** Whether collecting writes costs less than one by one: see {@link SagaStore#batches()}. */
    boolean batches() {
        return true;
    }

    /**
     * A connection has been borrowed, and auto-commit set as wanted: makes sure of READ COMMITTED where a higher level
     * would be wrong (one that only fails more often, with 40001, is not). Undone by {@link #giveBack}.
     *
     * @return what {@link #giveBack} needs, or null
     */
    @Nullable
    Object begin(Connection connection) throws SQLException {
        int was = connection.getTransactionIsolation();
        if (was == Connection.TRANSACTION_READ_COMMITTED) return null;
        connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        return was;
    }

    /** Restores what {@link #begin} changed; outside any transaction. */
    void giveBack(Connection connection, Object begun) throws SQLException {
        connection.setTransactionIsolation((Integer) begun);
    }

    /** Whether a row with this key was there. */
    boolean isDuplicate(SQLException thrown) {
        return SqlFault.of(thrown) == SqlFault.ROW && thrown.getSQLState().startsWith("23");
    }

    // ---- checkpoints

    private static final String WRITE =
            "UPDATE saga_instance SET def_version = ?, status = ?, held_from = ?, owner = ?,"
                    + " fence = ?, seq = ?, sig = sig + ?, claims = ?, wake_ms = ?, deadline_ms = ?,"
                    + " cancel_requested = (cancel_requested AND ?), in_pivot = ?, pivot_passed = ?, lock_key = ?, reason = ?,"
                    + " reason_step = ?, reason_text = ?, updated_ms = ?, ended_ms = ?"
                    + " WHERE saga_name = ? AND saga_id = ? AND incarnation = ? AND fence = ? AND seq = ? AND status = ?";
    private static final String[] WRITES = new String[8];
    private static final String ENTRIES = "INSERT INTO saga_step (saga_name, saga_id, " + Rows.ENTRY + ") VALUES"
            + " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

    static {
        for (int i = 0; i < 8; i++)
            WRITES[i] = WRITE
                    + ((i & 1) == 0 ? " AND owner = ?" : " AND owner IS NULL")
                    + ((i & 2) == 0 ? "" : " AND cancel_requested = FALSE")
                    + ((i & 4) == 0 ? "" : " AND sig = ?");
    }

    /**
     * Writes checkpoints of different sagas, in the order of their {@link SagaRef}: either all those whose guards hold,
     * or it throws and none. Answers which were accepted. {@code briefly}: who waits for a lock gives up soon, where that
     * can be said to the database.
     */
    boolean[] write(Connection c, List<Checkpoint> checkpoints, boolean briefly) throws SQLException {
        boolean[] accepted = new boolean[checkpoints.size()];
        for (int i = 0; i < accepted.length; i++) accepted[i] = update(c, checkpoints.get(i));
        try (PreparedStatement s = c.prepareStatement(ENTRIES)) {
            int lines = 0;
            for (int i = 0; i < accepted.length; i++)
                if (accepted[i])
                    lines += add(s, checkpoints.get(i).ref(), checkpoints.get(i).entries());
            if (lines > 0) s.executeBatch();
        }
        return accepted;
    }

    private boolean update(Connection c, Checkpoint checkpoint) throws SQLException {
        SagaInstance seen = checkpoint.seen();
        SagaInstance next = checkpoint.next();
        int text = (seen.owner() == null ? 1 : 0)
                + (checkpoint.unlessCancelled() ? 2 : 0)
                + (checkpoint.unlessSignalled() ? 4 : 0);
        try (PreparedStatement s = c.prepareStatement(WRITES[text])) {
            Rows.Binder b = new Rows.Binder(s)
                    .integer(next.version())
                    .integer(next.status().code())
                    .small(Rows.code(next.heldFrom()))
                    .text(next.owner())
                    .number(next.fence())
                    .number(next.seq())
                    .integer(checkpoint.raisesSig() ? 1 : 0)
                    .integer(next.claims())
                    .time(next.wakeMs())
                    .time(next.deadlineMs())
                    .flag(!checkpoint.clearsCancel())
                    .flag(next.inPivot())
                    .flag(next.pivotPassed())
                    .text(next.lockKey())
                    .text(next.reason())
                    .text(next.reasonStep())
                    .text(Rows.readable(next.reasonText()))
                    .number(next.updatedMs())
                    .time(next.endedMs())
                    .ref(seen.ref())
                    .text(seen.incarnation())
                    .number(seen.fence())
                    .number(seen.seq())
                    .integer(seen.status().code());
            if (seen.owner() != null) b.text(seen.owner());
            if (checkpoint.unlessSignalled()) b.integer(seen.sig());
            return s.executeUpdate() == 1;
        }
    }

    private static int add(PreparedStatement s, SagaRef ref, List<JournalEntry> entries) throws SQLException {
        for (JournalEntry e : entries) {
            new Rows.Binder(s)
                    .ref(ref)
                    .number(e.seq())
                    .integer(e.ord())
                    .text(e.step())
                    .integer(e.index())
                    .text(String.valueOf(e.phase().code()))
                    .small(Rows.code(e.outcome()))
                    .text(String.valueOf(e.kind()))
                    .integer(e.attempts())
                    .time(e.dueMs())
                    .number(e.fence())
                    .number(e.atMs())
                    .text(Rows.readable(e.note()))
                    .text(Rows.readable(e.text()))
                    .bytes(e.payload());
            s.addBatch();
        }
        return entries.size();
    }

    // ---- starts

    private static final String START = "INSERT INTO saga_instance (" + Rows.HEAD
            + ", input_hash, input, context) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
            + " ?, ?, ?)";

    /**
     * Starts sagas of different refs, in their order: either all that are not there yet and whose lock key is free, or
     * it throws and none. Answers which were made. {@code briefly} as in {@link #write}.
     */
    boolean[] insert(Connection c, List<SagaStore.Start> starts, boolean briefly) throws SQLException {
        boolean[] made = new boolean[starts.size()];
        for (int i = 0; i < made.length; i++) made[i] = insert(c, starts.get(i));
        return made;
    }

    /**
     * Starts one in somebody's transaction, which stays usable if it is there already (S14). Null: nothing is done, and
     * there must be a savepoint to come back to if it fails in the middle.
     */
    @Nullable
    Boolean insertWithin(Connection c, SagaStore.Start start) throws SQLException {
        return start.entries().isEmpty() ? (Boolean) insert(c, start) : null; // one statement happens or does not
    }

    /** Starts one; what is refused because it is there already aborts nothing. */
    boolean insert(Connection c, SagaStore.Start start) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(START)) {
            bind(s, start);
            s.executeUpdate();
        } catch (SQLException e) {
            if (isDuplicate(e)) return false;
            throw e;
        }
        if (!start.entries().isEmpty())
            try (PreparedStatement s = c.prepareStatement(ENTRIES)) {
                add(s, start.head().ref(), start.entries());
                s.executeBatch();
            }
        return true;
    }

    private static void bind(PreparedStatement s, SagaStore.Start start) throws SQLException {
        SagaInstance h = start.head();
        new Rows.Binder(s)
                .ref(h.ref())
                .text(h.incarnation())
                .integer(h.version())
                .integer(h.status().code())
                .small(Rows.code(h.heldFrom()))
                .text(h.owner())
                .number(h.fence())
                .number(h.seq())
                .integer(h.sig())
                .integer(h.claims())
                .time(h.wakeMs())
                .time(h.deadlineMs())
                .flag(h.cancelRequested())
                .flag(h.inPivot())
                .flag(h.pivotPassed())
                .text(h.lockKey())
                .text(h.reason())
                .text(h.reasonStep())
                .text(Rows.readable(h.reasonText()))
                .number(h.startedMs())
                .number(h.updatedMs())
                .time(h.endedMs())
                .text(start.inputHash())
                .bytes(start.input())
                .bytes(start.context());
    }

    /** The end of a query that sees what is committed, if another would go on seeing what was when its transaction began. */
    String newest() {
        return "";
    }

    /** How a saga stands, read newly. */
    @Nullable
    Stored find(Connection c, SagaRef ref) throws SQLException {
        return find(c, ref, "");
    }

    @Nullable
    Stored find(Connection c, SagaRef ref, String how) throws SQLException {
        try (PreparedStatement s =
                c.prepareStatement("SELECT " + Rows.HEAD + ", input_hash FROM saga_instance" + BY_REF + how)) {
            new Rows.Binder(s).ref(ref);
            try (ResultSet r = s.executeQuery()) {
                return r.next() ? new Stored(Rows.head(r), r.getString(24)) : null;
            }
        }
    }

    /** The live saga that holds a lock key. */
    @Nullable
    SagaInstance holder(Connection c, String lockKey, String how) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(SELECT_HEAD + "WHERE lock_key = ? AND status < 10" + how)) {
            s.setString(1, lockKey);
            List<SagaInstance> heads = heads(s);
            return heads.isEmpty() ? null : heads.get(0);
        }
    }

    // ---- reading

    /**
     * All of a saga, of one moment: the head is read first, and of the journal and the signals only what that head had.
     * With {@code locked} its row is locked first, which waits for whoever writes to it.
     */
    SagaStore.@Nullable Loaded load(Connection c, SagaRef ref, boolean locked) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(ALL + BY_REF + (locked ? " FOR UPDATE" : ""))) {
            new Rows.Binder(s).ref(ref);
            try (ResultSet r = s.executeQuery()) {
                if (!r.next()) return null;
                SagaInstance head = Rows.head(r);
                return new SagaStore.Loaded(head, r.getBytes(24), r.getBytes(25), entries(c, head), signals(c, head));
            }
        }
    }

    /** All of those that are there, of sagas whose rows this transaction has locked. */
    List<SagaStore.Loaded> loadAll(Connection c, List<SagaRef> refs) throws SQLException {
        List<SagaStore.Loaded> found = new ArrayList<>(refs.size());
        for (SagaRef ref : refs) {
            SagaStore.Loaded loaded = load(c, ref, false);
            if (loaded != null) found.add(loaded);
        }
        return found;
    }

    private List<JournalEntry> entries(Connection c, SagaInstance head) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(
                "SELECT " + Rows.ENTRY + " FROM saga_step" + BY_REF + " AND seq <= ? ORDER BY seq, ord")) {
            new Rows.Binder(s).ref(head.ref()).number(head.seq());
            List<JournalEntry> found = new ArrayList<>();
            try (ResultSet r = s.executeQuery()) {
                while (r.next()) found.add(Rows.entry(r, 1));
            }
            return found;
        }
    }

    private List<SagaStore.Signal> signals(Connection c, SagaInstance head) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(
                "SELECT " + Rows.SIGNAL + " FROM saga_signal" + BY_REF + " AND sig <= ? ORDER BY sig")) {
            new Rows.Binder(s).ref(head.ref()).integer(head.sig());
            List<SagaStore.Signal> found = new ArrayList<>();
            try (ResultSet r = s.executeQuery()) {
                while (r.next()) found.add(Rows.signal(r, 1));
            }
            return found;
        }
    }

    /** The heads of those that are there. */
    List<SagaInstance> heads(Connection c, Collection<SagaRef> refs) throws SQLException {
        List<SagaInstance> found = new ArrayList<>();
        for (SagaRef ref : refs) {
            Stored stored = find(c, ref);
            if (stored != null) found.add(stored.head());
        }
        return found;
    }

    List<SagaInstance> owned(Connection c, String owner) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(SELECT_HEAD + "WHERE owner = ? AND status < 10")) {
            s.setString(1, owner);
            return readable(s);
        }
    }

    /** Without those that this release cannot read: who claims one says so, and the others are not to be hidden by it. */
    static List<SagaInstance> readable(PreparedStatement s) throws SQLException {
        List<SagaInstance> found = new ArrayList<>();
        try (ResultSet r = s.executeQuery()) {
            while (r.next()) {
                try {
                    found.add(Rows.head(r));
                } catch (IllegalArgumentException ofAnotherRelease) {
                    // left to whoever can read it
                }
            }
        }
        return found;
    }

    static List<SagaInstance> heads(PreparedStatement s) throws SQLException {
        List<SagaInstance> found = new ArrayList<>();
        try (ResultSet r = s.executeQuery()) {
            while (r.next()) found.add(Rows.head(r));
        }
        return found;
    }

    // ---- claims

    /** Claims at most {@code limit} sagas of one kind and answers which; rows that others have locked are passed over. */
    abstract List<SagaRef> claim(Connection c, SagaStore.Claim claim, Kind kind, int limit) throws SQLException;

    // ---- heartbeats

    /** Makes the row of an owner or sets its beat; answers the database's clock, in milliseconds. */
    abstract long beat(Connection c, String owner, long beat) throws SQLException;

    Map<String, Long> beats(Connection c) throws SQLException {
        Map<String, Long> beats = new HashMap<>();
        try (PreparedStatement s = c.prepareStatement("SELECT owner, beat FROM saga_node");
                ResultSet r = s.executeQuery()) {
            while (r.next()) beats.put(r.getString(1), r.getLong(2));
        }
        return beats;
    }

    Set<String> orphans(Connection c) throws SQLException {
        Set<String> owners = new HashSet<>();
        try (PreparedStatement s = c.prepareStatement(
                        "SELECT DISTINCT i.owner FROM saga_instance i WHERE i.owner IS NOT"
                                + " NULL AND i.status < 10 AND NOT EXISTS (SELECT 1 FROM saga_node n WHERE n.owner = i.owner)");
                ResultSet r = s.executeQuery()) {
            while (r.next()) owners.add(r.getString(1));
        }
        return owners;
    }

    void forget(Connection c, Collection<String> owners) throws SQLException {
        try (PreparedStatement s = c.prepareStatement("DELETE FROM saga_node WHERE owner = ? AND NOT EXISTS"
                + " (SELECT 1 FROM saga_instance i WHERE i.owner = ? AND i.status < 10)")) {
            for (String owner : owners) {
                new Rows.Binder(s).text(owner).text(owner);
                s.addBatch();
            }
            s.executeBatch();
        }
    }

    // ---- from outside

    /** Keeps a signal: the head's row is locked first, so that everything about the saga comes one after the other. */
    SagaReply signal(Connection c, SagaRef ref, SagaStore.Signal signal) throws SQLException {
        int sig;
        try (PreparedStatement s = c.prepareStatement(SELECT_HEAD + BY_REF + " FOR UPDATE")) {
            new Rows.Binder(s).ref(ref);
            List<SagaInstance> heads = heads(s);
            if (heads.isEmpty()) return SagaReply.UNKNOWN;
            if (heads.get(0).status().ended()) return SagaReply.ENDED;
            sig = heads.get(0).sig() + 1;
        }
        try (PreparedStatement s = c.prepareStatement("INSERT INTO saga_signal (saga_name, saga_id, sig, " + Rows.SIGNAL
                + ") VALUES (?, ?, ?, ?, ?, ?, ?)")) {
            new Rows.Binder(s)
                    .ref(ref)
                    .integer(sig)
                    .text(signal.name())
                    .text(signal.key())
                    .bytes(signal.payload())
                    .number(signal.atMs());
            s.executeUpdate();
        } catch (SQLException e) {
            if (isDuplicate(e)) return SagaReply.DUPLICATE;
            throw e;
        }
        try (PreparedStatement s =
                c.prepareStatement("UPDATE saga_instance SET sig = ?, wake_ms = " + WOKEN + BY_REF)) {
            new Rows.Binder(s)
                    .integer(sig)
                    .number(signal.atMs())
                    .number(signal.atMs())
                    .ref(ref);
            s.executeUpdate();
        }
        return SagaReply.ACCEPTED;
    }

    /** What {@code wake_ms} becomes by a nudge; two parameters, both now. */
    static final String WOKEN = "CASE WHEN owner IS NULL AND (wake_ms IS NULL OR wake_ms > ?) THEN ? ELSE wake_ms END";

    static final String CANCEL = "UPDATE saga_instance SET cancel_requested = TRUE, sig = sig + 1, wake_ms = " + WOKEN
            + BY_REF + " AND pivot_passed = FALSE AND cancel_requested = FALSE"
            + " AND (status = 0 OR (status = 2 AND held_from = 0))";

    /** Asks for a cancellation by one statement (S3); false if it changed nothing. */
    boolean cancel(Connection c, SagaRef ref, long nowMs) throws SQLException {
        return cancel(c, CANCEL, ref, nowMs);
    }

    static boolean cancel(Connection c, String sql, SagaRef ref, long nowMs) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(sql)) {
            new Rows.Binder(s).number(nowMs).number(nowMs).ref(ref);
            return s.executeUpdate() == 1;
        }
    }

    // ---- many

    /** Heads by a query, in the order of name and id. */
    List<SagaInstance> list(Connection c, SagaQuery query) throws SQLException {
        StringBuilder sql = new StringBuilder(SELECT_HEAD).append("WHERE status IN (");
        String comma = "";
        for (SagaStatus status : SagaStatus.values()) {
            if (!query.statuses().contains(status)) continue;
            sql.append(comma).append(status.code());
            comma = ", ";
        }
        sql.append(") AND updated_ms < ?");
        if (query.name() != null) sql.append(" AND saga_name = ?");
        if (query.after() != null) sql.append(" AND (saga_name > ? OR (saga_name = ? AND saga_id > ?))");
        sql.append(" ORDER BY saga_name, saga_id LIMIT ?");
        try (PreparedStatement s = c.prepareStatement(sql.toString())) {
            Rows.Binder b = new Rows.Binder(s).number(query.updatedBeforeMs());
            if (query.name() != null) b.text(query.name());
            SagaRef after = query.after();
            if (after != null) b.text(after.name()).ref(after);
            b.integer(query.limit());
            return heads(s);
        }
    }

    /** How many are in a state. */
    long count(Connection c, SagaStatus status) throws SQLException {
        return number(c, "SELECT COUNT(*) FROM saga_instance WHERE status = " + status.code());
    }

    static long number(Connection c, String sql) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(sql);
                ResultSet r = s.executeQuery()) {
            r.next();
            return r.getLong(1);
        }
    }

    long unclaimable(Connection c, List<SagaStore.Supported> supported, long nowMs) throws SQLException {
        String known = supported.isEmpty() ? "" : " AND NOT (" + supported(supported) + ")";
        try (PreparedStatement s = c.prepareStatement("SELECT COUNT(*) FROM saga_instance WHERE owner IS NULL"
                + " AND wake_ms <= ? AND status < 2" + known)) {
            bind(new Rows.Binder(s).number(nowMs), supported);
            try (ResultSet r = s.executeQuery()) {
                r.next();
                return r.getLong(1);
            }
        }
    }

    /** A condition on name and version; the parameters come by {@link #bind(Rows.Binder, List)}. */
    static String supported(List<SagaStore.Supported> supported) {
        return String.join(
                " OR ",
                supported.stream()
                        .map(s -> "(saga_name = ? AND def_version BETWEEN ? AND ?)")
                        .toList());
    }

    static Rows.Binder bind(Rows.Binder b, List<SagaStore.Supported> supported) throws SQLException {
        for (SagaStore.Supported s : supported)
            b.text(s.name()).integer(s.from()).integer(s.to());
        return b;
    }

    /** Removes at most {@code limit} ended sagas in one transaction: journal and signals first, heads last. */
    abstract int purge(Connection c, long endedBeforeMs, int limit) throws SQLException;

    /** The dialect of a database, by the name its driver gives it. */
    static Dialect of(Connection connection) throws SQLException {
        String product = connection.getMetaData().getDatabaseProductName();
        boolean mariadb = connection.getMetaData().getDatabaseProductVersion().contains("MariaDB");
        return find(mariadb ? "MariaDB" : product) // MySQL's driver calls it MySQL
                .orElseThrow(
                        () -> new IllegalArgumentException("sagas can be kept in PostgreSQL, MySQL, MariaDB and H2;"
                                + " the data source is of " + product));
    }

    private static Optional<Dialect> find(String product) {
        return switch (product) {
            case "PostgreSQL" -> Optional.of(new PostgresDialect());
            case "H2" -> Optional.of(new PlainDialect());
            case "MariaDB" -> Optional.of(new MySqlDialect("mariadb"));
            case "MySQL" -> Optional.of(new MySqlDialect("mysql"));
            default -> Optional.empty();
        };
    }
}
