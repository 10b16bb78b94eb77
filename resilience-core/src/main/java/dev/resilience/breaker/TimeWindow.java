// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The outcomes of the last while, in ten slices.
 *
 * <p>Implementation notes:
 *
 * <ul>
 *   <li>I1: a slice is an object of its epoch for ever; who still holds an old one writes into garbage.
 *   <li>I2: writers add to calls before failures and slow, readers read calls after them: no rate is ever seen above the
 *       rate of some moment.
 *   <li>I3: {@link Slice#settled} is set when a judgement in that epoch saw enough calls and no threshold reached; from
 *       then on only a failure or a slow call can raise a rate before the next epoch, when old slices go.
 * </ul>
 */
final class TimeWindow extends Evidence {
    static final int SLICES = 10;

    private final long sliceNanos;
    private final int stripes;
    private final AtomicReferenceArray<Slice> slices = new AtomicReferenceArray<>(SLICES);
    private final AtomicLong retired = new AtomicLong();
    private volatile Slice current;
    private long prefilled;

    TimeWindow(long nanos, int stripes) {
        sliceNanos = Math.max(1, nanos / SLICES);
        this.stripes = stripes;
        current = new Slice(0, 0, stripes);
        slices.set(0, current);
    }

    @Override
    boolean record(int outcome, int stripe, long elapsed) {
        Slice slice = current;
        long into = elapsed - slice.start;
        if (into < 0 || into >= sliceNanos) {
            long epoch = elapsed / sliceNanos;
            Slice found = slice(epoch);
            if (found == null) {
                return false;
            }
            slice = found;
        }
        slice.add(outcome, stripe);
        return outcome != Outcomes.SUCCESS || !slice.settled;
    }

    /** The slice of an epoch, made when it is not there yet; null when its place was taken by a later one. */
    private @Nullable Slice slice(long epoch) {
        int place = (int) (epoch % SLICES);
        for (; ; ) {
            Slice there = slices.get(place);
            if (there != null && there.epoch >= epoch) {
                return there.epoch == epoch ? there : null;
            }
            Slice made = new Slice(epoch, epoch * sliceNanos, stripes);
            if (slices.compareAndSet(place, there, made)) {
                if (there != null) {
                    retired.addAndGet(there.sum(Slice.CALLS));
                }
                advance(made);
                return made;
            }
        }
    }

    /** A race may leave an older slice in {@code current}: the next recorder then looks its own up, no more. */
    private void advance(Slice made) {
        if (made.epoch > current.epoch) {
            current = made;
        }
    }

    @Override
    Finding judge(Rules rules, long running, long elapsed) {
        long epoch = elapsed / sliceNanos;
        long failures = sum(Slice.FAILURES, epoch);
        long slow = sum(Slice.SLOW, epoch);
        long calls = sum(Slice.CALLS, epoch);
        Finding finding = rules.judge(calls, failures, slow, running);
        if (finding == Finding.NONE && calls >= rules.minimumCalls()) {
            settle(epoch);
        }
        return finding;
    }

    private void settle(long epoch) {
        Slice slice = slices.get((int) (epoch % SLICES));
        if (slice != null && slice.epoch == epoch && !slice.settled) {
            slice.settled = true;
        }
    }

    /** Slices of a later epoch than the reader's count too: its clock reading is merely older than theirs. */
    private long sum(int word, long epoch) {
        long sum = 0;
        for (int place = 0; place < SLICES; place++) {
            Slice slice = slices.get(place);
            if (slice != null && slice.epoch > epoch - SLICES) {
                sum += slice.sum(word);
            }
        }
        return sum;
    }

    @Override
    Tally tally(long elapsed) {
        long epoch = elapsed / sliceNanos;
        long failures = sum(Slice.FAILURES, epoch);
        long slow = sum(Slice.SLOW, epoch);
        return new Tally(sum(Slice.CALLS, epoch), failures, slow);
    }

    @Override
    long recorded() {
        return retired.get() + sum(Slice.CALLS, Long.MIN_VALUE + SLICES) - prefilled;
    }

    /** Slice by slice; within one slice the order is not known, and failures come last because they weigh more. */
    @Override
    byte[] newest(int max, long elapsed) {
        byte[] outcomes = new byte[(int) Math.min(max, sum(Slice.CALLS, elapsed / sliceNanos))];
        int at = outcomes.length;
        for (long epoch = elapsed / sliceNanos, last = epoch - SLICES; epoch > last && epoch >= 0 && at > 0; epoch--) {
            Slice slice = slices.get((int) (epoch % SLICES));
            if (slice != null && slice.epoch == epoch) {
                at = slice.spread(outcomes, at);
            }
        }
        return Arrays.copyOfRange(outcomes, at, outcomes.length);
    }

    @Override
    void prefill(Evidence older, long elapsed) {
        if (older instanceof TimeWindow window) {
            prefillSlices(window, elapsed);
        } else {
            for (byte outcome : older.newest(CountWindow.MAX_SIZE, elapsed)) {
                record(outcome, 0, elapsed);
            }
        }
        prefilled = sum(Slice.CALLS, elapsed / sliceNanos);
    }

    /** What an old slice holds goes where that slice began, if the new window still reaches there. */
    private void prefillSlices(TimeWindow older, long elapsed) {
        long epoch = elapsed / older.sliceNanos;
        for (long e = Math.max(0, epoch - SLICES + 1); e <= epoch; e++) {
            Slice from = older.slices.get((int) (e % SLICES));
            if (from != null && from.epoch == e && from.start / sliceNanos > elapsed / sliceNanos - SLICES) {
                Slice to = slice(from.start / sliceNanos);
                if (to != null) {
                    to.take(from);
                }
            }
        }
    }

    /** The counters of one tenth of the window. */
    private static final class Slice {
        static final int CALLS = 0;
        static final int FAILURES = 1;
        static final int SLOW = 2;
        private static final VarHandle WORDS = MethodHandles.arrayElementVarHandle(long[].class);
        private static final int APART = 16;

        final long epoch;
        final long start;
        volatile boolean settled;
        private final long[] words;
        private final int stripeMask;

        Slice(long epoch, long start, int stripes) {
            this.epoch = epoch;
            this.start = start;
            words = new long[(stripes + 1) * APART];
            stripeMask = stripes - 1;
        }

        void add(int outcome, int stripe) {
            int at = APART / 2 + (stripe & stripeMask) * APART;
            WORDS.getAndAdd(words, at + CALLS, 1L);
            if (outcome != Outcomes.SUCCESS) {
                addBad(outcome, at);
            }
        }

        private void addBad(int outcome, int at) {
            if (Outcomes.failed(outcome)) {
                WORDS.getAndAdd(words, at + FAILURES, 1L);
            }
            if (Outcomes.slow(outcome)) {
                WORDS.getAndAdd(words, at + SLOW, 1L);
            }
        }

        long sum(int word) {
            long sum = 0;
            for (int at = APART / 2 + word; at < words.length - APART / 2; at += APART) {
                sum += (long) WORDS.getVolatile(words, at);
            }
            return sum;
        }

        void take(Slice from) {
            for (int word = CALLS; word <= SLOW; word++) {
                WORDS.getAndAdd(words, APART / 2 + word, from.sum(word));
            }
        }

        /** Writes this slice's outcomes before {@code end}, newest last; returns where they begin. */
        int spread(byte[] outcomes, int end) {
            long failures = sum(FAILURES);
            long slow = sum(SLOW);
            long calls = sum(CALLS);
            int at = end;
            for (long i = 0; i < calls && at > 0; i++) {
                int outcome = i < failures ? Outcomes.FAILURE : Outcomes.SUCCESS;
                outcomes[--at] = (byte) (i < slow ? outcome | Outcomes.SLOW : outcome);
            }
            return at;
        }
    }
}
