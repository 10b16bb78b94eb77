// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.Backoff;
import dev.resilience.Description;
import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * Lets a {@link LoadingCache} answer {@code put} and {@code remove} at once and write to the source later: each key's
 * newest value, once, some time after its first change.
 *
 * {@snippet class="dev.resilience.cache.WriterSnippets" region="behind"}
 *
 * <p><b>What is lost when the process dies</b> are the changes of the last {@linkplain #after delay}, those being
 * written, and those whose writes have failed so far. {@code close(timeout)} of the cache loses nothing: it writes, and
 * returns what could not be written. Where no change may be lost, write through.
 *
 * <p>Immutable; each method returns a new one, in any order. Values are checked when the cache is built.
 */
public final class WriteBehind {
    /** What becomes of a change of one more key when as many as allowed are waiting to be written. */
    public enum WhenFull {
        /** Whoever puts waits for room, {@link WriteBehind#maxWait} at the longest, and is refused then. The default. */
        BLOCK,
        /** Whoever puts gets a {@link CacheWriteException} at once; nothing has changed. */
        REJECT,
        /** Whoever puts writes it, on its own thread, and gets what the writer throws: the load falls on its source. */
        WRITE_THROUGH
    }

    private final Values values;

    private WriteBehind(Values values) {
        this.values = values;
    }

    private record Values(
            Duration delay,
            Pace pace,
            int maxDirty,
            WhenFull whenFull,
            Duration maxWait,
            @Nullable Executor executor) {
        Values(Duration delay) {
            this(delay, new Pace(), 10_000, WhenFull.BLOCK, Duration.ofSeconds(1), null);
        }

        Values with(Pace other) {
            return new Values(delay, other, maxDirty, whenFull, maxWait, executor);
        }
    }

    /** How writes are made. */
    private record Pace(Backoff backoff, Duration timeout, int batch, int concurrency, long firstVersion) {
        Pace() {
            this(
                    Backoff.exponential(Duration.ofMillis(100))
                            .cap(Duration.ofSeconds(30))
                            .equalJitter(),
                    Duration.ofSeconds(10),
                    1,
                    4,
                    1);
        }
    }

    /**
     * Writes a key so long after its first change that is not written yet. Further changes until then replace the value
     * and do not postpone the write.
     *
     * @param delay zero or more; zero writes as soon as a thread is there
     * @return with at most 10,000 unwritten keys, waiting up to 1 s for room; 4 writes at once, each of one key, reported
     *     after 10 s; repeated after 100 ms, doubling up to 30 s, with jitter
     */
    public static WriteBehind after(Duration delay) {
        return new WriteBehind(new Values(Objects.requireNonNull(delay, "delay")));
    }

    /**
     * How many keys may wait to be written or be under way. Default: 10,000.
     *
     * @param keys at least 1
     * @return a new one
     */
    public WriteBehind maxDirty(int keys) {
        Values v = values;
        return new WriteBehind(new Values(v.delay, v.pace, keys, v.whenFull, v.maxWait, v.executor));
    }

    /**
     * What becomes of a change of one more key than {@link #maxDirty}. A key that waits already takes further changes
     * in any case. Default: {@link WhenFull#BLOCK}.
     *
     * @param then what then
     * @return a new one
     */
    public WriteBehind whenFull(WhenFull then) {
        Values v = values;
        Objects.requireNonNull(then, "then");
        return new WriteBehind(new Values(v.delay, v.pace, v.maxDirty, then, v.maxWait, v.executor));
    }

    /**
     * How long whoever puts waits for room with {@link WhenFull#BLOCK}. Default: 1 second.
     *
     * @param longest more than zero
     * @return a new one
     */
    public WriteBehind maxWait(Duration longest) {
        Values v = values;
        Objects.requireNonNull(longest, "longest");
        return new WriteBehind(new Values(v.delay, v.pace, v.maxDirty, v.whenFull, longest, v.executor));
    }

    /**
     * The pause before a key is tried again whose write has failed; it counts the failures of that key since it was
     * last written. Never given up. Default: exponential from 100 ms, cap 30 s, equal jitter.
     *
     * @param backoff the pauses
     * @return a new one
     */
    public WriteBehind backoff(Backoff backoff) {
        Pace p = values.pace;
        Objects.requireNonNull(backoff, "backoff");
        return new WriteBehind(values.with(new Pace(backoff, p.timeout, p.batch, p.concurrency, p.firstVersion)));
    }

    /**
     * After how long a write that has not ended is reported: in the log, to the listeners, in the statistics. It goes
     * on, and its key with it, as a second write could be overtaken by the first; but others may be written beside it
     * then as if it had ended. Default: 10 seconds.
     *
     * @param longest more than zero
     * @return a new one
     */
    public WriteBehind timeout(Duration longest) {
        Pace p = values.pace;
        Objects.requireNonNull(longest, "longest");
        return new WriteBehind(values.with(new Pace(p.backoff, longest, p.batch, p.concurrency, p.firstVersion)));
    }

    /**
     * How many keys that are due are given to {@link Writer#writeAll} at once. A key whose write has failed is tried
     * alone, so that it fails alone. Default: 1.
     *
     * @param keys at least 1
     * @return a new one
     */
    public WriteBehind batch(int keys) {
        Pace p = values.pace;
        return new WriteBehind(values.with(new Pace(p.backoff, p.timeout, keys, p.concurrency, p.firstVersion)));
    }

    /**
     * How many writes may be under way at once, those not counted that have been reported as {@linkplain #timeout
     * late}. Default: 4.
     *
     * @param writes at least 1
     * @return a new one
     */
    public WriteBehind concurrency(int writes) {
        Pace p = values.pace;
        return new WriteBehind(values.with(new Pace(p.backoff, p.timeout, p.batch, writes, p.firstVersion)));
    }

    /**
     * The first {@link Writer.Change#version()}. For sources that keep the version and outlive this process: begin above
     * all that were written before, with the milliseconds since 1970 shifted left by 20 for instance. Default: 1.
     *
     * @param version any
     * @return a new one
     */
    public WriteBehind firstVersion(long version) {
        Pace p = values.pace;
        return new WriteBehind(values.with(new Pace(p.backoff, p.timeout, p.batch, p.concurrency, version)));
    }

    /**
     * Where the writer runs. Default: threads of the library that start when they are needed, virtual ones where the JDK
     * has them. What an executor refuses is a failed write, and tried again.
     *
     * @param executor the executor
     * @return a new one
     */
    public WriteBehind executor(Executor executor) {
        Values v = values;
        Objects.requireNonNull(executor, "executor");
        return new WriteBehind(new Values(v.delay, v.pace, v.maxDirty, v.whenFull, v.maxWait, executor));
    }

    /**
     * The settings, for logs.
     *
     * @return for example {@code write-behind after 200ms, at most 10000 dirty, then BLOCK}
     */
    @Override
    public String toString() {
        return "write-behind after " + Description.text(values.delay) + ", at most " + values.maxDirty + " dirty, then "
                + values.whenFull;
    }

    /** What is wrong, in the builder's one message. */
    void check(List<String> problems) {
        if (values.delay.isNegative())
            problems.add("the delay of write-behind must not be negative, was " + values.delay);
        positive(problems, "maxDirty", values.maxDirty);
        positive(problems, "batch", values.pace.batch);
        positive(problems, "concurrency", values.pace.concurrency);
        positive(problems, "maxWait", values.maxWait);
        positive(problems, "timeout", values.pace.timeout);
    }

    private static void positive(List<String> problems, String setting, int value) {
        if (value < 1) problems.add(setting + " of write-behind must be at least 1, was " + value);
    }

    private static void positive(List<String> problems, String setting, Duration value) {
        if (value.isZero() || value.isNegative())
            problems.add(setting + " of write-behind must be more than zero, was " + value);
    }

    Map<String, String> described() {
        Map<String, String> shown = new LinkedHashMap<>();
        shown.put("writeBehind", Description.text(values.delay));
        shown.put("maxDirty", values.maxDirty + ", then " + values.whenFull);
        return shown;
    }

    /** At most 73 years, so that sums with a clock reading stay comparable. */
    private static long nanos(Duration duration) {
        return Math.min(TimeSource.nanos(duration), Long.MAX_VALUE / 4);
    }

    long delayNanos() {
        return nanos(values.delay);
    }

    int maxDirty() {
        return values.maxDirty;
    }

    WhenFull whenFull() {
        return values.whenFull;
    }

    long maxWaitNanos() {
        return nanos(values.maxWait);
    }

    Backoff backoff() {
        return values.pace.backoff;
    }

    long timeoutNanos() {
        return nanos(values.pace.timeout);
    }

    int batch() {
        return values.pace.batch;
    }

    int concurrency() {
        return values.pace.concurrency;
    }

    long firstVersion() {
        return values.pace.firstVersion;
    }

    @Nullable
    Executor executor() {
        return values.executor;
    }
}
