// SPDX-License-Identifier: Apache-2.0
package dev.resilience.stress;

import dev.resilience.cache.SingleFlight;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.StressOptions;
import org.junit.jupiter.api.Test;

/**
 * A source that is read through a single flight, and detached after each write, is still a register: sharing a load never
 * shows what was overwritten before the call began (S17). Every history has an order that explains it.
 */
public class SingleFlightLincheckTest {
    private final SingleFlight<String, Integer> flight = SingleFlight.create();
    private final AtomicInteger source = new AtomicInteger();

    @Operation
    public int read() {
        return flight.call("k", source::get);
    }

    @Operation
    public int readAsync() {
        return flight.callAsync("k", () -> CompletableFuture.completedFuture(source.get()))
                .join();
    }

    @Operation
    public void writeOne() {
        write(1);
    }

    @Operation
    public void writeTwo() {
        write(2);
    }

    private void write(int value) {
        source.set(value);
        flight.detach("k");
    }

    @Test
    void stress() {
        new StressOptions()
                .iterations(20)
                .invocationsPerIteration(500)
                .threads(3)
                .actorsPerThread(3)
                .check(getClass());
    }
}
