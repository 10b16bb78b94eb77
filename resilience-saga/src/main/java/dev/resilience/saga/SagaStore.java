// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.Outcome;
import dev.resilience.TimeSource;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * Where sagas live: heads, journals, signals and the heartbeats of engines. The SPI of a journal of one's own; the test
 * kit's {@code SagaStoreContract} says whether it keeps its word.
 *
 * <p>Every method may be called by several threads and several processes at once, is atomic and linearizable, and
 * throws {@link SagaStoreException} when it does not know how it ended. No method calls user code. A store compares no
 * clocks of two machines: who is dead is decided by the engines that watch heartbeats (a store only keeps them).
 */
public interface SagaStore extends AutoCloseable {
    /**
     * A journal in memory, with the meaning of one in a database, for tests and for what need not survive the process.
     * Several engines may share it, one after the other or side by side.
     *
     * @param time its clock
     * @return a new, empty one
     */
    static SagaStore inMemory(TimeSource time) {
        return new MemoryStore(Objects.requireNonNull(time, "time"));
    }

    /**
     * A journal in a database: PostgreSQL, MySQL, MariaDB or H2, whose tables are there already (see
     * {@code SagaSchema}). Every operation borrows a connection and gives it back as it was, out of or in auto-commit.
     * Asks once, at once, which database it is.
     *
     * @param source a pool of connections; it is not closed with the store
     * @return a store that any number of engines may share
     */
    static SagaStore jdbc(DataSource source) {
        return JdbcStore.of(source);
    }

    /**
     * What starts a saga.
     *
     * @param head as it is to be: with or without an owner
     * @param input the encoded input
     * @param inputHash a fingerprint of the input
     * @param context what travels with the saga (trace, MDC), encoded, or null
     * @param entries the journal's first lines
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared, never printed
    record Start(
            SagaInstance head, byte[] input, String inputHash, byte @Nullable [] context, List<JournalEntry> entries) {}

    /**
     * How a start ended.
     *
     * @param head the saga's head as it is in the store now; null if its lock key is held by another saga
     * @param inputHash the fingerprint of the input it was started with
     * @param created whether this start made it
     * @param lockHolder who holds the lock key; null unless it is held
     * @param lockSinceMs since when the holder has it
     */
    record Started(
            @Nullable SagaInstance head,
            String inputHash,
            boolean created,
            @Nullable SagaRef lockHolder,
            long lockSinceMs) {}

    /**
     * All of a saga.
     *
     * @param head its head
     * @param input the encoded input
     * @param context what travels with it
     * @param entries its journal, oldest first
     * @param signals what was sent to it, oldest first, consumed or not
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared, never printed
    record Loaded(
            SagaInstance head,
            byte[] input,
            byte @Nullable [] context,
            List<JournalEntry> entries,
            List<Signal> signals) {}

    /**
     * A signal that was sent.
     *
     * @param name which signal
     * @param key tells two signals of one name apart: the second one with the same key is a duplicate
     * @param payload its encoded value
     * @param atMs when it came, on the store's clock
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared, never printed
    record Signal(String name, String key, byte @Nullable [] payload, long atMs) {}

    /**
     * Definitions that an engine can run.
     *
     * @param name of the saga
     * @param from the oldest version
     * @param to the newest version
     */
    record Supported(String name, int from, int to) {}

    /**
     * Which sagas an engine asks for. Two kinds are claimable: those whose owner is among the dead, and those that
     * nobody owns and whose wake-up time has come; in both cases RUNNING or COMPENSATING, and supported.
     *
     * @param owner who asks, {@code node#epoch}
     * @param dead owners that are known to be dead
     * @param supported what it can run
     * @param nowMs now, on the store's clock
     * @param limit how many at most
     * @param suspectFrom a saga of a dead owner that was claimed this often is a suspect
     * @param suspects how many suspects at most, of the limit, least suspect first
     */
    record Claim(
            String owner,
            Set<String> dead,
            List<Supported> supported,
            long nowMs,
            int limit,
            int suspectFrom,
            int suspects) {}

    /**
     * What a heartbeat answers.
     *
     * @param clockMs the store's clock, milliseconds since 1970
     * @param beats the last beat of each owner that has a row
     * @param orphans owners of live sagas that have no row
     */
    record Beat(long clockMs, Map<String, Long> beats, Set<String> orphans) {}

    /**
     * Starts a saga unless one with its name and id, or a live one with its lock key, is there. Idempotent. In the order:
     * an existing saga is answered before a held lock.
     *
     * @param start what to start
     * @return how it ended
     */
    Started insert(Start start);

    /**
     * Several at once, answered one by one; each alone succeeds or fails.
     *
     * @param starts what to start
     * @return how each ended, in the order of the starts; a failure is a {@link SagaStoreException}
     */
    default List<Outcome<Started>> insertAll(List<Start> starts) {
        List<Outcome<Started>> answers = new ArrayList<>(starts.size());
        for (Start start : starts) answers.add(attempt(() -> insert(start)));
        return answers;
    }

    /**
     * Starts a saga within somebody's transaction: it is there when that commits, and never if it does not. Must not
     * leave the transaction unusable when the saga is there already.
     *
     * @param transaction an open connection, which is neither committed nor closed here
     * @param start what to start
     * @return how it ended
     * @throws UnsupportedOperationException unless the store is a database
     * @throws java.sql.SQLException if the database refuses
     */
    default Started insert(Connection transaction, Start start) throws SQLException {
        throw new UnsupportedOperationException("this store has no transactions of a database: " + this);
    }

    /**
     * Writes a checkpoint if its guard holds: see {@link Checkpoint}.
     *
     * @param checkpoint what to write
     * @return whether the guard held and it is written
     */
    boolean write(Checkpoint checkpoint);

    /**
     * Several at once, of different sagas, answered one by one; each alone succeeds or fails.
     *
     * @param checkpoints what to write
     * @return for each, in order, whether it is written
     */
    default List<Outcome<Boolean>> writeAll(List<Checkpoint> checkpoints) {
        List<Outcome<Boolean>> answers = new ArrayList<>(checkpoints.size());
        for (Checkpoint checkpoint : checkpoints) answers.add(attempt(() -> write(checkpoint)));
        return answers;
    }

    /**
     * Whether {@link #insertAll} and {@link #writeAll} cost less than one by one, so that an engine should collect; a
     * store that answers no is written to by each saga's own thread.
     *
     * @return whether to collect
     */
    default boolean batches() {
        return false;
    }

    /**
     * A connection for a transactional step, out of auto-commit. The engine commits or rolls back, and closes it.
     *
     * @return an open connection
     * @throws UnsupportedOperationException unless the store is a database
     * @throws java.sql.SQLException if the database refuses
     */
    default Connection connection() throws SQLException {
        throw new UnsupportedOperationException("this store has no transactions of a database: " + this);
    }

    /**
     * Writes a checkpoint within a transaction of {@link #connection()}; false leaves nothing written.
     *
     * @param transaction an open connection, which is neither committed nor closed here
     * @param checkpoint what to write
     * @return whether the guard held and it is written
     * @throws java.sql.SQLException if the database refuses
     */
    default boolean write(Connection transaction, Checkpoint checkpoint) throws SQLException {
        throw new UnsupportedOperationException("this store has no transactions of a database: " + this);
    }

    /**
     * All of a saga.
     *
     * @param ref which saga
     * @return the saga; empty if there is none
     */
    Optional<Loaded> load(SagaRef ref);

    /**
     * All of a saga, after every write to it that was under way has ended: for a writer that does not know whether its
     * commit took place.
     *
     * @param ref which saga
     * @return the saga; empty if there is none
     */
    default Optional<Loaded> loadSettled(SagaRef ref) {
        return load(ref);
    }

    /**
     * The heads of those that are there.
     *
     * @param refs which sagas
     * @return their heads, in no order
     */
    List<SagaInstance> heads(Collection<SagaRef> refs);

    /**
     * The heads of the live sagas that {@code owner} owns.
     *
     * @param owner {@code node#epoch}
     * @return their heads, in no order
     */
    List<SagaInstance> owned(String owner);

    /**
     * Takes sagas over: each becomes {@code owner}'s, its fence one higher, without a wake-up time, with one more claim
     * if its owner was dead. What two engines claim at once goes to exactly one of them.
     *
     * @param claim what is asked for
     * @return what it owns now
     */
    List<Loaded> claim(Claim claim);

    /**
     * Notes that {@code owner} lives: its row is made or its beat set. {@code orphans} says whether they are wanted,
     * which may cost more.
     *
     * @param owner {@code node#epoch}
     * @param beat its number, which rises
     * @param orphans whether owners without a row are wanted
     * @return the clock, and who else lives
     */
    Beat beat(String owner, long beat, boolean orphans);

    /**
     * Removes rows of owners that own nothing any more; those that still own a live saga stay.
     *
     * @param owners which
     */
    void forget(Collection<String> owners);

    /**
     * Keeps a signal for a live saga, once per name and key, raises {@link SagaInstance#sig()}, and makes a saga that
     * nobody owns claimable at once.
     *
     * @param ref which saga
     * @param signal what was sent
     * @return how it was received
     */
    SagaReply signal(SagaRef ref, Signal signal);

    /**
     * Asks a saga to be undone: accepted while it is RUNNING, or PAUSED from there, and its pivot has not passed. Raises
     * {@link SagaInstance#sig()} and makes a saga that nobody owns claimable at once.
     *
     * @param ref which saga
     * @param nowMs now, on the store's clock
     * @return how it was received
     */
    SagaReply cancel(SagaRef ref, long nowMs);

    /**
     * Heads by a query, in the order of {@link SagaRef}.
     *
     * @param query which sagas
     * @return their heads
     */
    List<SagaInstance> list(SagaQuery query);

    /**
     * How many sagas are in a state. An engine asks this once a minute for those that need attention, which may be many:
     * a store should not read each of them, as this default does.
     *
     * @param status which state
     * @return how many
     */
    default long count(SagaStatus status) {
        SagaQuery page = SagaQuery.all().status(status).limit(1_000);
        long count = 0;
        for (List<SagaInstance> some = list(page); ; some = list(page)) {
            count += some.size();
            if (some.size() < 1_000) return count;
            page = page.after(some.get(some.size() - 1).ref());
        }
    }

    /**
     * How many sagas nobody owns though their wake-up time has come and that are not {@code supported}.
     *
     * @param supported what the asking engine can run
     * @param nowMs now, on the store's clock
     * @return how many
     */
    long unclaimable(List<Supported> supported, long nowMs);

    /**
     * Removes at most {@code limit} sagas that ended before {@code endedBeforeMs}, with journal and signals; journal
     * first, head last. Answers how many.
     *
     * @param endedBeforeMs a time of the store's clock
     * @param limit at most how many
     * @return how many were removed
     */
    int purge(long endedBeforeMs, int limit);

    private static <T> Outcome<T> attempt(Supplier<T> one) {
        try {
            return Outcome.success(one.get());
        } catch (RuntimeException e) {
            return Outcome.failure(e);
        }
    }

    /** Gives back what it holds; not the data source it was given. */
    @Override
    void close();
}
