// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import org.jspecify.annotations.Nullable;

/**
 * A change was not written. Its message names the cache, never a key or a value. What a writer throws unchecked comes
 * out of {@code put} and {@code remove} as it was thrown; this exception stands for two other cases:
 *
 * <ul>
 *   <li>the writer threw a checked exception: that is the cause. The cached copy is dropped, as nobody knows what the
 *       source holds;
 *   <li>write-behind had no room for the change ({@link #isRejected()}): nothing has changed.
 * </ul>
 */
public final class CacheWriteException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Nothing was changed, and the writer was not asked. */
    private final boolean rejected;

    CacheWriteException(String message, @Nullable Throwable cause, boolean rejected) {
        super(message, cause);
        this.rejected = rejected;
    }

    /**
     * Whether the change was rejected for want of room, without asking the writer.
     *
     * @return true when nothing has changed
     */
    public boolean isRejected() {
        return rejected;
    }
}
