// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.CallContext;
import dev.resilience.Gate;
import dev.resilience.RejectedException;
import dev.resilience.TimeSource;
import dev.resilience.TimeoutExceededException;
import dev.resilience.Verdict;
import io.micrometer.core.instrument.Timer;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A gate that admits every call and counts how it ended: for the rate of calls, the share that fails, and, when asked
 * for, how long they take. Outermost in a pipeline it sees what callers see, innermost what the dependency does.
 *
 * {@snippet class="dev.resilience.observability.Snippets" region="meter"}
 *
 * <p>The policies themselves count only what goes wrong: a healthy circuit breaker writes nothing at all, so it cannot
 * tell how many calls succeeded. This gate can, at a place of your choice.
 *
 * <p>The outcome of a call is {@code rejected} when what comes out is the rejection of a policy inside, {@code timeout}
 * when it is a {@link TimeoutExceededException}, else what the pipeline's classifier says of it.
 *
 * <p><b>Cost.</b> One striped increment per call; nothing is allocated. {@linkplain #timed(String) Timed} and bound to a
 * registry: two clock readings and a Micrometer timer more. Thread-safe, never blocks.
 */
public final class CallMeter extends Gate {
    private final boolean wantsTimes;
    private final Map<End, LongAdder> ends = new EnumMap<>(End.class);
    private final ReentrantLock binding = new ReentrantLock();
    /** One set of timers for each registry that it is bound to; empty: the clock is not read. Replaced as a whole. */
    private volatile List<Map<End, Timer>> timers = List.of();

    private CallMeter(String name, TimeSource time, boolean wantsTimes) {
        super(name, time);
        this.wantsTimes = wantsTimes;
        for (End end : End.values()) ends.put(end, new LongAdder());
    }

    /** How a call ended. */
    public enum End {
        /** A success, as the classifier says. */
        SUCCESS,
        /** A failure, as the classifier says. */
        FAILURE,
        /** Neither: cancelled, interrupted, or ignored by the classifier. */
        IGNORED,
        /** A policy inside refused. */
        REJECTED,
        /** It ran out of time. */
        TIMEOUT
    }

    /**
     * A meter that counts.
     *
     * @param name names it in metrics
     * @return a new meter, to be bound with {@link PolicyMetrics#bind(dev.resilience.Policy)} like any policy
     */
    public static CallMeter of(String name) {
        return of(name, TimeSource.system());
    }

    /**
     * A meter that counts, for a pipeline with a clock of its own.
     *
     * @param name names it in metrics
     * @param time the clock of the pipeline's gates
     * @return a new meter
     */
    public static CallMeter of(String name, TimeSource time) {
        return new CallMeter(name, time, false);
    }

    /**
     * A meter that counts, and takes the time of each call while it is bound to a registry.
     *
     * @param name names it in metrics
     * @return a new meter
     */
    public static CallMeter timed(String name) {
        return timed(name, TimeSource.system());
    }

    /**
     * A meter that counts and takes times, for a pipeline with a clock of its own.
     *
     * @param name names it in metrics
     * @param time the clock of the pipeline's gates
     * @return a new meter
     */
    public static CallMeter timed(String name, TimeSource time) {
        return new CallMeter(name, time, true);
    }

    /**
     * How many calls have ended this way.
     *
     * @param end which way
     * @return since the meter was made
     */
    public long ended(End end) {
        return adder(end).sum();
    }

    private LongAdder adder(End end) {
        return Objects.requireNonNull(ends.get(Objects.requireNonNull(end, "end")));
    }

    boolean wantsTimes() {
        return wantsTimes;
    }

    void record(Map<End, Timer> more) {
        binding.lock();
        try {
            List<Map<End, Timer>> all = new ArrayList<>(timers);
            all.add(more);
            timers = List.copyOf(all);
        } finally {
            binding.unlock();
        }
    }

    @SuppressWarnings("ReferenceEquality") // the very timers of that binding: others may have the same names
    void forget(Map<End, Timer> gone) {
        binding.lock();
        try {
            timers = timers.stream().filter(each -> each != gone).toList();
        } finally {
            binding.unlock();
        }
    }

    @Override
    protected boolean timed() {
        return !timers.isEmpty();
    }

    @Override
    protected Map<String, String> settings() {
        return Map.of("timed", String.valueOf(wantsTimes));
    }

    @Override
    protected long tryAdmit(CallContext context, long now) {
        return 0;
    }

    @Override
    protected void settle(
            long permit,
            long admittedAt,
            long now,
            Verdict verdict,
            @Nullable Object value,
            @Nullable Throwable thrown) {
        End end = end(verdict, thrown);
        adder(end).increment();
        if (admittedAt != 0 || now != 0) took(end, now - admittedAt);
    }

    private static End end(Verdict verdict, @Nullable Throwable thrown) {
        if (thrown instanceof RejectedException) return End.REJECTED;
        if (thrown instanceof TimeoutExceededException) return End.TIMEOUT;
        return switch (verdict) {
            case SUCCESS -> End.SUCCESS;
            case FAILURE -> End.FAILURE;
            case IGNORED -> End.IGNORED;
        };
    }

    private void took(End end, long nanos) {
        List<Map<End, Timer>> all = timers;
        for (int i = 0; i < all.size(); i++) {
            Timer timer = all.get(i).get(end);
            if (timer != null) timer.record(nanos, TimeUnit.NANOSECONDS);
        }
    }
}
