// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * One row of the table in docs/observability.md: what is read from a policy's numbers, and under which name it is seen.
 *
 * @param <S> the numbers of one policy at one moment
 * @param name without the prefix
 * @param tag the value of the row's second tag; null when it has none
 * @param folding how the numbers of several policies make one
 */
record Series<S>(String name, @Nullable Tag tag, Folding folding, String about, ToDoubleFunction<S> value) {

    /** A second tag beside {@code name}; its key is {@code state}, {@code outcome} or {@code source}. */
    record Tag(String key, String value) {}

    /** What becomes of the numbers of policies that share a series. NaN is no number. */
    enum Folding {
        /** Only grows: a sum, to which those that have gone still belong. */
        COUNTER,
        /** A counter of seconds. */
        TIME,
        /** A sum over those that are there. */
        SUM,
        /** The greatest. */
        MOST,
        /** The greatest, in seconds. */
        LONGEST,
        /** The least. */
        LEAST;

        double empty() {
            return this == COUNTER || this == TIME || this == SUM || this == LONGEST ? 0 : Double.NaN;
        }

        double and(double one, double other) {
            if (Double.isNaN(other)) return one;
            if (Double.isNaN(one)) return other;
            return switch (this) {
                case COUNTER, TIME, SUM -> one + other;
                case MOST, LONGEST -> Math.max(one, other);
                case LEAST -> Math.min(one, other);
            };
        }
    }

    boolean counts() {
        return folding == Folding.COUNTER || folding == Folding.TIME;
    }

    static <S> Series<S> counter(String name, String about, ToDoubleFunction<S> value) {
        return new Series<>(name, null, Folding.COUNTER, about, value);
    }

    static <S> Series<S> seconds(String name, String about, ToDoubleFunction<S> value) {
        return new Series<>(name, null, Folding.TIME, about, value);
    }

    static <S> Series<S> gauge(String name, Folding folding, String about, ToDoubleFunction<S> value) {
        return new Series<>(name, null, folding, about, value);
    }

    Series<S> tagged(String key, String value) {
        return new Series<>(name, new Tag(key, value), folding, about, this.value);
    }
}
