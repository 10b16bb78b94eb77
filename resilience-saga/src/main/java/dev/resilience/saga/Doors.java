// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The ways into a record and out of it: its canonical constructor and its accessors. A package that its module opens
 * to this one lets us in whatever is private; one that it only exports, where the record is public.
 */
final class Doors {
    private final Class<?> type;
    private final MethodHandles.Lookup lookup;
    private @Nullable String closed;
    private @Nullable MethodHandle constructor;

    private Doors(Class<?> type, MethodHandles.Lookup lookup) {
        this.type = type;
        this.lookup = lookup;
    }

    static Doors of(Class<?> type) {
        Doors.class.getModule().addReads(type.getModule()); // as reflection would; needs nobody's consent
        MethodHandles.Lookup own = MethodHandles.lookup();
        Doors doors;
        try {
            doors = new Doors(type, MethodHandles.privateLookupIn(type, own));
        } catch (IllegalAccessException notOpen) {
            doors = new Doors(type, own);
        }
        doors.constructor = doors.make();
        return doors;
    }

    /** What to do so that they open; null when they are. */
    @Nullable
    String closed() {
        return closed;
    }

    /** {@code (Object[])Object}; null when closed. */
    @Nullable
    MethodHandle constructor() {
        return constructor;
    }

    private @Nullable MethodHandle make() {
        Class<?>[] types = Arrays.stream(type.getRecordComponents())
                .map(RecordComponent::getType)
                .toArray(Class<?>[]::new);
        try {
            return lookup.findConstructor(type, MethodType.methodType(void.class, types))
                    .asSpreader(Object[].class, types.length)
                    .asType(MethodType.methodType(Object.class, Object[].class));
        } catch (ReflectiveOperationException e) {
            closed = advice();
            return null;
        }
    }

    /** {@code (Object)} to a long, an int, a boolean or an object; null when closed. */
    @Nullable
    MethodHandle accessor(RecordComponent component) {
        if (closed != null) return null;
        try {
            return lookup.unreflect(component.getAccessor())
                    .asType(MethodType.methodType(kind(component.getType()), Object.class));
        } catch (IllegalAccessException e) {
            closed = advice();
            return null;
        }
    }

    private static Class<?> kind(Class<?> type) {
        if (type == long.class || type == int.class || type == boolean.class) return type;
        return type == short.class || type == byte.class ? int.class : Object.class;
    }

    private String advice() {
        Module theirs = type.getModule();
        String to = Doors.class.getModule().isNamed()
                ? " to " + Doors.class.getModule().getName()
                : "";
        return type.getName() + " is closed; its module " + theirs.getName() + " has to say 'opens "
                + type.getPackageName() + to + ";', or to export that package and have the record public";
    }
}
