// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * The right to proceed, taken by hand from a gate with {@link Gate#admit()}: for event loops and protocols that no face
 * fits. Prefer the faces; they settle for you and make no object.
 *
 * <p>A permit is settled exactly once, by the first of its four verbs; later ones do nothing (L1). It may be settled on
 * any thread. A permit that is never settled is lost to its gate; gauges show it (a half-open breaker's probe has a
 * lease and counts as failed). Deliberately not {@code AutoCloseable}: a block that throws would settle it without
 * telling the gate why.
 *
 * {@snippet class="dev.resilience.Snippets" region="permit"}
 */
public final class Permit {
    private static final VarHandle GATE = Handles.field(MethodHandles.lookup(), Permit.class, "gate", Gate.class);

    @SuppressWarnings("unused") // through GATE
    private volatile @Nullable Gate gate;

    private final CallContext context;
    private final long permit;
    private final long admittedAt;
    private final boolean timed;

    Permit(Gate gate, CallContext context, Admission admission) {
        this.context = context;
        this.permit = admission.permit();
        this.admittedAt = admission.at();
        this.timed = admission.timed();
        this.gate = gate;
    }

    /** What a gate answered, while it is turned into a permit by hand. */
    record Admission(long permit, long at, boolean timed) {}

    /** Settles as a success, whatever a classifier would say. */
    public void success() {
        settle(Verdict.SUCCESS, null, null);
    }

    /**
     * Settles as a failure, whatever a classifier would say.
     *
     * @param thrown what happened; a breaker shows it as the cause of its rejections
     */
    public void failure(Throwable thrown) {
        settle(Verdict.FAILURE, null, java.util.Objects.requireNonNull(thrown, "thrown"));
    }

    /** Settles as ignored: the permit goes back and nothing is counted. */
    public void ignore() {
        settle(Verdict.IGNORED, null, null);
    }

    /**
     * Settles with the verdict of the gate's own classifier, or of {@link Failures#standard()} when it has none. Has
     * the shape of {@code whenComplete}: {@code stage.whenComplete(permit::settle)}.
     *
     * @param value the value, when {@code thrown} is null
     * @param thrown the exception, null for a value; the JDK's wrappers are looked through
     */
    public void settle(@Nullable Object value, @Nullable Throwable thrown) {
        Gate owner = gate;
        if (owner == null) return;
        Throwable real = Handles.unwrapOrNull(thrown);
        settle(owner.verdict(Failures.standard(), context, value, real), value, real);
    }

    private void settle(Verdict verdict, @Nullable Object value, @Nullable Throwable thrown) {
        Gate owner = (Gate) GATE.getAndSet(this, null);
        if (owner == null) return;
        long now = timed ? owner.time().nanoTime() : 0;
        owner.settled(permit, admittedAt, now, verdict, value, thrown);
    }
}
