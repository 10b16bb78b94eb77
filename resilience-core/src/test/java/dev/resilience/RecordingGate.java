// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** Admits what it is told to and writes down what it learns. */
class RecordingGate extends Gate {
    final List<Verdict> verdicts = Collections.synchronizedList(new ArrayList<>());
    final List<Long> settled = Collections.synchronizedList(new ArrayList<>());
    final List<Object> seen = Collections.synchronizedList(new ArrayList<>());
    final AtomicLong admitted = new AtomicLong();
    final List<Waiter> queue = Collections.synchronizedList(new ArrayList<>());
    final List<Waiter> abandoned = Collections.synchronizedList(new ArrayList<>());
    volatile @Nullable Failures own;
    volatile boolean waiting;
    volatile boolean refusing;
    volatile boolean timed;

    RecordingGate(String name, TimeSource time) {
        super(name, time);
    }

    RecordingGate(String name) {
        this(name, TimeSource.system());
    }

    @Override
    protected boolean timed() {
        return timed;
    }

    @Override
    protected @Nullable Failures failures() {
        return own;
    }

    @Override
    protected long tryAdmit(CallContext context, long now) {
        if (refusing) return refused(1_000_000_000);
        return waiting ? WAIT : admitted.incrementAndGet();
    }

    @Override
    protected void enqueue(Waiter waiter) {
        queue.add(waiter);
    }

    @Override
    protected void abandon(Waiter waiter) {
        abandoned.add(waiter);
        queue.remove(waiter);
    }

    /** Grants to the first waiter. */
    boolean grantNext() {
        Waiter next = queue.remove(0);
        boolean taken = next.grant(admitted.incrementAndGet());
        if (!taken) admitted.decrementAndGet();
        return taken;
    }

    @Override
    protected void settle(
            long permit,
            long admittedAt,
            long now,
            Verdict verdict,
            @Nullable Object value,
            @Nullable Throwable thrown) {
        settled.add(permit);
        seen.add(thrown == null ? "value " + value : thrown);
        verdicts.add(verdict);
    }

    /** L1: each permit came back, once. */
    boolean balanced() {
        return settled.size() == admitted.get() && settled.stream().distinct().count() == settled.size();
    }
}
