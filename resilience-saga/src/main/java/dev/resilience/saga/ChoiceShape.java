// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A sealed interface: an object that says which of the permitted ones it is by {@code @type}, their declared simple
 * names; then a record's components, or an enum constant as {@code value}. No component can be named {@code @type}.
 */
final class ChoiceShape extends Shape {
    private static final String TAG = "@type";
    private static final byte[] QUOTED_TAG = "\"@type\"".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] VALUE = ",\"value\":".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] QUOTED_VALUE = "\"value\"".getBytes(StandardCharsets.US_ASCII);

    private final Map<String, Shape> byName = new LinkedHashMap<>();
    private final Map<Class<?>, Case> byClass = new HashMap<>();

    @SuppressWarnings("ArrayRecordComponent") // nobody compares them
    private record Case(byte[] tag, Shape shape) {}

    /** Before it is shown to others. Whether the name was free. */
    boolean permit(Class<?> type, Shape shape) {
        JsonWriter tag = new JsonWriter();
        tag.raw(QUOTED_TAG);
        tag.put(':');
        tag.string(type.getSimpleName());
        byClass.put(type, new Case(tag.written(), shape));
        return byName.putIfAbsent(type.getSimpleName(), shape) == null;
    }

    @Override
    void write(JsonWriter out, Object value) {
        Class<?> type = value instanceof Enum<?> constant ? constant.getDeclaringClass() : value.getClass();
        Case chosen = byClass.get(type);
        if (chosen == null) throw new CodecFault("a " + type.getName() + ", which is not permitted", null);
        out.open('{');
        out.raw(chosen.tag);
        if (chosen.shape instanceof RecordShape record) {
            record.components(out, value, false);
        } else {
            out.raw(VALUE);
            chosen.shape.write(out, value);
        }
        out.close('}');
    }

    @Override
    Object read(JsonReader in) {
        in.peek();
        int start = in.position();
        int depth = in.depth();
        Shape chosen = chosen(in, start);
        in.back(start, depth);
        return chosen instanceof RecordShape ? chosen.read(in) : constant(in, chosen); // both go over the tag
    }

    private Shape chosen(JsonReader in, int start) {
        in.open('{', "an object");
        if (!in.empty('}')) {
            do {
                boolean tag = in.name(QUOTED_TAG) || in.string("a name").equals(TAG);
                in.colon();
                if (tag) {
                    int at = in.position();
                    Shape chosen = byName.get(in.string("a name of a type"));
                    if (chosen == null) throw in.refuse("a type that is none of " + byName.keySet(), at);
                    return chosen;
                }
                in.skip();
            } while (in.more('}'));
        }
        throw in.refuse("an object without " + TAG, start);
    }

    private static Object constant(JsonReader in, Shape shape) {
        int start = in.position();
        @Nullable Object value = null;
        in.open('{', "an object");
        do {
            if (in.name(QUOTED_VALUE)) {
                if (value != null) throw in.refuse("a name for the second time");
                in.colon();
                value = shape.read(in);
            } else {
                in.string("a name");
                in.colon();
                in.skip();
            }
        } while (in.more('}'));
        if (value == null) throw in.refuse("an object without value", start);
        return value;
    }
}
