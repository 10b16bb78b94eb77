// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.lang.reflect.GenericArrayType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** What type variables stand for: in the components of a generic record, in the permitted ones of a generic interface. */
final class Arguments {
    private static final int MAX_DEPTH = 16;

    private final BiConsumer<String, String> problem;

    Arguments(BiConsumer<String, String> problem) {
        this.problem = problem;
    }

    /** Whether arguments lie in arguments as no one writes them, but a record that contains a larger one of itself does. */
    static boolean endless(Type<?> type) {
        return depth(type) > MAX_DEPTH;
    }

    private static int depth(Type<?> type) {
        int deepest = 0;
        for (Type<?> argument : type.arguments()) deepest = Math.max(deepest, depth(argument));
        return deepest + 1;
    }

    /** The type of a component in a record of that type; null where there is none, which was told. */
    @Nullable
    Type<?> of(RecordComponent component, Type<?> record, String path) {
        try {
            return resolve(component.getGenericType(), bound(record), path);
        } catch (TypeNotPresentException | LinkageError e) {
            problem.accept(path, "its type cannot be loaded: " + e);
            return null;
        }
    }

    private static Map<TypeVariable<?>, Type<?>> bound(Type<?> type) {
        Map<TypeVariable<?>, Type<?>> bound = new HashMap<>();
        TypeVariable<?>[] variables = type.raw().getTypeParameters();
        for (int i = 0; i < variables.length; i++)
            bound.put(variables[i], type.arguments().get(i));
        return bound;
    }

    private @Nullable Type<?> resolve(java.lang.reflect.Type type, Map<TypeVariable<?>, Type<?>> bound, String path) {
        if (type instanceof Class<?> plain) return Type.of(plain);
        if (type instanceof TypeVariable<?> variable) {
            Type<?> known = bound.get(variable);
            if (known == null) problem.accept(path, "nothing says what " + variable + " is");
            return known;
        }
        if (type instanceof ParameterizedType generic) {
            List<Type<?>> arguments = new ArrayList<>();
            for (java.lang.reflect.Type each : generic.getActualTypeArguments()) {
                Type<?> argument = resolve(each, bound, path);
                if (argument == null) return null;
                arguments.add(argument);
            }
            return Type.found((Class<?>) generic.getRawType(), arguments);
        }
        if (type instanceof GenericArrayType array) {
            Type<?> element = resolve(array.getGenericComponentType(), bound, path);
            if (element == null) return null;
            return Type.found(element.raw().arrayType(), element.arguments().isEmpty() ? List.of() : List.of(element));
        }
        if (type instanceof WildcardType) {
            problem.accept(path, "a wildcard, " + type.getTypeName() + ", may be anything; declare the type");
            return null;
        }
        problem.accept(path, type.getTypeName() + " is no type that can be resolved");
        return null;
    }

    /** What one that a sealed interface permits is where the interface has these arguments; null if that is unknown. */
    @Nullable
    Type<?> of(Class<?> permitted, Type<?> choice, String path) {
        TypeVariable<?>[] variables = permitted.getTypeParameters();
        if (variables.length == 0) return Type.of(permitted);
        Map<TypeVariable<?>, Type<?>> bound = new HashMap<>();
        for (java.lang.reflect.Type each : permitted.getGenericInterfaces()) match(each, choice, bound);
        List<Type<?>> arguments = new ArrayList<>();
        for (TypeVariable<?> variable : variables) {
            Type<?> known = bound.get(variable);
            if (known == null) {
                problem.accept(path, choice + " does not say what " + variable + " is");
                return null;
            }
            arguments.add(known);
        }
        return Type.found(permitted, arguments);
    }

    private static void match(java.lang.reflect.Type pattern, Type<?> type, Map<TypeVariable<?>, Type<?>> bound) {
        if (pattern instanceof TypeVariable<?> variable) {
            bound.put(variable, type);
        } else if (pattern instanceof ParameterizedType generic && generic.getRawType() == type.raw()) {
            java.lang.reflect.Type[] arguments = generic.getActualTypeArguments();
            for (int i = 0; i < arguments.length; i++)
                match(arguments[i], type.arguments().get(i), bound);
        }
    }
}
