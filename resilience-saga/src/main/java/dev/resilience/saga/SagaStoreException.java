// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

/**
 * A store could not be asked or did not answer. After a write it is not known whether the write took place: read again,
 * or write again (every write is guarded, so that a repeated one changes nothing).
 */
public final class SagaStoreException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * For stores: what was tried, and what went wrong.
     *
     * @param tried what was tried; the message says that it failed, and the cause
     * @param cause what went wrong
     */
    public SagaStoreException(String tried, Throwable cause) {
        super(tried + " failed: " + cause, cause);
    }

    /** The same for another thread. */
    SagaStoreException(SagaStoreException first) {
        super(first.getMessage(), first);
    }
}
