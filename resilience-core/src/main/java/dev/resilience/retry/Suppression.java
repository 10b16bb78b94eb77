// SPDX-License-Identifier: Apache-2.0
package dev.resilience.retry;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a throwable that surfaces carries of the attempts before it (S37). */
final class Suppression {
    /** In the throwable, not per call: a shared one must not grow (L13). */
    static final int MOST = 5;

    private Suppression() {}

    /**
     * Attaches the reason, then the newest of the earlier failures in their order. Nothing when the throwable carries a
     * reason of the same retry already: then it belongs to several calls.
     */
    static void attach(Throwable surfacing, Retry.@Nullable Stopped why, List<Throwable> earlier) {
        Throwable[] present = surfacing.getSuppressed();
        int room = MOST - present.length;
        if (why != null) {
            if (room <= 0 || why.sameRetryIn(present)) return;
            surfacing.addSuppressed(why);
            room--;
        }
        int from = earlier.size();
        for (int fits = room; from > 0 && fits > 0; ) {
            if (attachable(earlier, --from, surfacing, present)) fits--;
        }
        for (int i = from; i < earlier.size() && room > 0; i++) {
            if (!attachable(earlier, i, surfacing, present)) continue;
            surfacing.addSuppressed(earlier.get(i));
            room--;
        }
    }

    /** Not itself, not twice, not in a circle. */
    private static boolean attachable(List<Throwable> earlier, int index, Throwable surfacing, Throwable[] present) {
        Throwable one = earlier.get(index);
        return !contains(List.of(present), one)
                && !contains(earlier.subList(index + 1, earlier.size()), one)
                && !causes(surfacing, one)
                && !causes(one, surfacing);
    }

    /** Whether {@code cause} is {@code of} or among its causes. Bounded: cause chains may be circular. */
    private static boolean causes(Throwable of, Throwable cause) {
        Throwable each = of;
        for (int depth = 0; each != null && depth < 100; depth++) {
            if (each == cause) return true;
            each = each.getCause();
        }
        return false;
    }

    /** By identity: an exception may define equality. */
    static boolean contains(List<Throwable> all, Throwable one) {
        for (Throwable each : all) {
            if (each == one) return true;
        }
        return false;
    }
}
