// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import java.util.List;

/** The targets, row by row. The numbers are promises: docs/performance.md says where one is missed and why. */
final class Rows {
    private static final String SINGLE = "KeyedLimiterBench.single";

    static final List<Row> ALL = List.of(
            closed(),
            slowCalls(),
            timeWindow(),
            contended(),
            contendedFailures(),
            thrown(),
            outcome(),
            bulkhead(),
            bulkheadOfTwo(),
            retry(),
            retryWithBudget(),
            granted(),
            refused(),
            keyed(),
            oneKey(),
            contendedGrants(),
            contendedRefusals(),
            fourPolicies(),
            timeout(),
            pipeline(),
            async(),
            observed(),
            hit("cache hit", "CacheHitBench"),
            hit("cache hit, 2 threads", "ContendedCacheHitBench"),
            timedHit("cache hit with a TTL", "CacheHitBench", "Ttl"),
            timedHit("cache hit with a TTL, 2 threads", "ContendedCacheHitBench", "Ttl"),
            timedHit("cache hit with tags", "CacheHitBench", "Tags"),
            storeHit("hit of the built-in store", "CacheHitBench"),
            storeHit("hit of the built-in store, 2 threads", "ContendedCacheHitBench"),
            loneLoad(),
            sagaStep(),
            sagaOfThree());

    private Rows() {}

    private static Row closed() {
        String ours = "BreakerBench.ours";
        List<String> theirs = List.of("BreakerBench.resilience4j", "BreakerBench.resilience4jLockFree");
        List<String> peers = List.of(
                "BreakerBench.resilience4j",
                "BreakerBench.resilience4jLockFree",
                "BreakerBench.failsafe",
                "BreakerBench.smallrye");
        return new Row(
                "P1",
                "breaker, count window, closed",
                ours,
                peers,
                List.of(Target.ratio(0.25, ours, theirs), Target.bytes(0, ours)));
    }

    private static Row slowCalls() {
        List<String> peers = List.of("BreakerBench.resilience4j", "BreakerBench.resilience4jLockFree");
        return timed("breaker with a rule for slow calls", "BreakerBench.oursSlowCalls", peers);
    }

    private static Row timeWindow() {
        List<String> peers = List.of("BreakerBench.resilience4jTime", "BreakerBench.resilience4jTimeLockFree");
        return timed("breaker, time window", "BreakerBench.oursTimeWindow", peers);
    }

    private static Row timed(String path, String ours, List<String> peers) {
        String clock = "BreakerBench.nanoTime";
        return new Row(
                "P2",
                path,
                ours,
                peers,
                List.of(
                        Target.over("two clock reads", 12, ours, List.of(clock, clock)),
                        Target.ratio(0.8, ours, peers),
                        Target.bytes(0, ours)));
    }

    private static Row contended() {
        String ours = "ContendedBreakerBench.ours";
        List<String> peers = List.of(
                "ContendedBreakerBench.resilience4j",
                "ContendedBreakerBench.resilience4jLockFree",
                "ContendedBreakerBench.failsafe");
        return new Row(
                "P3",
                "breaker, 2 threads",
                ours,
                peers,
                List.of(Target.ratio(0.4, ours, peers), Target.scales(ours, "ContendedBreakerBench.oursAlone")));
    }

    private static Row contendedFailures() {
        return new Row(
                "–",
                "breaker, 2 threads, one call of 64 fails",
                "ContendedBreakerBench.oursSomeFail",
                List.of("ContendedBreakerBench.resilience4jSomeFail"),
                List.of());
    }

    private static Row thrown() {
        return open("breaker open, thrown", "OpenBreakerBench.ours", 128);
    }

    private static Row outcome() {
        return open("breaker open, as an Outcome", "OpenBreakerBench.oursOutcome", 32);
    }

    private static Row open(String path, String ours, int bytes) {
        List<String> peers = List.of("OpenBreakerBench.resilience4j", "OpenBreakerBench.failsafe");
        List<String> theirs = List.of("OpenBreakerBench.resilience4j");
        return new Row("P4", path, ours, peers, List.of(Target.ratio(0.4, ours, theirs), Target.bytes(bytes, ours)));
    }

    private static Row bulkhead() {
        String ours = "BulkheadBench.ours";
        List<String> peers = List.of("BulkheadBench.resilience4j", "BulkheadBench.failsafe", "BulkheadBench.smallrye");
        return new Row("–", "bulkhead with room", ours, peers, List.of(Target.bytes(0, ours)));
    }

    private static Row bulkheadOfTwo() {
        String ours = "BulkheadBench.oursTwoThreads";
        List<String> peers = List.of("BulkheadBench.resilience4jTwoThreads", "BulkheadBench.failsafeTwoThreads");
        return new Row("–", "bulkhead with room, 2 threads", ours, peers, List.of(Target.bytes(0, ours)));
    }

    private static Row retry() {
        return retry("retry, first attempt succeeds", "RetryBench.ours", "plain call", "RetryBench.plain");
    }

    private static Row retryWithBudget() {
        return retry(
                "the same with a budget",
                "RetryBench.oursWithBudget",
                "plain call and LongAdder",
                "RetryBench.longAdder");
    }

    private static Row retry(String path, String ours, String what, String floor) {
        List<String> peers = List.of("RetryBench.resilience4j", "RetryBench.failsafe", "RetryBench.smallrye");
        return new Row(
                "P5", path, ours, peers, List.of(Target.over(what, 6, ours, List.of(floor)), Target.bytes(0, ours)));
    }

    private static Row granted() {
        return limiter("limiter, granted", "Grant", 6);
    }

    private static Row refused() {
        return limiter("limiter, refused", "Reject", 3);
    }

    private static Row limiter(String path, String decision, int nanos) {
        String ours = "LimiterBench.ours" + decision;
        String bucket4j = "LimiterBench.bucket4j" + decision;
        List<String> peers = List.of(
                bucket4j,
                "LimiterBench.resilience4j" + decision,
                "LimiterBench.failsafe" + decision,
                "LimiterBench.guava" + decision);
        return new Row(
                "P6",
                path,
                ours,
                peers,
                List.of(
                        Target.over("a clock read", nanos, ours, List.of("LimiterBench.nanoTime")),
                        Target.ratio(0.8, ours, List.of(bucket4j)),
                        Target.bytes(0, ours)));
    }

    private static Row keyed() {
        String ours = "KeyedLimiterBench.ours";
        String theirs = "KeyedLimiterBench.bucket4j";
        return new Row(
                "P7",
                "limiter, one of 1 M live keys",
                ours,
                List.of(theirs),
                List.of(
                        Target.over("single limiter, twice,", 0, ours, List.of(SINGLE, SINGLE)),
                        Target.bytes(0, ours)));
    }

    private static Row oneKey() {
        String ours = "KeyedLimiterBench.oursOneKey";
        return new Row(
                "P7",
                "limiter per key, always the same key",
                ours,
                List.of(SINGLE),
                List.of(
                        Target.over("single limiter, twice,", 0, ours, List.of(SINGLE, SINGLE)),
                        Target.bytes(0, ours)));
    }

    private static Row contendedGrants() {
        return new Row(
                "–",
                "limiter, 2 threads, granted",
                "ContendedLimiterBench.oursGrant",
                List.of(
                        "ContendedLimiterBench.bucket4jGrant",
                        "ContendedLimiterBench.resilience4jGrant",
                        "ContendedLimiterBench.failsafeGrant",
                        "ContendedLimiterBench.guavaGrant"),
                List.of());
    }

    private static Row contendedRefusals() {
        return new Row(
                "–",
                "limiter, 2 threads, refused",
                "ContendedLimiterBench.oursReject",
                List.of("ContendedLimiterBench.bucket4jReject", "ContendedLimiterBench.resilience4jReject"),
                List.of());
    }

    private static Row fourPolicies() {
        String ours = "FourPoliciesBench.ours";
        String theirs = "FourPoliciesBench.resilience4j";
        List<String> peers = List.of(theirs, "FourPoliciesBench.failsafe", "FourPoliciesBench.smallrye");
        return new Row(
                "P8",
                "retry, breaker, limiter and bulkhead",
                ours,
                peers,
                List.of(Target.ratio(0.5, ours, List.of(theirs)), Target.bytes(0, ours)));
    }

    private static Row timeout() {
        String ours = "TimeoutBench.ours";
        List<String> peers = List.of("TimeoutBench.failsafe", "TimeoutBench.smallrye");
        return new Row(
                "P9",
                "timeout, blocking, interrupting",
                ours,
                peers,
                List.of(Target.nanos(250, ours), Target.bytes(96, ours)));
    }

    private static Row pipeline() {
        List<String> peers = List.of("PipelineBench.resilience4j", "PipelineBench.failsafe", "PipelineBench.smallrye");
        return new Row("–", "retry around a breaker", "PipelineBench.ours", peers, List.of());
    }

    /** The peer is the same breaker that nobody watches. */
    private static Row observed() {
        String ours = "ObservedBench.bound";
        List<String> alone = List.of("ObservedBench.alone");
        return new Row(
                "–",
                "breaker, closed, with metrics, log and events bound",
                ours,
                alone,
                List.of(Target.ratio(1.05, ours, alone), Target.bytes(0, ours)));
    }

    private static Row loneLoad() {
        String ours = "FlightBench.ours";
        List<String> peers = List.of("FlightBench.mapOfFutures", "FlightBench.computeIfAbsent");
        return new Row(
                "P12",
                "single flight, a load that nobody shares",
                ours,
                peers,
                List.of(Target.nanos(120, ours), Target.bytes(120, ours)));
    }

    /** 500,000 steps per second and core are 2 µs each. The floor stands where other rows have a peer. */
    private static Row sagaStep() {
        String ours = "SagaBench.ours";
        return new Row(
                "P14",
                "step of a long saga, in memory",
                ours,
                List.of("SagaBench.map"),
                List.of(Target.nanos(2000, ours), Target.bytes(400, ours)));
    }

    private static Row sagaOfThree() {
        return new Row(
                "–",
                "the same in a saga of three steps, with its start and end",
                "SagaBench.oursThree",
                List.of("SagaBench.map"),
                List.of());
    }

    private static Row async() {
        String ours = "PipelineBench.oursAsync";
        List<String> peers = List.of("PipelineBench.resilience4jAsync", "PipelineBench.failsafeAsync");
        return new Row("P10", "the same, completed stage", ours, peers, List.of(Target.ratio(0.5, ours, peers)));
    }

    /** Caffeine's maintenance runs on another thread, whose time does not count, and inline, where it does. */
    private static Row hit(String path, String bench) {
        return hit("P11", path, bench, ".ours", 0.5);
    }

    private static Row storeHit(String path, String bench) {
        return hit("–", path, bench, ".store", 0.5);
    }

    private static Row hit(String row, String path, String bench, String what, double ratio) {
        String ours = bench + what;
        List<String> theirs = List.of(bench + ".caffeine", bench + ".caffeineInline");
        return new Row(row, path, ours, theirs, List.of(Target.ratio(ratio, ours, theirs), Target.bytes(0, ours)));
    }

    private static Row timedHit(String path, String bench, String what) {
        String ours = bench + ".ours" + what;
        List<String> theirs = List.of(bench + ".caffeineTtl");
        return new Row("P11", path, ours, theirs, List.of(Target.ratio(1, ours, theirs), Target.bytes(0, ours)));
    }
}
