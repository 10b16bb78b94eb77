// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.resilience.saga.SagaCodec;
import dev.resilience.saga.SagaCodec.CodecException;
import dev.resilience.saga.Type;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * What every {@link SagaCodec} keeps to. Extend it in the tests of your codec and say how to make one, and of which
 * types it is to carry values; JUnit runs the rest.
 *
 * {@snippet class="dev.resilience.saga.OwnCodecContractTest" region="contract"}
 */
public abstract class CodecContract {
    private static final int THREADS = 4;

    /** For subclasses. */
    protected CodecContract() {}

    /**
     * Makes the codec under test.
     *
     * @return a codec
     */
    protected abstract SagaCodec codec();

    /**
     * Values that it carries.
     *
     * @return orders of records with strings, numbers, a list and a map, unless overridden
     */
    protected List<Sample<?>> samples() {
        return List.of(
                Sample.of(Type.of(Order.class), () -> order("a", "1.20", null, false)),
                Sample.of(Type.of(Order.class), () -> order("a", "1.2", null, false)),
                Sample.of(Type.of(Order.class), () -> order("a", "1.20", "", true)),
                Sample.of(Type.of(Order.class), () -> order("\u00e4\"\ud83d\ude00\n", "-1E+3", "null", true)),
                Sample.of(Type.of(Line.class), () -> new Line("x".repeat(100_000), Integer.MIN_VALUE, Long.MAX_VALUE)),
                Sample.of(Type.listOf(Line.class), () -> List.of(new Line("a", 1, 0), new Line("a", 1, 0))),
                Sample.of(Type.of(String.class), () -> "text"),
                Sample.of(Type.of(Integer.class), () -> Integer.valueOf(100_000)));
    }

    /**
     * A type that it has to refuse.
     *
     * @return an interface of which nobody knows what is behind, unless overridden
     */
    protected Type<?> unfit() {
        return Type.of(Runnable.class);
    }

    /**
     * How long a test waits for threads before it gives up.
     *
     * @return a minute, unless overridden
     */
    protected long patienceMillis() {
        return 60_000;
    }

    /**
     * One of the values, made anew whenever it is needed.
     *
     * @param type what it is declared as
     * @param make makes it: equal each time, and not the same if it can be
     * @param <T> its type
     */
    public record Sample<T>(Type<T> type, Supplier<? extends T> make) {
        /**
         * Says one.
         *
         * @param type what it is declared as
         * @param make makes it
         * @param <T> its type
         * @return the sample
         */
        public static <T> Sample<T> of(Type<T> type, Supplier<? extends T> make) {
            return new Sample<>(type, make);
        }

        private byte[] encode(SagaCodec codec) {
            byte[] bytes = codec.encode(type, make.get());
            assertNotNull(bytes, () -> "bytes of a value of " + type);
            return bytes;
        }
    }

    /**
     * One of the values unless overridden.
     *
     * @param id a text
     * @param lines a list
     * @param prices a map, which has no order
     * @param note may be null
     * @param gift a primitive
     */
    public record Order(String id, List<Line> lines, Map<String, BigDecimal> prices, @Nullable String note, boolean gift) {}

    /**
     * A part of it.
     *
     * @param sku a text
     * @param quantity a number
     * @param weight a large one
     */
    public record Line(String sku, int quantity, long weight) {}

    private static Order order(String id, String price, @Nullable String note, boolean gift) {
        Map<String, BigDecimal> prices = new LinkedHashMap<>();
        prices.put("list", new BigDecimal(price));
        prices.put("paid", BigDecimal.ONE);
        prices.put("", new BigDecimal("0.00"));
        return new Order(id, List.of(new Line("a", 1, 2), new Line("b", -3, Long.MIN_VALUE)), prices, note, gift);
    }

    /** What was encoded is decoded as an equal value. */
    @Test
    public void a_value_comes_back() {
        SagaCodec codec = codec();
        for (Sample<?> sample : samples()) comesBack(codec, sample);
    }

    private static <T> void comesBack(SagaCodec codec, Sample<T> sample) {
        assertEquals(sample.make().get(), codec.decode(sample.type(), sample.encode(codec)), "decoded");
    }

    /** A codec of another process reads it: nothing is only in the memory of the one that wrote it. */
    @Test
    public void another_one_reads_it() {
        SagaCodec reader = codec();
        for (Sample<?> sample : samples()) {
            assertEquals(sample.make().get(), reader.decode(sample.type(), sample.encode(codec())), "decoded by another one");
        }
    }

    /** Equal values have equal bytes, whoever encodes them, and after a journey too. */
    @Test
    public void equal_values_have_equal_bytes() {
        SagaCodec codec = codec();
        for (Sample<?> sample : samples()) stays(codec, sample);
        Order straight = order("a", "1", null, true);
        List<String> keys = new ArrayList<>(straight.prices().keySet());
        Collections.reverse(keys);
        Map<String, BigDecimal> reversed = new LinkedHashMap<>();
        for (String key : keys) reversed.put(key, Objects.requireNonNull(straight.prices().get(key)));
        if (samples().stream().noneMatch(sample -> sample.type().raw() == Order.class)) return; // it carries no orders
        Order other = new Order("a", straight.lines(), reversed, null, true);
        assertArrayEquals(
                codec.encode(Type.of(Order.class), straight),
                codec.encode(Type.of(Order.class), other),
                "bytes of maps that differ in their order only");
    }

    private <T> void stays(SagaCodec codec, Sample<T> sample) {
        byte[] bytes = sample.encode(codec);
        assertArrayEquals(bytes, sample.encode(codec), "bytes of an equal value");
        assertArrayEquals(bytes, sample.encode(codec()), "bytes by another codec");
        T again = codec.decode(sample.type(), bytes.clone());
        assertArrayEquals(bytes, codec.encode(sample.type(), again), "bytes of what was decoded");
    }

    /** Values of one type that are not equal have other bytes. */
    @Test
    public void other_values_have_other_bytes() {
        SagaCodec codec = codec();
        List<Sample<?>> samples = samples();
        for (Sample<?> one : samples) {
            for (Sample<?> other : samples) {
                if (!one.type().equals(other.type()) || one.make().get().equals(other.make().get())) continue;
                assertFalse(Arrays.equals(one.encode(codec), other.encode(codec)), () -> "two values of " + one.type());
            }
        }
    }

    /** Null has null for its bytes, and the other way round. */
    @Test
    @SuppressWarnings("NullAway") // the type of a sample is not known here, and null is one of its values
    public void null_is_null() {
        SagaCodec codec = codec();
        for (Sample<?> sample : samples()) {
            assertNull(codec.encode(sample.type(), null), "bytes of null");
            assertNull(codec.decode(sample.type(), null), "value of no bytes");
        }
    }

    /** The bytes of a value belong to who asked for them, the bytes of a decoding to who brought them. */
    @Test
    public void bytes_belong_to_the_caller() {
        SagaCodec codec = codec();
        for (Sample<?> sample : samples()) {
            byte[] bytes = sample.encode(codec);
            byte[] kept = bytes.clone();
            Object value = codec.decode(sample.type(), bytes);
            assertArrayEquals(kept, bytes, "bytes after they were decoded");
            Arrays.fill(bytes, (byte) 0);
            assertEquals(sample.make().get(), value, "a value whose bytes were overwritten");
            assertArrayEquals(kept, sample.encode(codec), "bytes, after earlier ones were overwritten");
        }
    }

    /** Bytes that are no value are refused with a CodecException, and the codec goes on; nothing else is ever thrown. */
    @Test
    public void damaged_bytes_are_refused() {
        SagaCodec codec = codec();
        Random random = new Random(7);
        for (Sample<?> sample : samples()) {
            assertThrows(CodecException.class, () -> codec.decode(sample.type(), new byte[0]), "no byte at all");
            byte[] noise = new byte[64];
            for (int i = 0; i < 200; i++) {
                random.nextBytes(noise);
                valueOrRefused(codec, sample.type(), noise);
                byte[] damaged = sample.encode(codec);
                int from = random.nextInt(damaged.length);
                damaged[from] = (byte) random.nextInt();
                valueOrRefused(codec, sample.type(), damaged);
                valueOrRefused(codec, sample.type(), Arrays.copyOf(damaged, from));
            }
            comesBack(codec, sample);
        }
    }

    private static void valueOrRefused(SagaCodec codec, Type<?> type, byte[] bytes) {
        try {
            codec.decode(type, bytes);
        } catch (CodecException refused) {
            assertNotNull(refused.getMessage(), "what is wrong");
        }
    }

    /** The check passes what the codec carries, and refuses with an IllegalArgumentException what it does not. */
    @Test
    public void unfit_types_are_refused_when_they_are_registered() {
        SagaCodec codec = codec();
        for (Sample<?> sample : samples()) codec.check(sample.type());
        assertThrows(IllegalArgumentException.class, () -> codec.check(unfit()), "check of " + unfit());
    }

    /**
     * One codec serves many threads at once.
     *
     * @throws InterruptedException if the test is interrupted
     */
    @Test
    public void threads_do_not_disturb_each_other() throws InterruptedException {
        SagaCodec codec = codec();
        List<Sample<?>> samples = samples();
        ConcurrentLinkedQueue<Throwable> thrown = new ConcurrentLinkedQueue<>();
        CountDownLatch done = new CountDownLatch(THREADS);
        for (int t = 0; t < THREADS; t++) {
            int first = t;
            Thread thread = new Thread(() -> {
                try {
                    for (int i = 0; i < 50; i++) comesBack(codec, samples.get((first + i) % samples.size()));
                } catch (Throwable e) {
                    thrown.add(e);
                } finally {
                    done.countDown();
                }
            });
            thread.setDaemon(true);
            thread.start();
        }
        if (!done.await(patienceMillis(), TimeUnit.MILLISECONDS)) throw new AssertionError("threads hang");
        if (!thrown.isEmpty()) throw new AssertionError("among threads", thrown.peek());
    }
}
