// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit;

import dev.resilience.CallContext;
import dev.resilience.Gate;
import dev.resilience.TimeSource;
import dev.resilience.Verdict;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A gate that admits everything and keeps the books: which permits it gave and how each was settled. Put it anywhere
 * in a pipeline, between any two policies, to see what passes there and to prove that every permit is settled exactly
 * once (L1).
 *
 * <p>{@link Laws#gate} makes one that is checked after the test; otherwise call {@link #checkBalanced()}. Its methods
 * may be called by any thread.
 */
public final class CountingGate extends Gate {
    private final AtomicLong admitted = new AtomicLong();
    private final Set<Long> outstanding = ConcurrentHashMap.newKeySet();
    private final Map<Verdict, AtomicLong> settled = new EnumMap<>(Verdict.class);
    private final Queue<String> violations = new ConcurrentLinkedQueue<>();

    /**
     * A gate with nothing admitted yet.
     *
     * @param name its name, for messages
     * @param time the clock of the pipeline that it will stand in
     */
    public CountingGate(String name, TimeSource time) {
        super(name, time);
        for (Verdict verdict : Verdict.values()) {
            settled.put(verdict, new AtomicLong());
        }
    }

    /**
     * How many permits were given.
     *
     * @return the number of attempts that passed here on their way in
     */
    public long admitted() {
        return admitted.get();
    }

    /**
     * How many permits were settled with a verdict.
     *
     * @param verdict which
     * @return how many
     */
    public long settled(Verdict verdict) {
        AtomicLong count = settled.get(verdict);
        return count == null ? 0 : count.get();
    }

    /**
     * How many permits are out: given and not settled.
     *
     * @return zero when nothing is running
     */
    public int outstanding() {
        return outstanding.size();
    }

    /**
     * Checks L1: each permit was settled exactly once.
     *
     * @throws AssertionError if permits are still out, or one was settled twice or was never given
     */
    public void checkBalanced() {
        List<String> wrong = new ArrayList<>(violations);
        if (!outstanding.isEmpty()) {
            wrong.add(outstanding.size() + " of " + admitted + " permits were never settled");
        }
        if (!wrong.isEmpty()) {
            throw new AssertionError("L1: " + this + ": " + String.join("; ", wrong));
        }
    }

    @Override
    protected long tryAdmit(CallContext context, long now) {
        long permit = admitted.incrementAndGet();
        outstanding.add(permit);
        return permit;
    }

    @Override
    protected void settle(
            long permit,
            long admittedAt,
            long now,
            Verdict verdict,
            @Nullable Object value,
            @Nullable Throwable thrown) {
        AtomicLong count = settled.get(verdict);
        if (!outstanding.remove(permit)) {
            violations.add("permit " + permit + " was settled again or never given, as " + verdict);
        } else if (count != null) {
            count.incrementAndGet();
        }
    }

    @Override
    protected boolean forgettable(long now) {
        return outstanding.isEmpty();
    }
}
