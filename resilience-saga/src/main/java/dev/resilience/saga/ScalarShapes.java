// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.URI;
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
import java.util.Base64;
import java.util.Currency;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/** What has no parts: text, numbers, times. */
final class ScalarShapes {
    private static final Map<Class<?>, Shape> ALL = new HashMap<>();

    static {
        ALL.put(String.class, new Strings());
        ALL.put(Boolean.class, new Booleans());
        whole(Long.class, "a long", Long.MIN_VALUE, Long.MAX_VALUE, value -> value);
        whole(Integer.class, "an int", Integer.MIN_VALUE, Integer.MAX_VALUE, value -> (int) value);
        whole(Short.class, "a short", Short.MIN_VALUE, Short.MAX_VALUE, value -> (short) value);
        whole(Byte.class, "a byte", Byte.MIN_VALUE, Byte.MAX_VALUE, value -> (byte) value);
        ALL.put(Year.class, new Whole("a year", Year.MIN_VALUE, Year.MAX_VALUE, value -> Year.of((int) value)) {
            @Override
            long number(Object value) {
                return ((Year) value).getValue(); // its text is none that it would parse, below 1000
            }
        });
        ALL.put(
                Double.class,
                new Floating(
                        "a double",
                        text -> {
                            Double value = Double.valueOf(text);
                            return value.isInfinite() || value.isNaN() ? null : value;
                        },
                        Double::valueOf));
        ALL.put(
                Float.class,
                new Floating(
                        "a float",
                        text -> {
                            Float value = Float.valueOf(text);
                            return value.isInfinite() || value.isNaN() ? null : value;
                        },
                        Float::valueOf));
        ALL.put(BigDecimal.class, new Big("a decimal", BigDecimal::new));
        ALL.put(BigInteger.class, new Big("a whole number", BigInteger::new));
        text(Character.class, "a character", value -> value.toString(), ScalarShapes::character);
        text(UUID.class, "a UUID", UUID::toString, ScalarShapes::uuid);
        text(byte[].class, "Base64", Base64.getEncoder()::encodeToString, Base64.getDecoder()::decode);
        text(URI.class, "a URI", URI::toString, URI::create);
        text(Currency.class, "a currency", Currency::getCurrencyCode, Currency::getInstance);
        text(Instant.class, "an instant", Instant::toString, Instant::parse);
        text(LocalDate.class, "a date", LocalDate::toString, LocalDate::parse);
        text(LocalTime.class, "a time", LocalTime::toString, LocalTime::parse);
        text(LocalDateTime.class, "a date with time", LocalDateTime::toString, LocalDateTime::parse);
        text(OffsetDateTime.class, "a date with time and offset", OffsetDateTime::toString, OffsetDateTime::parse);
        text(OffsetTime.class, "a time with offset", OffsetTime::toString, OffsetTime::parse);
        text(ZonedDateTime.class, "a date with time and zone", ZonedDateTime::toString, ZonedDateTime::parse);
        text(Duration.class, "a duration", Duration::toString, Duration::parse);
        text(Period.class, "a period", Period::toString, Period::parse);
        text(YearMonth.class, "a month of a year", ScalarShapes::month, YearMonth::parse);
        text(MonthDay.class, "a day of a month", MonthDay::toString, MonthDay::parse);
        text(ZoneOffset.class, "an offset", ZoneOffset::getId, ZoneOffset::of);
        text(ZoneId.class, "a zone", ZoneId::getId, ZoneId::of);
    }

    private ScalarShapes() {}

    static @Nullable Shape of(Class<?> type) {
        return ALL.get(type);
    }

    private static <T> void text(Class<T> type, String name, Function<T, String> text, Function<String, T> parse) {
        // Base64 is as long as the bytes are, and decoded in one go; all else has an end
        int most = type == byte[].class ? Integer.MAX_VALUE : JsonWriter.MAX_TEXT;
        ALL.put(type, new Parsed(name, most, value -> text.apply(type.cast(value)), parse::apply));
    }

    private static void whole(Class<?> type, String name, long least, long most, LongFunction<Object> of) {
        ALL.put(type, new Whole(name, least, most, of));
    }

    private static Character character(String text) {
        if (text.length() != 1) throw new IllegalArgumentException("not one character");
        return text.charAt(0);
    }

    /** Its own text lacks the sign that its own parser asks for. */
    private static String month(YearMonth month) {
        return month.getYear() > 9999 ? "+" + month : month.toString();
    }

    /** Java's own also takes what has too few or too many digits in a group. */
    private static UUID uuid(String text) {
        if (text.length() != 36) throw new IllegalArgumentException("not 36 characters");
        return UUID.fromString(text);
    }

    private static final class Strings extends Shape.Text {
        @Override
        void write(JsonWriter out, Object value) {
            out.string((String) value);
        }

        @Override
        Object read(JsonReader in) {
            return in.string("a string");
        }

        @Override
        String text(Object value) {
            return (String) value;
        }

        @Override
        Object parse(String text) {
            return text;
        }
    }

    private static final class Booleans extends Shape.Text {
        @Override
        void write(JsonWriter out, Object value) {
            out.ascii((boolean) value ? "true" : "false");
        }

        @Override
        Object read(JsonReader in) {
            return in.bool();
        }

        @Override
        String text(Object value) {
            return value.toString();
        }

        @Override
        Object parse(String text) {
            if (text.equals("true")) return true;
            if (text.equals("false")) return false;
            throw new IllegalArgumentException("neither true nor false");
        }
    }

    private static class Whole extends Shape.Text {
        private final String name;
        private final long least;
        private final long most;
        private final LongFunction<Object> of;

        Whole(String name, long least, long most, LongFunction<Object> of) {
            this.name = name;
            this.least = least;
            this.most = most;
            this.of = of;
        }

        long number(Object value) {
            return ((Number) value).longValue();
        }

        @Override
        final void write(JsonWriter out, Object value) {
            out.number(number(value));
        }

        @Override
        final Object read(JsonReader in) {
            return of.apply(in.integer(least, most, name));
        }

        @Override
        final String text(Object value) {
            return Long.toString(number(value));
        }

        @Override
        final Object parse(String text) {
            long value = Long.parseLong(text);
            if (value < least || value > most) throw new IllegalArgumentException("more than " + name);
            return of.apply(value);
        }
    }

    /** A number where JSON has one, else the text that Java has for it. */
    private static final class Floating extends Shape.Text {
        private final String name;
        private final Function<String, @Nullable Object> finite;
        private final Function<String, Object> any;

        Floating(String name, Function<String, @Nullable Object> finite, Function<String, Object> any) {
            this.name = name;
            this.finite = finite;
            this.any = any;
        }

        @Override
        void write(JsonWriter out, Object value) {
            String text = value.toString();
            char last = text.charAt(text.length() - 1);
            if (last >= '0' && last <= '9') out.ascii(text);
            else out.string(text);
        }

        @Override
        Object read(JsonReader in) {
            int start = in.position();
            if (in.peek() == '"') {
                String text = in.string(name);
                if (special(text)) return any.apply(text);
                throw in.refuse("expected " + name + ", found a string", start);
            }
            Object value = finite.apply(in.decimal(name));
            if (value == null) throw in.refuse("expected " + name + ", found more", start);
            return value;
        }

        private static boolean special(String text) {
            return text.equals("NaN") || text.equals("Infinity") || text.equals("-Infinity");
        }

        @Override
        String text(Object value) {
            return value.toString();
        }

        @Override
        Object parse(String text) {
            return any.apply(text);
        }
    }

    private static final class Big extends Shape.Text {
        private final String name;
        private final Function<String, Object> of;

        Big(String name, Function<String, Object> of) {
            this.name = name;
            this.of = of;
        }

        @Override
        void write(JsonWriter out, Object value) {
            out.ascii(text(value));
        }

        @Override
        Object read(JsonReader in) {
            int start = in.position();
            String text = in.decimal(name);
            try {
                return of.apply(text);
            } catch (NumberFormatException e) {
                throw in.refuse("expected " + name + ", found another number", start);
            }
        }

        @Override
        String text(Object value) {
            return bounded(value.toString(), JsonWriter.MAX_TEXT);
        }

        @Override
        Object parse(String text) {
            return of.apply(bounded(text, JsonWriter.MAX_TEXT));
        }
    }

    private static final class Parsed extends Shape.Text {
        private final String name;
        private final int most;
        private final Function<Object, String> text;
        private final Function<String, Object> parse;

        Parsed(String name, int most, Function<Object, String> text, Function<String, Object> parse) {
            this.name = name;
            this.most = most;
            this.text = text;
            this.parse = parse;
        }

        @Override
        void write(JsonWriter out, Object value) {
            out.string(text(value));
        }

        @Override
        Object read(JsonReader in) {
            int start = in.position();
            String read = in.string(name);
            try {
                return parse(read);
            } catch (RuntimeException e) { // its message has the text in it, which may be anybody's secret
                throw in.refuse("expected " + name + ", found another string", start);
            }
        }

        @Override
        String text(Object value) {
            return bounded(text.apply(value), most);
        }

        @Override
        Object parse(String read) {
            return parse.apply(bounded(read, most));
        }
    }

    private static String bounded(String text, int most) {
        if (text.length() > most) throw new CodecFault("longer than " + most + " characters", null);
        return text;
    }
}
