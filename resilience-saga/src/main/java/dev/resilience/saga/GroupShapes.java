// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** What has parts of one kind. What is read cannot be changed, arrays excepted. */
final class GroupShapes {
    private GroupShapes() {}

    /** Goes on at what may be there or not. Empty and null are one and the same in the data: null. */
    static final class Maybe extends Shape {
        private final Shape inner;
        private final Function<Object, @Nullable Object> open;
        private final Function<Object, Object> close;
        private final Object empty;

        private Maybe(
                Shape inner, Function<Object, @Nullable Object> open, Function<Object, Object> close, Object empty) {
            this.inner = inner;
            this.open = open;
            this.close = close;
            this.empty = empty;
        }

        static Shape of(Shape inner) {
            return new Maybe(inner, value -> ((Optional<?>) value).orElse(null), Optional::of, Optional.empty());
        }

        static Shape ofInt(Shape inner) {
            return new Maybe(
                    inner,
                    value -> ((OptionalInt) value).isPresent() ? ((OptionalInt) value).getAsInt() : null,
                    value -> OptionalInt.of((int) value),
                    OptionalInt.empty());
        }

        static Shape ofLong(Shape inner) {
            return new Maybe(
                    inner,
                    value -> ((OptionalLong) value).isPresent() ? ((OptionalLong) value).getAsLong() : null,
                    value -> OptionalLong.of((long) value),
                    OptionalLong.empty());
        }

        static Shape ofDouble(Shape inner) {
            return new Maybe(
                    inner,
                    value -> ((OptionalDouble) value).isPresent() ? ((OptionalDouble) value).getAsDouble() : null,
                    value -> OptionalDouble.of((double) value),
                    OptionalDouble.empty());
        }

        @Override
        void write(JsonWriter out, Object value) {
            out.value(inner, open.apply(value));
        }

        @Override
        Object read(JsonReader in) {
            return close.apply(inner.read(in));
        }

        @Override
        Object ofNull(JsonReader in) {
            return empty;
        }

        @Override
        Object missing() {
            return empty;
        }
    }

    /** A list or a collection. */
    static final class Lists extends Shape {
        private final Shape element;

        Lists(Shape element) {
            this.element = element;
        }

        @Override
        void write(JsonWriter out, Object value) {
            out.open('[');
            int i = 0;
            for (Object each : (Collection<?>) value) {
                if (i > 0) out.put(',');
                try {
                    out.value(element, each);
                } catch (Throwable t) {
                    throw CodecFault.at("[" + i + "]", t);
                }
                i++;
            }
            out.close(']');
        }

        @Override
        Object read(JsonReader in) {
            return Collections.unmodifiableList(elements(element, in));
        }
    }

    static List<@Nullable Object> elements(Shape element, JsonReader in) {
        List<@Nullable Object> elements = new ArrayList<>();
        in.open('[', "a list");
        if (in.empty(']')) return elements;
        do {
            try {
                elements.add(in.value(element));
            } catch (Throwable t) {
                throw CodecFault.at("[" + elements.size() + "]", t);
            }
        } while (in.more(']'));
        return elements;
    }

    /** A set: in the order of its elements' bytes, for its own order may be another one in every JVM. */
    static final class Sets extends Shape {
        private final Shape element;

        Sets(Shape element) {
            this.element = element;
        }

        @Override
        void write(JsonWriter out, Object value) {
            out.open('[');
            int start = out.position();
            List<byte[]> written = new ArrayList<>();
            for (Object each : (Set<?>) value) {
                try {
                    out.value(element, each);
                } catch (Throwable t) {
                    throw CodecFault.at("[" + written.size() + "]", t);
                }
                written.add(out.since(start));
                out.back(start);
            }
            if (written.size() > 1) written.sort(Arrays::compareUnsigned);
            for (int i = 0; i < written.size(); i++) {
                if (i > 0) out.put(',');
                out.raw(written.get(i));
            }
            out.close(']');
        }

        @Override
        Object read(JsonReader in) {
            // elements that a component told apart which is gone are one now: no error
            Set<@Nullable Object> set = new LinkedHashSet<>(elements(element, in));
            return Collections.unmodifiableSet(set);
        }
    }

    /** A map with keys that have a text: an object in the order of those. */
    static final class Maps extends Shape {
        private final Text key;
        private final Shape element;

        Maps(Text key, Shape element) {
            this.key = key;
            this.element = element;
        }

        @Override
        void write(JsonWriter out, Object value) {
            Map<?, ?> map = (Map<?, ?>) value;
            Map<String, @Nullable Object> sorted = map.size() > 1 ? new TreeMap<>() : new HashMap<>(2);
            int i = 0;
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                Object name = entry.getKey();
                if (name == null) throw CodecFault.at("{" + i + "}", new CodecFault("null for a key", null));
                try {
                    sorted.put(key.text(name), entry.getValue());
                } catch (Throwable t) {
                    throw CodecFault.at("{" + i + "}", t);
                }
                i++;
            }
            out.open('{');
            i = 0;
            for (Map.Entry<String, @Nullable Object> entry : sorted.entrySet()) {
                if (i > 0) out.put(',');
                out.string(entry.getKey());
                out.put(':');
                try {
                    out.value(element, entry.getValue());
                } catch (Throwable t) {
                    throw CodecFault.at("{" + i + "}", t);
                }
                i++;
            }
            out.close('}');
        }

        @Override
        Object read(JsonReader in) {
            Map<Object, @Nullable Object> map = new LinkedHashMap<>();
            in.open('{', "an object");
            if (in.empty('}')) return Collections.unmodifiableMap(map);
            do {
                int i = map.size();
                try {
                    Object name = name(in);
                    int start = in.position();
                    in.colon();
                    Object value = in.value(element);
                    if (map.containsKey(name)) throw in.refuse("a key for the second time", start);
                    map.put(name, value);
                } catch (Throwable t) {
                    throw CodecFault.at("{" + i + "}", t);
                }
            } while (in.more('}'));
            return Collections.unmodifiableMap(map);
        }

        private Object name(JsonReader in) {
            int start = in.position();
            String text = in.string("a key");
            try {
                return key.parse(text);
            } catch (RuntimeException e) {
                throw in.refuse("a key that is none", start);
            }
        }
    }

    /** An array, of primitives too. */
    static final class Arrayed extends Shape {
        private final Shape element;
        private final MethodHandle make;
        private final MethodHandle length;
        private final MethodHandle get;
        private final MethodHandle set;

        /** For {@code (int)Object}, {@code (Object)int}, {@code (Object,int)Object} and {@code (Object,int,Object)void}. */
        Arrayed(Shape element, MethodHandle make, MethodHandle length, MethodHandle get, MethodHandle set) {
            this.element = element;
            this.make = make;
            this.length = length;
            this.get = get;
            this.set = set;
        }

        @Override
        void write(JsonWriter out, Object value) {
            out.open('[');
            int i = 0;
            try {
                int all = (int) length.invokeExact(value);
                for (; i < all; i++) {
                    if (i > 0) out.put(',');
                    out.value(element, (@Nullable Object) get.invokeExact(value, i));
                }
            } catch (Throwable t) {
                throw CodecFault.at("[" + i + "]", t);
            }
            out.close(']');
        }

        @Override
        Object read(JsonReader in) {
            List<@Nullable Object> elements = elements(element, in);
            try {
                Object array = (Object) make.invokeExact(elements.size());
                for (int i = 0; i < elements.size(); i++) set.invokeExact(array, i, elements.get(i));
                return array;
            } catch (Throwable t) {
                throw CodecFault.of(t);
            }
        }
    }
}
