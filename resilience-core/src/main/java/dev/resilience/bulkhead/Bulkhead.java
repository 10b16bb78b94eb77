// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bulkhead;

import dev.resilience.CallContext;
import dev.resilience.Description;
import dev.resilience.Gate;
import dev.resilience.RejectedException;
import dev.resilience.Review;
import dev.resilience.TimeSource;
import dev.resilience.Verdict;
import dev.resilience.Waiter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Bounds how many calls run at once, so that one slow dependency cannot take every thread or connection. Calls beyond
 * the bound are rejected, or wait in a bounded queue. To bound calls per second use a rate limiter; to stop calling a
 * dependency that fails, a circuit breaker.
 *
 * {@snippet class="dev.resilience.bulkhead.Snippets" region="bulkhead"}
 *
 * <p><b>Waiting</b> is strictly first come, first served (or {@linkplain Builder#lifo() last come}): no light call passes
 * a heavy one that was first, and none passes the queue. A waiter costs a parked thread on the blocking face and none on
 * the asynchronous one. One that times out, is interrupted or cancelled leaves without a trace.
 *
 * <p><b>Weights.</b> A call may take several slots; see {@link Builder#weight}. One that is heavier than
 * {@code maxConcurrent} is refused at once.
 *
 * <p><b>What it bounds.</b> Attempts that have not been abandoned. An attempt that an asynchronous or detached timeout
 * or a hedge has left behind has given its slot back; the timeout's gauge counts those that still run.
 * {@link Builder#holdAbandoned} keeps the slot. A blocking attempt on the caller's thread keeps its slot until its code
 * ends, interrupted or not.
 *
 * <p><b>Cost.</b> One CAS to enter and one to leave, nothing allocated, while nobody waits; a short lock and one object
 * for a waiter, whatever the length of the queue.
 */
public final class Bulkhead extends Gate {
    static final long WAITS = WAIT;
    static final long REFUSES = refused(0);

    private final Queue queue;

    private Bulkhead(Builder builder) {
        super(builder.name, builder.time);
        this.queue = new Queue(new Settings(builder));
        holdAbandoned(queue.settings().leaseNanos());
    }

    /**
     * A bulkhead named {@code bulkhead} that rejects what it has no room for.
     *
     * @param maxConcurrent at least 1
     * @return the bulkhead
     * @throws IllegalArgumentException when it is less than 1
     */
    public static Bulkhead of(int maxConcurrent) {
        return builder("bulkhead").maxConcurrent(maxConcurrent).build();
    }

    /**
     * For a name, a queue, weights.
     *
     * @param name names the bulkhead in messages and metrics
     * @return the builder
     */
    public static Builder builder(String name) {
        return new Builder(Objects.requireNonNull(name, "name"));
    }

    /**
     * The slots taken.
     *
     * @return the sum of the weights of admitted calls
     */
    public int inFlight() {
        return queue.inUse();
    }

    /**
     * The calls that wait.
     *
     * @return their number, whatever their weights
     */
    public int waiting() {
        return queue.waiting();
    }

    /**
     * The numbers of one moment.
     *
     * @return consistent with each other; takes the queue's lock for a few instructions
     */
    public Snapshot snapshot() {
        return new Snapshot(queue.load(time().nanoTime()));
    }

    /**
     * Changes settings while calls run; those that {@code change} does not touch stay. Shrinking returns at once and is
     * enforced as calls finish; growing lets waiters in at once. Waiters heavier than the new {@code maxConcurrent} are
     * refused; a smaller {@code maxWaiting} refuses nobody who waits already. The clock cannot be changed.
     *
     * @param change gets a builder with the settings in force; run again when somebody else changed them meanwhile
     * @throws IllegalArgumentException as {@link Builder#build()}; nothing has changed then
     */
    public void reconfigure(Consumer<? super Builder> change) {
        Objects.requireNonNull(change, "change");
        Settings seen;
        Settings next;
        do {
            seen = queue.settings();
            Builder builder = new Builder(name(), seen, time());
            change.accept(builder);
            builder.check(time());
            next = new Settings(builder);
        } while (!queue.resize(seen, next));
        publishLease();
    }

    /** The last one to change the settings has the last word, whatever the order in which they come here. */
    @SuppressWarnings("ReferenceEquality") // the very object that was seen
    private void publishLease() {
        Settings seen;
        do {
            seen = queue.settings();
            holdAbandoned(seen.leaseNanos());
        } while (seen != queue.settings());
    }

    @Override
    protected long tryAdmit(CallContext context, long now) {
        return queue.tryAdmit(weight(context));
    }

    @Override
    protected void settle(
            long permit,
            long admittedAt,
            long now,
            Verdict verdict,
            @Nullable Object value,
            @Nullable Throwable thrown) {
        queue.release((int) permit);
    }

    @Override
    protected long maxWaitNanos(CallContext context) {
        return queue.settings().maxWaitNanos();
    }

    @Override
    protected void enqueue(Waiter waiter) {
        queue.enqueue(waiter, weight(waiter.context()), time().nanoTime());
    }

    @Override
    protected void abandon(Waiter waiter) {
        queue.abandon(waiter);
    }

    @Override
    protected RejectedException rejection(CallContext context, long refusal) {
        String waited = refusal == WAITED ? waited(context) : null;
        return new BulkheadFullException(this, refusal, queue.load(time().nanoTime()), weight(context), waited);
    }

    private String waited(CallContext context) {
        return context.remainingNanos() <= 0
                ? "the call's deadline passed while it waited"
                : "waited " + duration(Duration.ofNanos(queue.settings().maxWaitNanos())) + " in vain";
    }

    @Override
    protected void review(Review review) {
        Duration wait = Duration.ofNanos(queue.settings().maxWaitNanos());
        if (wait.isZero()) return;
        review.endedBefore(wait)
                .ifPresent(outer ->
                        review.warn(this + " lets calls wait as long (" + Description.text(wait) + ") as " + outer
                                + " (" + Description.text(review.bound(outer).orElseThrow())
                                + ") around it lets them live: they end as"
                                + " timed out, and nobody learns that it was full; make maxWait shorter"));
    }

    @Override
    protected boolean forgettable(long now) {
        return queue.idle();
    }

    @Override
    protected Map<String, String> settings() {
        return queue.settings().describe();
    }

    /** 1 when the user's function throws or answers nonsense, which is reported (L5). */
    private int weight(CallContext context) {
        ToIntFunction<? super CallContext> function = queue.settings().weight();
        if (function == null) return 1;
        try {
            int weight = function.applyAsInt(context);
            if (weight >= 1) return weight;
            report("a weight function", new IllegalArgumentException("weight must be at least 1, was " + weight));
        } catch (Throwable broken) {
            report("a weight function", broken);
        }
        return 1;
    }

    static String duration(Duration duration) {
        return Description.text(duration);
    }

    /** The numbers of a rejection, from one look. */
    record Load(int inFlight, int maxConcurrent, int waiting, int maxWaiting, long oldestNanos) {}

    /** A bulkhead's numbers of one moment. */
    public static final class Snapshot {
        private final Load load;

        private Snapshot(Load load) {
            this.load = load;
        }

        /** {@return the slots taken: the sum of the weights of admitted calls} */
        public int inFlight() {
            return load.inFlight();
        }

        /** {@return how many slots there are} */
        public int maxConcurrent() {
            return load.maxConcurrent();
        }

        /** {@return how many calls wait} */
        public int waiting() {
            return load.waiting();
        }

        /** {@return how many may wait} */
        public int maxWaiting() {
            return load.maxWaiting();
        }

        /** {@return how long the call that came first of those that wait has been waiting; zero when nobody waits} */
        public Duration oldestWait() {
            return Duration.ofNanos(load.oldestNanos());
        }

        @Override
        public String toString() {
            return "in flight " + inFlight() + "/" + maxConcurrent() + ", waiting " + waiting() + "/" + maxWaiting();
        }
    }

    /** What can be changed while calls run. */
    record Settings(
            int maxConcurrent,
            int maxWaiting,
            long maxWaitNanos,
            boolean lifo,
            long leaseNanos,
            @Nullable ToIntFunction<? super CallContext> weight) {
        Settings(Builder builder) {
            this(
                    builder.maxConcurrent,
                    builder.maxWaiting,
                    TimeSource.nanos(builder.maxWait),
                    builder.lifo,
                    TimeSource.nanos(builder.lease),
                    builder.weight);
        }

        Map<String, String> describe() {
            Map<String, String> settings = new LinkedHashMap<>();
            settings.put("maxConcurrent", String.valueOf(maxConcurrent));
            settings.put("maxWaiting", String.valueOf(maxWaiting));
            settings.put("maxWait", Description.text(Duration.ofNanos(maxWaitNanos)));
            if (lifo) settings.put("order", "lifo");
            if (leaseNanos > 0) settings.put("holdAbandoned", Description.text(Duration.ofNanos(leaseNanos)));
            if (weight != null) settings.put("weight", "per call");
            return settings;
        }
    }

    /** Builds a {@link Bulkhead}. Not thread-safe. */
    public static final class Builder {
        private final String name;
        private int maxConcurrent = 25;
        private int maxWaiting;
        private Duration maxWait = Duration.ZERO;
        private boolean lifo;
        private Duration lease = Duration.ZERO;
        private @Nullable ToIntFunction<? super CallContext> weight;
        private TimeSource time = TimeSource.system();

        private Builder(String name) {
            this.name = name;
        }

        private Builder(String name, Settings settings, TimeSource time) {
            this.name = name;
            this.maxConcurrent = settings.maxConcurrent();
            this.maxWaiting = settings.maxWaiting();
            this.maxWait = Duration.ofNanos(settings.maxWaitNanos());
            this.lifo = settings.lifo();
            this.lease = Duration.ofNanos(settings.leaseNanos());
            this.weight = settings.weight();
            this.time = time;
        }

        /**
         * How many slots there are. Default: 25.
         *
         * @param n at least 1
         * @return this
         */
        public Builder maxConcurrent(int n) {
            this.maxConcurrent = n;
            return this;
        }

        /**
         * How many calls may wait for a slot. Default: 0, nobody waits. Needs {@link #maxWait} too.
         *
         * @param n at least 0
         * @return this
         */
        public Builder maxWaiting(int n) {
            this.maxWaiting = n;
            return this;
        }

        /**
         * How long a call may wait; never past the deadline of its context. Default: 0, nobody waits. Needs
         * {@link #maxWaiting} too.
         *
         * @param longest zero or more
         * @return this
         */
        public Builder maxWait(Duration longest) {
            this.maxWait = Objects.requireNonNull(longest, "longest");
            return this;
        }

        /**
         * Lets the call that came last go first. Under overload the newest callers are the ones still there to use the
         * answer. Default: first come, first served.
         *
         * @return this
         */
        public Builder lifo() {
            this.lifo = true;
            return this;
        }

        /**
         * Keeps the slot of an attempt that was left behind (by an asynchronous or detached timeout, as the loser of a
         * hedge, by a caller who gave up) until its code or stage has really ended, so that what runs stays bounded when
         * the dependency hangs. A stage has ended when it is complete: {@code CompletableFuture.cancel} completes it,
         * whatever goes on behind it. Work handed to {@link Bulkhead#submit submit} has ended when its code has. Default:
         * zero, the slot is free at once. Costs some objects per call.
         *
         * @param lease the longest that a slot is kept after it would have been free otherwise, lest an attempt that
         *     never ends keeps it for ever; zero turns it off
         * @return this
         */
        public Builder holdAbandoned(Duration lease) {
            this.lease = Objects.requireNonNull(lease, "lease");
            return this;
        }

        /**
         * How many slots a call takes, as read from its context. Default: 1.
         *
         * @param perCall runs on the call's thread, outside of locks, and again for a call that waits; at least 1. When
         *     it throws or answers less, that is reported and the weight is 1
         * @return this
         */
        public Builder weight(ToIntFunction<? super CallContext> perCall) {
            this.weight = Objects.requireNonNull(perCall, "perCall");
            return this;
        }

        /**
         * The clock. Default: {@link TimeSource#system()}.
         *
         * @param time the same for all gates of a pipeline
         * @return this
         */
        public Builder timeSource(TimeSource time) {
            this.time = Objects.requireNonNull(time, "time");
            return this;
        }

        /**
         * Makes the bulkhead.
         *
         * @return the bulkhead
         * @throws IllegalArgumentException naming every setting that is out of range or contradicts another
         */
        public Bulkhead build() {
            check(time);
            return new Bulkhead(this);
        }

        private void check(TimeSource clock) {
            List<String> problems = new ArrayList<>();
            if (time != clock) problems.add("timeSource must stay what it was at build, was another");
            if (maxConcurrent < 1) problems.add("maxConcurrent must be at least 1, was " + maxConcurrent);
            if (maxWaiting < 0) problems.add("maxWaiting must be at least 0, was " + maxWaiting);
            if (maxWait.isNegative()) problems.add("maxWait must not be negative, was " + maxWait);
            if (lease.isNegative()) problems.add("holdAbandoned must not be negative, was " + lease);
            if (maxWaiting > 0 && maxWait.isZero()) {
                problems.add("maxWaiting " + maxWaiting + " needs a maxWait above zero, was 0");
            }
            if (maxWaiting == 0 && maxWait.compareTo(Duration.ZERO) > 0) {
                problems.add("maxWait " + maxWait + " needs a maxWaiting above zero, was 0");
            }
            if (!problems.isEmpty()) {
                throw new IllegalArgumentException("bulkhead '" + name + "': " + String.join("; ", problems));
            }
        }
    }
}
