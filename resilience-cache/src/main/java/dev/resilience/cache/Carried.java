// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.ContextCapture;
import dev.resilience.Op;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Thread-bound state of the caller that started a load, for the thread that runs it. */
final class Carried {
    private static final Carried NOTHING = new Carried("", List.of());

    private final String who;
    private final List<Supplier<Runnable>> taken;

    private Carried(String who, List<Supplier<Runnable>> taken) {
        this.who = who;
        this.taken = taken;
    }

    /** On the caller's thread. */
    static Carried take(String who, List<ContextCapture> captures) {
        if (captures.isEmpty()) return NOTHING;
        List<Supplier<Runnable>> taken = new ArrayList<>();
        for (ContextCapture capture : captures) {
            try {
                taken.add(capture.capture());
            } catch (Throwable broken) {
                Guest.threw(who, "a ContextCapture", broken);
            }
        }
        return new Carried(who, taken);
    }

    <V extends @Nullable Object> Op<V, Exception> around(Op<V, Exception> load) {
        return taken.isEmpty() ? load : () -> call(load);
    }

    private <V extends @Nullable Object> V call(Op<V, Exception> load) throws Exception {
        List<Runnable> undo = new ArrayList<>();
        for (Supplier<Runnable> each : taken) {
            try {
                undo.add(each.get());
            } catch (Throwable broken) {
                Guest.threw(who, "putting captured context in place", broken);
            }
        }
        try {
            return load.call();
        } finally {
            restore(undo);
        }
    }

    /** In reverse, so that nested captures leave the thread as they found it. */
    private void restore(List<Runnable> undo) {
        for (int i = undo.size() - 1; i >= 0; i--) {
            try {
                undo.get(i).run();
            } catch (Throwable broken) {
                Guest.threw(who, "restoring a thread's context", broken);
            }
        }
    }
}
