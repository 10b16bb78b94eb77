// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;

/** Finds the shape of a type and of all that is declared in it, or all that is wrong with them. For one use. */
final class Shaping {
    private static final String SCALARS = "String, numbers, java.time, UUID, URI, Currency, byte[]";

    private final Map<Type<?>, Shape> made = new HashMap<>();
    private final Arguments arguments = new Arguments(this::problem);
    private final List<String> problems = new ArrayList<>();

    /** The shape of a type; throws with all the problems. */
    static Shape of(Type<?> type) {
        Shaping shaping = new Shaping();
        Shape shape = shaping.shape(type, type.toString());
        if (shaping.problems.isEmpty()) return shape;
        throw new IllegalArgumentException(
                "codec: " + type + " cannot be carried:\n  " + String.join("\n  ", shaping.problems));
    }

    private Shape problem(String path, String what) {
        problems.add(path + ": " + what);
        return Shape.NONE;
    }

    private Shape shape(Type<?> type, String path) {
        Shape known = made.get(type);
        if (known != null) return known;
        if (Arguments.endless(type)) {
            return problem(path, "its type arguments grow without end; a generic record cannot contain itself larger");
        }
        Class<?> raw = type.raw();
        if (raw.isRecord()) return record(type, path);
        // so are enums with bodies, and on newer JDKs ZoneId
        if (raw.isSealed() && !raw.isEnum() && ScalarShapes.of(raw) == null) return choice(type, path);
        int before = problems.size();
        Shape shape = simple(type, path);
        if (problems.size() == before) made.put(type, shape); // a problem is told wherever it is
        return shape;
    }

    private Shape simple(Type<?> type, String path) {
        Class<?> raw = type.raw();
        if (raw == void.class || raw == Void.class) return new Nothing();
        Shape scalar = ScalarShapes.of(raw);
        if (scalar != null) return scalar;
        if (raw.isPrimitive()) return primitive(raw);
        if (raw.isEnum()) return new EnumShape(raw);
        if (raw.isArray()) return array(type, path);
        int parameters = raw.getTypeParameters().length;
        if (parameters != type.arguments().size()) {
            return problem(path, "raw " + type + "; say its type arguments, as in Type.listOf(Line.class)");
        }
        if (raw == List.class || raw == Collection.class) return new GroupShapes.Lists(element(type, path));
        if (raw == Set.class) return new GroupShapes.Sets(element(type, path));
        if (raw == Map.class) return map(type, path);
        if (raw == Optional.class) return optional(type, path);
        if (raw == OptionalInt.class) return GroupShapes.Maybe.ofInt(scalar(Integer.class));
        if (raw == OptionalLong.class) return GroupShapes.Maybe.ofLong(scalar(Long.class));
        if (raw == OptionalDouble.class) return GroupShapes.Maybe.ofDouble(scalar(Double.class));
        return problem(path, refused(raw));
    }

    private static String refused(Class<?> raw) {
        if (raw == Object.class) return "Object may be anything; declare the type, or a sealed interface of records";
        if (Collection.class.isAssignableFrom(raw) || Map.class.isAssignableFrom(raw)) {
            return raw.getName() + " is a kind of its own; declare List, Set or Map";
        }
        if (raw.isInterface())
            return raw.getName() + " is an interface that is not sealed: nobody knows what is behind";
        return raw.getName() + " is no record, enum, sealed interface, List, Set, Map, Optional, array, " + SCALARS
                + "; make it a record, or bring a codec of your own";
    }

    private static Shape primitive(Class<?> raw) {
        MethodType boxed = MethodType.methodType(raw).wrap();
        Object zero = java.lang.reflect.Array.get(java.lang.reflect.Array.newInstance(raw, 1), 0);
        return new Shape.Primitive(scalar(boxed.returnType()), zero);
    }

    /** One that is there for sure. */
    private static Shape scalar(Class<?> type) {
        Shape shape = ScalarShapes.of(type);
        return shape == null ? Shape.NONE : shape;
    }

    private Shape element(Type<?> type, String path) {
        return shape(type.arguments().get(0), path + "[]");
    }

    private Shape map(Type<?> type, String path) {
        Type<?> key = type.arguments().get(0);
        Shape keys = ScalarShapes.of(key.raw());
        if (keys == null && key.raw().isEnum()) keys = new EnumShape(key.raw());
        Shape values = shape(type.arguments().get(1), path + "{}");
        if (keys instanceof Shape.Text text && key.raw() != byte[].class) return new GroupShapes.Maps(text, values);
        return problem(path, "a map by " + key + "; keys are enums or " + SCALARS.replace(", byte[]", ""));
    }

    private Shape optional(Type<?> type, String path) {
        Shape inner = element(type, path);
        if (inner instanceof GroupShapes.Maybe || inner instanceof Nothing) {
            return problem(path, "an Optional of " + type.arguments().get(0) + " has two ways to be empty");
        }
        return GroupShapes.Maybe.of(inner);
    }

    private Shape array(Type<?> type, String path) {
        Class<?> raw = type.raw();
        Type<?> element = type.arguments().isEmpty()
                ? Type.of(raw.getComponentType())
                : type.arguments().get(0);
        return new GroupShapes.Arrayed(
                shape(element, path + "[]"),
                MethodHandles.arrayConstructor(raw).asType(MethodType.methodType(Object.class, int.class)),
                MethodHandles.arrayLength(raw).asType(MethodType.methodType(int.class, Object.class)),
                MethodHandles.arrayElementGetter(raw)
                        .asType(MethodType.methodType(Object.class, Object.class, int.class)),
                MethodHandles.arrayElementSetter(raw)
                        .asType(MethodType.methodType(void.class, Object.class, int.class, Object.class)));
    }

    private Shape record(Type<?> type, String path) {
        Class<?> raw = type.raw();
        if (raw.getTypeParameters().length != type.arguments().size()) {
            return problem(path, "raw " + type + "; say its type arguments where it is declared");
        }
        RecordShape shape = new RecordShape();
        made.put(type, shape); // before its components: one of them may be of this very type
        Doors doors = Doors.of(raw);
        if (doors.closed() != null) problem(path, doors.closed());
        List<RecordShape.Part> parts = new ArrayList<>();
        for (RecordComponent component : raw.getRecordComponents()) {
            String at = path + "." + component.getName();
            Type<?> resolved = arguments.of(component, type, at);
            Shape of = resolved == null ? Shape.NONE : shape(resolved, at);
            MethodHandle get = doors.accessor(component);
            if (get != null) parts.add(new RecordShape.Part(component.getName(), of, get));
        }
        MethodHandle make = doors.constructor();
        if (make != null) shape.fill(parts, make);
        return shape;
    }

    private Shape choice(Type<?> type, String path) {
        Class<?> raw = type.raw();
        if (!raw.isInterface()) return problem(path, raw.getName() + " is a sealed class; records need an interface");
        if (raw.getTypeParameters().length != type.arguments().size()) {
            return problem(path, "raw " + type + "; say its type arguments where it is declared");
        }
        ChoiceShape shape = new ChoiceShape();
        made.put(type, shape);
        permit(shape, type, path);
        return shape;
    }

    private void permit(ChoiceShape shape, Type<?> type, String path) {
        for (Class<?> permitted : type.raw().getPermittedSubclasses()) {
            String at = path + "(" + permitted.getSimpleName() + ")";
            Type<?> resolved = arguments.of(permitted, type, at);
            if (resolved == null) continue;
            if (permitted.isSealed() && permitted.isInterface()) {
                permit(shape, resolved, at);
            } else if (permitted.isRecord() || permitted.isEnum()) {
                if (!shape.permit(permitted, shape(resolved, at))) {
                    problem(
                            at,
                            "two of its kind are named " + permitted.getSimpleName()
                                    + "; data could not tell them apart");
                }
            } else {
                problem(at, permitted.getName() + " is neither a record nor an enum nor a sealed interface of those");
            }
        }
    }

    /** Void: null and nothing else. */
    private static final class Nothing extends Shape {
        @Override
        void write(JsonWriter out, Object value) {
            throw new CodecFault("a " + value.getClass().getName() + ", where only null is a Void", null);
        }

        @Override
        Object read(JsonReader in) {
            throw in.refuse("expected null");
        }
    }
}
