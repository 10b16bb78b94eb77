// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/** {@link SagaCodec#records()}: finds out once for a type how it lies in JSON, then needs no reflection. */
final class RecordCodec implements SagaCodec {
    private static final int WRITERS = 16;

    private final ConcurrentHashMap<Type<?>, Shape> shapes = new ConcurrentHashMap<>();
    /* Buffers that nobody uses. No thread locals: there may be a million threads, and what they hold outlives us. */
    private final AtomicReferenceArray<@Nullable JsonWriter> writers = new AtomicReferenceArray<>(WRITERS);

    @Override
    public void check(Type<?> type) {
        shape(type);
    }

    private Shape shape(Type<?> type) {
        Shape known = shapes.get(type);
        if (known != null) return known;
        Shape found = Shaping.of(type);
        shapes.put(type, found);
        return found;
    }

    @Override
    public <T extends @Nullable Object> byte @Nullable [] encode(Type<T> type, T value) {
        if (value == null) return null;
        Shape shape = shape(type);
        int place = place();
        JsonWriter taken = writers.getAndSet(place, null);
        JsonWriter out = taken == null ? new JsonWriter() : taken;
        try {
            shape.write(out, value);
            return out.written();
        } catch (RuntimeException | LinkageError | AssertionError e) {
            throw CodecFault.of(e).told(type);
        } finally {
            if (out.reset()) writers.lazySet(place, out);
        }
    }

    private static int place() {
        long id = Thread.currentThread().getId();
        return (int) (id ^ (id >>> 4)) & (WRITERS - 1);
    }

    @Override
    public <T extends @Nullable Object> T decode(Type<T> type, byte @Nullable [] bytes) {
        if (bytes == null) return none();
        Shape shape = shape(type);
        try {
            JsonReader in = new JsonReader(bytes);
            Object value = in.value(shape);
            in.end();
            return as(value);
        } catch (RuntimeException | LinkageError | AssertionError e) {
            throw CodecFault.of(e).told(type);
        }
    }

    @SuppressWarnings({"unchecked", "NullAway", "TypeParameterUnusedInFormals"}) // a shape makes what its type says
    private static <T extends @Nullable Object> T as(@Nullable Object value) {
        return (T) value;
    }

    @SuppressWarnings({"NullAway", "TypeParameterUnusedInFormals"}) // only null was encoded as null
    private static <T extends @Nullable Object> T none() {
        return null;
    }
}
