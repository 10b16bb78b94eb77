// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.Outcome;
import dev.resilience.TimeSource;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** What a running saga has of the engine that runs it. */
interface Berth {
    /**
     * Writes to the journal, alone or collected with others' writes; blocks. Tries again while the store cannot be
     * asked; throws {@link SagaStoreException} only if it gives up (the engine closes) and {@code InterruptedException}
     * never: an interrupt is kept for later.
     */
    boolean write(Checkpoint checkpoint);

    /** Reads it all again, after a write that was refused; null: it is gone. Patient as {@link #write}. */
    SagaStore.@Nullable Loaded reload(SagaRef ref, boolean settled);

    /** For transactional steps, which write by themselves. */
    SagaStore store();

    SagaCodec codec();

    TimeSource time();

    /** The store's clock, as far as this engine knows it: milliseconds since 1970. */
    long nowMs();

    /** Whether actions may be started: not while the engine closes, nor while its own heartbeat fails. */
    boolean mayAct();

    /** Whether the engine closes: what does not end by itself now is left to others. */
    boolean closing();

    /** A pause up to this is waited out in place, a longer one durably. */
    Duration inlineWait();

    /** The most bytes of one payload. */
    int payloadCap();

    /** A saga that was claimed more often from engines that died of it is parked. */
    int maxClaims();

    /** Runs branches of one saga side by side. */
    void execute(Runnable branch);

    /** Goes on with a saga whose thread is lost to an attempt. Never refuses: nobody else drives it. */
    default void goOn(Runnable rest) {
        execute(rest);
    }

    /** An attempt was left behind with its thread (+1), or has ended at last (-1). */
    void abandoned(int delta);

    /**
     * Code that decides is entered: a condition, elements, what a saga returns. It runs in place and has no timeout.
     *
     * @param what in words
     */
    default void deciding(String what) {}

    /** It has come back. */
    default void decided() {}

    /** Events; never throws. */
    SagaListener listener();

    /**
     * The runner is through with it: parked, waiting, ended, or lost to another owner. Called once, last.
     *
     * @param output what the saga returns, only of one that was completed here; a failure otherwise
     */
    void released(SagaInstance head, Outcome<@Nullable Object> output);
}
