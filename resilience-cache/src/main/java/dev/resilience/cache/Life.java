// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * The one state word that a load and the entry it makes have in common.
 *
 * <pre>
 *   LOADING --publish--> LIVE --kill--> DEAD
 *      |                                 ^
 *      +------------- kill --------------+
 * </pre>
 *
 * Whoever kills the load has killed the entry, and the other way round: no moment lies between the two. That is what
 * lets an invalidation win against a load without a lock (S17).
 */
class Life {
    private static final int LOADING = 0;
    private static final int LIVE = 1;
    private static final int DEAD = 2;
    private static final VarHandle STATE;

    static {
        try {
            STATE = MethodHandles.lookup().findVarHandle(Life.class, "state", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private volatile int state;

    Life() {}

    /** What was written before this happens-before a read by anybody who saw {@link #isLive()}. */
    final boolean publish() {
        return STATE.compareAndSet(this, LOADING, LIVE);
    }

    /** True if it was still loading: then nothing of it has ever been visible. */
    final boolean kill() {
        return (int) STATE.getAndSet(this, DEAD) == LOADING;
    }

    /** Only of a load: an entry that is live already stays so. True if this call killed it. */
    final boolean killLoading() {
        return STATE.compareAndSet(this, LOADING, DEAD);
    }

    final boolean isLoading() {
        return state == LOADING;
    }

    final boolean isLive() {
        return state == LIVE;
    }

    /**
     * Whether it will never be seen again.
     *
     * @return true for ever once true
     */
    public final boolean isDead() {
        return state == DEAD;
    }
}
