// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.LinkedHashMap;
import java.util.Map;

/** An enum: the names of its constants, whatever their toString says. */
@SuppressWarnings("EnumOrdinal") // within this JVM; data have names
final class EnumShape extends Shape.Text {
    private final Map<String, Object> byName = new LinkedHashMap<>();
    private final byte[][] quoted;

    EnumShape(Class<?> type) {
        Object[] constants = type.getEnumConstants();
        quoted = new byte[constants.length][];
        for (Object each : constants) {
            Enum<?> constant = (Enum<?>) each;
            JsonWriter text = new JsonWriter();
            text.string(constant.name());
            quoted[constant.ordinal()] = text.written();
            byName.put(constant.name(), constant);
        }
    }

    @Override
    void write(JsonWriter out, Object value) {
        out.raw(quoted[((Enum<?>) value).ordinal()]);
    }

    @Override
    Object read(JsonReader in) {
        int start = in.position();
        Object constant = byName.get(in.string("a constant's name"));
        if (constant == null) throw in.refuse("a constant that is none of " + byName.keySet(), start);
        return constant;
    }

    @Override
    String text(Object value) {
        return ((Enum<?>) value).name();
    }

    @Override
    Object parse(String text) {
        Object constant = byName.get(text);
        if (constant == null) throw new IllegalArgumentException("no such constant");
        return constant;
    }
}
