// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Op;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import org.junit.jupiter.api.Test;

/** P12: what a load that nobody shares allocates over its loader. Bytes are exact; nothing here looks at a time. */
class FlightCostTest {
    private static final MethodHandle BYTES = handle();

    private final SingleFlight<String, String> flight = SingleFlight.create();
    private final Op<String, RuntimeException> load = () -> "v";

    @Test
    void a_lone_load_allocates_little() {
        assertThat(perCall()).isLessThanOrEqualTo(120);
    }

    private double perCall() {
        for (int i = 0; i < 20_000; i++) flight.call("k", load);
        double least = Double.MAX_VALUE;
        for (int round = 0; round < 5; round++) {
            long before = bytes();
            for (int i = 0; i < 10_000; i++) flight.call("k", load);
            least = Math.min(least, (bytes() - before) / 10_000.0);
        }
        return least;
    }

    private static long bytes() {
        try {
            return (long) BYTES.invokeExact();
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** By reflection, because the module does not read java.management. */
    private static MethodHandle handle() {
        try {
            Object threads = Class.forName("java.lang.management.ManagementFactory")
                    .getMethod("getThreadMXBean")
                    .invoke(null);
            return MethodHandles.publicLookup()
                    .unreflect(Class.forName("com.sun.management.ThreadMXBean")
                            .getMethod("getCurrentThreadAllocatedBytes"))
                    .bindTo(threads);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }

    public static void main(String[] args) {
        FlightCostTest cost = new FlightCostTest();
        for (int i = 0; i < 5; i++) {
            System.out.println(cost.perCall() + " B");
            long from = System.nanoTime();
            for (int n = 0; n < 5_000_000; n++) cost.flight.call("k", cost.load);
            System.out.println((System.nanoTime() - from) / 5_000_000.0 + " ns");
        }
    }
}
