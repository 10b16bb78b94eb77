// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.EnumSet;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Which sagas to list. Immutable: each method answers a narrower query. */
public final class SagaQuery {
    private static final SagaQuery ALL =
            new SagaQuery(EnumSet.allOf(SagaStatus.class), null, SagaInstance.NEVER, new Page(null, 100));

    private record Page(@Nullable SagaRef after, int limit) {}

    private final Set<SagaStatus> statuses;
    private final @Nullable String name;
    private final long updatedBeforeMs;
    private final Page page;

    private SagaQuery(Set<SagaStatus> statuses, @Nullable String name, long updatedBeforeMs, Page page) {
        this.statuses = statuses;
        this.name = name;
        this.updatedBeforeMs = updatedBeforeMs;
        this.page = page;
    }

    /** {@return the first 100 of all} */
    public static SagaQuery all() {
        return ALL;
    }

    /**
     * Only those in one of these states.
     *
     * @param first one of the states
     * @param more others
     * @return the narrower query
     */
    public SagaQuery status(SagaStatus first, SagaStatus... more) {
        return new SagaQuery(EnumSet.of(first, more), name, updatedBeforeMs, page);
    }

    /**
     * Only those of this definition.
     *
     * @param name of the definition
     * @return the narrower query
     */
    public SagaQuery name(String name) {
        return new SagaQuery(statuses, Objects.requireNonNull(name, "name"), updatedBeforeMs, page);
    }

    /**
     * Only those whose last checkpoint was before this time of the store's clock.
     *
     * @param ms a time of the store's clock
     * @return the narrower query
     */
    public SagaQuery updatedBefore(long ms) {
        return new SagaQuery(statuses, name, ms, page);
    }

    /**
     * At most this many, 1 to 10,000.
     *
     * @param limit at most how many
     * @return the narrower query
     */
    public SagaQuery limit(int limit) {
        if (limit < 1 || limit > 10_000) throw new IllegalArgumentException("limit must be 1 to 10000, was " + limit);
        return new SagaQuery(statuses, name, updatedBeforeMs, new Page(page.after, limit));
    }

    /**
     * Only those after this one: the last of the page before.
     *
     * @param last the last one of the page before
     * @return the narrower query
     */
    public SagaQuery after(SagaRef last) {
        return new SagaQuery(
                statuses, name, updatedBeforeMs, new Page(Objects.requireNonNull(last, "last"), page.limit));
    }

    /** {@return see {@link #status}} */
    public Set<SagaStatus> statuses() {
        return Set.copyOf(statuses);
    }

    /** {@return see {@link #name(String)}} */
    public @Nullable String name() {
        return name;
    }

    /**
     * See {@link #updatedBefore}; {@link SagaInstance#NEVER} if it does not matter.
     *
     * @return milliseconds since 1970, or {@link SagaInstance#NEVER}
     */
    public long updatedBeforeMs() {
        return updatedBeforeMs;
    }

    /** {@return see {@link #after(SagaRef)}} */
    public @Nullable SagaRef after() {
        return page.after;
    }

    /** {@return see {@link #limit(int)}} */
    public int limit() {
        return page.limit;
    }
}
