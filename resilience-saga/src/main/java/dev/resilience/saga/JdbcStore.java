// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.Outcome;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * The journal in a database: borrows a connection for every operation, says by {@link SqlFault} what to do when it
 * fails, and gives it back as it was. Holds nothing itself, so that it goes on when the database comes back.
 */
final class JdbcStore implements SagaStore {
    /** Deadlocks and serialization failures are no news about the database: again at once, but not for ever. */
    private static final int TRIES = 10;

    /** One transaction of a purge. */
    private static final int PURGED_AT_ONCE = 500;

    private final DataSource source;
    private final Dialect dialect;

    JdbcStore(DataSource source, Dialect dialect) {
        this.source = Objects.requireNonNull(source, "source");
        this.dialect = dialect;
    }

    /** Asks the database what it is. */
    static JdbcStore of(DataSource source) {
        try (Connection c = source.getConnection()) {
            return new JdbcStore(source, Dialect.of(c));
        } catch (SQLException e) {
            throw new SagaStoreException("asking the data source which database it is", e);
        }
    }

    Dialect dialect() {
        return dialect;
    }

    // ---- starts

    @Override
    public Started insert(Start start) {
        return value(insertAll(List.of(start), false).get(0));
    }

    @Override
    public List<Outcome<Started>> insertAll(List<Start> starts) {
        return insertAll(starts, true);
    }

    private List<Outcome<Started>> insertAll(List<Start> starts, boolean briefly) {
        Answers<Start, Started> answers = new Answers<>(starts);
        List<Integer> first = new ArrayList<>(starts.size());
        List<Integer> again = new ArrayList<>(0);
        Set<SagaRef> seen = new HashSet<>();
        for (int i : answers.sorted(s -> s.head().ref())) {
            Start start = starts.get(i);
            String refused = Limits.refuses(start);
            if (refused != null) answers.set(i, Outcome.failure(new IllegalArgumentException(refused)));
            else (seen.add(start.head().ref()) ? first : again).add(i);
        }
        bisect("starting", first, (c, batch) -> dialect.insert(c, answers.of(batch), briefly), (i, made) -> {
            if (made instanceof Outcome.Failure<Boolean> failed) answers.set(i, Outcome.failure(failed.thrown()));
            else if (made.orElseThrow()) answers.set(i, Outcome.success(created(starts.get(i))));
        });
        for (int i : first) if (answers.unanswered(i)) answers.set(i, settle(starts.get(i)));
        for (int i : again) answers.set(i, settle(starts.get(i)));
        return answers.all();
    }

    private static Started created(Start start) {
        return new Started(start.head(), start.inputHash(), true, null, 0);
    }

    /** A start that made nothing: says why, in new statements, or makes it after all (S14). */
    private Outcome<Started> settle(Start start) {
        try {
            return Outcome.success(
                    ask("starting " + start.head().ref(), dialect.oneStatement(), c -> settle(c, start)));
        } catch (SagaStoreException e) {
            return Outcome.failure(e);
        }
    }

    private Started settle(Connection c, Start start) throws SQLException {
        String lockKey = start.head().lockKey();
        for (int i = 0; i < TRIES; i++) {
            // what is refused and yet not there came after the snapshot of the caller's transaction
            String how = i == 0 ? "" : dialect.newest();
            Dialect.Stored stored = dialect.find(c, start.head().ref(), how);
            if (stored != null) return new Started(stored.head(), stored.inputHash(), false, null, 0);
            SagaInstance holder = lockKey == null ? null : dialect.holder(c, lockKey, how);
            if (holder != null && !holder.ref().equals(start.head().ref()))
                return new Started(null, "", false, holder.ref(), holder.startedMs());
            if (dialect.insert(c, start)) return created(start);
        }
        throw new SQLException(
                "saga " + start.head().ref() + " or the holder of its lock cannot be seen by this transaction, which is"
                        + " older, or comes and goes: run the transaction again",
                "40001");
    }

    @Override
    public Started insert(Connection transaction, Start start) throws SQLException {
        String refused = Limits.refuses(start);
        if (refused != null) throw new IllegalArgumentException(refused);
        if (transaction.getAutoCommit())
            throw new IllegalArgumentException("saga " + start.head().ref()
                    + ": the connection is in auto-commit, so that there is no transaction to start it in");
        Boolean made = dialect.insertWithin(transaction, start);
        if (made == null) return savepointed(transaction, start);
        return made ? created(start) : settle(transaction, start);
    }

    private Started savepointed(Connection transaction, Start start) throws SQLException {
        Savepoint before = transaction.setSavepoint();
        try {
            Started started = dialect.insert(transaction, start) ? created(start) : settle(transaction, start);
            transaction.releaseSavepoint(before);
            return started;
        } catch (SQLException | RuntimeException e) {
            try {
                transaction.rollback(before);
            } catch (SQLException broken) {
                e.addSuppressed(broken);
            }
            throw e;
        }
    }

    // ---- checkpoints

    @Override
    public boolean write(Checkpoint checkpoint) {
        return value(writeAll(List.of(checkpoint), false).get(0));
    }

    @Override
    public List<Outcome<Boolean>> writeAll(List<Checkpoint> checkpoints) {
        return writeAll(checkpoints, true);
    }

    private List<Outcome<Boolean>> writeAll(List<Checkpoint> checkpoints, boolean briefly) {
        Answers<Checkpoint, Boolean> answers = new Answers<>(checkpoints);
        List<Integer> sorted = answers.sorted(Checkpoint::ref);
        for (int i = 1; i < sorted.size(); i++)
            if (checkpoints
                    .get(sorted.get(i))
                    .ref()
                    .equals(checkpoints.get(sorted.get(i - 1)).ref()))
                throw new IllegalArgumentException("two checkpoints of "
                        + checkpoints.get(sorted.get(i)).ref() + " in one batch: write one after the other");
        bisect("writing", sorted, (c, batch) -> dialect.write(c, answers.of(batch), briefly), answers::set);
        return answers.all();
    }

    @Override
    public boolean batches() {
        return dialect.batches();
    }

    @Override
    public Connection connection() throws SQLException {
        return new Borrowed(source, dialect, false).handedOut();
    }

    @Override
    public boolean write(Connection transaction, Checkpoint checkpoint) throws SQLException {
        return dialect.write(transaction, List.of(checkpoint), false)[0];
    }

    // ---- reading

    @Override
    public Optional<Loaded> load(SagaRef ref) {
        return load(ref, false);
    }

    @Override
    public Optional<Loaded> loadSettled(SagaRef ref) {
        return load(ref, true);
    }

    private Optional<Loaded> load(SagaRef ref, boolean settled) {
        if (Limits.impossible(ref)) return Optional.empty();
        return ask("loading " + ref, !settled, c -> {
            for (int i = 0; i < TRIES; i++) {
                Loaded loaded = dialect.load(c, ref, settled);
                if (loaded == null) return Optional.<Loaded>empty();
                if (settled || !loaded.head().status().ended()) return Optional.of(loaded);
                Dialect.Stored still = dialect.find(c, ref); // or its journal may have been purged while it was read
                if (still != null
                        && still.head().incarnation().equals(loaded.head().incarnation())) return Optional.of(loaded);
            }
            return Optional.<Loaded>empty();
        });
    }

    @Override
    public List<SagaInstance> heads(Collection<SagaRef> refs) {
        List<SagaRef> possible =
                refs.stream().filter(r -> !Limits.impossible(r)).toList();
        return possible.isEmpty() ? List.of() : ask("reading heads", true, c -> dialect.heads(c, possible));
    }

    @Override
    public List<SagaInstance> owned(String owner) {
        return ask("reading the sagas of " + owner, true, c -> dialect.owned(c, owner));
    }

    @Override
    public List<SagaInstance> list(SagaQuery query) {
        return ask("listing", true, c -> dialect.list(c, query));
    }

    @Override
    public long count(SagaStatus status) {
        return ask("counting", true, c -> dialect.count(c, status));
    }

    @Override
    public long unclaimable(List<Supported> supported, long nowMs) {
        return ask("counting the unclaimable", true, c -> dialect.unclaimable(c, supported, nowMs));
    }

    // ---- many engines

    @Override
    public List<Loaded> claim(Claim claim) {
        if (claim.supported().isEmpty() || claim.limit() < 1) return List.of();
        return ask("claiming for " + claim.owner(), false, c -> {
            List<SagaRef> claimed = new ArrayList<>();
            if (!claim.dead().isEmpty()) {
                claimed.addAll(dialect.claim(c, claim, Dialect.Kind.ORPHANED, claim.limit()));
                int suspects = Math.min(claim.suspects(), claim.limit() - claimed.size());
                if (suspects > 0) claimed.addAll(dialect.claim(c, claim, Dialect.Kind.SUSPECT, suspects));
            }
            int left = claim.limit() - claimed.size();
            if (left > 0) claimed.addAll(dialect.claim(c, claim, Dialect.Kind.DUE, left));
            return claimed.isEmpty() ? List.of() : readable(c, claimed);
        });
    }

    /**
     * One that cannot be read (a code of another release, a line that was changed by hand) must not keep the others from
     * being claimed, now and every time: it is left out, belongs to who claimed it, and is given back as a stray.
     */
    private List<Loaded> readable(Connection c, List<SagaRef> claimed) throws SQLException {
        try {
            return dialect.loadAll(c, claimed);
        } catch (RuntimeException broken) {
            if (claimed.size() > 1) {
                List<Loaded> some = new ArrayList<>(claimed.size());
                for (SagaRef one : claimed) some.addAll(readable(c, List.of(one)));
                return some;
            }
            Guest.warn(
                    "saga " + claimed.get(0)
                            + ": its rows cannot be read by this release, so that no engine of it can go on"
                            + " with the saga and no verb of an operator reaches it; mend them, or run a release that reads"
                            + " them; it is tried again every other lease",
                    broken);
            return List.of();
        }
    }

    @Override
    public Beat beat(String owner, long beat, boolean orphans) {
        long clockMs = ask("the heartbeat of " + owner, dialect.oneStatement(), c -> dialect.beat(c, owner, beat));
        return ask("reading heartbeats", true, c -> {
            Map<String, Long> beats = dialect.beats(c);
            return new Beat(clockMs, Map.copyOf(beats), orphans ? Set.copyOf(dialect.orphans(c)) : Set.of());
        });
    }

    @Override
    public void forget(Collection<String> owners) {
        if (owners.isEmpty()) return;
        ask("forgetting " + owners, false, c -> {
            dialect.forget(c, owners);
            return true;
        });
    }

    @Override
    public SagaReply signal(SagaRef ref, Signal signal) {
        String refused = Limits.refuses(signal);
        if (refused != null) throw new IllegalArgumentException("saga " + ref + ": " + refused);
        if (Limits.impossible(ref)) return SagaReply.UNKNOWN;
        return ask("sending a signal to " + ref, dialect.oneStatement(), c -> dialect.signal(c, ref, signal));
    }

    @Override
    public SagaReply cancel(SagaRef ref, long nowMs) {
        if (Limits.impossible(ref)) return SagaReply.UNKNOWN;
        return ask("cancelling " + ref, true, c -> {
            for (int i = 0; i < TRIES; i++) {
                if (dialect.cancel(c, ref, nowMs)) return SagaReply.ACCEPTED;
                Dialect.Stored now = dialect.find(c, ref);
                if (now == null) return SagaReply.UNKNOWN;
                if (now.head().status().ended()) return SagaReply.ENDED;
                if (!cancellable(now.head())) return SagaReply.TOO_LATE;
                if (now.head().cancelRequested()) return SagaReply.DUPLICATE;
            } // else it became cancellable between the two
            throw new SQLException("saga " + ref + " is paused and resumed without end", "40001");
        });
    }

    private static boolean cancellable(SagaInstance head) {
        if (head.pivotPassed()) return false;
        return head.status() == SagaStatus.RUNNING
                || (head.status() == SagaStatus.PAUSED && head.heldFrom() == SagaStatus.RUNNING);
    }

    @Override
    public int purge(long endedBeforeMs, int limit) {
        int purged = 0;
        while (purged < limit) {
            int most = Math.min(PURGED_AT_ONCE, limit - purged);
            int now = ask("purging", dialect.oneStatement(), c -> dialect.purge(c, endedBeforeMs, most));
            purged += now;
            if (now < most) break;
        }
        return purged;
    }

    /** Nothing is kept open. */
    @Override
    public void close() {}

    @Override
    public String toString() {
        return "journal in " + dialect.name();
    }

    // ---- asking

    private interface Ask<T> {
        T of(Connection connection) throws SQLException;
    }

    private interface Write {
        boolean[] of(Connection connection, List<Integer> batch) throws SQLException;
    }

    private interface Answer {
        void to(int which, Outcome<Boolean> accepted);
    }

    /**
     * An interrupt of the caller's is kept for later: pools give no connection to a thread that is interrupted, and H2
     * closes the file under it (L8).
     */
    private <T> T ask(String what, boolean autoCommit, Ask<T> ask) {
        boolean interrupted = Thread.interrupted();
        try {
            return asked(what, autoCommit, ask);
        } finally {
            if (interrupted) Thread.currentThread().interrupt();
        }
    }

    private <T> T asked(String what, boolean autoCommit, Ask<T> ask) {
        for (int tries = 1; ; tries++) {
            try (Borrowed borrowed = new Borrowed(source, dialect, autoCommit)) {
                return answer(borrowed, ask);
            } catch (SQLException e) {
                SqlFault fault = SqlFault.of(e);
                boolean again = fault == SqlFault.AGAIN || fault == SqlFault.CONNECTION;
                if (!again || tries >= TRIES) throw new SagaStoreException(what, e);
            } catch (RuntimeException broken) {
                throw new SagaStoreException(what, broken); // of a driver or a pool: nobody knows what was done
            }
        }
    }

    private static <T> T answer(Borrowed borrowed, Ask<T> ask) throws SQLException {
        try {
            T answer = ask.of(borrowed.connection);
            borrowed.commit();
            return answer;
        } catch (SQLException e) {
            borrowed.failed(e);
            throw e;
        }
    }

    /** A batch that is refused, or waits for a lock, is halved until the guilty row stands alone (S5); one without an answer is not. */
    private void bisect(String what, List<Integer> batch, Write write, Answer answer) {
        if (batch.isEmpty()) return;
        try {
            boolean[] accepted = ask(what, dialect.oneStatement(), c -> write.of(c, batch));
            for (int i = 0; i < accepted.length; i++) answer.to(batch.get(i), Outcome.success(accepted[i]));
        } catch (SagaStoreException e) {
            boolean guilty = e.getCause() instanceof SQLException sql
                    ? SqlFault.of(sql) == SqlFault.ROW || SqlFault.waits(sql)
                    : e.getCause() instanceof RuntimeException;
            if (guilty && batch.size() > 1) {
                int half = batch.size() / 2;
                bisect(what, batch.subList(0, half), write, answer);
                bisect(what, batch.subList(half, batch.size()), write, answer);
                return;
            }
            for (int i : batch) // each its own, because each may be thrown by another thread
            answer.to(i, Outcome.failure(new SagaStoreException(what, Objects.requireNonNullElse(e.getCause(), e))));
        }
    }

    private static <T> T value(Outcome<T> outcome) {
        if (outcome instanceof Outcome.Success<T> success) return success.value();
        throw (RuntimeException) ((Outcome.Failure<T>) outcome).thrown();
    }

    /** The answers of a batch, in its order. */
    private static final class Answers<E, A> {
        private final List<E> batch;
        private final List<@Nullable Outcome<A>> answers;

        Answers(List<E> batch) {
            this.batch = batch;
            this.answers = new ArrayList<>(Collections.nCopies(batch.size(), null));
        }

        List<Integer> sorted(Function<E, SagaRef> ref) {
            List<Integer> places = new ArrayList<>(batch.size());
            for (int i = 0; i < batch.size(); i++) places.add(i);
            if (places.size() > 1) places.sort(Comparator.comparing(i -> ref.apply(batch.get(i))));
            return places;
        }

        List<E> of(List<Integer> places) {
            List<E> some = new ArrayList<>(places.size());
            for (int i : places) some.add(batch.get(i));
            return some;
        }

        void set(int place, Outcome<A> answer) {
            answers.set(place, answer);
        }

        boolean unanswered(int place) {
            return answers.get(place) == null;
        }

        List<Outcome<A>> all() {
            List<Outcome<A>> all = new ArrayList<>(answers.size());
            for (Outcome<A> answer : answers) all.add(Objects.requireNonNull(answer));
            return all;
        }
    }
}
