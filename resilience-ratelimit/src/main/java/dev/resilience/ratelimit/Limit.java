// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.Description;
import dev.resilience.TimeSource;
import java.math.BigInteger;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What may pass: the setting that a {@link RateLimiter} keeps to. Settings that have no meaning for a kind do not exist
 * on it: a pacer has no {@code burst}.
 *
 * <p>Each factory states its <b>bound</b>: the most permits whose actions lie in any closed interval of length t, and in
 * any half-open window where that is what people ask for. Actions of callers who waited are rounded up to a nanosecond,
 * so a bound holds for t + 1 ns of refill.
 *
 * <p>Immutable, safe for any number of threads, shared freely between limiters: it is a setting and holds no state.
 * Values are checked when the limiter is built, all of them at once, whatever the order in which they were written.
 */
public abstract sealed class Limit
        permits Limit.Bucket, PacedLimit, OpenLimit, Limit.Sliding, Limit.Fixed, LogLimit, CombinedLimit {
    private final @Nullable String name;

    private @Nullable String text;

    Limit(@Nullable String name) {
        this.name = name;
    }

    /**
     * A token bucket (GCRA, in exact integer arithmetic): at most a burst at once, and the rate in the long run. The
     * default choice.
     *
     * <p><b>Bound:</b> {@code burst + t * permits / per}. Over one {@code per} that is up to burst + permits: twice the
     * permits when the burst is not set. For a promise per window use {@link #strict}.
     *
     * @param permits at least 1, and no more than one per nanosecond
     * @param per more than zero
     * @return a bucket with a burst of {@code permits}, full at first
     */
    public static Bucket of(long permits, Duration per) {
        return new Bucket(null, new Bucket.Values(permits, nanos(per), UNSET, UNSET, false));
    }

    /**
     * Never more than {@code permits} in any half-open window of this length: a token bucket whose rate is reduced by
     * what the burst may take, (permits - burst + 1) / window (S28). A small burst costs little throughput.
     *
     * <p><b>Bound:</b> {@code permits} in any half-open window; {@code burst + t * (permits - burst + 1) / window} in
     * any closed interval.
     *
     * @param permits at least 1
     * @param window more than zero
     * @param burst 1 to {@code permits}
     * @return the bucket, full at first
     */
    public static Bucket strict(long permits, Duration window, long burst) {
        return new Bucket(null, new Bucket.Values(permits, nanos(window), Bucket.given(burst), UNSET, true));
    }

    /**
     * Evenly spaced: after n permits the next ones wait n / rate, and nobody goes in a burst. Callers wait in a queue,
     * unless the limiter says otherwise; one that finds it full is refused.
     *
     * <p><b>Bound:</b> {@code 1 + floor(t * permits / per)} calls of one permit.
     *
     * @param permits at least 1, and no more than one per nanosecond
     * @param per more than zero
     * @param queue how many permits may be ahead of one that waits, 0 or more
     * @return the limit
     */
    public static Limit pacer(long permits, Duration per, long queue) {
        return new PacedLimit(null, permits, nanos(per), queue);
    }

    /**
     * Never more than {@code permits} in any half-open window of this length, counted in slices of it: the oldest slice
     * counts until all of it has left, so the window is never too short and at most one slice too long. For a strict
     * promise with a full burst; {@link #slidingLog} is exact and dearer, {@link #strict} smoother and cheaper.
     *
     * <p><b>Bound:</b> {@code permits} in any half-open window, {@code permits * ceil(t / window)} in one of length t.
     * With K slices a permit is forgotten after at most {@code (K + 1) * ceil(window / K)}: a tenth more than the window
     * unless {@link Sliding#precision} says otherwise. A retry-after is the exact one of this counting.
     *
     * <p>A grant is one compare-and-set. A limiter or a key takes about 300 bytes and 8 a slice.
     *
     * {@snippet class="dev.resilience.ratelimit.WindowSnippets" region="windows"}
     *
     * @param permits at least 1, and no more than one per nanosecond
     * @param window more than zero, at most 100 years
     * @return the limit, with 10 slices or, in a window of less than 10 ns, one for each
     */
    public static Sliding sliding(long permits, Duration window) {
        return new Sliding(null, permits, nanos(window), UNSET);
    }

    /**
     * Never more than {@code permits} in any half-open window of this length, exactly: each permit's time is
     * remembered. Takes a lock, and 300 bytes and up to 16 a permit.
     *
     * <p><b>Bound:</b> {@code permits} in any half-open window, {@code permits * ceil(t / window)} in one of length t;
     * and no permit is held back longer than that needs.
     *
     * @param permits 1 to 65 536
     * @param window more than zero, at most 100 years
     * @return the limit
     */
    public static Limit slidingLog(long permits, Duration window) {
        return new LogLimit(null, permits, nanos(window));
    }

    /**
     * So many permits in each window of time, one window after the other, from when the limiter was built or
     * {@linkplain Fixed#alignedTo aligned} to the calendar. For quotas that are accounted like that; twice the permits
     * may pass at the edge of two windows. {@link #sliding} has no such edge.
     *
     * <p><b>Bound:</b> {@code permits * (ceil(t / window) + 1)} in any closed interval: twice the permits within a
     * nanosecond.
     *
     * @param permits at least 1, and no more than one per nanosecond
     * @param window more than zero, at most 100 years
     * @return the limit
     */
    public static Fixed fixed(long permits, Duration window) {
        return new Fixed(null, permits, nanos(window), null, null);
    }

    /**
     * Several limits, of which all grant or none: per second <em>and</em> per day. Decided by one compare-and-set. For
     * token buckets, strict limits and pacers; windows are put one after the other in a {@link dev.resilience.Pipeline}.
     *
     * <p><b>Bound:</b> that of each of them. A caller who waits acts when the last of them allows it, and counts in each
     * at that time. Waits are as long as the shortest queue or greatest debt of them allows. A grant allocates
     * {@code 16 + 8k} bytes for k limits.
     *
     * {@snippet class="dev.resilience.ratelimit.WindowSnippets" region="several"}
     *
     * @param limits at least one; give them {@linkplain #named names} to be told which one refused
     * @return the limit
     */
    public static Limit allOf(Limit... limits) {
        Objects.requireNonNull(limits, "limits");
        for (Limit limit : limits) Objects.requireNonNull(limit, "a limit of limits");
        return new CombinedLimit(null, List.of(limits));
    }

    /**
     * Everything passes. Keeps no count; only {@link RateLimiter#throttleFor} stops it.
     *
     * @return the limit
     */
    public static Limit unlimited() {
        return new OpenLimit(null, true);
    }

    /**
     * Nothing passes, ever.
     *
     * @return the limit
     */
    public static Limit none() {
        return new OpenLimit(null, false);
    }

    /**
     * The same limit with a name, which a {@link Decision} and its headers tell when it was the binding one of several.
     *
     * @param name not blank
     * @return a new limit
     */
    public abstract Limit named(String name);

    /**
     * What may pass, in words.
     *
     * @return for example {@code 100/s, burst 20}
     */
    @Override
    public abstract String toString();

    /** Adds what is wrong, each as in "permits must be at least 1, was 0". */
    abstract void check(List<String> problems);

    /** {@link #check}, and of the name. */
    final void checkAll(List<String> problems) {
        if (name != null && name.isBlank()) problems.add("the name of a limit must not be blank, was '" + name + "'");
        check(problems);
    }

    /** Its state, as full as it begins. Only after {@link #check} has found nothing. */
    abstract Meter meter(TimeSource time);

    /** For headers: the most permits at once, or per window; {@link Long#MAX_VALUE} without a limit. */
    abstract long quota();

    /** For headers: the nanoseconds to which {@link #quota} belongs. */
    abstract long windowNanos();

    /** Whether a new one is not full. */
    boolean beginsBelowBurst() {
        return false;
    }

    /** {@link #toString()}, made once: each refused call tells it. */
    final String text() {
        String known = text;
        if (known == null) text = known = toString();
        return known;
    }

    final @Nullable String name() {
        return name;
    }

    static final long UNSET = -1;

    private static final long MOST_WINDOW_NANOS = Duration.ofDays(36_525).toNanos();

    static long nanos(Duration duration) {
        return TimeSource.nanos(Objects.requireNonNull(duration, "duration"));
    }

    static void checkRate(List<String> problems, long permits, long nanos) {
        if (permits < 1)
            problems.add("permits must be at least 1, was " + permits + " (Limit.none() lets nothing pass)");
        if (nanos < 1) problems.add("the duration must be more than zero, was " + Duration.ofNanos(nanos));
        if (permits >= 1 && nanos >= 1 && permits > nanos) {
            problems.add("the rate must be at most one permit per nanosecond, was " + permits + " per " + nanos
                    + " ns (Limit.unlimited() lets everything pass)");
        }
    }

    static void checkWindow(List<String> problems, long permits, long nanos) {
        checkRate(problems, permits, nanos);
        if (nanos > MOST_WINDOW_NANOS) {
            problems.add("the window must be at most 100 years, was " + Duration.ofNanos(nanos));
        }
    }

    /** {@code 100/s}, {@code 5/2 min}. */
    static String rate(long permits, long nanos) {
        String per = Description.text(Duration.ofNanos(nanos));
        return permits + "/" + (per.startsWith("1 ") ? per.substring(2) : per);
    }

    /** A token bucket. */
    public static final class Bucket extends Limit {
        private final Values values;

        Bucket(@Nullable String name, Values values) {
            super(name);
            this.values = values;
        }

        record Values(long permits, long nanos, long burst, long initial, boolean strict) {
            long most() {
                return burst == UNSET ? permits : burst;
            }

            /** Permits per {@link #nanos}: of a strict one, what the burst leaves. */
            long refilled() {
                return strict ? permits - burst + 1 : permits;
            }
        }

        /**
         * The same with another burst.
         *
         * @param permits the most at once, at least 1; the rate's permits when not set
         * @return a new bucket
         */
        public Bucket burst(long permits) {
            return new Bucket(
                    name(), new Values(values.permits, values.nanos, given(permits), values.initial, values.strict));
        }

        /**
         * The same, but not full at first.
         *
         * @param permits how many are there at first, 0 to the burst; the burst when not set
         * @return a new bucket
         */
        public Bucket initial(long permits) {
            return new Bucket(
                    name(), new Values(values.permits, values.nanos, values.burst, given(permits), values.strict));
        }

        /** A negative one was not meant to say "not set". */
        static long given(long permits) {
            return permits == UNSET ? Long.MIN_VALUE : permits;
        }

        @Override
        public Bucket named(String name) {
            return new Bucket(Objects.requireNonNull(name, "name"), values);
        }

        @Override
        public String toString() {
            String burst = ", burst " + values.most();
            return values.strict
                    ? "strictly " + rate(values.permits, values.nanos) + burst
                    : rate(values.permits, values.nanos) + burst;
        }

        @Override
        void check(List<String> problems) {
            checkRate(problems, values.permits, values.nanos);
            long most = values.most();
            if (values.burst != UNSET && most < 1) problems.add("burst must be at least 1, was " + shown(most));
            if (values.strict && most > values.permits && values.permits >= 1) {
                problems.add(
                        "the burst of a strict limit must be at most its " + values.permits + " permits, was " + most);
            }
            if (values.initial != UNSET && (values.initial < 0 || values.initial > Math.max(most, 0))) {
                problems.add("initial must be 0 to the burst of " + shown(most) + ", was " + shown(values.initial));
            }
            if (problems.isEmpty()) Gcra.checkSpan(problems, rate(), most);
        }

        private static String shown(long given) {
            return given == Long.MIN_VALUE ? "-1" : String.valueOf(given);
        }

        private Rate rate() {
            return Rate.of(values.refilled(), values.nanos);
        }

        @Override
        Meter meter(TimeSource time) {
            Gcra gcra = gcra(time);
            return new GcraMeter(gcra, first());
        }

        /** What is there at first. */
        long first() {
            return values.initial == UNSET ? values.most() : values.initial;
        }

        /** The arithmetic alone. */
        Gcra gcra(TimeSource time) {
            return Gcra.bucket(this, time, rate(), values.most());
        }

        /** A share of it, with less than one permit of each rounded up to one. */
        Bucket part(double share) {
            long burst = Math.max(1, (long) (values.most() * share));
            long nanos = (long) Math.ceil(values.nanos / share);
            return new Bucket(name(), new Values(values.refilled(), nanos, burst, UNSET, false));
        }

        @Override
        boolean beginsBelowBurst() {
            return values.initial != UNSET && values.initial != values.most();
        }

        @Override
        long quota() {
            return values.strict ? values.permits : values.most();
        }

        @Override
        long windowNanos() {
            return values.strict
                    ? values.nanos
                    : Gcra.bucket(this, TimeSource.system(), rate(), values.most())
                            .spanNanos();
        }
    }

    /** A window that slides, counted in slices. */
    public static final class Sliding extends Limit {
        private static final int MOST_SLICES = 1000;

        private final long permits;
        private final long nanos;
        private final int slices;

        Sliding(@Nullable String name, long permits, long nanos, long slices) {
            super(name);
            this.permits = permits;
            this.nanos = nanos;
            this.slices = (int) (slices == UNSET ? Math.max(1, Math.min(10, nanos)) : slices);
        }

        /**
         * The same with another number of slices: a permit is forgotten at most one slice late.
         *
         * @param slices 1 to 1000, and none shorter than a nanosecond; 10 when not set
         * @return a new limit
         */
        public Sliding precision(int slices) {
            return new Sliding(name(), permits, nanos, slices == UNSET ? 0 : slices);
        }

        @Override
        public Sliding named(String name) {
            return new Sliding(Objects.requireNonNull(name, "name"), permits, nanos, slices);
        }

        @Override
        public String toString() {
            return "sliding " + rate(permits, nanos) + ", precision " + slices;
        }

        @Override
        void check(List<String> problems) {
            checkWindow(problems, permits, nanos);
            if (slices < 1 || slices > Math.min(MOST_SLICES, Math.max(1, nanos))) {
                problems.add("precision must be 1 to " + MOST_SLICES + ", and no slice shorter than a nanosecond, was "
                        + slices);
            }
            if (problems.isEmpty()) shape().check(problems);
        }

        private SliceMeter.Shape shape() {
            return new SliceMeter.Shape(permits, (nanos - 1) / slices + 1, slices, false);
        }

        @Override
        Meter meter(TimeSource time) {
            return new SliceMeter(this, shape(), time.nanoTime(), time);
        }

        @Override
        long quota() {
            return permits;
        }

        @Override
        long windowNanos() {
            return nanos;
        }
    }

    /** One window after the other. */
    public static final class Fixed extends Limit {
        private final long permits;
        private final long nanos;
        private final @Nullable Instant anchor;
        private final @Nullable InstantSource calendar;

        Fixed(
                @Nullable String name,
                long permits,
                long nanos,
                @Nullable Instant anchor,
                @Nullable InstantSource calendar) {
            super(name);
            this.permits = permits;
            this.nanos = nanos;
            this.anchor = anchor;
            this.calendar = calendar;
        }

        /**
         * The same with windows that begin at this instant and every window's length before and after it:
         * {@code Instant.EPOCH} for full hours, or days in UTC. The calendar is read once, when the limiter is built;
         * a wall clock that is set later moves no window (L4). Leap seconds and summer time do not exist here.
         *
         * @param anchor the beginning of some window
         * @param calendar what tells the present instant; {@link InstantSource#system()} in production
         * @return a new limit
         */
        public Fixed alignedTo(Instant anchor, InstantSource calendar) {
            Objects.requireNonNull(anchor, "anchor");
            return new Fixed(name(), permits, nanos, anchor, Objects.requireNonNull(calendar, "calendar"));
        }

        @Override
        public Fixed named(String name) {
            return new Fixed(Objects.requireNonNull(name, "name"), permits, nanos, anchor, calendar);
        }

        @Override
        public String toString() {
            return "fixed " + rate(permits, nanos) + (anchor == null ? "" : " aligned to " + anchor);
        }

        @Override
        void check(List<String> problems) {
            checkWindow(problems, permits, nanos);
            if (problems.isEmpty()) shape().check(problems);
        }

        private SliceMeter.Shape shape() {
            return new SliceMeter.Shape(permits, nanos, 0, anchor != null);
        }

        @Override
        Meter meter(TimeSource time) {
            return new SliceMeter(this, shape(), time.nanoTime() - intoWindow(), time);
        }

        /** How long the present window has been open. */
        private long intoWindow() {
            if (anchor == null || calendar == null) return 0;
            Duration since = Duration.between(anchor, calendar.instant());
            return BigInteger.valueOf(since.getSeconds())
                    .multiply(BigInteger.valueOf(1_000_000_000))
                    .add(BigInteger.valueOf(since.getNano()))
                    .mod(BigInteger.valueOf(nanos))
                    .longValueExact();
        }

        @Override
        long quota() {
            return permits;
        }

        @Override
        long windowNanos() {
            return nanos;
        }
    }
}
