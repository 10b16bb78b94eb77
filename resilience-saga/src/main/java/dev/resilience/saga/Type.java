// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A type with its arguments, where a {@link Class} has none. Immutable, equal by content.
 *
 * @param <T> the type
 */
@SuppressWarnings("UnusedTypeParameter") // it is there for those who pass a Type on
public final class Type<T extends @Nullable Object> {
    private final Class<?> raw;
    private final List<Type<?>> arguments;

    private Type(Class<?> raw, List<Type<?>> arguments) {
        this.raw = Objects.requireNonNull(raw, "type");
        this.arguments = arguments;
    }

    /** What the codec found in a record's components; {@code arguments} of an array is its element, if that has any. */
    static Type<?> found(Class<?> raw, List<Type<?>> arguments) {
        return new Type<>(raw, List.copyOf(arguments));
    }

    /**
     * A type without arguments.
     *
     * @param <T> the type
     * @param type the class
     * @return the type
     */
    public static <T> Type<T> of(Class<T> type) {
        return new Type<>(type, List.of());
    }

    /**
     * A list.
     *
     * @param <E> the type of an element
     * @param element the type of an element
     * @return the type
     */
    public static <E> Type<List<E>> listOf(Class<E> element) {
        return listOf(of(element));
    }

    /**
     * A list of something that has arguments itself.
     *
     * @param <E> the type of an element
     * @param element the type of an element
     * @return the type
     */
    public static <E> Type<List<E>> listOf(Type<E> element) {
        return new Type<>(List.class, List.of(element));
    }

    /**
     * A set.
     *
     * @param <E> the type of an element
     * @param element the type of an element
     * @return the type
     */
    public static <E> Type<Set<E>> setOf(Class<E> element) {
        return new Type<>(Set.class, List.of(of(element)));
    }

    /**
     * An optional value.
     *
     * @param <E> the type of an element
     * @param element the type of an element
     * @return the type
     */
    public static <E> Type<Optional<E>> optionalOf(Class<E> element) {
        return optionalOf(of(element));
    }

    /**
     * An optional value that has arguments itself.
     *
     * @param <E> the type of an element
     * @param element the type of an element
     * @return the type
     */
    public static <E> Type<Optional<E>> optionalOf(Type<E> element) {
        return new Type<>(Optional.class, List.of(element));
    }

    /**
     * A map.
     *
     * @param <K> the type of a key
     * @param <V> the type of a value
     * @param key the type of a key
     * @param value the type of a value
     * @return the type
     */
    public static <K, V> Type<Map<K, V>> mapOf(Class<K> key, Class<V> value) {
        return mapOf(key, of(value));
    }

    /**
     * A map of something that has arguments itself.
     *
     * @param <K> the type of a key
     * @param <V> the type of a value
     * @param key the type of a key
     * @param value the type of a value
     * @return the type
     */
    public static <K, V> Type<Map<K, V>> mapOf(Class<K> key, Type<V> value) {
        return new Type<>(Map.class, List.of(of(key), value));
    }

    /** {@return the type without its arguments} */
    public Class<?> raw() {
        return raw;
    }

    /** {@return the arguments} */
    public List<Type<?>> arguments() {
        return arguments;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Type<?> t && t.raw == raw && t.arguments.equals(arguments);
    }

    @Override
    public int hashCode() {
        return raw.hashCode() * 31 + arguments.hashCode();
    }

    /** As it is written in a source, without packages: {@code Map<String, Order.Line>}. */
    @Override
    public String toString() {
        if (raw.isArray()) return (arguments.isEmpty() ? of(raw.getComponentType()) : arguments.get(0)) + "[]";
        String name = name(raw);
        if (arguments.isEmpty()) return name;
        return arguments.stream().map(Type::toString).collect(Collectors.joining(", ", name + "<", ">"));
    }

    private static String name(Class<?> type) {
        Class<?> outer = type.getDeclaringClass();
        return outer == null ? type.getSimpleName() : name(outer) + "." + type.getSimpleName();
    }
}
