// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.lang.invoke.MethodType;
import org.jspecify.annotations.Nullable;

/** Bytes of values that come from outside a run: inputs, signals, an operator's results. */
final class Payloads {
    private static final byte[] NONE = {};

    private Payloads() {}

    /** Bytes of a value that must be one; refused with what it is. */
    static byte[] encode(Engine engine, String what, Type<?> type, Object value) {
        byte[] bytes = encodeNullable(engine, what, type, value);
        return bytes == null ? NONE : bytes;
    }

    static byte @Nullable [] encodeNullable(Engine engine, String what, Type<?> type, @Nullable Object value) {
        if (value != null && !boxed(type.raw()).isInstance(value))
            throw new IllegalArgumentException(
                    what + " must be a " + type + ", was a " + value.getClass().getName());
        byte[] bytes = raw(engine.codec, type, value);
        int most = engine.settings.maxPayload;
        if (bytes != null && bytes.length > most)
            throw new IllegalArgumentException(what + " has " + bytes.length + " bytes, the most is " + most
                    + "; keep large data elsewhere and its key in the saga, or raise SagaEngine.Builder.maxPayload");
        return bytes;
    }

    @SuppressWarnings({"unchecked", "NullAway"}) // the value is an instance of the type, or null
    private static <T extends @Nullable Object> byte @Nullable [] raw(
            SagaCodec codec, Type<T> type, @Nullable Object value) {
        return codec.encode(type, (T) value);
    }

    private static Class<?> boxed(Class<?> type) {
        return type.isPrimitive() ? MethodType.methodType(type).wrap().returnType() : type;
    }
}
