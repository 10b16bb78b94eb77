// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.saga.CodecValues.Answer;
import dev.resilience.saga.CodecValues.Circle;
import dev.resilience.saga.CodecValues.Colour;
import dev.resilience.saga.CodecValues.Figure;
import dev.resilience.saga.CodecValues.Group;
import dev.resilience.saga.CodecValues.Square;
import dev.resilience.saga.CodecValues.Yes;
import dev.resilience.saga.SagaCodec.CodecException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the built-in codec writes and what it reads: one by one. */
class RecordCodecTest {
    private final SagaCodec codec = SagaCodec.records();

    record Line(String sku, int quantity, @Nullable BigDecimal price) {}

    record Tree(String name, List<Tree> children) {}

    record Picky(int quantity) {
        Picky {
            if (quantity < 1) throw new IllegalArgumentException("quantity must be positive, was " + quantity);
        }
    }

    record Order(List<Picky> lines) {}

    private String json(Object value) {
        return json(Type.of((Class<?>) value.getClass()), value);
    }

    @SuppressWarnings("unchecked")
    private String json(Type<?> type, @Nullable Object value) {
        return new String(codec.encode((Type<Object>) type, value), StandardCharsets.UTF_8);
    }

    private <T> T read(Class<T> type, String json) {
        return read(Type.of(type), json);
    }

    private <T> T read(Type<T> type, String json) {
        return codec.decode(type, json.getBytes(StandardCharsets.UTF_8));
    }

    private void refuses(Class<?> type, String json, String message) {
        assertThatThrownBy(() -> read(type, json))
                .isInstanceOf(CodecException.class)
                .hasMessage(message);
    }

    @Test
    void a_record_is_an_object_of_its_components_in_their_order() {
        assertThat(json(new Line("a\"\u00e9\ud83d\ude00", 2, new BigDecimal("1.20"))))
                .isEqualTo("{\"sku\":\"a\\\"\u00e9\ud83d\ude00\",\"quantity\":2,\"price\":1.20}");
        assertThat(json(new Line("a", 2, null))).isEqualTo("{\"sku\":\"a\",\"quantity\":2,\"price\":null}");
        assertThat(json(Type.of(Colour.class), Colour.GREEN))
                .as("the name, whatever toString says")
                .isEqualTo("\"GREEN\"");
    }

    @Test
    void one_of_a_sealed_interface_says_which_by_its_simple_name() {
        Type<Figure> figure = Type.of(Figure.class);
        Figure value = new Group(List.of(new Circle(1.5), Colour.RED), new Square(2, null));
        String json =
                "{\"@type\":\"Group\",\"figures\":[{\"@type\":\"Circle\",\"radius\":1.5},{\"@type\":\"Colour\",\"value\":\"RED\"}],"
                        + "\"main\":{\"@type\":\"Square\",\"side\":2,\"label\":null}}";
        assertThat(json(figure, value)).isEqualTo(json);
        assertThat(read(figure, json)).isEqualTo(value);
        assertThat(json(new Circle(2))).as("declared as what it is").isEqualTo("{\"radius\":2.0}");
        assertThat(read(figure, "{\"radius\":3,\"new\":[{}],\"@type\":\"Circle\"}"))
                .isEqualTo(new Circle(3));
        assertThat(read(figure, "{ \"new\":{}, \"value\":\"RED\", \"@type\":\"Colour\" }"))
                .isEqualTo(Colour.RED);
    }

    @Test
    void data_name_no_class() {
        refuses(
                Figure.class,
                "{\"@type\":\"java.lang.Runtime\"}",
                "CodecValues.Figure: a type that is none of " + "[Colour, Circle, Square, Group], at byte 9");
        refuses(
                Figure.class,
                "{\"@type\":\"dev.resilience.saga.CodecValues$Circle\",\"radius\":1}",
                "CodecValues.Figure: a type that is none of " + "[Colour, Circle, Square, Group], at byte 9");
        refuses(Figure.class, "{\"radius\":1}", "CodecValues.Figure: an object without @type, at byte 0");
        refuses(Figure.class, "{\"@type\":\"Colour\"}", "CodecValues.Figure: an object without value, at byte 0");
        refuses(Figure.class, "{}", "CodecValues.Figure: an object without @type, at byte 0");
    }

    @Test
    void null_is_null_bytes_and_the_other_way_round() {
        assertThat(codec.encode(Type.of(Line.class), (Line) null)).isNull();
        assertThat(codec.decode(Type.of(Line.class), null)).isNull();
        assertThat(codec.encode(Type.of(Void.class), (Void) null)).isNull();
        assertThat(codec.decode(Type.of(Void.class), "null".getBytes(StandardCharsets.UTF_8)))
                .isNull();
        assertThat(codec.encode(Type.optionalOf(String.class), Optional.empty()))
                .asString(StandardCharsets.UTF_8)
                .isEqualTo("null");
        assertThat(read(Type.optionalOf(String.class), "null")).isEmpty();
    }

    record Grown(
            String sku,
            int quantity,
            boolean gift,
            char size,
            double weight,
            @Nullable String note,
            Optional<String> code,
            @Nullable List<String> tags) {}

    @Test
    void a_record_that_has_grown_reads_what_it_was_and_the_other_way_round() {
        assertThat(read(Grown.class, "{\"quantity\":2,\"sku\":\"a\"}"))
                .as("missing: null, zero, empty")
                .isEqualTo(new Grown("a", 2, false, '\0', 0, null, Optional.empty(), null));
        String grown = json(new Grown("a", 2, true, 'L', 1.5, "n", Optional.of("c"), List.of("x", "{}")));
        assertThat(read(Line.class, grown)).as("unknown: ignored").isEqualTo(new Line("a", 2, null));
        assertThat(read(Line.class, "{}")).isEqualTo(new Line(null, 0, null));
    }

    record WasInt(long quantity, BigDecimal price, Optional<String> sku) {}

    @Test
    void a_component_may_become_wider_or_optional() {
        assertThat(read(WasInt.class, "{\"quantity\":2147483647,\"price\":3,\"sku\":\"a\"}"))
                .isEqualTo(new WasInt(Integer.MAX_VALUE, new BigDecimal(3), Optional.of("a")));
    }

    @Test
    void what_is_read_cannot_be_changed() {
        assertThatThrownBy(() -> read(Type.listOf(String.class), "[\"a\"]").clear())
                .isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> read(Type.setOf(String.class), "[\"a\"]").clear())
                .isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> read(Type.mapOf(String.class, Integer.class), "{\"a\":1}")
                        .clear())
                .isInstanceOf(UnsupportedOperationException.class);
    }

    @Test
    void equal_sets_and_maps_have_equal_bytes_in_whatever_order_they_come() {
        Set<String> one = new LinkedHashSet<>(List.of("b", "a", "c", "\u00e9", "aa"));
        Set<String> other = new HashSet<>(List.of("\u00e9", "c", "aa", "b", "a"));
        assertThat(json(Type.setOf(String.class), one))
                .isEqualTo(json(Type.setOf(String.class), other))
                .isEqualTo("[\"a\",\"aa\",\"b\",\"c\",\"\u00e9\"]");
        Map<Integer, String> map = new TreeMap<>(Map.of(10, "x", 9, "y", -1, "z"));
        assertThat(json(Type.mapOf(Integer.class, String.class), map))
                .isEqualTo(json(Type.mapOf(Integer.class, String.class), Map.of(9, "y", 10, "x", -1, "z")))
                .isEqualTo("{\"-1\":\"z\",\"10\":\"x\",\"9\":\"y\"}");
    }

    record Arrays2(
            byte[] raw,
            int[] ints,
            long[][] longs,
            String[] texts,
            char[] chars,
            List<Integer>[] lists,
            Colour[] none) {}

    @Test
    @SuppressWarnings({"unchecked", "rawtypes"})
    void arrays_of_all_kinds_are_carried() {
        List<Integer>[] lists = (List<Integer>[]) new List[] {List.of(1), List.of()};
        Arrays2 value = new Arrays2(
                new byte[] {-1, 0, 1},
                new int[] {1, -2},
                new long[][] {{1}, {}},
                new String[] {"a", null},
                "xy".toCharArray(),
                lists,
                new Colour[0]);
        String json = json(value);
        assertThat(json)
                .isEqualTo(
                        "{\"raw\":\"/wAB\",\"ints\":[1,-2],\"longs\":[[1],[]],\"texts\":[\"a\",null],\"chars\":[\"x\",\"y\"],"
                                + "\"lists\":[[1],[]],\"none\":[]}");
        Arrays2 again = read(Arrays2.class, json);
        assertThat(again).usingRecursiveComparison().isEqualTo(value);
        refuses(
                Arrays2.class,
                "{\"ints\":[1,null]}",
                "RecordCodecTest.Arrays2.ints[1]: null, where a primitive has none, at byte 15");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"sku\":\"a\"} x|RecordCodecTest.Line: something follows the value, at byte 12",
                "{\"sku\":\"a\",}|RecordCodecTest.Line: expected a name, found '}', at byte 11",
                "{\"sku\":\"a\",\"sku\":\"b\"}|RecordCodecTest.Line: a name for the second time, at byte 11",
                "{\"x\":1,\"x\":2}|RecordCodecTest.Line: a name for the second time, at byte 7",
                "{\"sku\":1}|RecordCodecTest.Line.sku: expected a string, found a number, at byte 7",
                "{\"sku\":\"a|RecordCodecTest.Line.sku: a string without an end, at byte 9",
                "{\"quantity\":null}|RecordCodecTest.Line.quantity: null, where a primitive has none, at byte 16",
                "{\"quantity\":2147483648}|RecordCodecTest.Line.quantity: expected an int, found more, at byte 12",
                "{\"quantity\":-9223372036854775809}|RecordCodecTest.Line.quantity: expected an int, found more, at byte 12",
                "{\"quantity\":1e3}|RecordCodecTest.Line.quantity: expected an int, found a fraction, at byte 12",
                "{\"quantity\":01}|RecordCodecTest.Line.quantity: a leading zero, at byte 12",
                "{\"quantity\":-}|RecordCodecTest.Line.quantity: a minus without digits, at byte 12",
                "{\"price\":1.}|RecordCodecTest.Line.price: expected a digit, found '}', at byte 11",
                "{\"price\":1e99999999999}|RecordCodecTest.Line.price: expected a decimal, found another number, at byte 9",
                "{\"price\":\"1\"}|RecordCodecTest.Line.price: expected a decimal, found a string, at byte 9",
                "{\"sku\":nul}|RecordCodecTest.Line.sku: expected null, at byte 7",
                "{\"x\":tru}|RecordCodecTest.Line: expected true, at byte 5",
                "{\"sku\":\"\\x\"}|RecordCodecTest.Line.sku: an unknown escape, at byte 8",
                "{\"sku\":\"\\u12g4\"}|RecordCodecTest.Line.sku: an escape without four digits, at byte 8",
                "{\"sku\" 1}|RecordCodecTest.Line: expected ':', found a number, at byte 7",
                "[]|RecordCodecTest.Line: expected an object, found a list, at byte 0",
                "``|RecordCodecTest.Line: expected an object, found the end, at byte 0",
            })
    void what_is_no_line_is_refused_with_path_and_position(String json, String message) {
        refuses(Line.class, json, message);
    }

    @Test
    void strings_that_are_no_utf_8_are_refused() {
        int[][] wrong = {
            {0xff},
            {0xc0, 0x80},
            {0xe0, 0x80, 0x80},
            {0xed, 0xa0, 0x80},
            {0xf4, 0x90, 0x80, 0x80},
            {0xc3},
            {0x80},
            {0xc3, 0x28}
        };
        for (int[] bytes : wrong) {
            byte[] json = new byte[bytes.length + 2];
            json[0] = json[json.length - 1] = '"';
            for (int i = 0; i < bytes.length; i++) json[i + 1] = (byte) bytes[i];
            assertThatThrownBy(() -> codec.decode(Type.of(String.class), json))
                    .isInstanceOf(CodecException.class)
                    .hasMessage("String: no UTF-8, at byte 1");
        }
    }

    @Test
    void halves_of_surrogate_pairs_are_kept() {
        for (String text : List.of("\ud83d", "\ude00", "\ude00\ud83d", "a\ud83d\ud83d\ude00b")) {
            assertThat(read(String.class, json(text))).isEqualTo(text);
        }
        assertThat(json("\ud83d")).isEqualTo("\"\\ud83d\"");
    }

    @Test
    void nesting_is_bounded_both_ways() {
        Tree tree = new Tree("leaf", List.of());
        for (int i = 0; i < 127; i++) tree = new Tree("n", List.of(tree));
        assertThat(read(Tree.class, json(tree))).isEqualTo(tree);
        Tree deeper = new Tree("n", List.of(tree));
        assertThatThrownBy(() -> json(deeper))
                .isInstanceOf(CodecException.class)
                .hasMessageStartingWith("RecordCodecTest.Tree.children[0].children[0]")
                .hasMessageContaining("...")
                .hasMessageEndingWith(".children[0]: nested deeper than 256");
        List<Tree> round = new ArrayList<>();
        round.add(new Tree("itself", round));
        assertThatThrownBy(() -> json(round.get(0))).isInstanceOf(CodecException.class);
        for (String open : List.of("[", "{\"children\":[", "{\"x\":", "{\"x\":[", "{\"name\":[")) {
            String json = open.repeat(100_000);
            assertThatThrownBy(() -> read(Tree.class, json)).isInstanceOf(CodecException.class);
            assertThatThrownBy(() -> read(Tree.class, "{\"x\":" + json)).isInstanceOf(CodecException.class);
        }
    }

    @Test
    void numbers_are_bounded_both_ways() {
        BigInteger large = BigInteger.TEN.pow(9_999);
        assertThat(read(BigInteger.class, json(large))).isEqualTo(large);
        assertThatThrownBy(() -> json(large.multiply(BigInteger.TEN)))
                .isInstanceOf(CodecException.class)
                .hasMessage("BigInteger: longer than 10000 characters");
        refuses(BigInteger.class, "1".repeat(10_001), "BigInteger: a number longer than 10000 characters, at byte 0");
        refuses(
                Duration.class,
                "\"" + "P".repeat(10_001) + "\"",
                "Duration: expected a duration, found another string, at byte 0");
        refuses(double.class, "1e400", "double: expected a double, found more, at byte 0");
        refuses(float.class, "1e40", "float: expected a float, found more, at byte 0");
        refuses(double.class, "\"1\"", "double: expected a double, found a string, at byte 0");
        assertThat(read(BigDecimal.class, "1E+2147483647").scale()).isEqualTo(-Integer.MAX_VALUE);
        assertThat(read(long.class, "-9223372036854775808")).isEqualTo(Long.MIN_VALUE);
        assertThat(read(double.class, json(Double.NEGATIVE_INFINITY))).isEqualTo(Double.NEGATIVE_INFINITY);
        assertThat(json(Double.NaN)).isEqualTo("\"NaN\"");
    }

    @Test
    void what_a_constructor_throws_is_told_with_the_path() {
        assertThatThrownBy(() -> read(Order.class, "{\"lines\":[{\"quantity\":1},{\"quantity\":0}]}"))
                .isInstanceOf(CodecException.class)
                .hasMessage("RecordCodecTest.Order.lines[1]: the constructor of what begins at byte 25 threw "
                        + "java.lang.IllegalArgumentException: quantity must be positive, was 0")
                .hasCauseInstanceOf(IllegalArgumentException.class);
    }

    record Broken(String name) {
        @Override
        public String name() {
            throw new IllegalStateException("not today");
        }
    }

    @Test
    void what_an_accessor_or_an_iterator_throws_is_told_with_the_path_and_the_codec_goes_on() {
        assertThatThrownBy(() -> json(Type.listOf(Broken.class), List.of(new Broken("a"))))
                .isInstanceOf(CodecException.class)
                .hasMessage(
                        "List<RecordCodecTest.Broken>[0].name: java.lang.IllegalStateException: not today was thrown")
                .hasCauseInstanceOf(IllegalStateException.class);
        @SuppressWarnings({"unchecked", "rawtypes"})
        List<String> polluted = (List<String>) (List) List.of("a", 1);
        assertThatThrownBy(() -> json(Type.listOf(String.class), polluted))
                .isInstanceOf(CodecException.class)
                .hasMessageStartingWith("List<String>[1]: ");
        assertThat(json(List.of("a"), Type.listOf(String.class))).isEqualTo("[\"a\"]");
    }

    private String json(Object value, Type<?> type) {
        return json(type, value);
    }

    @Test
    void a_null_key_is_refused() {
        Map<String, Integer> map = new java.util.HashMap<>();
        map.put(null, 1);
        assertThatThrownBy(() -> json(Type.mapOf(String.class, Integer.class), map))
                .isInstanceOf(CodecException.class)
                .hasMessage("Map<String, Integer>{0}: null for a key");
        assertThatThrownBy(() -> read(Type.mapOf(Integer.class, Integer.class), "{\"1\":1,\"01\":2}"))
                .hasMessage("Map<Integer, Integer>{1}: a key for the second time, at byte 11");
        assertThatThrownBy(() -> read(Type.mapOf(Integer.class, Integer.class), "{\"x\":1}"))
                .hasMessage("Map<Integer, Integer>{0}: a key that is none, at byte 1");
    }

    static class Plain {}

    record Loose<T>(T value) {}

    record Growing<T>(T value, @Nullable Growing<List<T>> larger) {}

    interface Anything {}

    sealed interface Twice {
        record Same() implements Twice {}

        final class Other {
            record Same() implements Twice {}
        }

        final class NoRecord implements Twice {}
    }

    record Hopeless<T>(
            Object anything,
            Plain plain,
            List<? extends Number> wild,
            @SuppressWarnings("rawtypes") List raw,
            @SuppressWarnings("rawtypes") Loose loose,
            ArrayList<String> list,
            Map<Line, String> keys,
            Optional<Optional<String>> twice,
            Thread.State fine,
            Anything open,
            List<List<Plain[]>> deep,
            Twice choice,
            Loose<Plain> through) {}

    @Test
    void every_problem_of_a_type_is_told_in_one_message() {
        Type<?> type = Type.found(Hopeless.class, List.of(Type.of(String.class)));
        String plain = "Plain is no record, enum, sealed interface, List, Set, Map, Optional, array, String, numbers, "
                + "java.time, UUID, URI, Currency, byte[]; make it a record, or bring a codec of your own";
        assertThatThrownBy(() -> codec.check(type))
                .isInstanceOf(IllegalArgumentException.class)
                .satisfies(e -> assertThat(e.getMessage()
                                .lines()
                                .map(line -> line.replace("dev.resilience.saga.RecordCodecTest$", "")))
                        .containsExactly(
                                "codec: RecordCodecTest.Hopeless<String> cannot be carried:",
                                at(
                                        "anything: Object may be anything; declare the type, or a sealed interface of records"),
                                at("plain: " + plain),
                                at("wild: a wildcard, ? extends java.lang.Number, may be anything; declare the type"),
                                at("raw: raw List; say its type arguments, as in Type.listOf(Line.class)"),
                                at("loose: raw RecordCodecTest.Loose; say its type arguments where it is declared"),
                                at("list: java.util.ArrayList is a kind of its own; declare List, Set or Map"),
                                at(
                                        "keys: a map by RecordCodecTest.Line; keys are enums or String, numbers, java.time, UUID, URI, Currency"),
                                at("twice: an Optional of Optional<String> has two ways to be empty"),
                                at("open: Anything is an interface that is not sealed: nobody knows what is behind"),
                                at("deep[][][]: " + plain),
                                at("choice(Same): two of its kind are named Same; data could not tell them apart"),
                                at(
                                        "choice(NoRecord): Twice$NoRecord is neither a record nor an enum nor a sealed interface of those"),
                                at("through.value: " + plain)));
    }

    private static String at(String problem) {
        return "  RecordCodecTest.Hopeless<String>." + problem;
    }

    @Test
    void a_generic_record_that_contains_a_larger_one_of_itself_is_refused() {
        assertThatThrownBy(() -> codec.check(Type.found(Growing.class, List.of(Type.of(String.class)))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(
                        ": its type arguments grow without end; a generic record cannot contain itself larger");
    }

    @Test
    void trees_and_generic_answers_are_carried() {
        Tree tree = new Tree("a", List.of(new Tree("b", List.of()), new Tree("c", List.of())));
        assertThat(read(Tree.class, json(tree))).isEqualTo(tree);
        @SuppressWarnings("unchecked")
        Type<Answer<Instant>> type = (Type<Answer<Instant>>) Type.found(Answer.class, List.of(Type.of(Instant.class)));
        Answer<Instant> answer = new Yes<>(Instant.EPOCH);
        assertThat(json(type, answer)).isEqualTo("{\"@type\":\"Yes\",\"value\":\"1970-01-01T00:00:00Z\"}");
        assertThat(read(type, json(type, answer))).isEqualTo(answer);
    }

    @ParameterizedTest
    @ValueSource(
            classes = {Object.class, Plain.class, List.class, Runnable.class, Class.class, Throwable.class, Number.class
            })
    void a_type_that_was_not_checked_is_refused_all_the_same(Class<?> type) {
        assertThatThrownBy(() -> read(type, "{}")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void bytes_are_carried_whatever_they_are() {
        byte[] all = new byte[100_000];
        for (int i = 0; i < all.length; i++) all[i] = (byte) (i * 31 >> 3);
        byte[] json = codec.encode(Type.of(byte[].class), all);
        assertThat(codec.decode(Type.of(byte[].class), json)).isEqualTo(all);
        refuses(byte[].class, "\"a=b\"", "byte[]: expected Base64, found another string, at byte 0");
        assertThat(Arrays.equals(json, codec.encode(Type.of(byte[].class), all)))
                .isTrue();
    }
}
