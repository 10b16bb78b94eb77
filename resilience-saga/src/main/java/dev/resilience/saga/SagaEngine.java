// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.Subscription;
import dev.resilience.TimeSource;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.Supplier;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * Runs sagas: those that it starts, and those that engines leave behind which close or die. Any number of engines, in
 * one process or many, share a store; each saga is run by one of them at a time. All methods may be called by any
 * thread.
 *
 * {@snippet class="dev.resilience.saga.EngineSnippets" region="open"}
 */
public interface SagaEngine extends AutoCloseable {
    /**
     * Begins an engine whose journal is in memory and dies with it; the meaning of everything else is the same.
     *
     * @return a builder with every setting at its default
     */
    static Builder inMemory() {
        return new Builder("memory", settings -> SagaStore.inMemory(settings.time));
    }

    /**
     * Begins an engine whose journal is in a database: PostgreSQL, MySQL, MariaDB or H2, found out when it opens. Opening
     * {@link SagaSchema#verify verifies} the tables; in H2 it creates those that are missing.
     *
     * @param dataSource gives connections, best from a pool; not closed by the engine
     * @return a builder with every setting at its default
     */
    static Builder jdbc(DataSource dataSource) {
        Objects.requireNonNull(dataSource, "dataSource");
        return new Builder("jdbc", settings -> SagaStore.jdbc(SagaSchema.prepared(dataSource)));
    }

    /**
     * Begins an engine on a journal of one's own.
     *
     * @param store may be shared by engines; not closed by them
     * @return a builder with every setting at its default
     */
    static Builder on(SagaStore store) {
        Objects.requireNonNull(store, "store");
        return new Builder("store", settings -> store);
    }

    /**
     * Starts a saga, once: a second start with the same id and an equal input answers the first one's handle, whoever
     * made it and whatever became of it, until it is purged (G2). When this returns, the saga is durable (G1).
     *
     * @param <I> the input
     * @param <O> the output
     * @param saga a registered definition
     * @param id chosen by the caller, 1 to 128 characters, the same whenever the same business case is started again
     * @param input kept with the saga; encoded here, on the calling thread
     * @return the saga's handle
     * @throws SagaIdConflictException if the id was used with another input
     * @throws SagaLockedException if another live saga holds its lock key
     * @throws SagaStoreException if it is not known whether it is durable: start it again with the same id
     * @throws IllegalArgumentException if the definition is not registered here, or the input is too large
     * @throws IllegalStateException if the engine is closed
     */
    <I, O extends @Nullable Object> SagaHandle<O> start(Saga<I, O> saga, String id, I input);

    /**
     * Starts a saga within the caller's transaction: it is there when that commits, and never if it does not. Any
     * engine may run it then. As {@link #start(Saga, String, Object)} otherwise.
     *
     * @param <I> the input
     * @param <O> the output
     * @param transaction a connection out of auto-commit to the database of the journal; neither committed nor closed
     * @param saga a registered definition
     * @param id chosen by the caller
     * @param input kept with the saga
     * @return the saga's handle; waiting for it before the commit only takes time
     * @throws SQLException what the connection threw; roll the transaction back
     * @throws UnsupportedOperationException if the journal is in no database
     */
    <I, O extends @Nullable Object> SagaHandle<O> start(Connection transaction, Saga<I, O> saga, String id, I input)
            throws SQLException;

    /**
     * A handle of a saga that was started before, here or elsewhere.
     *
     * @param <O> the output
     * @param saga a registered definition
     * @param id as it was started
     * @return its handle; {@link SagaHandle#status()} says whether there is such a saga
     */
    <O extends @Nullable Object> SagaHandle<O> handle(Saga<?, O> saga, String id);

    /**
     * Tells a saga something that it awaits, or will await. Durable when this returns; once per name and key.
     *
     * @param saga which
     * @param name the awaited signal's name in the definition
     * @param value of the type that the definition declares
     * @param key the sender's: a second signal of this name with the same key is a duplicate
     * @return how it was received
     * @throws IllegalArgumentException if no registered version of the definition awaits such a signal or such a value
     */
    SagaReply signal(SagaRef saga, String name, @Nullable Object value, String key);

    /**
     * Asks a saga to be undone. What is under way is let end; compensations are never cancelled.
     *
     * @param saga which
     * @return {@link SagaReply#ACCEPTED} if it will be honoured unless its pivot is already running
     */
    SagaReply cancel(SagaRef saga);

    /**
     * The operator's verbs.
     *
     * @return one object for the life of the engine
     */
    SagaAdmin admin();

    /**
     * Hears what sagas do here from now on, as {@link Builder#listener} does from the beginning.
     *
     * @param listener quick; called by the threads that run sagas; what it throws is reported and changes nothing
     * @return to be closed when it is to hear no more
     */
    Subscription onEvent(SagaListener listener);

    /**
     * How the engine is, for gauges: cheap, asks no store.
     *
     * @return its numbers of this moment
     */
    Snapshot snapshot();

    /**
     * Closes the engine: starts and claims nothing more, lets what runs go on for up to {@link Builder#drainFor}, and
     * gives the rest to other engines at once, at the next checkpoint of each. Waiting sagas stay where they are: in the
     * store. Futures of handles complete with {@link SagaOutcome.StillRunning}. Returns when no thread or timer of the
     * engine is left but those that user code does not let go. A second call waits for the first. An interrupt ends the
     * drain early and stays set.
     *
     * <p>May be called by a saga's own code, a step or a listener: it waits for the others and not for that saga, whose
     * step is recorded when it returns, and which other engines then go on with. From within a second saga it returns at
     * once, and the first call waits for that one.
     */
    @Override
    void close();

    /** The numbers of an engine at one moment. */
    final class Snapshot {
        private final Gauges gauges;

        Snapshot(Gauges gauges) {
            this.gauges = gauges;
        }

        /**
         * Which engine.
         *
         * @return its node's name and this opening's number, as in {@link SagaInstance#owner()}
         */
        public String owner() {
            return gauges.owner();
        }

        /**
         * Sagas that run here now.
         *
         * @return at most {@link #concurrency()}
         */
        public int running() {
            return gauges.running();
        }

        /**
         * How many may run here.
         *
         * @return the setting
         */
        public int concurrency() {
            return gauges.concurrency();
        }

        /**
         * Whether the engine may begin actions: its heartbeat is in time and it is not closed.
         *
         * @return false of one that holds itself for dead
         */
        public boolean live() {
            return gauges.live();
        }

        /**
         * How old the last heartbeat is that the store has acknowledged.
         *
         * @return by the engine's monotonic clock
         */
        public Duration beatAge() {
            return gauges.beatAge();
        }

        /**
         * Sagas that need attention, in the whole store, as of the last look (once a minute).
         *
         * @return how many
         */
        public long attention() {
            return gauges.attention();
        }

        /**
         * Sagas that are due and that this engine has no definition for, in the whole store, as of the last look.
         *
         * @return how many
         */
        public long unclaimable() {
            return gauges.unclaimable();
        }

        /**
         * The definitions that are registered here.
         *
         * @return their names
         */
        public Set<String> sagas() {
            return gauges.sagas();
        }

        @Override
        public String toString() {
            return gauges.toString();
        }
    }

    /** Says an engine. Not safe for several threads; {@link #open()} may be called once or more. */
    final class Builder {
        final EngineSettings settings;

        Builder(String kind, Function<EngineSettings, SagaStore> store) {
            this.settings = new EngineSettings(kind, store);
        }

        /**
         * A definition that this engine can start and run. Several versions of one name may be registered: a saga is
         * run with its own version, or else with the lowest newer one that says it can ({@code since}).
         *
         * @param saga the definition
         * @return this
         */
        public Builder register(Saga<?, ?> saga) {
            settings.sagas.add(Objects.requireNonNull(saga, "saga"));
            return this;
        }

        /**
         * Makes bytes of inputs, results and signals; {@link SagaCodec#records()} by default.
         *
         * @param codec the same on all engines of a store
         * @return this
         */
        public Builder codec(SagaCodec codec) {
            settings.codec = Objects.requireNonNull(codec, "codec");
            return this;
        }

        /**
         * How long an engine may be silent before others take over what it runs; 15 s by default. It beats three times
         * as often. A takeover takes at most twice this long.
         *
         * @param lease 100 ms to 1 h; the same on all engines of a store
         * @return this
         */
        public Builder lease(Duration lease) {
            settings.lease = Objects.requireNonNull(lease, "lease");
            return this;
        }

        /**
         * How many sagas run here at once; 500 by default. Waiting sagas do not count. What is started beyond it is
         * durable and runs when there is room, here or elsewhere.
         *
         * @param sagas 1 to 1,000,000
         * @return this
         */
        public Builder concurrency(int sagas) {
            settings.concurrency = sagas;
            return this;
        }

        /**
         * Pauses up to this are waited out where the saga runs; longer ones are written down and hold no thread; 1 s by
         * default, or a quarter of a shorter lease.
         *
         * @param wait zero or more, less than the lease
         * @return this
         */
        public Builder inlineWait(Duration wait) {
            settings.inlineWait = Objects.requireNonNull(wait, "wait");
            return this;
        }

        /**
         * The largest payload: an input, a result, a signal, the output; 256 KiB by default.
         *
         * @param bytes 1 KiB to 64 MiB
         * @return this
         */
        public Builder maxPayload(int bytes) {
            settings.maxPayload = bytes;
            return this;
        }

        /**
         * How often a saga may be taken over from dead engines without getting any further before it is parked as
         * POISON; 10 by default.
         *
         * @param claims 5 to 1,000
         * @return this
         */
        public Builder maxClaims(int claims) {
            settings.maxClaims = claims;
            return this;
        }

        /**
         * The clock of all waits; {@link TimeSource#system()} by default.
         *
         * @param time a manual one in tests
         * @return this
         */
        public Builder timeSource(TimeSource time) {
            settings.time = Objects.requireNonNull(time, "time");
            return this;
        }

        /**
         * Hears what sagas do here; several are told in turn.
         *
         * @param listener quick; what it throws is reported and changes nothing
         * @return this
         */
        public Builder listener(SagaListener listener) {
            settings.listeners.add(Objects.requireNonNull(listener, "listener"));
            return this;
        }

        /**
         * How this engine is called in owners, for people; by default the host's name, else {@code engine}. Need not be
         * unique: a random number is added at every opening.
         *
         * @param name 1 to 40 characters, without {@code #}
         * @return this
         */
        public Builder nodeName(String name) {
            settings.nodeName = Objects.requireNonNull(name, "name");
            return this;
        }

        /**
         * Where sagas run; by default threads of the engine's own, started when first needed: a virtual one for each
         * saga that runs where the JDK has them, else a pool of at most {@link #concurrency}.
         *
         * @param executor runs tasks side by side, and each that it does not refuse; a saga whose task it refuses is run
         *     later, a task that it runs on the thread that brings it is moved to one of the engine's own
         * @return this
         */
        public Builder executor(Executor executor) {
            settings.executor = Objects.requireNonNull(executor, "executor");
            return this;
        }

        /**
         * Removes sagas by itself that ended so long ago; not by default. A start under the id of one that was removed
         * is a new saga with new keys: keep sagas at least as long as callers may repeat a start, and as participants
         * remember keys (S8).
         *
         * @param endedFor at least a minute
         * @return this
         */
        public Builder retention(Duration endedFor) {
            settings.retention = Objects.requireNonNull(endedFor, "endedFor");
            return this;
        }

        /**
         * How long {@link SagaEngine#close()} lets sagas run on; 10 s by default.
         *
         * @param drain zero or more
         * @return this
         */
        public Builder drainFor(Duration drain) {
            settings.drainFor = Objects.requireNonNull(drain, "drain");
            return this;
        }

        /**
         * Carries what belongs to a saga's starter (a trace, a logging context) to wherever it runs: kept with the saga
         * and put in place on each thread that runs its steps, also after a takeover. What is restored has besides
         * the keys {@code saga} and {@code sagaId}.
         *
         * @param capture what the starting thread carries, called by {@code start}; an empty map for nothing
         * @param restore puts it in place on the calling thread, and returns what restores that thread
         * @return this
         */
        public Builder carrying(
                Supplier<Map<String, String>> capture, Function<Map<String, String>, Runnable> restore) {
            settings.capture = Objects.requireNonNull(capture, "capture");
            settings.restore = Objects.requireNonNull(restore, "restore");
            return this;
        }

        /**
         * Opens the engine: from here on it takes over what is due.
         *
         * @return the engine; close it
         * @throws IllegalArgumentException naming every setting and definition that cannot be
         * @throws SagaStoreException if the store does not answer
         */
        public SagaEngine open() {
            return settings.open();
        }
    }
}
