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
import java.util.Set;
import java.util.function.ToIntFunction;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * PostgreSQL: a batch of checkpoints or starts is one statement, so one round trip and one commit.
 *
 * <p>Higher isolation than READ COMMITTED is not refused: every operation is one statement, or a transaction that is
 * repeated from its beginning, so that it only fails more often (40001) and is done again.
 */
final class PostgresDialect extends Dialect {
    @Override
    String name() {
        return "postgresql";
    }

    @Override
    boolean oneStatement() {
        return true;
    }

    @Override
    @Nullable
    Object begin(Connection connection) {
        return null;
    }

    // ---- checkpoints and starts

    @Override
    boolean[] write(Connection c, List<Checkpoint> checkpoints, boolean briefly) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(PostgresSql.WRITE)) {
            Arrays<Checkpoint> b = new Arrays<>(c, s, checkpoints);
            b.texts(p -> p.ref().name()).texts(p -> p.ref().id());
            b.texts(p -> p.seen().incarnation()).texts(p -> p.seen().owner());
            b.longs(p -> p.seen().fence()).longs(p -> p.seen().seq());
            b.ints(p -> p.seen().status().code());
            b.flags(Checkpoint::unlessCancelled);
            b.integers(p -> p.unlessSignalled() ? (Integer) p.seen().sig() : null);
            b.ints(p -> p.raisesSig() ? 1 : 0).flags(Checkpoint::clearsCancel);
            b.ints(p -> p.next().version()).ints(p -> p.next().status().code());
            b.integers(p -> Rows.code(p.next().heldFrom()));
            b.texts(p -> p.next().owner())
                    .longs(p -> p.next().fence())
                    .longs(p -> p.next().seq());
            b.ints(p -> p.next().claims())
                    .times(p -> p.next().wakeMs())
                    .times(p -> p.next().deadlineMs());
            b.flags(p -> p.next().inPivot()).flags(p -> p.next().pivotPassed());
            b.texts(p -> p.next().lockKey())
                    .texts(p -> p.next().reason())
                    .texts(p -> p.next().reasonStep());
            b.texts(p -> Rows.readable(p.next().reasonText()));
            b.longs(p -> p.next().updatedMs()).times(p -> p.next().endedMs());
            s.setBoolean(b.next(), briefly);
            List<Line> lines = new ArrayList<>();
            for (int i = 0; i < checkpoints.size(); i++)
                for (JournalEntry entry : checkpoints.get(i).entries()) lines.add(new Line(i + 1, entry));
            entries(c, s, b.next() + 1, lines);
            return answered(s, checkpoints.size());
        }
    }

    @Override
    boolean[] insert(Connection c, List<SagaStore.Start> starts, boolean briefly) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(PostgresSql.INSERT)) {
            bind(c, s, starts, briefly);
            return answered(s, starts.size());
        }
    }

    private static void bind(Connection c, PreparedStatement s, List<SagaStore.Start> starts, boolean briefly)
            throws SQLException {
        Arrays<SagaStore.Start> b = new Arrays<>(c, s, starts);
        b.texts(p -> p.head().ref().name()).texts(p -> p.head().ref().id());
        b.texts(p -> p.head().incarnation()).ints(p -> p.head().version());
        b.ints(p -> p.head().status().code()).integers(p -> Rows.code(p.head().heldFrom()));
        b.texts(p -> p.head().owner())
                .longs(p -> p.head().fence())
                .longs(p -> p.head().seq());
        b.ints(p -> p.head().sig()).ints(p -> p.head().claims());
        b.times(p -> p.head().wakeMs()).times(p -> p.head().deadlineMs());
        b.flags(p -> p.head().cancelRequested()).flags(p -> p.head().inPivot());
        b.flags(p -> p.head().pivotPassed()).texts(p -> p.head().lockKey());
        b.texts(p -> p.head().reason()).texts(p -> p.head().reasonStep());
        b.texts(p -> Rows.readable(p.head().reasonText()));
        b.longs(p -> p.head().startedMs())
                .longs(p -> p.head().updatedMs())
                .times(p -> p.head().endedMs());
        b.texts(SagaStore.Start::inputHash).bytes(SagaStore.Start::input).bytes(SagaStore.Start::context);
        s.setBoolean(b.next(), briefly);
        List<Line> lines = new ArrayList<>();
        for (int i = 0; i < starts.size(); i++)
            for (JournalEntry entry : starts.get(i).entries()) lines.add(new Line(i + 1, entry));
        entries(c, s, b.next() + 1, lines);
    }

    @Override
    boolean insert(Connection c, SagaStore.Start start) throws SQLException {
        return insert(c, List.of(start), false)[0];
    }

    @Override
    @Nullable
    Boolean insertWithin(Connection c, SagaStore.Start start) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(PostgresSql.INSERT_WITHIN)) {
            bind(c, s, List.of(start), false);
            try (ResultSet r = s.executeQuery()) {
                if (!r.next()) return false;
                return r.getInt(1) == 0 ? null : (Boolean) true;
            }
        }
    }

    /** A line of the journal and whose it is: the place of its saga in the batch, from 1. */
    private record Line(int of, JournalEntry entry) {}

    private static void entries(Connection c, PreparedStatement s, int from, List<Line> lines) throws SQLException {
        Arrays<Line> e = new Arrays<>(c, s, lines, from);
        e.ints(Line::of).longs(l -> l.entry().seq()).ints(l -> l.entry().ord());
        e.texts(l -> l.entry().step()).ints(l -> l.entry().index());
        e.texts(l -> String.valueOf(l.entry().phase().code()));
        e.integers(l -> Rows.code(l.entry().outcome()));
        e.texts(l -> String.valueOf(l.entry().kind()));
        e.ints(l -> l.entry().attempts()).times(l -> l.entry().dueMs());
        e.longs(l -> l.entry().fence()).longs(l -> l.entry().atMs());
        e.texts(l -> Rows.readable(l.entry().note()))
                .texts(l -> Rows.readable(l.entry().text()));
        e.bytes(l -> l.entry().payload());
    }

    private static boolean[] answered(PreparedStatement s, int size) throws SQLException {
        boolean[] answers = new boolean[size];
        try (ResultSet r = s.executeQuery()) {
            while (r.next()) answers[r.getInt(1) - 1] = true;
        }
        return answers;
    }

    // ---- reading

    @Override
    List<SagaInstance> heads(Connection c, Collection<SagaRef> refs) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(PostgresSql.HEADS)) {
            refs(c, s, List.copyOf(refs));
            return heads(s);
        }
    }

    @Override
    List<SagaStore.Loaded> loadAll(Connection c, List<SagaRef> refs) throws SQLException {
        Map<SagaRef, List<JournalEntry>> entries = new HashMap<>();
        Map<SagaRef, List<SagaStore.Signal>> signals = new HashMap<>();
        each(c, PostgresSql.ENTRIES, refs, r -> of(entries, r).add(Rows.entry(r, 3)));
        each(c, PostgresSql.SIGNALS, refs, r -> of(signals, r).add(Rows.signal(r, 3)));
        List<SagaStore.Loaded> loaded = new ArrayList<>(refs.size());
        each(c, PostgresSql.ALL, refs, r -> {
            List<JournalEntry> journal = of(entries, r);
            loaded.add(new SagaStore.Loaded(Rows.head(r), r.getBytes(24), r.getBytes(25), journal, of(signals, r)));
        });
        return loaded;
    }

    private interface Row {
        void read(ResultSet row) throws SQLException;
    }

    private static void each(Connection c, String sql, List<SagaRef> refs, Row row) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(sql)) {
            refs(c, s, refs);
            try (ResultSet r = s.executeQuery()) {
                while (r.next()) row.read(r);
            }
        }
    }

    /** What is gathered of the saga that the first two columns name. */
    private static <T> List<T> of(Map<SagaRef, List<T>> all, ResultSet r) throws SQLException {
        return all.computeIfAbsent(new SagaRef(r.getString(1), r.getString(2)), ref -> new ArrayList<>());
    }

    @Override
    List<SagaInstance> owned(Connection c, String owner) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(PostgresSql.OWNED)) {
            s.setString(1, owner);
            return readable(s);
        }
    }

    private static void refs(Connection c, PreparedStatement s, List<SagaRef> refs) throws SQLException {
        new Arrays<>(c, s, refs).texts(SagaRef::name).texts(SagaRef::id);
    }

    @Override
    List<SagaInstance> list(Connection c, SagaQuery query) throws SQLException {
        List<SagaStatus> statuses = new ArrayList<>();
        for (SagaStatus status : SagaStatus.values()) if (query.statuses().contains(status)) statuses.add(status);
        boolean all = statuses.size() == SagaStatus.values().length;
        try (PreparedStatement s = c.prepareStatement(PostgresSql.list(query, all ? List.of() : statuses))) {
            Rows.Binder b = new Rows.Binder(s);
            for (int i = 0; i < (all ? 1 : statuses.size()); i++) {
                b.number(query.updatedBeforeMs());
                boolean byKey = all || statuses.get(i) == SagaStatus.COMPLETED;
                if (query.name() != null) b.text(query.name());
                if (query.name() != null && !byKey) b.text(query.name());
                if (query.after() != null) b.ref(query.after());
                b.integer(query.limit());
            }
            if (!all) b.integer(query.limit());
            return heads(s);
        }
    }

    // ---- claims

    @Override
    List<SagaRef> claim(Connection c, SagaStore.Claim claim, Kind kind, int limit) throws SQLException {
        String[] dead = claim.dead().toArray(new String[0]);
        try (PreparedStatement s = c.prepareStatement(PostgresSql.claim(kind))) {
            int at = 0;
            if (kind == Kind.DUE) {
                s.setLong(++at, claim.nowMs());
            } else {
                s.setArray(++at, c.createArrayOf("text", dead));
                s.setInt(++at, claim.suspectFrom());
            }
            Arrays<SagaStore.Supported> supported = new Arrays<>(c, s, claim.supported(), at + 1);
            supported.texts(SagaStore.Supported::name).ints(SagaStore.Supported::from);
            at = supported.ints(SagaStore.Supported::to).next() - 1;
            s.setInt(++at, limit);
            s.setString(++at, claim.owner());
            List<SagaRef> claimed = new ArrayList<>();
            try (ResultSet r = s.executeQuery()) {
                while (r.next()) claimed.add(new SagaRef(r.getString(1), r.getString(2)));
            }
            return claimed;
        }
    }

    @Override
    long count(Connection c, SagaStatus status) throws SQLException {
        return number(c, PostgresSql.count(status));
    }

    @Override
    long unclaimable(Connection c, List<SagaStore.Supported> supported, long nowMs) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(PostgresSql.UNCLAIMABLE)) {
            s.setLong(1, nowMs);
            new Arrays<>(c, s, supported, 2)
                    .texts(SagaStore.Supported::name)
                    .ints(SagaStore.Supported::from)
                    .ints(SagaStore.Supported::to);
            try (ResultSet r = s.executeQuery()) {
                r.next();
                return r.getLong(1);
            }
        }
    }

    // ---- heartbeats, signals, purge

    @Override
    long beat(Connection c, String owner, long beat) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(PostgresSql.BEAT)) {
            new Rows.Binder(s).text(owner).number(beat);
            try (ResultSet r = s.executeQuery()) {
                r.next();
                return r.getLong(1);
            }
        }
    }

    @Override
    Set<String> orphans(Connection c) throws SQLException {
        Set<String> owners = new HashSet<>();
        try (PreparedStatement s = c.prepareStatement(PostgresSql.ORPHANS);
                ResultSet r = s.executeQuery()) {
            while (r.next()) owners.add(r.getString(1));
        }
        return owners;
    }

    @Override
    SagaReply signal(Connection c, SagaRef ref, SagaStore.Signal signal) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(PostgresSql.SIGNAL)) {
            new Rows.Binder(s)
                    .ref(ref)
                    .text(signal.name())
                    .text(signal.key())
                    .number(signal.atMs())
                    .bytes(signal.payload())
                    .number(signal.atMs())
                    .number(signal.atMs());
            try (ResultSet r = s.executeQuery()) {
                if (!r.next()) return SagaReply.UNKNOWN;
                if (SagaStatus.of(r.getInt(1)).ended()) return SagaReply.ENDED;
                return r.getInt(2) == 1 ? SagaReply.ACCEPTED : SagaReply.DUPLICATE;
            }
        }
    }

    @Override
    boolean cancel(Connection c, SagaRef ref, long nowMs) throws SQLException {
        return cancel(c, PostgresSql.CANCEL, ref, nowMs);
    }

    @Override
    int purge(Connection c, long endedBeforeMs, int limit) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(PostgresSql.PURGE)) {
            new Rows.Binder(s).number(endedBeforeMs).integer(limit);
            try (ResultSet r = s.executeQuery()) {
                r.next();
                return r.getInt(1);
            }
        }
    }

    /** Sets parameters that are arrays, one element for each of a batch. */
    private static final class Arrays<E> {
        private final Connection connection;
        private final PreparedStatement statement;
        private final List<E> batch;
        private int at;

        Arrays(Connection connection, PreparedStatement statement, List<E> batch) {
            this(connection, statement, batch, 1);
        }

        Arrays(Connection connection, PreparedStatement statement, List<E> batch, int from) {
            this.connection = connection;
            this.statement = statement;
            this.batch = batch;
            this.at = from;
        }

        /** The next parameter. */
        int next() {
            return at;
        }

        Arrays<E> texts(Of<E, String> value) throws SQLException {
            @Nullable String[] all = new String[batch.size()];
            for (int i = 0; i < all.length; i++) all[i] = value.of(batch.get(i));
            return set("text", all);
        }

        Arrays<E> longs(ToLongFunction<E> value) throws SQLException {
            Long[] all = new Long[batch.size()];
            for (int i = 0; i < all.length; i++) all[i] = value.applyAsLong(batch.get(i));
            return set("int8", all);
        }

        Arrays<E> times(ToLongFunction<E> value) throws SQLException {
            @Nullable Long[] all = new Long[batch.size()];
            for (int i = 0; i < all.length; i++) {
                long ms = value.applyAsLong(batch.get(i));
                all[i] = ms == SagaInstance.NEVER ? null : (Long) ms;
            }
            return set("int8", all);
        }

        Arrays<E> ints(ToIntFunction<E> value) throws SQLException {
            return integers(value::applyAsInt);
        }

        Arrays<E> integers(Of<E, Integer> value) throws SQLException {
            @Nullable Integer[] all = new Integer[batch.size()];
            for (int i = 0; i < all.length; i++) all[i] = value.of(batch.get(i));
            return set("int4", all);
        }

        Arrays<E> flags(Of<E, Boolean> value) throws SQLException {
            @Nullable Boolean[] all = new Boolean[batch.size()];
            for (int i = 0; i < all.length; i++) all[i] = value.of(batch.get(i));
            return set("bool", all);
        }

        Arrays<E> bytes(Of<E, byte[]> value) throws SQLException {
            byte[] @Nullable [] all = new byte[batch.size()][];
            for (int i = 0; i < all.length; i++) all[i] = value.of(batch.get(i));
            return set("bytea", all);
        }

        private Arrays<E> set(String type, @Nullable Object[] values) throws SQLException {
            statement.setArray(at++, connection.createArrayOf(type, values));
            return this;
        }
    }

    private interface Of<E, T> {
        @Nullable
        T of(E element);
    }
}
