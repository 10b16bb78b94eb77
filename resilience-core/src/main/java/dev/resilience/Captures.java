// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Thread-bound state that travels with a call: taken at its entry, put in place around every guest elsewhere. */
final class Captures {
    private final @Nullable Captures outer;
    private final @Nullable Supplier<Runnable>[] taken;

    /** The caller's thread, as long as it is inside the face: it has everything in place. */
    private volatile @Nullable Thread home = Thread.currentThread();

    private Captures(@Nullable Captures outer, @Nullable Supplier<Runnable>[] taken) {
        this.outer = outer;
        this.taken = taken;
    }

    /** Takes what each of {@code captures} takes; {@code outer} is what the call around this one has taken. */
    static Captures take(List<ContextCapture> captures, @Nullable Captures outer) {
        @Nullable Supplier<Runnable>[] taken = newArray(captures.size());
        for (int i = 0; i < taken.length; i++) {
            try {
                taken[i] = captures.get(i).capture();
            } catch (Throwable broken) {
                Reports.guest("call", "a ContextCapture", broken);
            }
        }
        return new Captures(outer, taken);
    }

    @SuppressWarnings({"unchecked", "rawtypes"}) // a generic array that never leaves this class
    private static @Nullable Supplier<Runnable>[] newArray(int length) {
        return (Supplier<Runnable>[]) new Supplier[length];
    }

    /** The face returns: what its thread does next is somebody else's work. */
    static void left(CallContext context) {
        Captures captured = context.captured();
        if (captured != null) captured.home = null;
    }

    /** Puts the call's captured state in place on this thread; null when there is nothing to undo. */
    static @Nullable Runnable restore(CallContext context) {
        if (context == CallContext.root()) return null;
        Captures captured = context.captured();
        return captured == null ? null : captured.install();
    }

    private @Nullable Runnable install() {
        if (Thread.currentThread() == home) return null;
        Runnable undoOuter = outer == null ? null : outer.install();
        @Nullable Runnable[] undo = new Runnable[taken.length];
        for (int i = 0; i < taken.length; i++) {
            Supplier<Runnable> each = taken[i];
            if (each == null) continue;
            try {
                undo[i] = each.get();
            } catch (Throwable broken) {
                Reports.guest("call", "putting captured context in place", broken);
            }
        }
        return () -> {
            undoAll(undo);
            undo(undoOuter);
        };
    }

    /** In reverse, so that nested captures leave the thread as they found it. */
    private static void undoAll(@Nullable Runnable[] undo) {
        for (int i = undo.length - 1; i >= 0; i--) undo(undo[i]);
    }

    static void undo(@Nullable Runnable undo) {
        if (undo == null) return;
        try {
            undo.run();
        } catch (Throwable broken) {
            Reports.guest("call", "restoring a thread's context", broken);
        }
    }

    /** Runs a guest in the call's context; what it throws is reported. */
    static void guest(Policy owner, CallContext context, String what, Runnable guest) {
        Runnable undo = restore(context);
        try {
            guest.run();
        } catch (Throwable broken) {
            owner.report(what, broken);
        } finally {
            undo(undo);
        }
    }
}
