// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.CallContext;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What a step's code knows of its call. */
public final class StepContext {
    /** No step is named so. */
    static final String UNDO = "/undo";

    private final SagaRef saga;
    private final int attempt;
    private final CallContext call;
    private final @Nullable SagaInstance head;
    private final @Nullable Leg leg;
    private final boolean undo;
    /** Made when it is asked for. */
    private @Nullable String key;

    StepContext(SagaRef saga, String key, int attempt, CallContext call) {
        this.saga = saga;
        this.head = null;
        this.leg = null;
        this.undo = false;
        this.key = key;
        this.attempt = attempt;
        this.call = call;
    }

    StepContext(SagaInstance head, Leg leg, boolean undo, int attempt, CallContext call) {
        this.saga = head.ref();
        this.head = head;
        this.leg = leg;
        this.undo = undo;
        this.attempt = attempt;
        this.call = call;
    }

    /**
     * Which saga.
     *
     * @return its name and id
     */
    public SagaRef saga() {
        return saga;
    }

    /**
     * The idempotency key: {@code name/id~incarnation/step[#n]}, with {@code /undo} of a compensation. The same over all
     * attempts, engines and versions.
     *
     * @return unique for the step; up to some 400 characters
     */
    public String key() {
        String made = key;
        if (made == null) {
            made = made(Objects.requireNonNull(head), Objects.requireNonNull(leg));
            key = made;
        }
        return made;
    }

    private String made(SagaInstance of, Leg at) {
        StringBuilder text = new StringBuilder(64)
                .append(saga.name())
                .append('/')
                .append(saga.id())
                .append('~')
                .append(of.incarnation())
                .append('/')
                .append(at.name());
        if (at.index >= 0) text.append('#').append(at.index);
        if (undo) text.append(UNDO);
        return text.toString();
    }

    /**
     * The key of the action: the same as {@link #key()} but in a compensation, where it tells the participant what to
     * undo.
     *
     * @return unique for the step; up to some 400 characters
     */
    public String actionKey() {
        String own = key();
        return own.endsWith(UNDO) ? own.substring(0, own.length() - UNDO.length()) : own;
    }

    /**
     * Counted from 1, in this engine or the one before it; a takeover may repeat a number.
     *
     * @return from 1
     */
    public int attempt() {
        return attempt;
    }

    /**
     * For calls through policies inside the step: carries the deadline and is cancelled with the attempt.
     *
     * @return of this attempt
     */
    public CallContext call() {
        return call;
    }
}
