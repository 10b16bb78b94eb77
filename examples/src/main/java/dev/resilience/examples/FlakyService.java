// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/** A host on loopback that behaves as its script says. Subclasses know how to answer, this class knows what. */
abstract class FlakyService implements AutoCloseable {
    /** What Retry-After says, in seconds. */
    static final int RETRY_AFTER = 1;

    /** A hanging answer is given up after this, so that connections of callers that have gone do not pile up. */
    static final long HOLD_NANOS = TimeUnit.SECONDS.toNanos(5);

    enum Manner {
        ANSWER,
        HOLD,
        RESET
    }

    /**
     * What to do with one request.
     *
     * @param manner answer it, never answer it, or reset its connection
     * @param status of the answer
     * @param latency in nanoseconds, before the answer
     */
    record Reply(Manner manner, int status, long latency) {}

    private final Script script;
    private final Stopwatch watch;
    private final Map<String, LongAdder> seen = new ConcurrentHashMap<>();

    FlakyService(Script script, Stopwatch watch) {
        this.script = script;
        this.watch = watch;
    }

    abstract int port();

    @Override
    public abstract void close() throws IOException;

    final Script script() {
        return script;
    }

    final Phase phase() {
        return script.at(watch.elapsed());
    }

    /** The address that {@link #at} names: not localhost, which may also be ::1. */
    static InetAddress loopback() throws UnknownHostException {
        return InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
    }

    final URI at(String path) {
        return URI.create("http://127.0.0.1:" + port() + path);
    }

    /** How many requests for this path have arrived, answered or not. */
    final long seen(String path) {
        LongAdder count = seen.get(path);
        return count == null ? 0 : count.sum();
    }

    final Reply reply(String path) {
        seen.computeIfAbsent(path, p -> new LongAdder()).increment();
        ThreadLocalRandom random = ThreadLocalRandom.current();
        return switch (phase()) {
            case HEALTHY -> answer(200, 2, 12);
            case SLOW -> answer(200, 60, 120);
            case FLAKY -> answer(random.nextInt(5) == 0 ? 500 : 200, 2, 12);
            case DOWN -> answer(500, 20, 60);
            case THROTTLED -> answer(random.nextInt(5) == 0 ? 429 : 200, 2, 12);
            case HANGING -> new Reply(Manner.HOLD, 0, HOLD_NANOS);
            case RESETTING -> new Reply(Manner.RESET, 0, 0);
        };
    }

    private static Reply answer(int status, int fromMillis, int toMillis) {
        long latency = ThreadLocalRandom.current()
                .nextLong(TimeUnit.MILLISECONDS.toNanos(fromMillis), TimeUnit.MILLISECONDS.toNanos(toMillis));
        return new Reply(Manner.ANSWER, status, latency);
    }
}
