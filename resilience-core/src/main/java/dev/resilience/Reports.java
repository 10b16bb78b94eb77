// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

/** What the library itself has to say: to {@link System.Logger} {@code dev.resilience}, so that it needs no logging API. */
final class Reports {
    private static final System.Logger LOG = System.getLogger("dev.resilience");

    private Reports() {}

    /** User code threw where it must not matter (L5). */
    static void guest(String who, String what, Throwable thrown) {
        try {
            LOG.log(System.Logger.Level.WARNING, who + ": " + what + " threw " + thrown, thrown);
        } catch (Throwable alsoBroken) {
            // A logger that throws leaves nobody to tell; the call must go on.
        }
    }

    static void warning(String text) {
        LOG.log(System.Logger.Level.WARNING, text);
    }
}
