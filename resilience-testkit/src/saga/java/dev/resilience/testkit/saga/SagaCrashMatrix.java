// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.TimeSource;
import dev.resilience.saga.JournalEntry;
import dev.resilience.saga.Saga;
import dev.resilience.saga.SagaCodec;
import dev.resilience.saga.SagaEngine;
import dev.resilience.saga.SagaInstance;
import dev.resilience.saga.SagaLockedException;
import dev.resilience.saga.SagaRef;
import dev.resilience.saga.SagaStatus;
import dev.resilience.saga.SagaStore;
import dev.resilience.saga.Type;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Kills the engine that runs your saga at every place where it can die, lets another one take over, and looks whether
 * the saga still did what it does without a crash.
 *
 * {@snippet class="dev.resilience.saga.CrashMatrixGuideTest" region="matrix"}
 *
 * <p>First the saga is run without a crash, and every boundary is counted: before and after each start, each checkpoint,
 * each takeover, each call of a participant (its effect not yet made, its effect made and the answer lost). Then it is
 * run once for each boundary, and the engine dies there: nothing that it does afterwards reaches the store or a
 * participant. Another engine finds out, takes over and finishes. With {@link #pairs()} that one is killed too, at each
 * of its boundaries. Every run is held to the guarantees of a saga:
 *
 * <ul>
 *   <li>it ends, and as it does without a crash (G1); where a refusal or a cancellation was lost with the engine that
 *       knew of it, the other legal end is one too
 *   <li>each effect is made once, under one key (G3); each outcome is recorded once (G4)
 *   <li>a step begins when its predecessors are durable; what was made is undone in reverse (G5), all of it and nothing
 *       else (G6), and nothing once the pivot has passed (G7)
 *   <li>who does not own the saga any more records nothing (G9)
 * </ul>
 *
 * <p>Time is the run's own: leases and backoffs pass at once, and the threads of the engine go one at a time, so that a
 * case goes the same way each time. A case that went wrong is told with its name, its boundaries, its journal and its
 * effects, and {@link #replay} plays it alone. What that asks of the saga's code: it waits for nothing that happens on
 * other threads, and it asks participants only through {@link Effects}.
 *
 * <p>Not safe for several threads; setters return this.
 *
 * @param <I> the saga's input
 */
public final class SagaCrashMatrix<I> {
    private final Function<? super Effects, ? extends Saga<I, ?>> saga;
    private final Set<Fault> faults = EnumSet.noneOf(Fault.class);
    private final Set<String> harmless = new HashSet<>();
    private final List<Consumer<? super Run>> checks = new ArrayList<>();
    private @Nullable I input;
    private boolean pairs;
    private int schedules = 1;
    private Function<? super TimeSource, ? extends SagaStore> store = SagaStore::inMemory;
    private UnaryOperator<SagaEngine.Builder> engine = UnaryOperator.identity();
    private SagaStore.@Nullable Signal signal;
    private Duration stall = Duration.ofMinutes(1);
    private boolean ownStore;
    private boolean rival;
    private int losing = 1;
    private final Set<String> reads = new HashSet<>();

    private SagaCrashMatrix(Function<? super Effects, ? extends Saga<I, ?>> saga) {
        this.saga = Objects.requireNonNull(saga, "saga");
    }

    /**
     * A matrix of a saga, with nothing in it yet but the run without a crash.
     *
     * @param saga makes the definition with participants that tell the matrix what they do; called for each run
     * @param <I> the saga's input
     * @return a matrix; say the {@link #input} and what shall happen, then {@link #run()}
     */
    public static <I> SagaCrashMatrix<I> of(Function<? super Effects, ? extends Saga<I, ?>> saga) {
        return new SagaCrashMatrix<>(saga);
    }

    /**
     * What every run starts the saga with.
     *
     * @param sample an input
     * @return this
     */
    public SagaCrashMatrix<I> input(I sample) {
        this.input = Objects.requireNonNull(sample, "sample");
        return this;
    }

    /**
     * The engine is killed at each boundary.
     *
     * @return this
     */
    public SagaCrashMatrix<I> killAtEveryBoundary() {
        return atEveryBoundary(Fault.KILL);
    }

    /**
     * Each of these happens at each boundary, one in each run.
     *
     * @param first a fault
     * @param more others
     * @return this
     */
    public SagaCrashMatrix<I> atEveryBoundary(Fault first, Fault... more) {
        faults.addAll(EnumSet.of(first, more));
        return this;
    }

    /**
     * Also two faults in one run, at every pair of boundaries: of which one ends an engine ({@link Fault#KILL},
     * {@link Fault#FREEZE}, {@link Fault#CLOSE}) or takes what the journal knew ({@link Fault#FAIL_OVER}). A frozen engine
     * is also woken at every boundary of the other one.
     *
     * @return this
     */
    public SagaCrashMatrix<I> pairs() {
        this.pairs = true;
        return this;
    }

    /**
     * In how many orders the threads of a saga with branches go: all of the above for each of them.
     *
     * @param orders 1 by default: as they come
     * @return this
     */
    public SagaCrashMatrix<I> schedules(int orders) {
        if (orders < 1) throw new IllegalArgumentException("crash matrix: schedules must be at least 1, was " + orders);
        this.schedules = orders;
        return this;
    }

    /**
     * A signal that the saga waits for: sent once, right after the start, or wherever {@link Fault#SIGNAL} says.
     *
     * @param name as the definition awaits it
     * @param type what the definition says that it brings
     * @param value what it brings
     * @param <T> the value's type
     * @return this
     */
    public <T> SagaCrashMatrix<I> signal(String name, Type<T> type, T value) {
        byte[] payload = SagaCodec.records().encode(type, value);
        this.signal = new SagaStore.Signal(name, "the matrix's", payload, 0);
        return this;
    }

    /**
     * Steps whose effect stays when the saga is undone: those that say {@code harmless()}. Of them also those that do no
     * more than read from a participant, without a key.
     *
     * @param steps their names
     * @return this
     */
    public SagaCrashMatrix<I> harmless(String... steps) {
        harmless.addAll(List.of(steps));
        return this;
    }

    /**
     * Calls of participants that only read, and so need no key. Any other call without one is refused: its effect would
     * be made again after a crash.
     *
     * @param calls interface and method, as {@code Payments.find}
     * @return this
     */
    public SagaCrashMatrix<I> reads(String... calls) {
        reads.addAll(List.of(calls));
        return this;
    }

    /**
     * Somebody starts a second saga with the same input beside the first, and tries again while it is locked out. If the
     * saga has a lock key, the two never overlap, and every end of the first one lets the second one in. It is held to
     * the same guarantees, and faults happen to it too.
     *
     * @return this
     */
    public SagaCrashMatrix<I> rival() {
        this.rival = true;
        return this;
    }

    /**
     * How many of its newest commits the journal forgets at a {@link Fault#FAIL_OVER}.
     *
     * @param commits 1 by default
     * @return this
     */
    public SagaCrashMatrix<I> losing(int commits) {
        if (commits < 1) throw new IllegalArgumentException("crash matrix: losing must be at least 1, was " + commits);
        this.losing = commits;
        return this;
    }

    /**
     * How long {@link Fault#STALL} lasts, on the run's clock.
     *
     * @param duration a minute by default: longer than the lease
     * @return this
     */
    public SagaCrashMatrix<I> stall(Duration duration) {
        this.stall = Objects.requireNonNull(duration, "duration");
        return this;
    }

    /**
     * Where the journal is; in memory by default.
     *
     * @param store asked for each run, with the run's clock, and closed after it; what a database keeps of a run is an
     *     ended saga under an id of its own. Not together with {@link Fault#FAIL_OVER}: only the one in memory can go
     *     back
     * @return this
     */
    public SagaCrashMatrix<I> store(Function<? super TimeSource, ? extends SagaStore> store) {
        this.store = Objects.requireNonNull(store, "store");
        this.ownStore = true;
        return this;
    }

    /**
     * More settings of the engines. Clock, threads and lease are the matrix's: 3 s.
     *
     * @param settings changes the builder
     * @return this
     */
    public SagaCrashMatrix<I> engine(UnaryOperator<SagaEngine.Builder> settings) {
        this.engine = Objects.requireNonNull(settings, "settings");
        return this;
    }

    /**
     * What else has to hold of every run.
     *
     * @param check throws what it finds wrong
     * @return this
     */
    public SagaCrashMatrix<I> check(Consumer<? super Run> check) {
        checks.add(Objects.requireNonNull(check, "check"));
        return this;
    }

    /**
     * Plays all cases.
     *
     * @return how many there were
     * @throws AssertionError if one went wrong; the first ones are described
     */
    public Report run() {
        return new Report(matrix().run());
    }

    /**
     * Plays one case.
     *
     * @param name as a failure told it, such as {@code kill@7 cancel@12}
     * @return how it went, if it went well
     * @throws AssertionError if it went wrong
     */
    public Report replay(String name) {
        return new Report(matrix().replay(name));
    }

    private Matrix matrix() {
        I sample = Objects.requireNonNull(input, "input: say what the saga is started with");
        Trial.Setting setting = new Trial.Setting(
                effects -> fleet(saga.apply(effects), effects, sample),
                time -> store.apply(time),
                signal,
                Set.copyOf(harmless),
                stall,
                Duration.ofMinutes(30),
                rival,
                losing,
                Set.copyOf(reads));
        if (ownStore && faults.contains(Fault.FAIL_OVER))
            throw new IllegalStateException("crash matrix: only the journal in memory can fail over, not a store(..)");
        Matrix.Plan plan = new Matrix.Plan(Set.copyOf(faults), pairs ? 2 : 1, schedules, trial -> {
            Run run = new Run(trial);
            for (Consumer<? super Run> check : checks) check.accept(run);
        });
        return new Matrix(setting, plan);
    }

    private <O extends @Nullable Object> Vessel.Fleet fleet(Saga<I, O> saga, Effects effects, I sample) {
        effects.of(saga.name());
        return (life, seen) -> {
            SagaEngine.Builder builder = SagaEngine.on(seen).lease(Duration.ofSeconds(3));
            SagaEngine open = engine.apply(builder)
                    .register(saga)
                    .timeSource(life)
                    .executor(life)
                    .nodeName(life.name())
                    .open();
            return new Vessel() {
                @Override
                public @Nullable SagaRef start(String id) {
                    try {
                        open.start(saga, id, sample);
                        return null;
                    } catch (SagaLockedException locked) {
                        return locked.holder();
                    }
                }

                @Override
                public void close() {
                    open.close();
                }
            };
        };
    }

    /** One run, when all is over. */
    public static final class Run {
        private final Trial trial;

        private Run(Trial trial) {
            this.trial = trial;
        }

        /**
         * What happened to it, for {@link SagaCrashMatrix#replay}.
         *
         * @return the case's name
         */
        public String name() {
            return trial.what().toString();
        }

        /**
         * How it ended.
         *
         * @return its status
         */
        public SagaStatus status() {
            return head().status();
        }

        /**
         * As the store has it.
         *
         * @return the head
         */
        public SagaInstance head() {
            return left().head();
        }

        /**
         * As the store has it.
         *
         * @return the journal, oldest line first
         */
        public List<JournalEntry> journal() {
            return left().entries();
        }

        /**
         * What participants did, in its order: {@code reserve}, {@code undo of reserve}; an element of a for-each step
         * is {@code line#0}. With a {@linkplain SagaCrashMatrix#rival rival} its own are told with its id.
         *
         * @return each effect and each undoing
         */
        public List<String> effects() {
            return trial.events().stream()
                    .filter(Event.Effect.class::isInstance)
                    .map(event -> ((Event.Effect) event).key().told(trial.ref()))
                    .toList();
        }

        private SagaStore.Loaded left() {
            return Objects.requireNonNull(trial.left(trial.ref()), "the saga is not in the store");
        }
    }

    /** What was played. */
    public static final class Report {
        private final Matrix matrix;

        private Report(Matrix matrix) {
            this.matrix = matrix;
        }

        /**
         * All runs.
         *
         * @return how many
         */
        public int runs() {
            return matrix.runs();
        }

        /**
         * Of the run without a crash; those at heartbeats and at looks for work are not counted.
         *
         * @return how many
         */
        public int boundaries() {
            return matrix.boundaries();
        }

        @Override
        public String toString() {
            return runs() + " runs, " + boundaries() + " boundaries without a crash";
        }
    }
}
