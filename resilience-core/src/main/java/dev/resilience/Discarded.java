// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import org.jspecify.annotations.Nullable;

/** Results that nobody will get. */
final class Discarded {
    private Discarded() {}

    static void close(@Nullable Object value) {
        if (!(value instanceof AutoCloseable closeable)) return;
        try {
            closeable.close();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        } catch (Throwable broken) {
            Reports.guest("call", "closing a discarded result", broken);
        }
    }
}
