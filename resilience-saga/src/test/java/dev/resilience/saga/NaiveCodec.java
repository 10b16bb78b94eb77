// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.lang.reflect.RecordComponent;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Year;
import java.time.YearMonth;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** What the codec writes, said as simply as it can be: by reflection, of the values alone, slowly. */
final class NaiveCodec {
    private NaiveCodec() {}

    /** {@code asChoice}: declared as a sealed interface, so that it says what it is. */
    static String json(@Nullable Object value, boolean asChoice) throws Exception {
        if (value == null) return "null";
        if (value instanceof Optional<?> maybe) return json(maybe.orElse(null), false);
        if (value instanceof OptionalInt maybe) return maybe.isPresent() ? "" + maybe.getAsInt() : "null";
        if (value instanceof OptionalLong maybe) return maybe.isPresent() ? "" + maybe.getAsLong() : "null";
        if (value instanceof OptionalDouble maybe) return maybe.isPresent() ? json(maybe.getAsDouble(), false) : "null";
        if (value instanceof Double d && !Double.isFinite(d) || value instanceof Float f && !Float.isFinite(f)) {
            return "\"" + value + "\"";
        }
        if (value instanceof YearMonth month && month.getYear() > 9999) return quoted("+" + month);
        if (value instanceof Year year) return "" + year.getValue();
        if (value instanceof Boolean || value instanceof Long || value instanceof Integer || value instanceof Short) {
            return value.toString();
        }
        if (value instanceof Byte || value instanceof Float || value instanceof Double) return value.toString();
        if (value instanceof BigDecimal || value instanceof BigInteger) return value.toString();
        if (value instanceof byte[] bytes) return quoted(Base64.getEncoder().encodeToString(bytes));
        if (value instanceof Enum<?> constant) {
            String name = quoted(constant.name());
            return asChoice
                    ? "{\"@type\":" + quoted(constant.getDeclaringClass().getSimpleName()) + ",\"value\":" + name + "}"
                    : name;
        }
        if (value instanceof Record) return record(value, asChoice);
        if (value instanceof List<?> list) return list(list);
        if (value instanceof Set<?> set) return set(set);
        if (value instanceof Map<?, ?> map) return map(map);
        return quoted(value.toString());
    }

    private static boolean choice(@Nullable Object value) {
        return value instanceof CodecValues.Figure || value instanceof CodecValues.Answer<?>;
    }

    private static String record(Object value, boolean asChoice) throws Exception {
        List<String> parts = new ArrayList<>();
        if (asChoice) parts.add("\"@type\":" + quoted(value.getClass().getSimpleName()));
        for (RecordComponent component : value.getClass().getRecordComponents()) {
            component.getAccessor().setAccessible(true);
            Object part = component.getAccessor().invoke(value);
            Class<?> declared = component.getType();
            // of the type variables of these values, only that of Yes and No stands for a sealed interface
            boolean sealed = declared.isInterface() && declared.isSealed() || value instanceof CodecValues.Yes<?>;
            boolean holds = value instanceof CodecValues.No<?> || value instanceof CodecValues.Group;
            parts.add(quoted(component.getName()) + ":"
                    + (holds && part instanceof List<?> l ? choices(l) : json(part, sealed && choice(part))));
        }
        return "{" + String.join(",", parts) + "}";
    }

    private static String choices(List<?> list) throws Exception {
        List<String> parts = new ArrayList<>();
        for (Object each : list) parts.add(json(each, true));
        return "[" + String.join(",", parts) + "]";
    }

    private static String list(Iterable<?> list) throws Exception {
        List<String> parts = new ArrayList<>();
        for (Object each : list) parts.add(json(each, false));
        return "[" + String.join(",", parts) + "]";
    }

    private static String set(Set<?> set) throws Exception {
        List<String> parts = new ArrayList<>();
        for (Object each : set) parts.add(json(each, false));
        Collections.sort(parts); // of sets of ASCII only
        return "[" + String.join(",", parts) + "]";
    }

    private static String map(Map<?, ?> map) throws Exception {
        Map<String, String> sorted = new TreeMap<>(Comparator.naturalOrder());
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            Object key = entry.getKey();
            sorted.put(
                    key instanceof Enum<?> constant ? constant.name() : key.toString(), json(entry.getValue(), false));
        }
        List<String> parts = new ArrayList<>();
        sorted.forEach((key, value) -> parts.add(quoted(key) + ":" + value));
        return "{" + String.join(",", parts) + "}";
    }

    private static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean pair = Character.isHighSurrogate(c)
                    && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1));
            if (pair) out.append(c).append(text.charAt(++i));
            else if (c == '"' || c == '\\') out.append('\\').append(c);
            else if (c == '\n') out.append("\\n");
            else if (c < 0x20 || Character.isSurrogate(c)) out.append(String.format("\\u%04x", (int) c));
            else out.append(c);
        }
        return out.append('"').toString();
    }
}
