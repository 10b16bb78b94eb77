// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** What all benchmarks share: the unit, the work that is protected, and profiles that have seen more than it. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public abstract class Bench {
    final Work work = new Work();

    /** For subclasses. */
    protected Bench() {}

    /** Before each fork's warm-up. */
    @Setup
    public void pollute() {
        Pollution.run();
    }
}
