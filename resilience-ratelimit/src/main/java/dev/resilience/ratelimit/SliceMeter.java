// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.TimeSource;
import dev.resilience.ratelimit.RateLimiter.Carry;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The sliding window in slices and, with no slices before the newest, the fixed window: {@code n} permits may be used in
 * a slice when it, the {@code history} before it and {@code n} come to no more than the limit.
 */
/* Implementation notes (docs/internals/ratelimit-windows.md)
 *
 * I1 Every window as long as {@code history} slices is closed by its last grant, which has counted all others in it.
 * I2 State first, then the clock, in every turn (S24): the slice of the clock is then never behind the state unless
 *    somebody has reserved ahead or the clock went back, and in both cases nobody may be let in before the newest slice.
 * I3 A grant without a wait is one CAS and takes no lock. All that does not only count up (reserving ahead, giving back,
 *    reset) builds new Slices under the lock, seals the old ones at exactly the word it has read, and publishes.
 * I4 A count that has reached its greatest value is not lowered: a charge may have been cut off there.
 * Times are nanoseconds since the origin.
 */
final class SliceMeter extends Meter {
    private static final long MOST_SLICES_AHEAD = 1 << 16;
    private static final long MOST_PERMITS = 1L << 40;
    static final long MOST_NANOS_AHEAD = TimeUnit.DAYS.toNanos(30);

    private final Limit settings;
    private final TimeSource time;
    private final long limit;
    private final long slice;
    private final int history;
    private final int bits;
    private final ReentrantLock lock = new ReentrantLock();
    private final boolean aligned;

    /** Like the book, written before this meter is published and never again. */
    private long origin;

    private SliceBook book;

    private volatile Slices slices;
    private volatile long closedUntil;
    /** Grants of an earlier era give nothing back (L2). */
    private volatile Object era = new Object();

    private volatile boolean sealed;

    /** The window is {@code slice} times {@code history}; without history it is one slice. */
    record Shape(long limit, long slice, int history, boolean aligned) {
        /** Room for twice the limit, because a charge may exceed it. */
        int bits() {
            return 65 - Long.numberOfLeadingZeros(limit);
        }

        /** The index of a slice is kept in what the count leaves: it must not be mistaken within a greatest wait. */
        void check(List<String> problems) {
            if (limit > MOST_PERMITS) {
                problems.add("permits of a window must be at most " + MOST_PERMITS + ", was " + limit);
            } else if (Gcra.times(1L << (61 - bits()), slice) < 2 * MOST_NANOS_AHEAD) {
                problems.add("a window of " + limit + " permits must have slices of at least "
                        + ((2 * MOST_NANOS_AHEAD) >> (61 - bits())) + " ns, had " + slice + " ns (use less precision)");
            }
        }
    }

    SliceMeter(Limit settings, Shape shape, long origin, TimeSource time) {
        this.settings = settings;
        this.time = time;
        this.limit = shape.limit;
        this.slice = shape.slice;
        this.history = shape.history;
        this.bits = shape.bits();
        this.aligned = shape.aligned;
        this.origin = origin;
        this.book = new SliceBook(history, sliceOf(now()));
        this.slices = book.build(bits);
    }

    private long now() {
        return time.nanoTime() - origin;
    }

    private long sliceOf(long at) {
        return Math.floorDiv(at, slice);
    }

    // --- without a lock ---

    @Override
    long take(long n) {
        return take(n, true);
    }

    @Override
    long look(long n) {
        return take(n, false);
    }

    private long take(long n, boolean granting) {
        for (; ; ) {
            Slices in = slices;
            long word = in.word();
            if (word == Slices.SEALED) {
                if (sealed) return SEALED;
                continue;
            }
            if (n > limit) return NEVER;
            long now = now(); // S24
            long open = Math.max(now, closedUntil);
            long own = sliceOf(open);
            long newest = in.index(word, own);
            long at = roomFor(n, in, word, newest, Math.max(newest, own));
            long wait = Math.max(open, at * slice) - now;
            if (wait == 0 && granting) {
                if (add(in, word, newest, at, n)) return GRANTED;
            } else if (in.word() == word) {
                return wait; // the slots belong to this very state
            }
        }
    }

    /** Permits in the window that ends with slice {@code first}, the newest or a later one. */
    private long used(Slices in, long word, long newest, long first) {
        long used = first - newest <= history ? in.count(word) : 0;
        for (long i = first - history; i < newest; i++) used += in.past(i);
        return used;
    }

    /** The first slice, from {@code first} on, with room for n. */
    private long roomFor(long n, Slices in, long word, long newest, long first) {
        long used = used(in, word, newest, first);
        long at = first;
        while (used + n > limit && at <= newest + history) {
            long leaving = at++ - history;
            if (leaving <= newest) used -= leaving == newest ? in.count(word) : in.past(leaving);
        }
        return at;
    }

    private boolean add(Slices in, long word, long newest, long at, long n) {
        long count = (at == newest ? in.count(word) : 0) + n;
        return in.move(word, newest, at, Math.min(count, in.most()));
    }

    @Override
    long takeUpTo(long n) {
        for (; ; ) {
            Slices in = slices;
            long word = in.word();
            if (word == Slices.SEALED) {
                if (sealed) return SEALED;
                continue;
            }
            long now = now(); // S24
            long own = sliceOf(now);
            long newest = in.index(word, own);
            long room = closedUntil > now || newest > own ? 0 : limit - used(in, word, newest, own);
            long some = Math.min(n, room);
            if (some > 0) {
                if (add(in, word, newest, own, some)) return some;
            } else if (in.word() == word) {
                return 0;
            }
        }
    }

    @Override
    boolean charge(long n) {
        return fill(n, false);
    }

    @Override
    boolean drain() {
        return fill(0, true);
    }

    private boolean fill(long n, boolean up) {
        for (; ; ) {
            Slices in = slices;
            long word = in.word();
            if (word == Slices.SEALED) {
                if (sealed) return false;
                continue;
            }
            long own = sliceOf(now()); // S24
            long newest = in.index(word, own);
            long first = Math.max(newest, own);
            long some = up ? limit - used(in, word, newest, first) : Math.min(n, in.most());
            boolean done = some <= 0 ? in.word() == word : add(in, word, newest, first, some);
            if (done) return true;
        }
    }

    // --- with an answer ---

    @Override
    long take(long n, long maxWaitNanos, Answer answer) {
        return ask(n, Math.min(Math.max(0, maxWaitNanos), longestWait()), true, answer);
    }

    @Override
    long peek(long n, Answer answer) {
        return ask(n, 0, false, answer);
    }

    private long ask(long n, long maxWait, boolean granting, Answer answer) {
        for (; ; ) {
            Object asOf = era;
            Slices in = slices;
            long word = in.word();
            if (word == Slices.SEALED) {
                if (sealed) return SEALED;
                continue;
            }
            long now = now(); // S24
            long open = Math.max(now, closedUntil);
            long own = sliceOf(open);
            long newest = in.index(word, own);
            long first = Math.max(newest, own);
            long at = n > limit ? first : roomFor(n, in, word, newest, first);
            long wait = n > limit ? NEVER : Math.max(open, at * slice) - now;
            boolean fits = granting && wait <= maxWait;
            long left = now < open || newest > own ? 0 : Math.max(0, limit - used(in, word, newest, first));
            long reset = Math.max(open, fits ? (at + history + 1) * slice : emptyAt(in, word, newest)) - now;
            if (!fits) {
                if (in.word() != word) continue;
                return told(answer, n, wait == NEVER ? NEVER : wait - (granting ? maxWait : 0), left, reset);
            }
            if (!(wait == 0 ? add(in, word, newest, at, n) : reserve(in, word, at, n))) continue;
            answer.meter = this;
            answer.at = origin + now + wait;
            answer.token = asOf;
            told(answer, n, wait, wait > 0 ? 0 : left - n, reset);
            return GRANTED;
        }
    }

    private long told(Answer answer, long n, long wait, long remaining, long resetAfter) {
        answer.n = n;
        answer.limit = settings;
        answer.wait = wait;
        answer.remaining = remaining;
        answer.resetAfter = resetAfter;
        return wait;
    }

    /** When the last permit that was used is forgotten, or the beginning of time. */
    private long emptyAt(Slices in, long word, long newest) {
        if (in.count(word) > 0) return (newest + history + 1) * slice;
        for (long i = newest - 1; i >= newest - history; i--) {
            if (in.past(i) > 0) return (i + history + 1) * slice;
        }
        return Long.MIN_VALUE;
    }

    // --- under the lock ---

    private boolean reserve(Slices in, long word, long at, long n) {
        lock.lock();
        try {
            // another's successor has another head: the seal would fail, and the book has moved on
            if (slices != in || in.word() != word) return false;
            book.learn(in, word, sliceOf(now()));
            return replace(in, word, at, Math.min(book.count(at) + n, in.most()));
        } finally {
            lock.unlock();
        }
    }

    /** Puts a successor, in which one count differs, in the place of exactly what was seen. */
    private boolean replace(Slices in, long word, long at, long count) {
        long before = book.count(at);
        book.set(at, count);
        Slices successor = book.build(bits);
        if (!in.seal(word)) {
            book.set(at, before);
            return false;
        }
        slices = successor;
        return true;
    }

    @Override
    long giveBack(Answer answer) {
        long at = sliceOf(answer.at - origin);
        lock.lock();
        try {
            while (!sealed && era == answer.token) {
                Slices in = slices;
                long word = in.word();
                book.learn(in, word, sliceOf(now()));
                long count = book.count(at);
                if (count < answer.n || count == in.most()) return 0;
                long busy = book.emptyAt();
                if (replace(in, word, at, count - answer.n)) return (busy - book.emptyAt()) * slice;
            }
            return 0;
        } finally {
            lock.unlock();
        }
    }

    @Override
    boolean throttle(long nanos) {
        lock.lock();
        try {
            closedUntil = Math.max(closedUntil, now() + Math.min(nanos, MOST_NANOS_AHEAD));
            return !sealed;
        } finally {
            lock.unlock();
        }
    }

    @Override
    boolean reset() {
        lock.lock();
        try {
            while (!sealed) {
                Slices in = slices;
                long word = in.word();
                book.learn(in, word, sliceOf(now()));
                book.clear();
                Slices empty = book.build(bits);
                if (!in.seal(word)) continue;
                era = new Object();
                closedUntil = 0;
                slices = empty;
                return true;
            }
            return false;
        } finally {
            lock.unlock();
        }
    }

    @Override
    long longestWait() {
        return Math.min(MOST_NANOS_AHEAD, Gcra.times(MOST_SLICES_AHEAD, slice));
    }

    @Override
    boolean full() {
        Slices in = slices;
        long word = in.word();
        return word != Slices.SEALED && full(in, word);
    }

    private boolean full(Slices in, long word) {
        long now = now();
        long newest = in.index(word, sliceOf(now));
        return now >= 0 && closedUntil <= now && emptyAt(in, word, newest) <= now && newest <= sliceOf(now);
    }

    @Override
    boolean sealIfFull() {
        lock.lock();
        try {
            Slices in = slices;
            long word = in.word();
            if (sealed || !full(in, word) || !in.seal(word)) return false;
            sealed = true;
            return true;
        } finally {
            lock.unlock();
        }
    }

    @Override
    @Nullable
    Carried seal() {
        lock.lock();
        try {
            while (!sealed) {
                Slices in = slices;
                long word = in.word();
                long now = now();
                book.learn(in, word, sliceOf(now));
                if (!in.seal(word)) continue;
                sealed = true;
                return carried(in, word, now);
            }
            return null;
        } finally {
            lock.unlock();
        }
    }

    private Carried carried(Slices in, long word, long now) {
        long own = sliceOf(now);
        long newest = in.index(word, own);
        long first = Math.max(newest, own);
        long left = limit - used(in, word, newest, first);
        boolean debt = left < 0 || newest > own;
        Carried carried = new Carried(this);
        carried.tokens = debt ? Math.min(left, -1) : left;
        carried.capacity = limit;
        carried.debtNanos = debt ? roomFor(1, in, word, newest, first) * slice - now : 0;
        carried.busyNanos = Math.max(0, Math.max(emptyAt(in, word, newest), closedUntil) - now);
        carried.throttleNanos = Math.max(0, closedUntil - now);
        return carried;
    }

    @Override
    void load(Carried carried, Carry carry) {
        lock.lock();
        try {
            boolean sameKind = carried.from instanceof SliceMeter;
            if (sameKind) adopt((SliceMeter) carried.from);
            long missing = sameKind
                    ? WindowCarry.difference(limit, book.used(), carried, carry)
                    : WindowCarry.used(limit, carried, carry);
            book.add(Math.min(missing, (1L << bits) - 1));
            closedUntil = now() + carried.debtNanos;
            if (carried.throttleNanos > 0) throttle(carried.throttleNanos);
            slices = book.build(bits);
        } finally {
            lock.unlock();
        }
    }

    /** Takes over when permits were used: each as late as it may have been, so that it is not forgotten too early. */
    private void adopt(SliceMeter from) {
        if (slice == from.slice && !aligned) origin = from.origin;
        long now = now();
        book = new SliceBook(history, sliceOf(now));
        from.book.counts().forEach((index, count) -> {
            long end = (index + 1) * from.slice - 1 + from.origin - origin;
            boolean ahead = index > from.sliceOf(from.now());
            long in = sliceOf(ahead ? end : Math.min(end, now));
            book.set(in, Math.min(book.count(in) + count, (1L << bits) - 1));
        });
    }
}
