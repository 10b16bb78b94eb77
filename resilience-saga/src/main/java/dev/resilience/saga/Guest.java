// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import org.jspecify.annotations.Nullable;

/** User code that threw where it must not matter (L5): to {@link System.Logger} {@code dev.resilience}. */
final class Guest {
    private static final System.Logger LOG = System.getLogger("dev.resilience");

    private Guest() {}

    /** {@code what} as in "a saga listener". */
    static void threw(String who, String what, Throwable thrown) {
        warn(who + ": " + what + " threw " + text(thrown), thrown);
    }

    /** What a throwable says of itself, whatever its own code does when it is asked. */
    static String text(Throwable thrown) {
        try {
            String text = thrown.toString();
            if (text != null) return text;
        } catch (Throwable alsoBroken) {
            // its class is all that can be said
        }
        return thrown.getClass().getName();
    }

    /** Whether it says something of this JVM and nothing of the code that it came out of. */
    static boolean isOfJvm(Throwable thrown) {
        return thrown instanceof VirtualMachineError && !(thrown instanceof StackOverflowError);
    }

    static void warn(String text, @Nullable Throwable thrown) {
        try {
            LOG.log(System.Logger.Level.WARNING, text, thrown);
        } catch (Throwable alsoBroken) {
            // a logger that throws leaves nobody to tell; the saga must go on
        }
    }
}
