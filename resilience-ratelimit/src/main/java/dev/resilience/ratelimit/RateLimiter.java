// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static dev.resilience.ratelimit.Settings.notNegative;
import static dev.resilience.ratelimit.Settings.positive;
import static dev.resilience.ratelimit.Settings.zeroOrMore;

import dev.resilience.CallContext;
import dev.resilience.Gate;
import dev.resilience.RejectedException;
import dev.resilience.Review;
import dev.resilience.TimeSource;
import dev.resilience.Verdict;
import dev.resilience.Waiter;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Bounds how many permits pass per time, exactly as its {@link Limit} says. To bound how many calls run at once, use a
 * bulkhead; one limit for each user or endpoint is a {@code KeyedRateLimiter}.
 *
 * <p>It is a policy, one permit (or the call's {@linkplain Builder#cost cost}) for each call:
 *
 * {@snippet class="dev.resilience.ratelimit.Snippets" region="gate"}
 *
 * <p>and it can be asked by hand. All verbs are one primitive, <i>decide</i>, in different dress:
 *
 * {@snippet class="dev.resilience.ratelimit.Snippets" region="by-hand"}
 *
 * <p><b>Waiting.</b> A caller is granted a time once, in the order of asking, and waits for it: nobody is woken in vain,
 * and a stage holds no thread. Who cannot be served in its time (its longest wait, the deadline of its context) is
 * refused at once. Who is interrupted, cancelled or times out gives its permits back, as far as no granted time counts on
 * them; whoever asks next may have them, and go before one who waits. <b>A permit is used</b> when its call may begin.
 *
 * <p><b>Cost.</b> A grant is one clock reading and one CAS, a refusal one clock reading and no write; neither allocates.
 * Waiting, refunds, {@link #throttleFor}, {@link #reset} and {@link #reconfigure} take a lock that grants never take.
 * An idle limiter has no thread and no timer. All methods may be called by any number of threads.
 */
public final class RateLimiter extends Gate {
    private final Settings settings;
    private final ReentrantLock changing = new ReentrantLock();
    private final Pending pending = new Pending();
    private final Counting counting;
    private volatile Limit limit;
    private volatile Meter meter;

    private RateLimiter(Builder builder, Limit limit) {
        super(builder.name, builder.time);
        this.settings = new Settings(builder.maxWait, builder.cost, builder.shadow);
        this.counting = new Counting(builder.shadow);
        this.limit = limit;
        this.meter = limit.meter(builder.time);
    }

    /**
     * A limiter named {@code limiter} for which nobody waits, a pacer's callers excepted.
     *
     * @param limit what may pass
     * @return the limiter
     * @throws IllegalArgumentException naming every value of the limit that is out of range
     */
    public static RateLimiter of(Limit limit) {
        return builder("limiter").limit(limit).build();
    }

    /**
     * For a name, a longest wait, costs per call, a dry run.
     *
     * @param name names the limiter in messages and metrics
     * @return the builder
     */
    public static Builder builder(String name) {
        return new Builder(Objects.requireNonNull(name, "name"));
    }

    /**
     * Takes one permit now, or none. Never waits; allocates nothing, and a refusal writes nothing.
     *
     * @return whether it was granted
     */
    public boolean tryAcquire() {
        return counting.granted(take(1), 1) || settings.shadow();
    }

    /**
     * Takes n permits now, or none. Never waits; allocates nothing, and a refusal writes nothing.
     *
     * @param n at least 1
     * @return whether they were granted; more than the limit ever holds never are
     * @throws IllegalArgumentException when n is less than 1
     */
    public boolean tryAcquire(long n) {
        return counting.granted(take(positive(n)), n) || settings.shadow();
    }

    /**
     * Takes n permits, waiting for them on this thread; a caller who cannot be served in its time is refused at once.
     * Callers are served in the order in which they came. Who is interrupted gives its permits back.
     *
     * @param n at least 1
     * @param maxWait the longest wait, zero or more
     * @return whether they were granted; the call returns when their time has come
     * @throws InterruptedException when the thread is interrupted on entry or while it waits; nothing is taken then
     * @throws IllegalArgumentException when n is less than 1 or maxWait is negative
     */
    public boolean tryAcquire(long n, Duration maxWait) throws InterruptedException {
        long longest = notNegative(maxWait);
        positive(n);
        if (Thread.interrupted()) throw new InterruptedException("before asking " + this);
        if (settings.shadow()) {
            simulated(n, longest);
            return true;
        }
        long wait = take(n);
        if (wait == Meter.GRANTED || wait > longest) return counting.granted(wait, n);
        Answer answer = new Answer();
        if (!counting.granted(take(n, longest, answer), n, answer)) return false;
        Waiting.until(time(), this, answer);
        return true;
    }

    /**
     * Takes n permits now, or none, and tells the numbers of that moment. Allocates the decision and its numbers.
     *
     * @param n at least 1
     * @return the decision
     * @throws IllegalArgumentException when n is less than 1
     */
    public Decision decide(long n) {
        Answer answer = new Answer();
        return decided(answer, take(positive(n), 0, answer), n);
    }

    /**
     * Takes n permits for the earliest time within a longest wait, or none, without holding a thread.
     *
     * {@snippet class="dev.resilience.ratelimit.Snippets" region="staged"}
     *
     * @param n at least 1
     * @param maxWait the longest wait, zero or more
     * @return completes at once when refused or when the permits are there, else when their time has come, on one of
     *     the library's threads; a future that is cancelled or completed by others before gives the permits back
     * @throws IllegalArgumentException when n is less than 1 or maxWait is negative
     */
    public CompletableFuture<Decision> decideAsync(long n, Duration maxWait) {
        Answer answer = new Answer();
        long wait = take(positive(n), notNegative(maxWait), answer);
        Decision decision = decided(answer, wait, n);
        boolean now = !decision.permitted() || answer.wait == 0 || settings.shadow();
        return now ? CompletableFuture.completedFuture(decision) : Waiting.later(this, answer, decision);
    }

    /**
     * What {@link #decide} would say, without taking anything.
     *
     * @param n at least 1
     * @return a decision whose {@link Decision#remaining()} is what is there
     * @throws IllegalArgumentException when n is less than 1
     */
    public Decision peek(long n) {
        Answer answer = new Answer();
        positive(n);
        for (Meter now = meter; ; now = successor()) {
            long wait = now.peek(n, answer);
            if (wait != Meter.SEALED) return new Decision(answer, wait == Meter.GRANTED, name(), Decision.Source.LOCAL);
        }
    }

    /**
     * Takes what is there, at most n.
     *
     * @param n at least 1
     * @return how many were taken, 0 to n
     * @throws IllegalArgumentException when n is less than 1
     */
    public long acquireUpTo(long n) {
        positive(n);
        for (Meter now = meter; ; now = successor()) {
            long taken = now.takeUpTo(n);
            if (taken != Meter.SEALED) return counting.partly(taken, n);
        }
    }

    /**
     * Takes n permits for the earliest time within a longest wait, and leaves the waiting to the caller. A refusal
     * allocates nothing.
     *
     * {@snippet class="dev.resilience.ratelimit.Snippets" region="reserve"}
     *
     * @param n at least 1
     * @param maxWait the longest wait, zero or more
     * @return empty when they cannot be had in that time
     * @throws IllegalArgumentException when n is less than 1 or maxWait is negative
     */
    public Optional<Reservation> reserve(long n, Duration maxWait) {
        long longest = notNegative(maxWait);
        if (settings.shadow()) return Optional.of(new Reservation(time(), simulated(positive(n), longest)));
        long wait = look(positive(n));
        if (wait > longest) {
            counting.granted(wait, n);
            return Optional.empty();
        }
        Answer answer = new Answer();
        boolean granted = counting.granted(take(n, longest, answer), n, answer);
        return granted ? Optional.of(new Reservation(time(), answer)) : Optional.empty();
    }

    /**
     * Takes n permits although they may not be there, for what is known only afterwards: bytes sent, model tokens used.
     * Those who come later pay the debt. It ends at 30 days, or a little sooner where a permit takes a fraction of a
     * nanosecond; a limit without debts, such as unlimited(), takes no notice.
     *
     * {@snippet class="dev.resilience.ratelimit.Snippets" region="cost"}
     *
     * @param n at least 1; may exceed the burst
     * @throws IllegalArgumentException when n is less than 1
     */
    public void charge(long n) {
        positive(n);
        for (Meter now = meter; !now.charge(n); ) now = successor();
        counting.charged(n);
    }

    /**
     * Lets nothing pass for a while, because somebody downstream asked for it (a 429 with Retry-After): the limit is
     * then empty and refills. Of several such demands the longest holds; it ends at 30 days like a debt. Callers who have
     * been granted a time keep it, and their refunds do not shorten the throttle.
     *
     * {@snippet class="dev.resilience.ratelimit.Snippets" region="operate"}
     *
     * @param duration zero, which somebody says who is no longer busy, changes nothing
     * @throws IllegalArgumentException when it is negative
     */
    public void throttleFor(Duration duration) {
        long nanos = zeroOrMore(duration);
        for (Meter now = meter; nanos > 0 && !now.throttle(nanos); ) now = successor();
    }

    /** Takes all that is there; a debt stays. */
    public void drain() {
        for (Meter now = meter; !now.drain(); ) now = successor();
    }

    /** Fills it up, and forgives debts and throttles. Callers who have been granted a time keep it. */
    public void reset() {
        for (Meter now = meter; !now.reset(); ) now = successor();
    }

    /**
     * Keeps to another limit from now on. Callers who have been granted a time keep it; when they cancel, nothing comes
     * back. Everything else about a limiter stays as it was built.
     *
     * @param limit the new one, of any kind
     * @param carry what becomes of the permits and debts that are there
     * @throws IllegalArgumentException naming every value of the limit that is out of range; nothing has changed then
     */
    public void reconfigure(Limit limit, Carry carry) {
        Objects.requireNonNull(limit, "limit");
        Objects.requireNonNull(carry, "carry");
        Settings.checked(name(), limit, List.of());
        Meter next = limit.meter(time()); // may ask the user's calendar
        changing.lock();
        try {
            Carried carried = Objects.requireNonNull(meter.seal(), "sealed by others than us");
            try {
                if (carry != Carry.RESET) next.load(carried, carry);
            } catch (Throwable broken) {
                next.drain(); // others wait for a meter already; this one gives nothing that was not there
                throw broken;
            } finally {
                this.limit = limit;
                meter = next;
            }
        } finally {
            changing.unlock();
        }
    }

    /**
     * What was granted, refused, charged and given back. The first look begins to count.
     *
     * @return the numbers since then; of a limiter that only {@linkplain Builder#shadow() shadows}, since it was built
     */
    public LimiterSnapshot snapshot() {
        return counting.look();
    }

    /** What becomes of the permits that are there, and of debts, when a limit is replaced. */
    public enum Carry {
        /** The permits that are there stay, as far as the new limit holds them; of a debt, its time. Use this one. */
        KEEP_TOKENS,
        /**
         * The time stays until it would have been full: what a limiter means that several processes share while they
         * disagree. Raising the burst grants the difference at once.
         */
        KEEP_DEBT_TIME,
        /** The permits that are there grow or shrink with the burst; of a debt, its time stays. */
        PROPORTIONAL,
        /** As many permits more, or less, as the burst has; less than none is a debt. */
        ADD_DIFFERENCE,
        /** As a new one, with all that it has at first; debts and throttles are forgiven. */
        RESET
    }

    /** Permits that have been taken for a time, perhaps a later one. Safe for any number of threads. */
    public static final class Reservation {
        private final TimeSource time;
        private final Answer answer;

        private Reservation(TimeSource time, Answer answer) {
            this.time = time;
            this.answer = answer;
        }

        /**
         * How long to wait from now on.
         *
         * @return zero when the time has come
         */
        public Duration delay() {
            return Duration.ofNanos(Math.max(0, answer.at - time.nanoTime()));
        }

        /**
         * Gives the permits back, as far as nobody has been granted a time that counts on them. Takes a lock that grants
         * do not take. Also a reservation whose time has come may be cancelled, if it was not used.
         *
         * @return true for the one call that cancelled it
         */
        public boolean cancel() {
            return answer.giveBack();
        }
    }

    @Override
    protected long tryAdmit(CallContext context, long now) {
        long n = cost(context);
        if (settings.shadow()) {
            simulated(n, settings.ownWait(meter));
            return Pending.NOT_PENDING;
        }
        long wait = take(n);
        if (wait != Meter.GRANTED) return notNow(context, wait);
        counting.granted(wait, n);
        return Pending.NOT_PENDING;
    }

    private long notNow(CallContext context, long wait) {
        long own = wait == Meter.NEVER ? 0 : settings.ownWait(meter);
        if (wait <= own && wait < context.remainingNanos()) return WAIT;
        counting.granted(wait, 1);
        return refused(wait == Meter.NEVER ? 0 : wait > own ? wait - own : wait);
    }

    /** A waiter is gone at its deadline, a wait of just that length is granted. */
    @Override
    protected long maxWaitNanos(CallContext context) {
        return settings.ownWait(meter) + 1;
    }

    /** Answers at once: with a time, or a refusal. */
    @Override
    protected void enqueue(Waiter waiter) {
        Answer answer = new Answer();
        long longest = waiter.deadline() - time().nanoTime() - 1;
        long n = cost(waiter.context());
        long wait = take(n, longest, answer);
        if (counting.granted(wait, n, answer)) pending.grant(waiter, answer);
        else waiter.refuse(refused(wait == Meter.NEVER ? 0 : wait));
    }

    @Override
    protected void settle(
            long permit,
            long admittedAt,
            long now,
            Verdict verdict,
            @Nullable Object value,
            @Nullable Throwable thrown) {
        if (permit != Pending.NOT_PENDING) pending.settle(permit, verdict, time().nanoTime());
    }

    @Override
    protected RejectedException rejection(CallContext context, long refusal) {
        return new RateLimitedException(this, refusal, cost(context), refusal == WAITED);
    }

    @Override
    protected boolean forgettable(long now) {
        return pending.size() == 0 && meter.full();
    }

    @Override
    protected void review(Review review) {
        Settings.review(review, this, Duration.ofNanos(settings.ownWait(meter)));
    }

    @Override
    protected Map<String, String> settings() {
        return settings.described(limit, meter);
    }

    Limit limit() {
        return limit;
    }

    Meter meter() {
        return meter;
    }

    /** Calls through the gate that have been granted a time and have not ended. */
    int waiting() {
        return pending.size();
    }

    TimeSource clock() {
        return time();
    }

    private long take(long n) {
        for (Meter now = meter; ; now = successor()) {
            long wait = now.take(n);
            if (wait != Meter.SEALED) return wait;
        }
    }

    private long look(long n) {
        for (Meter now = meter; ; now = successor()) {
            long wait = now.look(n);
            if (wait != Meter.SEALED) return wait;
        }
    }

    private long take(long n, long maxWaitNanos, Answer answer) {
        for (Meter now = meter; ; now = successor()) {
            long wait = now.take(n, maxWaitNanos, answer);
            if (wait != Meter.SEALED) return wait;
        }
    }

    /** After a sealed meter: waits for the reconfiguration that is about to publish another. */
    private Meter successor() {
        changing.lock();
        try {
            return meter;
        } finally {
            changing.unlock();
        }
    }

    private Decision decided(Answer answer, long wait, long n) {
        return new Decision(answer, counting.granted(wait, n, answer), name(), Decision.Source.LOCAL);
    }

    /** Takes what a call with such a wait would have taken; nobody waits, and what was not there cannot be given back. */
    private Answer simulated(long n, long longest) {
        Answer answer = new Answer();
        counting.granted(take(n, longest, answer), n, answer);
        answer.at = time().nanoTime();
        return answer;
    }

    private long cost(CallContext context) {
        return settings.cost() == null ? 1 : settings.cost(context, this::report);
    }

    /** Builds a {@link RateLimiter}. Not thread-safe. */
    public static final class Builder {
        final String name;

        @Nullable
        Limit limit;

        @Nullable
        Duration maxWait;

        @Nullable
        ToLongFunction<? super CallContext> cost;

        boolean shadow;
        TimeSource time = TimeSource.system();

        private Builder(String name) {
            this.name = name;
        }

        /**
         * What may pass. Must be set.
         *
         * @param limit the limit
         * @return this
         */
        public Builder limit(Limit limit) {
            this.limit = Objects.requireNonNull(limit, "limit");
            return this;
        }

        /**
         * How long a call through the gate may wait for its permits; never past the deadline of its context. Default:
         * zero, and for a pacer as long as its queue. The verbs with a {@code maxWait} of their own do not use it.
         *
         * @param longest zero or more
         * @return this
         */
        public Builder maxWait(Duration longest) {
            this.maxWait = Objects.requireNonNull(longest, "longest");
            return this;
        }

        /**
         * How many permits a call through the gate takes, as read from its context. Default: 1.
         *
         * @param n runs on the call's thread, outside of locks, and again for a call that waits or is refused; at least
         *     1. When it throws or answers less, that is reported and the cost is 1
         * @return this
         */
        public Builder cost(ToLongFunction<? super CallContext> n) {
            this.cost = Objects.requireNonNull(n, "n");
            return this;
        }

        /**
         * A dry run: decides and counts, and never refuses. {@link RateLimiter#decide} tells what would have been
         * decided, all others let pass; nobody waits.
         *
         * {@snippet class="dev.resilience.ratelimit.Snippets" region="shadow"}
         *
         * @return this
         */
        public Builder shadow() {
            this.shadow = true;
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
         * Makes the limiter.
         *
         * @return the limiter
         * @throws IllegalArgumentException naming every value that is missing or out of range
         */
        public RateLimiter build() {
            return new RateLimiter(this, Settings.checked(this, List.of()));
        }

        /**
         * Makes a limiter that keeps this limit for each key.
         *
         * @param <K> the type of the keys
         * @param maxKeys how many keys have a place of their own, at least 1; about 78 bytes each for a bucket
         * @return the limiter; a bucket that is not full at first is refused
         */
        public <K> KeyedRateLimiter<K> keyed(int maxKeys) {
            return KeyedRateLimiter.of(this, maxKeys);
        }

        /**
         * Makes a limiter that keeps a limit of its own for each key; {@link #limit} stays unset.
         *
         * @param <K> the type of the keys
         * @param perKey the limit of a key; asked when the key gets a place, and at each call without one
         * @param maxKeys as {@link #keyed(int)}
         * @return the limiter; its calls throw IllegalArgumentException for a limit that is refused
         */
        public <K> KeyedRateLimiter<K> keyed(Function<? super K, ? extends Limit> perKey, int maxKeys) {
            return KeyedRateLimiter.of(this, perKey, maxKeys);
        }

        /**
         * Makes a limiter that keeps this limit for each key together with other processes.
         *
         * @param <K> the type of the keys
         * @param sharing the store, and what happens when it fails
         * @param maxKeys of how many keys something is remembered here, at least 1
         * @return the limiter; the limit has to be a bucket, without a maxWait
         */
        public <K> SharedRateLimiter<K> shared(Sharing sharing, int maxKeys) {
            return SharedRateLimiter.of(this, sharing, maxKeys);
        }
    }
}
