// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.TimeSource;
import java.util.Objects;
import java.util.concurrent.CompletionStage;

/**
 * SPI: where several processes keep the state of their limits together. A {@link SharedRateLimiter} asks it; users only
 * choose one. A store is tested by {@code RateLimitStoreContract} of the {@code resilience-testkit}.
 *
 * <p><b>What it keeps</b> is one number for each key: the debt, which is the time until the key's bucket is full again.
 * It falls by itself as time passes, down to nothing, and a key without a debt need not be kept. No settings are stored:
 * processes that disagree about a limit still agree about the time.
 *
 * <p><b>Contract.</b>
 *
 * <ul>
 *   <li>One {@link #decide} is one atomic decision: of two for one key, the later one sees what the earlier one did.
 *   <li>A decision is that of {@link Request#decide(long)}, or the same arithmetic made elsewhere. A refusal, and a
 *       request without a cost, write nothing.
 *   <li>Time is the store's own, and for each key never goes back. Debts are whole {@linkplain Request#ticksPerNano()
 *       ticks}; a store whose clock is coarser rounds them up.
 *   <li>It does not block: what waits, completes the stage later. A stage that fails, or an exception, is a failure of
 *       the store and not a refusal. The caller has its own deadline and may no longer listen.
 *   <li>Any thread may call it, and it may complete on any thread: the library hands over.
 * </ul>
 */
@FunctionalInterface
public interface RateLimitStore {
    /**
     * Decides once.
     *
     * @param request what is asked
     * @return completes with the reply; at once, where the store can
     */
    CompletionStage<Reply> decide(Request request);

    /**
     * A store in this process: for tests, and for several limiters of one process that share their keys. Forgets keys
     * that owe nothing, two of them looked at for each new one. When it is full of debtors it fails for new keys, and
     * the limiter's failure policy decides.
     *
     * @param maxKeys how many keys may owe something, at least 1
     * @param time its clock
     * @return an empty store
     * @throws IllegalArgumentException when maxKeys is less than 1
     */
    static RateLimitStore inMemory(int maxKeys, TimeSource time) {
        if (maxKeys < 1) throw new IllegalArgumentException("maxKeys must be at least 1, was " + maxKeys);
        return new MemoryStore(maxKeys, Objects.requireNonNull(time, "time"));
    }

    /**
     * One asking. Its unit is the tick, in which both a nanosecond and a permit are whole numbers: {@link
     * #ticksPerNano()} of them pass in a nanosecond, and the cost of the permits is in ticks already. Immutable.
     */
    final class Request {
        private final String key;
        private final long ticksPerNano;
        private final long costTicks;
        private final long allowedTicks;
        private final boolean forced;

        private Request(String key, long ticksPerNano, long costTicks, long allowedTicks, boolean forced) {
            this.key = Objects.requireNonNull(key, "key");
            this.ticksPerNano = ticksPerNano;
            this.costTicks = costTicks;
            this.allowedTicks = allowedTicks;
            this.forced = forced;
        }

        /**
         * Asks for something: granted if the debt with the cost is then at most what is allowed.
         *
         * @param key of the limit, unique among all that use the store
         * @param ticksPerNano at least 1
         * @param costTicks what is asked for, 0 or more; 0 looks only
         * @param allowedTicks the most that may be owed, 0 or more
         * @return the request
         * @throws IllegalArgumentException naming the value that is out of range
         */
        public static Request of(String key, long ticksPerNano, long costTicks, long allowedTicks) {
            return new Request(
                    key,
                    atLeast(1, "ticksPerNano", ticksPerNano),
                    atLeast(0, "costTicks", costTicks),
                    atLeast(0, "allowedTicks", allowedTicks),
                    false);
        }

        private static long atLeast(long least, String name, long value) {
            if (value >= least) return value;
            throw new IllegalArgumentException(name + " must be at least " + least + ", was " + value);
        }

        /**
         * The same, granted in any case: what is owed grows by the cost, up to what is allowed and no further.
         *
         * @return a new request
         */
        public Request forced() {
            return new Request(key, ticksPerNano, costTicks, allowedTicks, true);
        }

        /**
         * Whose debt it is.
         *
         * @return the limiter's name, a colon, and the key
         */
        public String key() {
            return key;
        }

        /**
         * How many ticks a debt falls by in a nanosecond.
         *
         * @return 1 to 1024 when asked by this library
         */
        public long ticksPerNano() {
            return ticksPerNano;
        }

        /**
         * What is asked for.
         *
         * @return ticks, 0 for a look
         */
        public long costTicks() {
            return costTicks;
        }

        /**
         * The most that may be owed with the cost in it.
         *
         * @return ticks
         */
        public long allowedTicks() {
            return allowedTicks;
        }

        /**
         * Whether it is granted in any case.
         *
         * @return see {@link #forced()}
         */
        public boolean isForced() {
            return forced;
        }

        /**
         * The decision, for stores that can make it in Java: read the debt, call this, and when it {@linkplain
         * Reply#isGranted() granted} a cost, write {@link Reply#debtTicks()} before anybody else reads.
         *
         * @param debtTicks what the key owes at this moment; less than nothing counts as nothing
         * @return what to answer
         */
        public Reply decide(long debtTicks) {
            long owed = Math.max(0, debtTicks);
            long then = owed > Long.MAX_VALUE - costTicks ? Long.MAX_VALUE : owed + costTicks;
            if (then <= allowedTicks) return Reply.granted(then);
            return forced ? Reply.granted(Math.max(owed, allowedTicks)) : Reply.refused(owed);
        }

        /**
         * For logs.
         *
         * @return key and numbers
         */
        @Override
        public String toString() {
            return "Request[" + key + ", cost=" + costTicks + ", allowed=" + allowedTicks + ", ticks/ns=" + ticksPerNano
                    + (forced ? ", forced]" : "]");
        }
    }

    /** What a store answered. Immutable. */
    final class Reply {
        private final boolean granted;
        private final long debtTicks;

        private Reply(boolean granted, long debtTicks) {
            if (debtTicks < 0) throw new IllegalArgumentException("debtTicks must not be negative, was " + debtTicks);
            this.granted = granted;
            this.debtTicks = debtTicks;
        }

        /**
         * Granted.
         *
         * @param debtTicks what the key owes now, the cost included
         * @return the reply
         * @throws IllegalArgumentException when it is negative
         */
        public static Reply granted(long debtTicks) {
            return new Reply(true, debtTicks);
        }

        /**
         * Refused.
         *
         * @param debtTicks what the key owes
         * @return the reply
         * @throws IllegalArgumentException when it is negative
         */
        public static Reply refused(long debtTicks) {
            return new Reply(false, debtTicks);
        }

        /**
         * Whether it was granted.
         *
         * @return true when granted
         */
        public boolean isGranted() {
            return granted;
        }

        /**
         * What the key owes after the decision.
         *
         * @return ticks of the request, 0 or more
         */
        public long debtTicks() {
            return debtTicks;
        }

        /**
         * For logs.
         *
         * @return for example {@code granted, debt 200000000}
         */
        @Override
        public String toString() {
            return (granted ? "granted" : "refused") + ", debt " + debtTicks;
        }
    }
}
