// SPDX-License-Identifier: Apache-2.0
package dev.resilience.http;

import java.net.http.HttpRequest;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Code of the user that must not change a call, and is reported when it throws (L5). */
final class Guests {
    private static final System.Logger LOG = System.getLogger("dev.resilience");

    private Guests() {}

    static void close(@Nullable Object body) {
        if (!(body instanceof AutoCloseable closeable)) return;
        try {
            closeable.close();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        } catch (Throwable thrown) {
            report("closing a discarded body", thrown);
        }
    }

    /** What the predicate throws means false: what may not be repeated is the harmless mistake. */
    static boolean test(Predicate<? super HttpRequest> repeatable, HttpRequest request) {
        try {
            return repeatable.test(request);
        } catch (Throwable thrown) {
            report("the repeatable predicate", thrown);
            return false;
        }
    }

    private static void report(String what, Throwable thrown) {
        try {
            LOG.log(System.Logger.Level.WARNING, "http: " + what + " threw " + thrown, thrown);
        } catch (Throwable alsoBroken) {
            // A logger that throws leaves nobody to tell; the call must go on.
        }
    }
}
