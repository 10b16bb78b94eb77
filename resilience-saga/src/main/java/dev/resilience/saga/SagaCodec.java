// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import org.jspecify.annotations.Nullable;

/**
 * Makes bytes of values and values of bytes: of inputs, results and signals, for the journal. {@link #records()} is
 * what an engine uses unless told otherwise; bring your own where your types are no records, or where others read the
 * journal in a format of theirs.
 *
 * {@snippet class="dev.resilience.saga.CodecSnippets" region="own"}
 *
 * <p>What the engine counts on, and {@code CodecContract} of the testkit checks: what was encoded is decoded as an equal
 * value; equal values have equal bytes, on every node and every day (a start is repeated when it comes with the same
 * bytes again, and refused when they differ); null has null for its bytes, and only null; bytes that are no value of the
 * type are refused with {@link CodecException}, whatever they are.
 *
 * <p>Called by many threads at once. A call does not block, calls nobody back but the values themselves, and keeps
 * neither the value nor the bytes.
 */
public interface SagaCodec {
    /**
     * The built-in one: JSON of records, enums, sealed interfaces of both, strings, numbers, java.time, UUID, byte[],
     * arrays, List, Set, Map and Optional. It is closed over the declared types: data can name no class, only choose
     * among the permitted ones of a sealed interface, by their simple names. What a record had or has not yet is no
     * error, so that definitions can grow; see docs/saga/codec.md.
     *
     * @return a codec with an empty cache: what it learns of classes goes with it
     */
    static SagaCodec records() {
        return new RecordCodec();
    }

    /**
     * Refuses a type that it cannot carry: asked when a definition is registered, so that no saga finds out midway.
     *
     * @param type of an input, a result or a signal
     * @throws IllegalArgumentException with every problem in one message, one a line, each with the way to it
     */
    void check(Type<?> type);

    /**
     * Bytes of a value.
     *
     * @param type one that was checked
     * @param value of that type, or null
     * @param <T> the value
     * @return a new array that is the caller's; null for null
     * @throws CodecException when it has none: too deep, too large, or its own methods throw
     */
    <T extends @Nullable Object> byte @Nullable [] encode(Type<T> type, T value);

    /**
     * A value of bytes.
     *
     * @param type one that was checked; not always the one it was encoded as, but one that this has become
     * @param bytes as encoded, or null
     * @param <T> the value
     * @return a value; null for null
     * @throws CodecException when they are none of that type
     */
    <T extends @Nullable Object> T decode(Type<T> type, byte @Nullable [] bytes);

    /** A value that has no bytes, or bytes that are no value of the type. */
    final class CodecException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        /**
         * Says what is wrong.
         *
         * @param message where in the value, what was expected, what was found; without the data themselves
         * @param cause what a value's own code has thrown, if it was that
         */
        public CodecException(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }
}
