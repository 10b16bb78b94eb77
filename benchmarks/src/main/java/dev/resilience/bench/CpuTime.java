// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.util.Collection;
import java.util.List;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.profile.InternalProfiler;
import org.openjdk.jmh.results.AggregationPolicy;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.ScalarResult;

/**
 * Processor time of the calling threads per call. On a machine that others use too, a clock on the wall also counts the
 * time for which a thread was taken off its core; this does not. Time of other threads is not counted, but in the
 * benchmarks of sagas, which run on threads of their engine: there every thread of Java counts.
 */
public final class CpuTime implements InternalProfiler {
    /** What the result is called in JMH's JSON. */
    static final String METRIC = "cpu.norm";

    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private long before;

    /** JMH makes it. */
    public CpuTime() {}

    @Override
    public String getDescription() {
        return "processor time of the calling threads per call";
    }

    @Override
    public void beforeIteration(BenchmarkParams benchmark, IterationParams iteration) {
        before = spent(benchmark);
    }

    @Override
    public Collection<? extends Result<?>> afterIteration(
            BenchmarkParams benchmark, IterationParams iteration, IterationResult result) {
        double nanos =
                (double) (spent(benchmark) - before) / result.getMetadata().getAllOps();
        return List.of(new ScalarResult(METRIC, nanos, "ns/op", AggregationPolicy.AVG));
    }

    private static long spent(BenchmarkParams benchmark) {
        boolean all = benchmark.getBenchmark().contains("SagaBench");
        long spent = 0;
        for (ThreadInfo thread : THREADS.getThreadInfo(THREADS.getAllThreadIds())) {
            boolean calls = thread != null && (all || thread.getThreadName().contains("jmh-worker"));
            if (calls) spent += Math.max(0, THREADS.getThreadCpuTime(thread.getThreadId()));
        }
        return spent;
    }
}
