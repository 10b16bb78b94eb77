// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static java.time.Duration.ofNanos;

import dev.resilience.testkit.ratelimit.GrantLog;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** Every kind of limit with small random numbers, its model, and its published bound. */
final class Kinds {
    private Kinds() {}

    enum Kind {
        BUCKET,
        STRICT,
        PACER,
        SLIDING,
        LOG,
        FIXED,
        ALL_OF
    }

    /**
     * One limit.
     *
     * @param most the most permits that are ever granted at once
     * @param span a time in which it fills up or forgets, give or take
     */
    record Sample(Kind kind, Limit limit, Supplier<Model> model, Consumer<GrantLog> bound, long most, long span) {
        boolean window() {
            return kind == Kind.SLIDING || kind == Kind.LOG || kind == Kind.FIXED;
        }

        @Override
        public String toString() {
            return kind + " " + limit;
        }
    }

    static Sample sample(Kind kind, Random random) {
        long permits = 1 + random.nextInt(8);
        long nanos = permits + random.nextInt(30);
        return switch (kind) {
            case BUCKET -> bucket(permits, nanos, 1 + random.nextInt(8));
            case STRICT -> strict(permits, nanos, 1 + random.nextInt((int) permits));
            case PACER -> pacer(permits, nanos, random.nextInt(20));
            case SLIDING -> sliding(permits, nanos, 1 + random.nextInt((int) Math.min(nanos, 6)));
            case LOG -> log(permits, nanos);
            case FIXED -> fixed(permits, nanos);
            case ALL_OF -> allOf(random);
        };
    }

    static Sample bucket(long permits, long nanos, long burst) {
        return new Sample(
                Kind.BUCKET,
                Limit.of(permits, ofNanos(nanos)).burst(burst),
                () -> new Model.Bucket(permits, nanos, burst),
                log -> log.checkBucket(permits, ofNanos(nanos), burst),
                burst,
                burst * nanos / permits + 1);
    }

    static Sample strict(long permits, long nanos, long burst) {
        return new Sample(
                Kind.STRICT,
                Limit.strict(permits, ofNanos(nanos), burst),
                () -> new Model.Bucket(permits - burst + 1, nanos, burst),
                log -> {
                    log.checkWindow(permits, ofNanos(nanos));
                    log.checkBucket(permits - burst + 1, ofNanos(nanos), burst);
                },
                burst,
                nanos);
    }

    static Sample pacer(long permits, long nanos, long queue) {
        return new Sample(
                Kind.PACER,
                Limit.pacer(permits, ofNanos(nanos), queue),
                () -> new Model.Pacer(permits, nanos),
                // of one permit each; heavier ones are checked by their own property
                log -> log.checkBucket(permits, ofNanos(nanos), 1),
                1,
                nanos / permits + 1);
    }

    static Sample sliding(long permits, long nanos, int precision) {
        long slice = (nanos - 1) / precision + 1;
        return new Sample(
                Kind.SLIDING,
                Limit.sliding(permits, ofNanos(nanos)).precision(precision),
                () -> new Model.Sliced(permits, slice, precision),
                log -> log.checkWindow(permits, ofNanos(nanos)),
                permits,
                slice * (precision + 1));
    }

    static Sample log(long permits, long nanos) {
        return new Sample(
                Kind.LOG,
                Limit.slidingLog(permits, ofNanos(nanos)),
                () -> new Model.Log(permits, nanos),
                log -> log.checkWindow(permits, ofNanos(nanos)),
                permits,
                nanos);
    }

    static Sample fixed(long permits, long nanos) {
        return new Sample(
                Kind.FIXED,
                Limit.fixed(permits, ofNanos(nanos)),
                () -> new Model.Sliced(permits, nanos, 0),
                log -> log.checkFixed(permits, ofNanos(nanos)),
                permits,
                nanos);
    }

    private static Sample allOf(Random random) {
        Sample a = sample(Kind.BUCKET, random);
        Sample b = sample(random.nextBoolean() ? Kind.STRICT : Kind.BUCKET, random);
        return new Sample(
                Kind.ALL_OF,
                Limit.allOf(a.limit, b.limit),
                () -> new Model.AllOf(List.of(a.model.get(), b.model.get())),
                log -> {
                    a.bound.accept(log);
                    b.bound.accept(log);
                },
                Math.min(a.most, b.most),
                Math.max(a.span, b.span));
    }
}
