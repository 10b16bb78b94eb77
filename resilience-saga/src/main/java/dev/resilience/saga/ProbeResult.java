// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import org.jspecify.annotations.Nullable;

/**
 * What a participant says of a key.
 *
 * @param <R> what the step returns
 */
public final class ProbeResult<R extends @Nullable Object> {
    enum Answer {
        COMPLETED,
        ABSENT,
        UNKNOWN
    }

    private static final ProbeResult<?> ABSENT = new ProbeResult<>(Answer.ABSENT, null);
    private static final ProbeResult<?> UNKNOWN = new ProbeResult<>(Answer.UNKNOWN, null);

    private final Answer answer;
    private final R result;

    @SuppressWarnings("NullAway") // no result of what is not completed
    private ProbeResult(Answer answer, @Nullable R result) {
        this.answer = answer;
        this.result = result;
    }

    /**
     * The effect is there, and this is its result.
     *
     * @param <R> what the step returns
     * @param result what it returns
     * @return the answer
     */
    public static <R extends @Nullable Object> ProbeResult<R> completed(R result) {
        return new ProbeResult<>(Answer.COMPLETED, result);
    }

    /**
     * There is no effect, and there never will be one under this key.
     *
     * @param <R> what the step returns
     * @return the answer
     */
    @SuppressWarnings("unchecked")
    public static <R extends @Nullable Object> ProbeResult<R> absent() {
        return (ProbeResult<R>) ABSENT;
    }

    /**
     * The participant cannot tell yet.
     *
     * @param <R> what the step returns
     * @return the answer
     */
    @SuppressWarnings("unchecked")
    public static <R extends @Nullable Object> ProbeResult<R> unknown() {
        return (ProbeResult<R>) UNKNOWN;
    }

    Answer answer() {
        return answer;
    }

    R result() {
        return result;
    }
}
