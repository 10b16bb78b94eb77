// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import org.jspecify.annotations.Nullable;

/** Results that came when nobody waited any more. */
final class Discarded {
    private static final System.Logger LOG = System.getLogger("dev.resilience");

    private Discarded() {}

    /** Nobody will see the value, so nobody else can close it. */
    static void close(String who, @Nullable Object value) {
        if (!(value instanceof AutoCloseable closeable)) return;
        try {
            closeable.close();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        } catch (Throwable broken) {
            report(who, "closing a late result", broken);
        }
    }

    /** User code threw where it must not matter (L5). */
    static void report(String who, String what, Throwable thrown) {
        try {
            LOG.log(System.Logger.Level.WARNING, who + ": " + what + " threw " + thrown, thrown);
        } catch (Throwable alsoBroken) {
            // a logger that throws leaves nobody to tell
        }
    }
}
