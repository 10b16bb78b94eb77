// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Why a saga turned or was parked, as its head says.
 *
 * @param reason a word of the engine's
 * @param step at which step
 * @param text what was thrown, for people
 */
record Why(String reason, @Nullable String step, @Nullable String text) {
    static Why of(SagaInstance head) {
        return new Why(Objects.requireNonNullElse(head.reason(), "UNKNOWN"), head.reasonStep(), head.reasonText());
    }

    @Override
    public String toString() {
        return reason + (step == null ? "" : " at " + step) + (text == null ? "" : ": " + text);
    }
}
