// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Goes in with a call and comes out in its attempts: attributes and a deadline from the caller, the attempt number and
 * cancellation from the policies. A nested pipeline that is called with it inherits deadline and cancellation.
 *
 * {@snippet class="dev.resilience.Snippets" region="context"}
 *
 * <p>Immutable and thread-safe; {@code with}, {@code within} and {@code until} return new ones. A context that the
 * caller made can be used for any number of calls. Faces that take no context use {@link #root()}, a constant: no
 * context object is made when neither a policy nor the user needs one.
 */
public final class CallContext {
    private static final CallContext ROOT = new CallContext(null, null, null, 0, 1, (byte) 0);

    /** A relative deadline that waits for the face that resolves it. */
    private static final byte PENDING = 1;
    /** The stage of an attempt is shared with others: neither cancelled nor its late value closed. */
    private static final byte SHARED_STAGE = 2;

    /** A timer of the library ends the call at its deadline. */
    private static final byte ENFORCED = 4;

    /** One attempt, whatever the drivers would otherwise do. */
    private static final byte ONCE = 8;

    private static final Object WITHIN = new Object();
    private static final Object CAPTURED = new Object();

    private final @Nullable Entry entries;
    private final @Nullable Cancellation scope;
    private final @Nullable TimeSource time;
    private final long deadline;
    private final int attempt;
    private final byte flags;

    private CallContext(
            @Nullable Entry entries,
            @Nullable Cancellation scope,
            @Nullable TimeSource time,
            long deadline,
            int attempt,
            byte flags) {
        this.entries = entries;
        this.scope = scope;
        this.time = time;
        this.deadline = deadline;
        this.attempt = attempt;
        this.flags = flags;
    }

    private record Entry(Object key, Object value, @Nullable Entry next) {}

    /**
     * The context without attributes, deadline or cancellation.
     *
     * @return the one instance
     */
    public static CallContext root() {
        return ROOT;
    }

    /**
     * A context with one attribute.
     *
     * @param <V> the type of the attribute
     * @param attribute the attribute
     * @param value its value
     * @return a new context
     */
    public static <V> CallContext of(Attribute<V> attribute, V value) {
        return ROOT.with(attribute, value);
    }

    /**
     * This context with one attribute more, or another value for it.
     *
     * @param <V> the type of the attribute
     * @param attribute the attribute
     * @param value its value
     * @return a new context
     */
    public <V> CallContext with(Attribute<V> attribute, V value) {
        Objects.requireNonNull(attribute, "attribute");
        Objects.requireNonNull(value, "value");
        return entry(attribute, value, flags);
    }

    /**
     * This context with a deadline that begins with the call: it counts from the entry of the first face that the
     * context is handed to, on that policy's {@link TimeSource}. Each call counts anew. Use {@link #until(Deadline)}
     * for an absolute one. Until a face resolves it, {@link #deadline()} does not show it; the earlier of several
     * deadlines holds.
     *
     * @param timeout zero or negative: the call is late before it begins
     * @return a new context
     */
    public CallContext within(Duration timeout) {
        long nanos = TimeSource.nanos(Objects.requireNonNull(timeout, "timeout"));
        boolean pending = (flags & PENDING) != 0;
        long shortest = pending ? Math.min(nanos, pendingNanos()) : nanos;
        return entry(WITHIN, shortest, (byte) (flags | PENDING));
    }

    /**
     * This context with an absolute deadline. The earlier of this and the one it has holds.
     *
     * @param deadline the deadline
     * @return a new context, or this one when its own is earlier
     */
    public CallContext until(Deadline deadline) {
        Objects.requireNonNull(deadline, "deadline");
        if (deadline.isNever()) return this;
        Deadline first = deadline.orEarlier(deadline());
        if (time != null && first != deadline) return this;
        TimeSource clock = deadline.clock();
        return new CallContext(entries, scope, clock, deadline.pointOn(clock), attempt, (byte) (flags & ~ENFORCED));
    }

    /**
     * This context for work that must not be done twice, such as a payment without an idempotency key: retries and
     * hedges make one attempt of it, and every other policy protects it as it does the rest. The pipeline can so be
     * shared with work that may be repeated. Calls of nested pipelines with this context are not repeated either.
     *
     * {@snippet class="dev.resilience.Snippets" region="once"}
     *
     * @return a new context, or this one when it says so already
     */
    public CallContext once() {
        return repeatable() ? new CallContext(entries, scope, time, deadline, attempt, (byte) (flags | ONCE)) : this;
    }

    /**
     * For drivers: whether the work may be attempted more than once.
     *
     * @return false after {@link #once()}
     */
    public boolean repeatable() {
        return (flags & ONCE) == 0;
    }

    /**
     * An attribute's value.
     *
     * @param <V> the type of the attribute
     * @param attribute the attribute
     * @return null when it is not set
     */
    public <V> @Nullable V get(Attribute<V> attribute) {
        Object value = find(Objects.requireNonNull(attribute, "attribute"));
        @SuppressWarnings("unchecked") // with() pairs them
        V typed = (V) value;
        return typed;
    }

    /**
     * An attribute's value, or another one.
     *
     * @param <V> the type of the attribute
     * @param attribute the attribute
     * @param otherwise returned when it is not set
     * @return the value
     */
    public <V> V get(Attribute<V> attribute, V otherwise) {
        V value = get(attribute);
        return value == null ? otherwise : value;
    }

    /**
     * Which attempt this is, counted by the innermost driver that repeats.
     *
     * @return 1 for the first
     */
    public int attempt() {
        return attempt;
    }

    /**
     * For drivers: the context of the k-th attempt.
     *
     * @param number counted from 1
     * @return this context when it is of that attempt, so the first attempt makes no object
     * @throws IllegalArgumentException for less than 1
     */
    public CallContext attempt(int number) {
        if (number < 1) throw new IllegalArgumentException("attempt must be at least 1, was " + number);
        return number == attempt ? this : new CallContext(entries, scope, time, deadline, number, flags);
    }

    /**
     * When the call, or the innermost timed part of it, must be done.
     *
     * @return {@link Deadline#never()} when there is none
     */
    public Deadline deadline() {
        return time == null ? Deadline.never() : Deadline.at(time, deadline);
    }

    /**
     * For policies: {@link #deadline()} without an object.
     *
     * @return nanoseconds that remain, zero or negative when the deadline has passed, {@link Long#MAX_VALUE} without
     *     one; the clock is read only when there is one
     */
    public long remainingNanos() {
        return time == null ? Long.MAX_VALUE : deadline - time.nanoTime();
    }

    /**
     * Whether the attempt's result is no longer wanted: the caller cancelled, an enclosing timeout fired, another
     * attempt of a hedge won. Work that cannot be interrupted should look now and then. Cheap; never blocks.
     *
     * @return always false where nothing can cancel the call, such as {@link #root()}
     */
    public boolean cancelled() {
        return scope != null && scope.cancelled();
    }

    /**
     * Registers what stops the work of this attempt, such as {@code statement.cancel()}: run once when
     * {@link #cancelled()} turns true, at once when it already is, never begun after the attempt has ended. It runs on
     * the cancelling thread, or on one of the library's when a timeout fired; never on the timer thread. What it throws
     * is reported. Where nothing can cancel the call it is not kept.
     *
     * @param action short and not blocking
     */
    public void onCancel(Runnable action) {
        Objects.requireNonNull(action, "action");
        if (scope != null) scope.onCancel(this, action);
    }

    // --- for the root package ---

    @Nullable
    Cancellation scope() {
        return scope;
    }

    boolean hasDeadline() {
        return time != null;
    }

    /** The deadline as a point of {@code clock}. Only with {@link #hasDeadline()}. */
    long deadlineOn(TimeSource clock) {
        return time == clock ? deadline : deadline().pointOn(clock);
    }

    boolean sharedStage() {
        return (flags & SHARED_STAGE) != 0;
    }

    /**
     * What a face makes of the context it is handed: a relative deadline begins, an absolute one moves to the face's
     * clock, and a nested call gets an object of its own so that its {@link #onCancel} registrations end with it.
     */
    CallContext enter(TimeSource clock) {
        boolean pending = (flags & PENDING) != 0;
        if (!pending && scope == null && (time == null || time == clock)) return this;
        byte kept = (byte) (flags & ~(PENDING | SHARED_STAGE)); // a nested call hands out a future of its own
        if (!pending && time == null) return new CallContext(entries, scope, null, 0, attempt, kept);
        long at = time == null ? 0 : deadlineOn(clock);
        if (pending) {
            long fresh = Deadline.point(clock.nanoTime(), pendingNanos());
            boolean earlier = time == null || fresh - at < 0;
            at = earlier ? fresh : at;
            if (earlier) kept &= ~ENFORCED;
        }
        return new CallContext(entries, scope, clock, at, attempt, kept);
    }

    CallContext scoped(Cancellation inner) {
        return new CallContext(entries, inner, time, deadline, attempt, flags);
    }

    CallContext scoped(Cancellation inner, TimeSource clock, long until, boolean shared) {
        byte kept = shared ? (byte) (flags | SHARED_STAGE | ENFORCED) : (byte) (flags | ENFORCED);
        return new CallContext(entries, inner, clock, until, attempt, kept);
    }

    CallContext withSharedStage() {
        return new CallContext(entries, scope, time, deadline, attempt, (byte) (flags | SHARED_STAGE));
    }

    boolean enforced() {
        return (flags & ENFORCED) != 0;
    }

    /** What remains until a deadline that nobody enforces yet; MAX_VALUE when there is none or somebody does. */
    long unenforcedNanos() {
        return enforced() ? Long.MAX_VALUE : remainingNanos();
    }

    CallContext captured(Captures captures) {
        return entry(CAPTURED, captures, flags);
    }

    @Nullable
    Captures captured() {
        return (Captures) find(CAPTURED);
    }

    private CallContext entry(Object key, Object value, byte newFlags) {
        return new CallContext(new Entry(key, value, entries), scope, time, deadline, attempt, newFlags);
    }

    private long pendingNanos() {
        return (Long) Objects.requireNonNull(find(WITHIN));
    }

    private @Nullable Object find(Object key) {
        for (Entry e = entries; e != null; e = e.next) {
            if (e.key == key) return e.value;
        }
        return null;
    }

    /**
     * A typed key. Two attributes are the same only when they are the same object, so keep it in a constant; the name
     * is for logs.
     *
     * @param <V> the type of the value
     */
    @SuppressWarnings("UnusedTypeParameter") // it types the value beside it
    public static final class Attribute<V> {
        private final String name;

        private Attribute(String name) {
            this.name = name;
        }

        /**
         * Makes a new attribute.
         *
         * @param <V> the type of the value
         * @param name for logs
         * @return the attribute
         */
        public static <V> Attribute<V> of(String name) {
            return new Attribute<>(Objects.requireNonNull(name, "name"));
        }

        /**
         * The name.
         *
         * @return as given
         */
        @Override
        public String toString() {
            return name;
        }
    }
}
