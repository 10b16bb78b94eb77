// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import java.util.List;
import java.util.function.Function;

/**
 * What is seen of one kind of policy, or of what is no policy itself, as a limiter per key.
 *
 * @param <P> the policies
 * @param <S> their numbers of one moment
 * @param title in names of meters: {@code resilience.<title>.<what>}
 * @param numbers looks at a policy once for all its series
 */
record Kind<P, S>(String title, Class<P> type, Function<P, S> numbers, List<Series<S>> series) {

    String meter(Series<S> row) {
        return "resilience." + title + (row.name().isEmpty() ? "" : "." + row.name());
    }

    /**
     * Limiters and caches begin to count with the first look. Looking at others may tell listeners, so they are not looked
     * at here.
     */
    void begin(Object policy) {
        if (!title.equals("limiter") && !title.equals("cache")) return;
        S unused = numbers.apply(type.cast(policy));
    }
}
