// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.List;
import org.junit.jupiter.api.Test;

/** P14: what the codec allocates for a step's result. */
class CodecCostTest {
    record Reservation(String id, long warehouse, int lines, boolean partial) {}

    private static final Type<Reservation> TYPE = Type.of(Reservation.class);

    private final SagaCodec codec = SagaCodec.records();

    @Test
    void encoding_a_small_record_allocates_the_bytes_and_nothing_else() throws Throwable {
        Reservation value = new Reservation("r-4711", 12_345_678_901L, 3, false);
        byte[] bytes = codec.encode(TYPE, value);
        long array = 16 + (bytes.length + 7) / 8 * 8;
        assertThat(bytesPerRun(() -> codec.encode(TYPE, value))).isLessThanOrEqualTo(array);
    }

    @Test
    void decoding_it_allocates_no_more_than_the_values_a_reader_and_a_few_boxes() throws Throwable {
        byte[] bytes = codec.encode(TYPE, new Reservation("r-4711", 12_345_678_901L, 3, false));
        assertThat(bytesPerRun(() -> codec.decode(TYPE, bytes))).isLessThanOrEqualTo(256);
    }

    @Test
    void a_buffer_that_has_become_large_is_not_kept() throws Throwable {
        byte[] large = new byte[1 << 20];
        codec.encode(Type.of(byte[].class), large);
        double again = bytesPerRun(() -> codec.encode(TYPE, new Reservation("r", 1, 2, true)));
        assertThat(again).as("a buffer of normal size is").isLessThan(200);
        assertThat(codec.encode(Type.listOf(Reservation.class), List.of())).hasSize(2);
    }

    private static double bytesPerRun(Runnable code) throws Throwable {
        MethodHandle bytes = allocatedBytes();
        for (int i = 0; i < 20_000; i++) code.run();
        double least = Double.MAX_VALUE;
        for (int round = 0; round < 5; round++) {
            long before = (long) bytes.invokeExact();
            for (int i = 0; i < 10_000; i++) code.run();
            least = Math.min(least, ((long) bytes.invokeExact() - before) / 10_000.0);
        }
        return Math.floor(least); // the two looks themselves are not the code's
    }

    /** By reflection, because the module does not read java.management. */
    private static MethodHandle allocatedBytes() throws ReflectiveOperationException {
        Object threads = Class.forName("java.lang.management.ManagementFactory")
                .getMethod("getThreadMXBean")
                .invoke(null);
        return MethodHandles.publicLookup()
                .unreflect(Class.forName("com.sun.management.ThreadMXBean").getMethod("getCurrentThreadAllocatedBytes"))
                .bindTo(threads);
    }
}
