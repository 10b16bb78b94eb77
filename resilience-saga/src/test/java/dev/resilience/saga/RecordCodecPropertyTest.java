// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.saga.CodecValues.All;
import dev.resilience.saga.SagaCodec.CodecException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** The codec over values and bytes by chance. */
class RecordCodecPropertyTest {
    private static final Type<All> ALL = Type.of(All.class);

    private final SagaCodec codec = SagaCodec.records();

    @Property(tries = 600)
    void what_was_encoded_is_decoded_as_an_equal_value_with_the_same_bytes(@ForAll long seed) {
        All value = new CodecValues(seed).all();
        byte[] bytes = codec.encode(ALL, value);
        All again = codec.decode(ALL, bytes);
        assertThat(again).isEqualTo(value);
        assertThat(codec.encode(ALL, again)).as("equal values have equal bytes").isEqualTo(bytes);
    }

    @Property(tries = 300)
    void it_writes_what_the_naive_one_writes(@ForAll long seed) throws Exception {
        All value = new CodecValues(seed).all();
        byte[] expected = NaiveCodec.json(value, false).getBytes(StandardCharsets.UTF_8);
        assertThat(codec.encode(ALL, value))
                .asString(StandardCharsets.UTF_8)
                .isEqualTo(new String(expected, StandardCharsets.UTF_8));
    }

    @Property(tries = 2000)
    void bytes_of_any_kind_are_a_value_or_refused(@ForAll byte[] bytes) {
        decodes(bytes);
        String json = new String(bytes, StandardCharsets.ISO_8859_1);
        decodes(("{\"texts\":{\"text\":\"" + json + "\"}}").getBytes(StandardCharsets.ISO_8859_1));
        decodes(("{\"groups\":{\"set\":[" + json + "]}}").getBytes(StandardCharsets.ISO_8859_1));
    }

    @Property(tries = 400)
    void bytes_that_were_damaged_are_a_value_or_refused(@ForAll long seed) {
        Random random = new Random(seed);
        byte[] sound = codec.encode(ALL, new CodecValues(seed).all());
        for (int i = 0; i < 20; i++) {
            byte[] damaged = switch (random.nextInt(4)) {
                case 0 -> Arrays.copyOf(sound, random.nextInt(sound.length)); // cut off
                case 1 -> spliced(sound, random);
                default -> sound.clone();
            };
            for (int hits = random.nextInt(3); hits > 0 && damaged.length > 0; hits--) {
                byte[] likely = {
                    '{', '}', '[', ']', '"', ',', ':', '\\', '-', '0', '9', 'e', 'n', 't', (byte) 0xff, 0, ' '
                };
                damaged[random.nextInt(damaged.length)] =
                        random.nextBoolean() ? (byte) random.nextInt() : likely[random.nextInt(likely.length)];
            }
            decodes(damaged);
        }
    }

    private static byte[] spliced(byte[] sound, Random random) {
        int from = random.nextInt(sound.length);
        int length = random.nextInt(sound.length - from);
        byte[] longer = new byte[sound.length + length];
        int to = random.nextInt(sound.length);
        System.arraycopy(sound, 0, longer, 0, to);
        System.arraycopy(sound, from, longer, to, length);
        System.arraycopy(sound, to, longer, to + length, sound.length - to);
        return longer;
    }

    /** A value that comes out can be written and read again: nothing else than a CodecException is thrown. */
    private void decodes(byte[] bytes) {
        All value;
        try {
            value = codec.decode(ALL, bytes);
        } catch (CodecException e) {
            assertThat(e).hasMessageStartingWith("CodecValues.All");
            return;
        }
        assertThat(codec.decode(ALL, codec.encode(ALL, value))).isEqualTo(value);
    }
}
