// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.Outcome;
import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Writes together what comes at the same time, without a thread of its own and without waiting for company: who comes
 * when nothing is under way writes at once; those who come meanwhile queue, and the first of them writes for as many as
 * go together: when what is under way has landed, or before that when there is company enough for a flight of its own.
 * At most one entry of a saga is under way, and a saga's entries go in the order in which they came.
 *
 * @param <E> what is written
 * @param <A> what is answered
 */
final class Batcher<E, A> {
    /** How entries are written, and what is known of one. */
    record Target<E, A>(
            Function<List<E>, List<Outcome<A>>> write, Function<E, SagaRef> saga, ToLongFunction<E> bytes) {}

    /**
     * How much goes at once; an entry that is larger by itself goes alone. At most {@code flights} batches are under way,
     * and all but the first only leave with at least {@code company} waiting.
     */
    record Bounds(int entries, long bytes, int flights, int company) {}

    private enum State {
        WAITS,
        WRITES,
        ANSWERED
    }

    private static final class Seat<E, A> {
        final E entry;
        final Thread thread = Thread.currentThread();
        volatile State state = State.WAITS;

        @Nullable
        Outcome<A> answer; // published by the state

        Seat(E entry) {
            this.entry = entry;
        }
    }

    private final Target<E, A> target;
    private final Bounds bounds;
    private final TimeSource time;
    private final SagaListener listener;
    private final ReentrantLock lock = new ReentrantLock(); // never held while anybody waits or writes
    private final ArrayDeque<Seat<E, A>> queue = new ArrayDeque<>();
    private final Set<SagaRef> aloft = new HashSet<>(); // sagas of the batches that are under way
    private int flights; // batches under way; if none, the queue is empty or somebody is appointed
    private @Nullable Seat<E, A> appointed; // still in the queue, and told to write the next batch

    Batcher(Target<E, A> target, Bounds bounds, TimeSource time, SagaListener listener) {
        this.target = target;
        this.bounds = bounds;
        this.time = time;
        this.listener = listener;
    }

    /** Writes with whatever else is there to be written and answers for this one. Interrupts are kept for later. */
    Outcome<A> write(E entry) {
        Seat<E, A> seat = new Seat<>(entry);
        boolean interrupted = Thread.interrupted();
        try {
            enqueue(seat);
            while (seat.state == State.WAITS) {
                time.park(this, Long.MAX_VALUE);
                if (Thread.interrupted()) interrupted = true;
            }
            if (seat.state == State.WRITES) writeFor(take(seat));
            Outcome<A> answer = seat.answer;
            if (answer == null) throw new IllegalStateException("left without an answer: " + entry);
            return answer;
        } finally {
            if (seat.state != State.ANSWERED) left(seat); // torn out of its wait by an Error: nobody may wait for it
            if (interrupted) seat.thread.interrupt();
        }
    }

    private void enqueue(Seat<E, A> seat) {
        Seat<E, A> next;
        lock.lock();
        try {
            queue.addLast(seat);
            next = appoint();
        } finally {
            lock.unlock();
        }
        wake(next, seat);
    }

    /** Under the lock: the first whose saga is not under way writes next, if it is time for a batch. */
    private @Nullable Seat<E, A> appoint() {
        if (appointed != null) return null;
        if (flights > 0 && (flights >= bounds.flights() || queue.size() < bounds.company())) return null;
        for (Seat<E, A> seat : queue) {
            if (aloft.contains(target.saga().apply(seat.entry))) continue;
            appointed = seat;
            seat.state = State.WRITES;
            return seat;
        }
        return null;
    }

    private void wake(@Nullable Seat<E, A> next, @Nullable Seat<E, A> self) {
        if (next != null && next != self) time.unpark(next.thread);
    }

    /** The one who was appointed, and as many as go together, from the front of the queue. */
    private List<Seat<E, A>> take(Seat<E, A> self) {
        List<Seat<E, A>> batch;
        Seat<E, A> next;
        lock.lock();
        try {
            batch = new ArrayList<>(Math.min(queue.size(), bounds.entries()));
            batch.add(self);
            Set<SagaRef> passed = new HashSet<>();
            passed.add(target.saga().apply(self.entry));
            long bytes = target.bytes().applyAsLong(self.entry);
            for (Seat<E, A> seat : queue) {
                if (batch.size() >= bounds.entries()) break;
                if (seat == self) continue;
                SagaRef saga = target.saga().apply(seat.entry);
                if (aloft.contains(saga) || !passed.add(saga)) continue; // goes after the one that is before it
                bytes += target.bytes().applyAsLong(seat.entry);
                if (bytes > bounds.bytes()) break;
                batch.add(seat);
            }
            for (Seat<E, A> seat : batch) {
                queue.remove(seat);
                aloft.add(target.saga().apply(seat.entry));
            }
            appointed = null;
            flights++;
            next = appoint();
        } finally {
            lock.unlock();
        }
        wake(next, self);
        return batch;
    }

    private void writeFor(List<Seat<E, A>> batch) {
        long began = time.nanoTime();
        List<Outcome<A>> answers = List.of();
        try {
            answers = written(batch);
        } finally {
            landed(batch);
            for (int i = 0; i < batch.size(); i++) answer(batch.get(i), i < answers.size() ? answers.get(i) : died());
        }
        long lasted = time.nanoTime() - began;
        try {
            listener.flushed(batch.size(), Duration.ofNanos(lasted));
        } catch (RuntimeException e) {
            Guest.threw("saga journal", "flushed of a listener", e);
        }
    }

    /** An {@code Error} unwinds the thread that wrote; the others do not know whether they were written. */
    private static <A> Outcome<A> died() {
        return Outcome.failure(new SagaStoreException(
                "writing", new IllegalStateException("the thread that wrote for others died, no answer of the store")));
    }

    private List<Outcome<A>> written(List<Seat<E, A>> batch) {
        List<E> entries = new ArrayList<>(batch.size());
        for (Seat<E, A> seat : batch) entries.add(seat.entry);
        try {
            List<Outcome<A>> answers = target.write().apply(entries);
            if (answers.size() == entries.size()) return answers;
            throw new IllegalStateException(answers.size() + " answers to " + entries.size() + " writes");
        } catch (SagaStoreException e) {
            return failed(batch.size(), e);
        } catch (RuntimeException e) {
            // a mistake, of the store or of one entry: the others must not have it for ever
            return batch.size() == 1 ? List.of(Outcome.failure(e)) : alone(entries);
        }
    }

    private List<Outcome<A>> alone(List<E> entries) {
        List<Outcome<A>> answers = new ArrayList<>(entries.size());
        for (E entry : entries) {
            try {
                answers.add(target.write().apply(List.of(entry)).get(0));
            } catch (RuntimeException e) {
                answers.add(Outcome.failure(e));
            }
        }
        return answers;
    }

    private static <A> List<Outcome<A>> failed(int size, SagaStoreException e) {
        List<Outcome<A>> answers = new ArrayList<>(size);
        for (int i = 0; i < size; i++) // each its own, because each is thrown by another thread
        answers.add(Outcome.failure(i == 0 ? e : new SagaStoreException(e)));
        return answers;
    }

    private void answer(Seat<E, A> seat, Outcome<A> answer) {
        seat.answer = answer;
        seat.state = State.ANSWERED;
        if (seat.thread != Thread.currentThread()) time.unpark(seat.thread);
    }

    private void landed(List<Seat<E, A>> batch) {
        Seat<E, A> next;
        lock.lock();
        try {
            flights--;
            for (Seat<E, A> seat : batch) aloft.remove(target.saga().apply(seat.entry));
            next = appoint();
        } finally {
            lock.unlock();
        }
        wake(next, null);
    }

    /** Does not wait any longer, and may have been the one who was appointed. */
    private void left(Seat<E, A> leaving) {
        Seat<E, A> next;
        lock.lock();
        try {
            queue.remove(leaving);
            if (appointed == leaving) appointed = null;
            next = appoint();
        } finally {
            lock.unlock();
        }
        wake(next, leaving);
    }
}
