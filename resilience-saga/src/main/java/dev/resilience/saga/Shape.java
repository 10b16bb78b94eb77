// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import org.jspecify.annotations.Nullable;

/** How values of one type lie in JSON. Made once for a type; used by many threads. */
abstract class Shape {
    /** Where a problem was found: never used. */
    static final Shape NONE = new Shape() {
        @Override
        void write(JsonWriter out, Object value) {
            throw new IllegalStateException();
        }

        @Override
        Object read(JsonReader in) {
            throw new IllegalStateException();
        }
    };

    /** Writes a value that is not null. */
    abstract void write(JsonWriter out, Object value);

    /** Reads what is there, which is not null. */
    abstract Object read(JsonReader in);

    /** What a null in the data is. */
    @Nullable
    Object ofNull(JsonReader in) {
        return null;
    }

    /** What a component is of which the data know nothing. */
    @Nullable
    Object missing() {
        return null;
    }

    /** One that can be a map's key. */
    abstract static class Text extends Shape {
        /** Its text, which is unique. */
        abstract String text(Object value);

        /** The value of a text; anything may be thrown. */
        abstract Object parse(String text);
    }

    /** A primitive: there is no null, and a default for what is missing. */
    static final class Primitive extends Shape {
        private final Shape boxed;
        private final Object zero;

        Primitive(Shape boxed, Object zero) {
            this.boxed = boxed;
            this.zero = zero;
        }

        @Override
        void write(JsonWriter out, Object value) {
            boxed.write(out, value);
        }

        @Override
        Object read(JsonReader in) {
            return boxed.read(in);
        }

        @Override
        Object ofNull(JsonReader in) {
            throw in.refuse("null, where a primitive has none");
        }

        @Override
        Object missing() {
            return zero;
        }
    }
}
