// SPDX-License-Identifier: Apache-2.0
package dev.resilience.hedge;

import dev.resilience.CallContext;
import dev.resilience.ContextOp;
import dev.resilience.Description;
import dev.resilience.Driver;
import dev.resilience.Policy;
import dev.resilience.RetryBudget;
import dev.resilience.Review;
import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Starts a further attempt while the first is slow, and takes whichever succeeds first: cuts the tail of the latency for
 * work that may be done twice. To repeat what <em>failed</em> use a retry, to give up what is slow a timeout.
 *
 * {@snippet class="dev.resilience.hedge.Snippets" region="hedge"}
 *
 * <p><b>Who wins.</b> The first <em>success</em>, at once and without waiting for the others. Those are cancelled, count
 * nowhere (gates inside settle them as ignored), and results of theirs that come late are closed. A hedge that fails
 * changes nothing while the first attempt runs. The call fails only when all attempts that were started have failed, with
 * the first one's exception and the others' suppressed in it.
 *
 * <p><b>When a hedge starts.</b> After the delay, if nothing has ended before; never because an attempt failed, never at
 * or after the call's deadline, never beyond {@link Builder#maxHedges} or the {@link Builder#budget}, never for a call
 * that says {@link CallContext#once()}, which passes through on its own thread. With
 * {@link Builder#delayQuantile} none before enough first attempts have succeeded to know what slow means.
 *
 * <p><b>Budget.</b> A call deposits once, with its first outcome that is no local rejection; a hedge withdraws, and one
 * that is rejected locally gives back. One that is cancelled while it still waits at a gate inside has paid.
 *
 * <p><b>Threads.</b> On the blocking face every attempt runs on a worker of the pipeline and the caller waits; an
 * interrupt or a cancel of the caller reaches every attempt. On the asynchronous face the first attempt starts on the
 * caller's thread, hedges on workers. Costs a hop to another thread on the blocking face, a timer on both.
 */
public final class Hedge extends Driver {
    private static final long NO_BUDGET = 1;

    private final ReentrantLock reconfiguring = new ReentrantLock();
    private volatile Settings settings;
    private final LongAdder started = new LongAdder();
    private final LongAdder won = new LongAdder();

    private Hedge(Builder builder) {
        super(builder.name);
        this.settings = new Settings(builder);
    }

    /** Replaced as a whole; a call keeps those that it began with. */
    record Settings(Delay delay, int maxHedges, @Nullable RetryBudget budget) {
        Settings(Builder builder) {
            this(Objects.requireNonNull(builder.delay).get(), builder.maxHedges, builder.budget);
        }

        void deposit() {
            if (budget != null) budget.deposit();
        }

        /** A receipt; zero when no hedge may start. */
        long withdraw() {
            return budget == null ? NO_BUDGET : budget.withdraw();
        }

        /** The attempt never reached the dependency. */
        void restore(long receipt) {
            if (budget != null) budget.restore(receipt);
        }
    }

    /**
     * One hedge after a fixed delay, named {@code hedge}.
     *
     * @param delay zero starts both at once
     * @return the hedge
     * @throws IllegalArgumentException when it is negative
     */
    public static Hedge after(Duration delay) {
        return builder("hedge").delay(delay).build();
    }

    /**
     * For a name, a learned delay, a budget.
     *
     * @param name names the hedge in messages and metrics
     * @return the builder
     */
    public static Builder builder(String name) {
        return new Builder(Objects.requireNonNull(name, "name"));
    }

    /**
     * How many hedges have been started. A counter.
     *
     * @return so far
     */
    public long started() {
        return started.sum();
    }

    /**
     * How many calls a hedge has won. A counter.
     *
     * @return so far
     */
    public long won() {
        return won.sum();
    }

    /**
     * The budget that bounds the hedges.
     *
     * @return empty when there is none
     */
    public Optional<RetryBudget> budget() {
        return Optional.ofNullable(settings.budget);
    }

    /**
     * Changes settings while calls run; those that {@code change} does not touch stay. Calls under way keep the settings
     * that they began with. A learned delay stays learned, also when its quantile or its warm-up changes: the durations
     * seen so far count for the new ones. A fixed delay forgets them.
     *
     * @param change gets a builder with the settings in force; run again when somebody else changed them meanwhile
     * @throws IllegalArgumentException as {@link Builder#build()}; nothing has changed then
     */
    public void reconfigure(Consumer<? super Builder> change) {
        Objects.requireNonNull(change, "change");
        Settings seen;
        Settings next;
        do {
            seen = settings;
            Builder builder = new Builder(name(), seen);
            change.accept(builder);
            builder.check();
            next = new Settings(builder);
        } while (!replace(seen, next));
    }

    @SuppressWarnings("ReferenceEquality") // the very object that was seen, or somebody else was faster
    private boolean replace(Settings seen, Settings next) {
        reconfiguring.lock();
        try {
            if (settings != seen) return false;
            settings = next;
            return true;
        } finally {
            reconfiguring.unlock();
        }
    }

    @Override
    protected <T extends @Nullable Object> T drive(Next next, ContextOp<T, ?> op, CallContext context)
            throws Exception {
        if (!context.repeatable()) return next.call(op, context.attempt(1));
        Race<T> race = new Race<>(this, next, context, attempt -> next.branch(op, attempt));
        try {
            return next.await(race.start(), context);
        } finally {
            race.over();
        }
    }

    @Override
    protected <T extends @Nullable Object> CompletionStage<T> driveAsync(
            Next next, ContextOp<? extends CompletionStage<T>, ?> op, CallContext context) {
        if (!context.repeatable()) return next.callAsync(op, context.attempt(1));
        return new Race<T>(this, next, context, attempt -> next.branchAsync(op, attempt)).start();
    }

    Settings now() {
        return settings;
    }

    /** Durations are of the dependency, whatever the settings were when the call began. */
    void learn(long nanos) {
        settings.delay.learn(nanos);
    }

    void countStarted() {
        started.increment();
    }

    void countWon() {
        won.increment();
    }

    @Override
    protected void review(Review review) {
        Settings now = settings;
        for (Policy policy : review.inside()) {
            if (policy == this) continue; // told of as a twin
            long most = (1L + now.maxHedges)
                    * (policy instanceof Hedge inner ? 1 + inner.settings.maxHedges : review.attempts(policy));
            if (policy instanceof Hedge) {
                review.warn(policy + " stands inside " + this + ": their attempts multiply, up to " + most
                        + "; keep one of them");
            } else if (review.attempts(policy) > 1) {
                review.warn(this + " stands outside " + policy + ": a pause between two attempts looks slow to it, and"
                        + " attempts multiply, up to " + most + "; put the hedge inside, as in"
                        + " Pipeline.of(retry, hedge)");
            }
        }
        if (now.delay instanceof Delay.Fixed fixed) reviewDelay(Duration.ofNanos(fixed.nanos()), review);
    }

    private void reviewDelay(Duration fixed, Review review) {
        Optional<Policy> inside = review.inside().stream()
                .takeWhile(policy -> review.attempts(policy) == 1)
                .filter(policy -> review.bound(policy)
                        .filter(bound -> bound.compareTo(fixed) <= 0)
                        .isPresent())
                .findFirst();
        review.endedBefore(fixed)
                .or(() -> inside)
                .ifPresent(ends -> review.warn(this + " never starts a hedge: "
                        + ends + " (" + Description.text(review.bound(ends).orElseThrow())
                        + ") ends the attempt before its delay ("
                        + Description.text(fixed) + ") has passed; make the delay shorter"));
    }

    @Override
    protected Map<String, String> settings() {
        Settings now = settings;
        Map<String, String> described = new LinkedHashMap<>();
        described.put("delay", now.delay.described());
        described.put("maxHedges", String.valueOf(now.maxHedges));
        described.put("budget", now.budget == null ? "off" : now.budget.toString());
        return described;
    }

    /** Builds a {@link Hedge}. Not thread-safe. */
    public static final class Builder {
        private final String name;
        private @Nullable Supplier<Delay> delay;
        private int maxHedges = 1;
        private @Nullable RetryBudget budget;
        private final List<String> problems = new ArrayList<>();
        /** What a new quantile goes on from. */
        private @Nullable Quantile learned;

        private Builder(String name) {
            this.name = name;
        }

        private Builder(String name, Settings settings) {
            this.name = name;
            this.delay = settings::delay;
            this.maxHedges = settings.maxHedges;
            this.budget = settings.budget;
            this.learned = settings.delay instanceof Delay.Learned known ? known.quantile() : null;
        }

        /**
         * A fixed delay, before the first hedge and between hedges. No default; this or {@link #delayQuantile} is
         * needed, the later call counts.
         *
         * @param delay zero or more
         * @return this
         */
        public Builder delay(Duration delay) {
            long nanos = TimeSource.nanos(Objects.requireNonNull(delay, "delay"));
            problems.clear(); // of a delay that this one replaces
            if (nanos < 0) problems.add("delay must not be negative, was " + delay);
            this.delay = () -> new Delay.Fixed(nanos);
            return this;
        }

        /**
         * A delay learned from the durations of first attempts that succeeded: what the slowest {@code 1 - q} of them
         * exceed, within an eighth. Recent ones weigh most. One that lost to a hedge counts with the time that it had
         * taken by then: left out, the slow ones would be missing, and hedges come twice as often.
         *
         * @param q between 0 and 1, exclusive; 0.95 hedges about one call in twenty
         * @param warmUp no hedge before this many successes, at least 1
         * @return this
         */
        public Builder delayQuantile(double q, int warmUp) {
            problems.clear(); // of a delay that this one replaces
            if (!(q > 0 && q < 1)) problems.add("delayQuantile must be in (0, 1), was " + q);
            if (warmUp < 1) problems.add("warmUp must be at least 1, was " + warmUp);
            Quantile known = learned;
            this.delay = () -> new Delay.Learned(known == null ? new Quantile(q, warmUp) : known.with(q, warmUp));
            return this;
        }

        /**
         * How many further attempts a call may start. Default: 1.
         *
         * @param n at least 1
         * @return this
         */
        public Builder maxHedges(int n) {
            this.maxHedges = n;
            return this;
        }

        /**
         * Bounds hedges over all calls, so that they cannot double the load of a dependency that has become slow. May be
         * shared with retries. Default: none.
         *
         * @param budget the budget
         * @return this
         */
        public Builder budget(RetryBudget budget) {
            this.budget = Objects.requireNonNull(budget, "budget");
            return this;
        }

        /**
         * Makes the hedge.
         *
         * @return the hedge
         * @throws IllegalArgumentException naming every setting that is missing or out of range
         */
        public Hedge build() {
            check();
            return new Hedge(this);
        }

        private void check() {
            List<String> all = new ArrayList<>(problems);
            if (delay == null) all.add("delay or delayQuantile is needed, was not set");
            if (maxHedges < 1) all.add("maxHedges must be at least 1, was " + maxHedges);
            if (!all.isEmpty()) throw new IllegalArgumentException("hedge '" + name + "': " + String.join("; ", all));
        }
    }
}
