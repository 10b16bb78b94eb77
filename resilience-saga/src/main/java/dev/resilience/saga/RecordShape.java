// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A record: an object with its components by name, in their order. Read in any order; what it does not know is gone
 * over, what is missing is made up for, so that a record may gain and lose components while data of it lie around.
 */
final class RecordShape extends Shape {
    private static final Object ABSENT = new Object();
    private static final MethodHandle[] NO_HANDLES = {};

    private Part[] parts = {};
    private Map<String, Integer> byName = Map.of();
    private MethodHandle[] make = NO_HANDLES;

    /** Set once, before it is shown to others: a record may contain itself. */
    void fill(List<Part> parts, MethodHandle make) {
        this.parts = parts.toArray(Part[]::new);
        this.byName = new HashMap<>();
        for (int i = 0; i < this.parts.length; i++) byName.put(this.parts[i].name, i);
        this.make = new MethodHandle[] {make};
    }

    /** A component. */
    static final class Part {
        private final String name;
        private final byte[] quoted;
        private final byte[] first;
        private final byte[] further;
        private final Shape shape;
        private final Class<?> kind;
        private final MethodHandle get;

        /** {@code get} takes an object and answers a long, an int, a boolean or an object. */
        Part(String name, Shape shape, MethodHandle get) {
            JsonWriter text = new JsonWriter();
            text.string(name);
            this.name = name;
            this.quoted = text.written();
            this.first = (new String(quoted, StandardCharsets.UTF_8) + ":").getBytes(StandardCharsets.UTF_8);
            this.further = ("," + new String(first, StandardCharsets.UTF_8)).getBytes(StandardCharsets.UTF_8);
            this.shape = shape;
            this.kind = get.type().returnType();
            this.get = get;
        }

        /** Primitives go without a box. */
        void write(JsonWriter out, Object of) throws Throwable {
            if (kind == long.class) out.number((long) get.invokeExact(of));
            else if (kind == int.class) out.number((int) get.invokeExact(of));
            else if (kind == boolean.class) out.ascii((boolean) get.invokeExact(of) ? "true" : "false");
            else out.value(shape, (@Nullable Object) get.invokeExact(of));
        }
    }

    @Override
    void write(JsonWriter out, Object value) {
        out.open('{');
        components(out, value, true);
        out.close('}');
    }

    /** Its components only, for one who has begun the object. */
    void components(JsonWriter out, Object value, boolean first) {
        for (Part part : parts) {
            out.raw(first ? part.first : part.further);
            first = false;
            try {
                part.write(out, value);
            } catch (Throwable t) { // the accessor is anybody's
                throw CodecFault.at("." + part.name, t);
            }
        }
    }

    @Override
    Object read(JsonReader in) {
        int start = in.position();
        @Nullable Object[] values = new @Nullable Object[parts.length];
        Arrays.fill(values, ABSENT);
        in.open('{', "an object");
        if (!in.empty('}')) components(in, values);
        for (int i = 0; i < values.length; i++) if (values[i] == ABSENT) values[i] = parts[i].shape.missing();
        try {
            return (Object) make[0].invokeExact(values);
        } catch (Throwable t) { // so is the constructor
            CodecFault.of(t);
            throw new CodecFault("the constructor of what begins at byte " + start + " threw " + t, t);
        }
    }

    private void components(JsonReader in, @Nullable Object[] values) {
        Set<String> unknown = Set.of();
        int expected = 0;
        do {
            int start = in.position();
            int index;
            if (expected < parts.length && in.name(parts[expected].quoted)) {
                index = expected;
            } else {
                String name = in.string("a name");
                Integer known = byName.get(name);
                if (known == null) {
                    if (unknown.isEmpty()) unknown = new HashSet<>();
                    if (!unknown.add(name)) throw in.refuse("a name for the second time", start);
                    in.colon();
                    in.skip();
                    continue;
                }
                index = known;
            }
            if (values[index] != ABSENT) throw in.refuse("a name for the second time", start);
            in.colon();
            try {
                values[index] = in.value(parts[index].shape);
            } catch (Throwable t) {
                throw CodecFault.at("." + parts[index].name, t);
            }
            expected = index + 1;
        } while (in.more('}'));
    }
}
