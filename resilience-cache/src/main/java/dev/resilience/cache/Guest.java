// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import org.jspecify.annotations.Nullable;

/** User code that threw where it must not matter (L5): to {@link System.Logger} {@code dev.resilience}. */
final class Guest {
    private static final System.Logger LOG = System.getLogger("dev.resilience");

    private Guest() {}

    /** {@code what} as in "a cache listener". */
    static void threw(String who, String what, Throwable thrown) {
        warn(who + ": " + what + " threw " + thrown, thrown);
    }

    static void warn(String text, @Nullable Throwable thrown) {
        try {
            LOG.log(System.Logger.Level.WARNING, text, thrown);
        } catch (Throwable alsoBroken) {
            // a logger that throws leaves nobody to tell; the call must go on
        }
    }
}
