// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import java.time.Duration;
import java.util.Objects;
import java.util.stream.LongStream;

/**
 * What a limiter has counted: for metrics. What passes at this moment tells {@link RateLimiter#peek}.
 *
 * {@snippet class="dev.resilience.ratelimit.CountingSnippets" region="snapshot"}
 *
 * <p><b>Counting begins with the first look</b>, which a binding to a metrics registry takes: a limiter that nobody
 * watches writes nothing when it refuses, and one word when it grants. Watched, a decision costs an addition to a striped
 * counter, and allocates as little as before. A limiter that {@linkplain RateLimiter.Builder#shadow() shadows} counts
 * from the beginning.
 *
 * <p>An asking counts once, by whatever verb and through a gate alike. What is counted while the numbers are read may
 * be in some of them and not in others; none of them ever gets smaller. Immutable.
 */
@SuppressWarnings("EnumOrdinal") // within one run
public final class LimiterSnapshot {
    private final long[] permitted;
    private final long[] rejected;
    private final long shadowRejected;
    private final double more;
    private final double charged;
    private final double refunded;
    private final double waits;
    private final double waitedNanos;

    LimiterSnapshot(long[] permitted, long[] rejected, long shadowRejected, double[] sums) {
        this.permitted = permitted;
        this.rejected = rejected;
        this.shadowRejected = shadowRejected;
        this.more = sums[0];
        this.charged = sums[1];
        this.refunded = sums[2];
        this.waits = sums[3];
        this.waitedNanos = sums[4];
    }

    /**
     * How many askings were granted, at once or for a later time.
     *
     * @return askings, not permits
     */
    public long permitted() {
        return LongStream.of(permitted).sum();
    }

    /**
     * How many askings one source has granted.
     *
     * @param source who answered; all but LOCAL only with a {@link SharedRateLimiter}
     * @return askings, not permits
     */
    public long permitted(Decision.Source source) {
        return permitted[Objects.requireNonNull(source, "source").ordinal()];
    }

    /**
     * How many askings were refused, by hand and as calls; {@link RateLimiter#rejected()} counts the calls alone.
     *
     * @return askings; 0 for a limiter that only shadows
     */
    public long rejected() {
        return LongStream.of(rejected).sum();
    }

    /**
     * How many askings one source has refused.
     *
     * @param source who answered; FALLBACK also when the failure policy is to throw
     * @return askings; 0 for a limiter that only shadows
     */
    public long rejected(Decision.Source source) {
        return rejected[Objects.requireNonNull(source, "source").ordinal()];
    }

    /**
     * How many askings would have been refused if the limiter did not only shadow.
     *
     * @return since it was built; 0 unless it shadows
     */
    public long shadowRejected() {
        return shadowRejected;
    }

    /**
     * How many permits the granted askings took. Together with {@link #charged}, less {@link #refunded}, it is what the
     * limit has had to bear.
     *
     * @return permits; exact up to 2^53
     */
    public long permits() {
        return (long) (permitted() + more);
    }

    /**
     * How many permits were charged afterwards.
     *
     * @return permits; exact up to 2^53
     */
    public long charged() {
        return (long) charged;
    }

    /**
     * How many permits were given back: by reservations that were cancelled, and by waiters that left. The limit takes
     * back of them what keeps its bound, perhaps nothing.
     *
     * @return permits; exact up to 2^53
     */
    public long refunded() {
        return (long) refunded;
    }

    /**
     * How many of the granted askings were for a later time.
     *
     * @return askings
     */
    public long waits() {
        return (long) waits;
    }

    /**
     * For how long those were told to wait, in all; who has left meanwhile is in it too.
     *
     * @return the sum
     */
    public Duration waited() {
        return Duration.ofNanos((long) waitedNanos);
    }

    /**
     * The numbers that are not zero, for logs.
     *
     * @return for example {@code permitted 17 (40 permits), rejected 3}
     */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("permitted ").append(permitted());
        if (permits() != permitted()) text.append(" (").append(permits()).append(" permits)");
        text.append(", rejected ").append(rejected());
        if (shadowRejected > 0) text.append(", would have rejected ").append(shadowRejected);
        if (charged > 0) text.append(", charged ").append(charged());
        if (refunded > 0) text.append(", refunded ").append(refunded());
        if (waits > 0)
            text.append(", waits ")
                    .append(waits())
                    .append(" of ")
                    .append(waited())
                    .append(" in all");
        return text.toString();
    }
}
