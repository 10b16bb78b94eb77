// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.TimeSource;
import dev.resilience.cache.Backplane.Kind;
import dev.resilience.cache.Held.Basis;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What a node knows of its backplane: which copies it may serve without asking. Immutable, decides only.
 *
 * <p>A node trusts the line while a heartbeat <em>of its own</em> that was sent less than three beats ago has come back:
 * messages are told in order, so all that was published before that one was sent has been told as well, or its number is
 * missing. Unlike heartbeats of others this needs no bound on how long a message is under way.
 *
 * @param channel the id of the numbering, null before the first message
 * @param number the last that was seen
 * @param echoed whether a heartbeat has ever come back
 * @param echoedAt when the newest that came back was sent
 * @param trusted what was found before this event may be out of date: messages were missed
 */
record Link(@Nullable String channel, long number, boolean echoed, long echoedAt, long trusted) {

    static final Duration BEAT = Duration.ofSeconds(1);
    static final long BEAT_NANOS = TimeSource.nanos(BEAT);
    static final long SILENCE_NANOS = 3 * BEAT_NANOS;

    static Link unheard() {
        return new Link(null, 0, false, 0, 0);
    }

    /** A message came; {@code stamp} is the number of this event. */
    Link heard(String from, long at, Kind kind, long stamp) {
        long expected = kind == Kind.HEARTBEAT ? number : number + 1;
        // the last one once more is no gap: it was told already, by the heartbeat that found it missing
        boolean gap = !from.equals(channel) || (at != expected && at != number);
        return new Link(from, at, echoed, echoedAt, gap ? stamp : trusted);
    }

    /** A heartbeat of this node came back. */
    Link echo(long sentAt, long now, long stamp) {
        boolean newest = !echoed || sentAt - echoedAt > 0;
        return new Link(channel, number, true, newest ? sentAt : echoedAt, alive(now) ? trusted : stamp);
    }

    /** Messages may be missing, and the backplane says so itself. */
    Link broken(long stamp) {
        return new Link(channel, number, echoed, echoedAt, stamp);
    }

    boolean alive(long now) {
        return echoed && now - echoedAt < SILENCE_NANOS;
    }

    /**
     * Whether a copy may be served without asking. While the line is dead a copy that was made since is good for as long
     * as is allowed; an older one has to be asked for once.
     */
    boolean trusts(Basis basis, long now, long maxStaleNanos) {
        if (alive(now)) return basis.stamp() > trusted;
        if (now - basis.at() >= maxStaleNanos) return false;
        return !echoed || basis.at() - (echoedAt + SILENCE_NANOS) >= 0;
    }
}
