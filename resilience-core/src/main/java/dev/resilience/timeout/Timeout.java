// SPDX-License-Identifier: Apache-2.0
package dev.resilience.timeout;

import dev.resilience.CallContext;
import dev.resilience.ContextOp;
import dev.resilience.Description;
import dev.resilience.Driver;
import dev.resilience.Listeners;
import dev.resilience.Policy;
import dev.resilience.Review;
import dev.resilience.Subscription;
import dev.resilience.TimeSource;
import dev.resilience.TimeoutExceededException;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Ends a call, or one attempt of it, that takes too long, with a
 * {@link dev.resilience.TimeoutExceededException TimeoutExceededException}. Inside a retry it bounds each attempt,
 * around a retry it bounds the whole; use both. For a bound that only this call has, see
 * {@link CallContext#within(Duration)}.
 *
 * {@snippet class="dev.resilience.timeout.Snippets" region="timeout"}
 *
 * <p><b>Blocking face.</b> The work runs on the caller's thread, which is interrupted once at the deadline; the call
 * returns when the work does. An interrupt of ours never leaks past the call and never arrives late, and the interrupt
 * of somebody else survives unless the time did pass (L8). Work that does not react to interrupts needs
 * {@link Builder#detached()}: it runs on another thread, and the call returns at the deadline whatever the work does.
 *
 * <p><b>Asynchronous faces.</b> The future completes at the deadline even if the stage inside never does; that stage is
 * cancelled if it can be and never waited for. With {@link #submit submit} the thread that runs the work is interrupted
 * too.
 *
 * <p>The deadline is visible inside as {@link CallContext#deadline()}: a retry inside starts nothing after it. The
 * exception's cause is the last real failure of the attempts inside. When several end a call together, the caller's
 * cancel wins over the outer timeout, and that over the inner one. A timeout inside a gate is a failure for that gate; a
 * timeout around it is a cancellation, and ignored: put a breaker outside of the attempt's timeout.
 *
 * <p><b>Cost.</b> Two objects and one entry in a timing wheel per call, both in constant time; nothing is retained after
 * the call. Timeouts fire on one daemon thread and never wait for a pool of the user's.
 */
public final class Timeout extends Driver {
    private final LongAdder abandoned = new LongAdder();
    private final Listeners<Consumer<? super TimeoutExceededException>> listeners =
            new Listeners<>(this, "an onTimeout listener");
    private final ReentrantLock reconfiguring = new ReentrantLock();
    private volatile Settings settings;

    private Timeout(Builder builder) {
        super(builder.name);
        this.settings = new Settings(builder);
    }

    /** Replaced as a whole; a call keeps those that it began with. */
    private static final class Settings {
        final @Nullable Duration fixed;
        final long fixedNanos;
        final @Nullable Function<? super CallContext, @Nullable Duration> perCall;
        final boolean interrupting;
        final boolean detached;
        final boolean cancelStage;

        Settings(Builder builder) {
            this.fixed = builder.fixed;
            this.fixedNanos = fixed == null ? Long.MAX_VALUE : TimeSource.nanos(fixed);
            this.perCall = builder.perCall;
            this.interrupting = builder.interrupting;
            this.detached = builder.detached;
            this.cancelStage = builder.cancelStage;
        }
    }

    /**
     * An interrupting timeout named {@code timeout}.
     *
     * @param after greater than zero
     * @return the timeout
     * @throws IllegalArgumentException when it is zero or negative
     */
    public static Timeout of(Duration after) {
        return builder("timeout").after(after).build();
    }

    /**
     * An interrupting timeout with a name, which its exceptions tell.
     *
     * @param name names the timeout in messages and metrics
     * @param after greater than zero
     * @return the timeout
     * @throws IllegalArgumentException when it is zero or negative
     */
    public static Timeout of(String name, Duration after) {
        return builder(name).after(after).build();
    }

    /**
     * An interrupting timeout named {@code timeout} whose duration each call decides.
     *
     * @param perCall as {@link Builder#after(Function)}
     * @return the timeout
     */
    public static Timeout of(Function<? super CallContext, @Nullable Duration> perCall) {
        return builder("timeout").after(perCall).build();
    }

    /**
     * For a name and the less common settings.
     *
     * @param name names the timeout in messages and metrics
     * @return the builder
     */
    public static Builder builder(String name) {
        return new Builder(Objects.requireNonNull(name, "name"));
    }

    /**
     * How many calls or attempts ran out of this timeout's time. A counter.
     *
     * @return since the timeout was made
     */
    public long fired() {
        return timeouts();
    }

    /**
     * Subscribes to the timeouts to come. On the blocking faces a listener runs on the thread of the call before the
     * exception surfaces, on the asynchronous ones after the future has completed, never on the timer's thread.
     *
     * @param listener short and not blocking; what it throws is reported and changes nothing
     * @return a handle to end it
     */
    public Subscription onTimeout(Consumer<? super TimeoutExceededException> listener) {
        return listeners.add(Objects.requireNonNull(listener, "listener"));
    }

    @Override
    protected void timedOut(TimeoutExceededException thrown) {
        listeners.tell(listener -> listener.accept(thrown));
    }

    /**
     * How many attempts were left behind at their deadline and still run or have not completed: detached work that
     * ignores its interrupt, stages that cannot be cancelled. A gauge; reading it does not block.
     *
     * @return now
     */
    public long abandoned() {
        return abandoned.sum();
    }

    /**
     * Changes settings while calls run; those that {@code change} does not touch stay. Calls under way keep the settings
     * that they began with. A timeout that is detached stays so.
     *
     * @param change gets a builder with the settings in force; run again when somebody else changed them meanwhile
     * @throws IllegalArgumentException as {@link Builder#build()}; nothing has changed then
     */
    public void reconfigure(Consumer<? super Builder> change) {
        Objects.requireNonNull(change, "change");
        Settings seen;
        Builder builder;
        do {
            seen = settings;
            builder = new Builder(name(), seen);
            change.accept(builder);
            builder.check();
        } while (!replace(seen, new Settings(builder)));
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
        Settings now = settings;
        long nanos = nanos(now, context);
        if (nanos == Long.MAX_VALUE) return next.call(op, context);
        return now.detached
                ? next.callDetached(op, context, nanos, abandoned)
                : next.callWithin(op, context, nanos, now.interrupting);
    }

    @Override
    protected <T extends @Nullable Object> CompletionStage<T> driveAsync(
            Next next, ContextOp<? extends CompletionStage<T>, ?> op, CallContext context) {
        Settings now = settings;
        long nanos = nanos(now, context);
        return nanos == Long.MAX_VALUE
                        && now.cancelStage // which is also about the caller's cancel: no shortcut without it
                ? next.callAsync(op, context)
                : next.callAsyncWithin(op, context, nanos, now.cancelStage, abandoned);
    }

    /** Long.MAX_VALUE for no timeout. */
    private long nanos(Settings now, CallContext context) {
        return now.perCall == null ? now.fixedNanos : asked(now.perCall, context);
    }

    private long asked(Function<? super CallContext, @Nullable Duration> function, CallContext context) {
        try {
            Duration duration = function.apply(context);
            return duration == null ? Long.MAX_VALUE : TimeSource.nanos(duration);
        } catch (Throwable broken) {
            report("a timeout's duration function (no timeout for this call)", broken);
            return Long.MAX_VALUE;
        }
    }

    @Override
    protected @Nullable Duration bound() {
        Duration fixed = settings.fixed;
        return fixed == null ? ChronoUnit.FOREVER.getDuration() : fixed;
    }

    @Override
    protected void review(Review review) {
        Duration mine = settings.fixed;
        if (mine == null) return;
        for (Policy policy : review.inside()) {
            if (policy == this) continue; // told of as a twin
            review.bound(policy)
                    .filter(theirs -> mine.compareTo(theirs) <= 0 && TimeSource.nanos(theirs) != Long.MAX_VALUE)
                    .ifPresent(theirs -> review.warn(this + " (" + Description.text(mine) + ") never lets " + policy
                            + " (" + Description.text(theirs) + ") inside it fire; the outer one should be longer"));
        }
    }

    @Override
    protected Map<String, String> settings() {
        Settings now = settings;
        Map<String, String> described = new LinkedHashMap<>();
        described.put("after", now.fixed == null ? "per call" : Description.text(now.fixed));
        described.put("mode", now.detached ? "detached" : now.interrupting ? "interrupting" : "telling");
        if (!now.cancelStage) described.put("cancelStage", "false");
        return described;
    }

    /** Builds a {@link Timeout}. Not thread-safe. */
    public static final class Builder {
        private final String name;
        private @Nullable Duration fixed;
        private @Nullable Function<? super CallContext, @Nullable Duration> perCall;
        private boolean interrupting = true;
        private boolean interruptingGiven;
        private boolean detached;
        private boolean cancelStage = true;

        private Builder(String name) {
            this.name = name;
        }

        private Builder(String name, Settings settings) {
            this.name = name;
            this.fixed = settings.fixed;
            this.perCall = settings.perCall;
            this.interrupting = settings.interrupting;
            this.detached = settings.detached;
            this.cancelStage = settings.cancelStage;
        }

        /**
         * The same time for every call. No default; this or {@link #after(Function)} is needed, the later call counts.
         *
         * @param after greater than zero; beyond 146 years means never
         * @return this
         */
        public Builder after(Duration after) {
            this.fixed = Objects.requireNonNull(after, "after");
            this.perCall = null;
            return this;
        }

        /**
         * A time that each call decides, from its attributes or its attempt number.
         *
         * @param perCall runs on the thread of the call, once per call through this policy. Null: no timeout for this
         *     call. Zero or negative: already late, the work does not run. When it throws, that is reported and this
         *     call has no timeout
         * @return this
         */
        public Builder after(Function<? super CallContext, @Nullable Duration> perCall) {
            this.perCall = Objects.requireNonNull(perCall, "perCall");
            this.fixed = null;
            return this;
        }

        /**
         * Whether the caller's thread is interrupted at the deadline. Default: true. When false the deadline is only
         * told, by {@link CallContext#cancelled()} and {@link CallContext#onCancel}; the call still ends with the
         * exception, when the work ends.
         *
         * @param on false for work that must not be interrupted
         * @return this
         */
        public Builder interrupting(boolean on) {
            this.interrupting = on;
            this.interruptingGiven = true;
            return this;
        }

        /**
         * Runs blocking work on another thread (the pipeline's executor) and leaves it behind at the deadline: it is
         * interrupted, and its late result closed when it is {@link AutoCloseable}. {@link Timeout#abandoned()} counts
         * what still runs. Costs a thread hop. Default: off.
         *
         * @return this
         */
        public Builder detached() {
            this.detached = true;
            return this;
        }

        /**
         * Whether an attempt's stage is cancelled at the deadline, and a value that it gives later closed. Default:
         * true, since the stage is made for the attempt. False is for work that hands out stages shared with others;
         * submitted work is interrupted all the same.
         *
         * @param on false for shared stages
         * @return this
         */
        public Builder cancelStage(boolean on) {
            this.cancelStage = on;
            return this;
        }

        /**
         * Makes the timeout.
         *
         * @return the timeout
         * @throws IllegalArgumentException naming every setting that is missing or contradictory
         */
        public Timeout build() {
            check();
            return new Timeout(this);
        }

        private void check() {
            String problems = problems();
            if (!problems.isEmpty()) throw new IllegalArgumentException("timeout '" + name + "': " + problems);
        }

        private String problems() {
            StringBuilder problems = new StringBuilder();
            if (fixed == null && perCall == null) problems.append("after is needed, was not set; ");
            if (fixed != null && (fixed.isZero() || fixed.isNegative())) {
                problems.append("after must be positive, was ").append(fixed).append("; ");
            }
            if (detached && interruptingGiven && !interrupting) {
                problems.append(
                                "interrupting(false) and detached() contradict each other: detached work is left behind")
                        .append(" interrupted; ");
            }
            return problems.length() == 0 ? "" : problems.substring(0, problems.length() - 2);
        }
    }
}
