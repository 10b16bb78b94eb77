// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The head of one saga as its store has it: who runs it, how far it is, what it waits for. Immutable; a
 * {@link Checkpoint} makes the next one. All times are milliseconds of the store's clock since 1970.
 */
public final class SagaInstance {
    /** No time: it does not wake by itself, has no deadline, has not ended. */
    public static final long NEVER = Long.MAX_VALUE;

    private final Builder f; // never changed once it is in here; shared by the heads of a saga that only goes on
    private final long seq;
    private final long updatedMs;

    private SagaInstance(Builder fields, long seq, long updatedMs) {
        this.f = fields;
        this.seq = seq;
        this.updatedMs = updatedMs;
    }

    /**
     * A saga that nobody runs: RUNNING, version 1, at its first checkpoint.
     *
     * @param ref which saga
     * @return a builder
     */
    public static Builder builder(SagaRef ref) {
        return new Builder(ref);
    }

    /** {@return all of it, to be changed} */
    public Builder but() {
        return new Builder(f).seq(seq).updatedMs(updatedMs);
    }

    /** The next head of a saga that only goes on: what a plain step writes, made without copying the rest. */
    SagaInstance after(long nowMs) {
        return new SagaInstance(f, seq + 1, nowMs);
    }

    /** {@return the definition's name and the starter's id} */
    public SagaRef ref() {
        return f.ref;
    }

    /**
     * Tells two sagas apart that had the same id one after the other; part of every key.
     *
     * @return a short random text
     */
    public String incarnation() {
        return f.incarnation;
    }

    /** {@return the definition's version that wrote it last} */
    public int version() {
        return f.version;
    }

    /** {@return where it stands} */
    public SagaStatus status() {
        return f.status;
    }

    /**
     * What it goes on as: of a {@link SagaStatus#PAUSED} or parked one, RUNNING or COMPENSATING; otherwise null.
     *
     * @return RUNNING, COMPENSATING or null
     */
    public @Nullable SagaStatus heldFrom() {
        return f.heldFrom;
    }

    /**
     * The engine that runs it, {@code node#epoch}; null if none does.
     *
     * @return the owner, or null
     */
    public @Nullable String owner() {
        return f.owner;
    }

    /**
     * Rises with every change of hands; begins at random.
     *
     * @return the fence
     */
    public long fence() {
        return f.fence;
    }

    /** {@return how many checkpoints it has had} */
    public long seq() {
        return seq;
    }

    /** {@return rises with every signal, cancellation and resumption: who parks a saga must have seen the last one} */
    public int sig() {
        return f.sig;
    }

    /** {@return how often it was claimed from a dead owner since its last checkpoint} */
    public int claims() {
        return f.claims;
    }

    /**
     * When somebody has to look at it though nobody runs it; or {@link #NEVER}.
     *
     * @return milliseconds since 1970, or {@link #NEVER}
     */
    public long wakeMs() {
        return f.wakeMs;
    }

    /**
     * When it is undone if its pivot has not begun; or {@link #NEVER}.
     *
     * @return milliseconds since 1970, or {@link #NEVER}
     */
    public long deadlineMs() {
        return f.deadlineMs;
    }

    /** {@return whether somebody wants it undone} */
    public boolean cancelRequested() {
        return f.cancelRequested;
    }

    /** {@return whether its pivot may be running} */
    public boolean inPivot() {
        return f.inPivot;
    }

    /** {@return whether its pivot is done: nothing is undone any more} */
    public boolean pivotPassed() {
        return f.pivotPassed;
    }

    /** {@return what no other live saga may hold with it} */
    public @Nullable String lockKey() {
        return f.lockKey;
    }

    /** {@return why it turned or was parked: a word of the engine's such as {@code REJECTED}, {@code CANCELLED}} */
    public @Nullable String reason() {
        return f.reason;
    }

    /** {@return the step at which it turned or was parked} */
    public @Nullable String reasonStep() {
        return f.reasonStep;
    }

    /** {@return what was thrown there, for people} */
    public @Nullable String reasonText() {
        return f.reasonText;
    }

    /** {@return when it was started} */
    public long startedMs() {
        return f.startedMs;
    }

    /** {@return when its last checkpoint was} */
    public long updatedMs() {
        return updatedMs;
    }

    /**
     * When it ended; or {@link #NEVER}.
     *
     * @return milliseconds since 1970, or {@link #NEVER}
     */
    public long endedMs() {
        return f.endedMs;
    }

    @Override
    public String toString() {
        return f.ref + " " + f.status + " seq " + seq + " fence " + f.fence + (f.owner == null ? "" : " of " + f.owner)
                + (f.reason == null ? "" : " " + f.reason);
    }

    /** Says a head. Not safe for several threads. */
    public static final class Builder {
        private final SagaRef ref;
        private String incarnation = "";
        private int version = 1;
        private SagaStatus status = SagaStatus.RUNNING;
        private @Nullable SagaStatus heldFrom;
        private @Nullable String owner;
        private long fence;
        private long seq;
        private int sig;
        private int claims;
        private long wakeMs = NEVER;
        private long deadlineMs = NEVER;
        private boolean cancelRequested;
        private boolean inPivot;
        private boolean pivotPassed;
        private @Nullable String lockKey;
        private @Nullable String reason;
        private @Nullable String reasonStep;
        private @Nullable String reasonText;
        private long startedMs;
        private long updatedMs;
        private long endedMs = NEVER;

        private Builder(SagaRef ref) {
            this.ref = Objects.requireNonNull(ref, "ref");
        }

        private Builder(Builder from) {
            this.ref = from.ref;
            this.incarnation = from.incarnation;
            this.version = from.version;
            this.status = from.status;
            this.heldFrom = from.heldFrom;
            this.owner = from.owner;
            this.fence = from.fence;
            this.seq = from.seq;
            this.sig = from.sig;
            this.claims = from.claims;
            this.wakeMs = from.wakeMs;
            this.deadlineMs = from.deadlineMs;
            this.cancelRequested = from.cancelRequested;
            this.inPivot = from.inPivot;
            this.pivotPassed = from.pivotPassed;
            this.lockKey = from.lockKey;
            this.reason = from.reason;
            this.reasonStep = from.reasonStep;
            this.reasonText = from.reasonText;
            this.startedMs = from.startedMs;
            this.updatedMs = from.updatedMs;
            this.endedMs = from.endedMs;
        }

        /** {@return the head as said so far} */
        public SagaInstance build() {
            return new Builder(this).seq(seq).updatedMs(updatedMs).sealed();
        }

        /** The same without a copy, of a builder that nobody else has and nobody uses again. */
        SagaInstance sealed() {
            return new SagaInstance(this, seq, updatedMs);
        }

        /**
         * See {@link SagaInstance#incarnation()}.
         *
         * @param incarnation the value
         * @return this builder
         */
        public Builder incarnation(String incarnation) {
            this.incarnation = incarnation;
            return this;
        }

        /**
         * See {@link SagaInstance#version()}.
         *
         * @param version the value
         * @return this builder
         */
        public Builder version(int version) {
            this.version = version;
            return this;
        }

        /**
         * See {@link SagaInstance#status()}.
         *
         * @param status the value
         * @return this builder
         */
        public Builder status(SagaStatus status) {
            this.status = status;
            return this;
        }

        /**
         * See {@link SagaInstance#heldFrom()}.
         *
         * @param heldFrom the value
         * @return this builder
         */
        public Builder heldFrom(@Nullable SagaStatus heldFrom) {
            this.heldFrom = heldFrom;
            return this;
        }

        /**
         * See {@link SagaInstance#owner()}.
         *
         * @param owner the value
         * @return this builder
         */
        public Builder owner(@Nullable String owner) {
            this.owner = owner;
            return this;
        }

        /**
         * See {@link SagaInstance#fence()}.
         *
         * @param fence the value
         * @return this builder
         */
        public Builder fence(long fence) {
            this.fence = fence;
            return this;
        }

        /**
         * See {@link SagaInstance#seq()}.
         *
         * @param seq the value
         * @return this builder
         */
        public Builder seq(long seq) {
            this.seq = seq;
            return this;
        }

        /**
         * See {@link SagaInstance#sig()}.
         *
         * @param sig the value
         * @return this builder
         */
        public Builder sig(int sig) {
            this.sig = sig;
            return this;
        }

        /**
         * See {@link SagaInstance#claims()}.
         *
         * @param claims the value
         * @return this builder
         */
        public Builder claims(int claims) {
            this.claims = claims;
            return this;
        }

        /**
         * See {@link SagaInstance#wakeMs()}.
         *
         * @param wakeMs the value
         * @return this builder
         */
        public Builder wakeMs(long wakeMs) {
            this.wakeMs = wakeMs;
            return this;
        }

        /**
         * See {@link SagaInstance#deadlineMs()}.
         *
         * @param deadlineMs the value
         * @return this builder
         */
        public Builder deadlineMs(long deadlineMs) {
            this.deadlineMs = deadlineMs;
            return this;
        }

        /**
         * See {@link SagaInstance#cancelRequested()}.
         *
         * @param cancelRequested the value
         * @return this builder
         */
        public Builder cancelRequested(boolean cancelRequested) {
            this.cancelRequested = cancelRequested;
            return this;
        }

        /**
         * See {@link SagaInstance#inPivot()}.
         *
         * @param inPivot the value
         * @return this builder
         */
        public Builder inPivot(boolean inPivot) {
            this.inPivot = inPivot;
            return this;
        }

        /**
         * See {@link SagaInstance#pivotPassed()}.
         *
         * @param pivotPassed the value
         * @return this builder
         */
        public Builder pivotPassed(boolean pivotPassed) {
            this.pivotPassed = pivotPassed;
            return this;
        }

        /**
         * See {@link SagaInstance#lockKey()}.
         *
         * @param lockKey the value
         * @return this builder
         */
        public Builder lockKey(@Nullable String lockKey) {
            this.lockKey = lockKey;
            return this;
        }

        /**
         * See {@link SagaInstance#reason()}.
         *
         * @param reason the value
         * @return this builder
         */
        public Builder reason(@Nullable String reason) {
            this.reason = reason;
            return this;
        }

        /**
         * See {@link SagaInstance#reasonStep()}.
         *
         * @param reasonStep the value
         * @return this builder
         */
        public Builder reasonStep(@Nullable String reasonStep) {
            this.reasonStep = reasonStep;
            return this;
        }

        /**
         * See {@link SagaInstance#reasonText()}.
         *
         * @param reasonText the value
         * @return this builder
         */
        public Builder reasonText(@Nullable String reasonText) {
            this.reasonText = reasonText;
            return this;
        }

        /**
         * See {@link SagaInstance#startedMs()}.
         *
         * @param startedMs the value
         * @return this builder
         */
        public Builder startedMs(long startedMs) {
            this.startedMs = startedMs;
            return this;
        }

        /**
         * See {@link SagaInstance#updatedMs()}.
         *
         * @param updatedMs the value
         * @return this builder
         */
        public Builder updatedMs(long updatedMs) {
            this.updatedMs = updatedMs;
            return this;
        }

        /**
         * See {@link SagaInstance#endedMs()}.
         *
         * @param endedMs the value
         * @return this builder
         */
        public Builder endedMs(long endedMs) {
            this.endedMs = endedMs;
            return this;
        }
    }
}
