// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/** A part of a call that can be given up: the whole call, a timed attempt, one attempt of a race. Parts form a tree. */
/* Implementation notes
 *
 * I1 phase leaves LIVE exactly once, by CAS: to DONE by whoever ends the part, to FIRING/FIRED/PASSED by whoever gives
 *    it up. FIRING is an InterruptScope's while it interrupts, and a CallScope's from its timer to its end;
 *    PASSED is an InterruptScope's.
 * I2 cancelled() walks to the root, so a child need not be told; only actions need a link upwards, made with the first
 *    one (tag = the child) and removed when the child is closed.
 * I3 actions is a stack. Removal marks (action = null), and unlinks what is dead but a head, which the next one prunes:
 *    it is as long as there are live ones, and one. A next only ever skips dead ones, so racing writes to it agree. A
 *    head tagged TAKEN means that they run or have run: a later action runs at once. The stack hangs below it, so that
 *    an attempt that ends can still take back what has not begun.
 * The fields are few and small on purpose: together with the wheel's they are part of what a timed call allocates (P9).
 */
class Cancellation extends WheelTimer {
    static final int LIVE = 0;
    static final int DONE = 1;
    static final int FIRING = 2;
    static final int FIRED = 3;
    static final int PASSED = 4;

    private static final VarHandle PHASE =
            Handles.field(MethodHandles.lookup(), Cancellation.class, "phase", byte.class);
    private static final VarHandle ACTIONS =
            Handles.field(MethodHandles.lookup(), Cancellation.class, "actions", OnCancel.class);
    private static final Object TAKEN = new Object();

    private final @Nullable Cancellation parent;
    private volatile byte phase;
    private volatile @Nullable OnCancel actions;
    private volatile @Nullable Throwable lastFailure;

    Cancellation(@Nullable Cancellation parent) {
        this.parent = parent;
    }

    private static final class OnCancel {
        final Object tag;
        volatile @Nullable Runnable action;

        @Nullable
        OnCancel next;

        OnCancel(Object tag, Runnable action) {
            this.tag = tag;
            this.action = action;
        }

        /** Registered by a user: {@link CallContext#onCancel} is the one to use a context as the tag. */
        boolean guest() {
            return tag instanceof CallContext;
        }
    }

    final @Nullable Cancellation parent() {
        return parent;
    }

    final int phase() {
        return phase;
    }

    final boolean move(int from, int to) {
        return PHASE.compareAndSet(this, (byte) from, (byte) to);
    }

    /** From FIRING only, by its one owner. */
    final void settlePhase(int to) {
        phase = (byte) to;
    }

    final boolean cancelled() {
        for (Cancellation part = this; part != null; part = part.parent) {
            if (part.phase >= FIRING) return true;
        }
        return false;
    }

    /** The last real failure of an attempt inside this part. */
    final @Nullable Throwable lastFailure() {
        return lastFailure;
    }

    /** Tells this part and all around it. */
    final void failed(Throwable failure) {
        for (Cancellation part = this; part != null; part = part.parent) part.lastFailure = failure;
    }

    final void onCancel(Object tag, Runnable action) {
        OnCancel mine = new OnCancel(tag, action);
        for (; ; ) {
            OnCancel head = actions;
            if (head != null && head.tag == TAKEN) {
                run(mine);
                return;
            }
            mine.next = pruned(head);
            if (ACTIONS.compareAndSet(this, head, mine)) {
                if (head == null && parent != null) parent.onCancel(this, this::runActions);
                if (phase != LIVE) overtaken(mine);
                return;
            }
        }
    }

    /** Whoever gave the part up may have looked for actions too early, and its end did not see this one. */
    private void overtaken(OnCancel mine) {
        if (phase >= FIRING) {
            runActions();
        } else {
            mine.action = null;
            close();
        }
    }

    final void removeActions(Object tag) {
        OnCancel head = actions;
        for (OnCancel each = head; each != null; each = each.next) {
            if (each.tag == tag) each.action = null;
        }
        for (OnCancel each = head; each != null; each = each.next) each.next = pruned(each.next);
        if (parent == null && head != null && head.tag != TAKEN)
            ACTIONS.compareAndSet(this, head, pruned(head)); // else a re-add would link twice
    }

    final boolean hasActions() {
        return actions != null;
    }

    /** How many registrations it holds on to: those that are alive, and a few more. */
    final int registered() {
        int count = 0;
        for (OnCancel each = actions; each != null; each = each.next) count++;
        return count;
    }

    /** Ends the part's interest in its parent. */
    final void close() {
        if (actions != null && parent != null) parent.removeActions(this);
    }

    /**
     * Runs what was registered, newest first, once. On the caller's thread. The library's own goes first, so that a call
     * unwinds before a user's action gets the chance to hang.
     */
    final void runActions() {
        OnCancel taken = new OnCancel(TAKEN, () -> {});
        do {
            taken.next = actions;
            if (taken.next != null && taken.next.tag == TAKEN) return;
        } while (!ACTIONS.compareAndSet(this, taken.next, taken));
        for (OnCancel each = taken.next; each != null; each = each.next) if (!each.guest()) run(each);
        for (OnCancel each = taken.next; each != null; each = each.next) run(each);
    }

    private static void run(OnCancel each) {
        Runnable action = each.action;
        if (action == null) return;
        each.action = null;
        try {
            action.run();
        } catch (Throwable broken) {
            Reports.guest("call", "an onCancel action", broken);
        }
    }

    private static @Nullable OnCancel pruned(@Nullable OnCancel head) {
        OnCancel live = head;
        while (live != null && live.action == null) live = live.next;
        return live;
    }

    /** An attempt of this part outlives it (+1), or has ended at last (-1). */
    void abandoned(int delta) {
        if (parent != null) parent.abandoned(delta);
    }

    /** Timed parts override it. */
    @Override
    public void run() {}
}
