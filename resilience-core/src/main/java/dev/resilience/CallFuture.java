// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import org.jspecify.annotations.Nullable;

/** The future that a face hands out. */
final class CallFuture<T extends @Nullable Object> extends OwnedFuture<T> {
    private volatile @Nullable CallScope<T> scope;

    void follow(CallScope<T> call) {
        scope = call;
    }

    /** The call's own end. */
    void finish(T value, @Nullable Throwable thrown, boolean shared) {
        scope = null; // nothing of the call stays reachable from its result (L13)
        if (!end(value, thrown) && thrown == null && !shared) Discarded.close(value);
    }

    @Override
    void endedByOwner() {
        CallScope<T> call = scope;
        if (call != null) call.giveUp();
        scope = null;
    }
}
