// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

/** What a guest threw, reported and not swallowed (L5): to {@link System.Logger} {@code dev.resilience}. */
final class Told {
    private static final System.Logger LOG = System.getLogger("dev.resilience");

    private Told() {}

    static void report(String who, String what, Throwable thrown) {
        try {
            LOG.log(System.Logger.Level.WARNING, who + ": " + what + " threw " + thrown, thrown);
        } catch (Throwable unheard) {
            unheard.addSuppressed(thrown); // a log that throws changes nothing either
        }
    }
}
