// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.saga.CodecContract;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The contract's tests fail for codecs that break it: each mistake is one that a codec's author may make. */
class FlawedCodecTest {
    enum Flaw {
        NONE,
        NULL_IS_A_WORD,
        NO_BYTES_ARE_A_VALUE,
        NO_BYTES_ARE_EMPTY,
        EMPTY_IS_NULL,
        ROUNDS,
        FORGETS_WHAT_IS_NULL,
        NULL_IS_EMPTY,
        COUNTS_ITS_CALLS,
        KEEPS_THE_ORDER_OF_MAPS,
        HANDS_OUT_ONE_ARRAY,
        CLEARS_WHAT_IT_HAS_READ,
        READS_ONLY_ITS_OWN,
        THROWS_WHAT_ITS_LIBRARY_THROWS,
        LETS_A_BAD_TYPE_PASS,
        REFUSES_TYPES_AS_VALUES,
        BREAKS_AFTER_A_FAILURE
    }

    /** The built-in one, with a mistake put upon it. */
    private static final class FlawedCodec implements SagaCodec {
        private final SagaCodec sound = SagaCodec.records();
        private final Flaw flaw;
        private final Map<String, byte[]> remembered = new HashMap<>();
        private int calls;
        private boolean broken;

        FlawedCodec(Flaw flaw) {
            this.flaw = flaw;
        }

        @Override
        public void check(Type<?> type) {
            if (flaw == Flaw.LETS_A_BAD_TYPE_PASS) return;
            try {
                sound.check(type);
            } catch (IllegalArgumentException e) {
                throw flaw == Flaw.REFUSES_TYPES_AS_VALUES ? new CodecException("no", e) : e;
            }
        }

        @Override
        public <T extends @Nullable Object> byte @Nullable [] encode(Type<T> type, T value) {
            if (value == null && flaw == Flaw.NULL_IS_A_WORD) return bytes("null");
            byte[] bytes = sound.encode(type, value);
            if (bytes == null) return null;
            String text = new String(bytes, StandardCharsets.UTF_8);
            return switch (flaw) {
                case ROUNDS -> bytes(text.replace("1.20", "1.2"));
                case FORGETS_WHAT_IS_NULL -> bytes(text.replace("\"note\":\"null\"", "\"note\":null"));
                case NULL_IS_EMPTY -> bytes(text.replace("\"note\":null", "\"note\":\"\""));
                case COUNTS_ITS_CALLS -> bytes(text + " ".repeat(calls++ % 3));
                case KEEPS_THE_ORDER_OF_MAPS ->
                    value instanceof CodecContract.Order order
                            ? bytes(text
                                    + " "
                                            .repeat(order.prices()
                                                    .keySet()
                                                    .iterator()
                                                    .next()
                                                    .length()))
                            : bytes;
                case HANDS_OUT_ONE_ARRAY -> remembered.computeIfAbsent(text, key -> bytes);
                case READS_ONLY_ITS_OWN -> remember(bytes);
                default -> bytes;
            };
        }

        private byte[] remember(byte[] bytes) {
            remembered.put(Arrays.toString(bytes), bytes);
            return bytes;
        }

        private static byte[] bytes(String text) {
            return text.getBytes(StandardCharsets.UTF_8);
        }

        @Override
        @SuppressWarnings("NullAway") // it is flawed
        public <T extends @Nullable Object> T decode(Type<T> type, byte @Nullable [] bytes) {
            if (bytes == null && flaw == Flaw.NO_BYTES_ARE_A_VALUE) return sound.decode(type, bytes("{}"));
            if (bytes == null && flaw == Flaw.NO_BYTES_ARE_EMPTY) throw new CodecException("nothing there", null);
            if (bytes != null && bytes.length == 0 && flaw == Flaw.EMPTY_IS_NULL) return null;
            if (broken) throw new CodecException("still broken", null);
            if (bytes != null && flaw == Flaw.READS_ONLY_ITS_OWN && !remembered.containsKey(Arrays.toString(bytes))) {
                throw new CodecException("whose is this", null);
            }
            try {
                T value = sound.decode(type, bytes);
                if (bytes != null && flaw == Flaw.CLEARS_WHAT_IT_HAS_READ) Arrays.fill(bytes, (byte) 0);
                return value;
            } catch (CodecException e) {
                broken = flaw == Flaw.BREAKS_AFTER_A_FAILURE;
                if (flaw == Flaw.THROWS_WHAT_ITS_LIBRARY_THROWS) {
                    throw new UncheckedIOException(new java.io.IOException(e));
                }
                throw e;
            }
        }
    }

    private static final class Contract extends CodecContract {
        private final Flaw flaw;

        Contract(Flaw flaw) {
            this.flaw = flaw;
        }

        @Override
        protected SagaCodec codec() {
            return new FlawedCodec(flaw);
        }
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void each_mistake_is_caught(Flaw flaw) throws Exception {
        assertThat(failing(flaw))
                .as("tests of the contract that fail for %s", flaw)
                .isNotEmpty();
    }

    @Test
    void without_a_mistake_nothing_fails() throws Exception {
        assertThat(failing(Flaw.NONE)).isEmpty();
    }

    private static Set<String> failing(Flaw flaw) throws Exception {
        Set<String> failing = new TreeSet<>();
        for (Method test : CodecContract.class.getMethods()) {
            if (!test.isAnnotationPresent(Test.class)) continue;
            try {
                test.invoke(new Contract(flaw));
            } catch (InvocationTargetException thrown) {
                failing.add(test.getName());
            }
        }
        return failing;
    }
}
