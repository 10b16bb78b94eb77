// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import org.jspecify.annotations.Nullable;

/**
 * A change was not accepted, or it is not known whether it was written. Its message names the cache, never a key or a
 * value. What a writer throws unchecked comes out of {@code put} and {@code remove} as it was thrown; this exception
 * stands for all else:
 *
 * <ul>
 *   <li>the writer threw a checked exception: that is the cause;
 *   <li>there was no room for the change ({@link #isRefused()}), in time or at all: nothing has changed;
 *   <li>the thread was interrupted: the cause is an {@link InterruptedException} and the flag is set again. If that was
 *       while the writer's stage was awaited, the change may still be written; the cached copy is dropped.
 * </ul>
 */
public final class CacheWriteException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Nothing was changed, and the writer was not asked. */
    private final boolean refused;

    CacheWriteException(String message, @Nullable Throwable cause, boolean refused) {
        super(message, cause);
        this.refused = refused;
    }

    /**
     * Whether the change was refused for want of room, without asking the writer.
     *
     * @return true when nothing has changed
     */
    public boolean isRefused() {
        return refused;
    }
}
