// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.URI;
import java.time.DayOfWeek;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.MonthDay;
import java.time.OffsetDateTime;
import java.time.OffsetTime;
import java.time.Period;
import java.time.Year;
import java.time.YearMonth;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.Currency;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Records of all that the codec carries, and values of them by chance. */
final class CodecValues {
    enum Colour implements Figure {
        RED,
        GREEN {
            @Override
            public String toString() {
                return "something else";
            }
        },
        BLÅ
    }

    sealed interface Figure permits Colour, Circle, Angular {}

    sealed interface Angular extends Figure permits Square, Group {}

    record Circle(double radius) implements Figure {}

    record Square(int side, @Nullable String label) implements Angular {}

    record Group(List<Figure> figures, Figure main) implements Angular {}

    sealed interface Answer<T> permits Yes, No {}

    record Yes<V>(V value) implements Answer<V> {}

    record No<V>(String why, List<V> instead) implements Answer<V> {}

    record Primitives(byte b, short s, int i, long l, float f, double d, boolean z, char c) {}

    record Boxes(
            @Nullable Byte b,
            @Nullable Short s,
            @Nullable Integer i,
            @Nullable Long l,
            @Nullable Float f,
            @Nullable Double d,
            @Nullable Boolean z,
            @Nullable Character c) {}

    record Texts(
            @Nullable String text,
            UUID id,
            BigDecimal decimal,
            BigInteger whole,
            URI uri,
            Currency currency,
            Void nothing) {}

    record Days(LocalDate date, Year year, YearMonth month, MonthDay day, DayOfWeek weekday, Period period) {}

    record Times(
            Instant instant,
            LocalTime time,
            LocalDateTime local,
            OffsetDateTime offset,
            OffsetTime timed,
            ZonedDateTime zoned,
            Duration took,
            ZoneId zone,
            ZoneOffset shift) {}

    record Groups(
            List<@Nullable String> list,
            Set<@Nullable Integer> set,
            Map<String, @Nullable Long> map,
            Map<Colour, List<Map<Integer, Set<UUID>>>> deep,
            Optional<List<Colour>> maybe,
            OptionalInt i,
            OptionalLong l,
            OptionalDouble d) {}

    record Generic<A, B>(
            A first,
            List<B> more,
            Map<String, A> named,
            @Nullable Generic<A, B> next) {}

    record Name_Of$Ünicode(int ünicode, String $quoted_) {}

    record All(
            Primitives primitives,
            Boxes boxes,
            Texts texts,
            Days days,
            Times times,
            Groups groups,
            Generic<Colour, Optional<Instant>> generic,
            Answer<Figure> answer,
            @Nullable Figure figure,
            @Nullable Name_Of$Ünicode name) {}

    private static final String[] ZONES = {"Europe/Berlin", "America/New_York", "UTC", "Z", "UTC+01:00", "+05:30"};

    private final Random random;

    CodecValues(long seed) {
        this.random = new Random(seed);
    }

    All all() {
        return new All(
                new Primitives(
                        (byte) edgy(),
                        (short) edgy(),
                        (int) edgy(),
                        edgy(),
                        Float.intBitsToFloat((int) edgy()),
                        Double.longBitsToDouble(edgy()),
                        random.nextBoolean(),
                        (char) edgy()),
                new Boxes(
                        maybe(() -> (byte) edgy()),
                        maybe(() -> (short) edgy()),
                        maybe(() -> (int) edgy()),
                        maybe(this::edgy),
                        maybe(() -> (float) odd()),
                        maybe(this::odd),
                        maybe(random::nextBoolean),
                        maybe(() -> (char) random.nextInt(200))),
                new Texts(
                        maybe(this::text),
                        id(),
                        new BigDecimal(BigInteger.valueOf(edgy()), random.nextInt(40) - 20),
                        BigInteger.valueOf(edgy()).multiply(BigInteger.valueOf(edgy())),
                        URI.create("https://acme.example/a?b=" + random.nextInt()),
                        Currency.getInstance(random.nextBoolean() ? "EUR" : "JPY"),
                        null),
                days(),
                times(),
                groups(),
                generic(3),
                random.nextBoolean() ? new Yes<>(figure(3)) : new No<>(text(), list(() -> figure(2))),
                maybe(() -> figure(4)),
                maybe(() -> new Name_Of$Ünicode((int) edgy(), text())));
    }

    private Days days() {
        LocalDate date = LocalDate.ofEpochDay(within(LocalDate.MIN.toEpochDay(), LocalDate.MAX.toEpochDay()));
        return new Days(
                date,
                Year.from(date),
                YearMonth.from(date),
                MonthDay.from(date),
                date.getDayOfWeek(),
                Period.of((int) edgy(), (int) edgy(), (int) edgy()));
    }

    private Times times() {
        Instant instant = Instant.ofEpochSecond(
                within(Instant.MIN.getEpochSecond(), Instant.MAX.getEpochSecond()), random.nextInt(1_000_000_000));
        Instant near = Instant.ofEpochSecond(within(-100_000_000_000L, 100_000_000_000L), random.nextInt(1000) * 1000L);
        ZoneId zone = ZoneId.of(ZONES[random.nextInt(ZONES.length)]);
        ZoneOffset shift = ZoneOffset.ofTotalSeconds(random.nextInt(129_601) - 64_800);
        ZonedDateTime zoned = near.atZone(zone);
        return new Times(
                instant,
                zoned.toLocalTime(),
                zoned.toLocalDateTime(),
                near.atOffset(shift),
                near.atOffset(shift).toOffsetTime(),
                zoned,
                Duration.ofSeconds(edgy() / 2, random.nextInt(1_000_000_000)),
                zone,
                shift);
    }

    private Groups groups() {
        Set<@Nullable Integer> set = new HashSet<>(list(() -> maybe(() -> (int) edgy())));
        Map<String, @Nullable Long> map = new HashMap<>();
        for (String key : list(this::text)) map.put(key, maybe(this::edgy));
        Map<Colour, List<Map<Integer, Set<UUID>>>> deep = new HashMap<>();
        for (Colour key : list(this::colour)) {
            deep.put(key, list(() -> Map.of(random.nextInt(), new HashSet<>(list(this::id)))));
        }
        return new Groups(
                list(() -> maybe(this::text)),
                set,
                map,
                deep,
                Optional.ofNullable(maybe(() -> list(this::colour))),
                random.nextBoolean() ? OptionalInt.empty() : OptionalInt.of((int) edgy()),
                random.nextBoolean() ? OptionalLong.empty() : OptionalLong.of(edgy()),
                random.nextBoolean() ? OptionalDouble.empty() : OptionalDouble.of(odd()));
    }

    private Generic<Colour, Optional<Instant>> generic(int depth) {
        return new Generic<>(
                colour(),
                list(() -> Optional.ofNullable(maybe(() -> Instant.ofEpochMilli(random.nextInt())))),
                Map.of(text(), colour()),
                depth == 0 ? null : maybe(() -> generic(depth - 1)));
    }

    private Figure figure(int depth) {
        switch (random.nextInt(depth == 0 ? 3 : 4)) {
            case 0:
                return colour();
            case 1:
                return new Circle(odd());
            case 2:
                return new Square((int) edgy(), maybe(this::text));
            default:
                return new Group(list(() -> figure(depth - 1)), figure(depth - 1));
        }
    }

    private Colour colour() {
        return Colour.values()[random.nextInt(3)];
    }

    private UUID id() {
        return new UUID(edgy(), edgy());
    }

    /** Also what is no text for anybody but Java: halves of surrogate pairs. */
    private String text() {
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(random.nextInt(20) == 0 ? 2000 : 12); i > 0; i--) {
            switch (random.nextInt(8)) {
                case 0 -> text.append((char) random.nextInt(0x20));
                case 1 -> text.append((char) random.nextInt(0x10000));
                case 2 -> text.append((char) (0xd800 + random.nextInt(0x800)));
                case 3 -> text.appendCodePoint(random.nextInt(0x110000));
                case 4 -> text.append("\"\\/{}[]:,\u007f\u0080".charAt(random.nextInt(11)));
                default -> text.append((char) ('a' + random.nextInt(26)));
            }
        }
        return text.toString();
    }

    private long edgy() {
        long any = random.nextLong();
        return switch (random.nextInt(6)) {
            case 0 -> 0;
            case 1 -> random.nextBoolean() ? Long.MIN_VALUE : Long.MAX_VALUE;
            case 2 -> random.nextBoolean() ? Integer.MIN_VALUE : Integer.MAX_VALUE;
            case 3 -> random.nextInt(200) - 100;
            default -> any >> random.nextInt(64);
        };
    }

    private double odd() {
        double[] odd = {Double.NaN, Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY, -0.0, 0.1, Double.MIN_VALUE};
        return random.nextBoolean() ? odd[random.nextInt(odd.length)] : random.nextGaussian() * 1e9;
    }

    private long within(long least, long most) {
        long any = edgy();
        return any >= least && any <= most ? any : Math.floorMod(any, most);
    }

    private <T> @Nullable T maybe(Supplier<T> value) {
        return random.nextInt(4) == 0 ? null : value.get();
    }

    private <T extends @Nullable Object> List<T> list(Supplier<T> element) {
        List<T> list = new ArrayList<>();
        for (int i = random.nextInt(4); i > 0; i--) list.add(element.get());
        return list;
    }
}
