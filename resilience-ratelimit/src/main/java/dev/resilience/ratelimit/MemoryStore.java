// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.TimeSource;
import java.math.BigInteger;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** The reference store. A key is decided, and forgotten, under the map's lock of that key; no user code runs there. */
final class MemoryStore implements RateLimitStore {
    private final ConcurrentHashMap<String, Debt> debts = new ConcurrentHashMap<>();
    private final Ring<String> ring = new Ring<>();
    private final AtomicInteger size = new AtomicInteger();
    private final int maxKeys;
    private final TimeSource time;

    MemoryStore(int maxKeys, TimeSource time) {
        this.maxKeys = maxKeys;
        this.time = time;
    }

    /** What was owed at a time: nothing wraps, however long nobody asks. */
    private record Debt(long at, long ticks, long ticksPerNano) {
        long now(long now, long wanted) {
            long elapsed = now - at;
            long left = elapsed > ticks / ticksPerNano ? 0 : ticks - Math.max(0, elapsed) * ticksPerNano;
            return wanted == ticksPerNano ? left : converted(left, wanted);
        }

        /** Another node counts in other ticks: the time is what both mean. Rounded up. */
        private long converted(long left, long wanted) {
            BigInteger[] other = BigInteger.valueOf(left)
                    .multiply(BigInteger.valueOf(wanted))
                    .divideAndRemainder(BigInteger.valueOf(ticksPerNano));
            BigInteger up = other[1].signum() == 0 ? other[0] : other[0].add(BigInteger.ONE);
            return up.bitLength() < 63 ? up.longValue() : Long.MAX_VALUE;
        }
    }

    @Override
    public CompletionStage<Reply> decide(Request request) {
        Decided decided = new Decided(request);
        debts.compute(request.key(), decided::next);
        if (decided.isNew || decided.noRoom) sweep();
        if (decided.noRoom) debts.compute(request.key(), decided::next); // perhaps there is now
        if (decided.isNew) ring.add(request.key());
        if (decided.noRoom) {
            return CompletableFuture.failedFuture(
                    new IllegalStateException("the store is full: " + maxKeys + " keys owe something"));
        }
        return CompletableFuture.completedFuture(decided.reply);
    }

    private final class Decided {
        private final Request request;
        Reply reply = Reply.refused(0);
        boolean isNew;
        boolean noRoom;

        Decided(Request request) {
            this.request = request;
        }

        @Nullable
        Debt next(String key, @Nullable Debt seen) {
            long now = time.nanoTime();
            reply = request.decide(seen == null ? 0 : seen.now(now, request.ticksPerNano()));
            noRoom = false;
            if (!reply.isGranted() || request.costTicks() == 0) return seen;
            if (seen == null && !takesRoom()) return null;
            return new Debt(now, reply.debtTicks(), request.ticksPerNano());
        }

        private boolean takesRoom() {
            isNew = size.incrementAndGet() <= maxKeys;
            noRoom = !isNew;
            if (noRoom) size.decrementAndGet();
            return isNew;
        }
    }

    private void sweep() {
        for (int looked = 0; looked < 2; looked++) {
            String key = ring.next();
            if (key == null) return;
            boolean kept =
                    debts.computeIfPresent(key, (k, debt) -> debt.now(time.nanoTime(), 1) > 0 ? debt : null) != null;
            if (kept) ring.add(key);
            else size.decrementAndGet();
        }
    }
}
