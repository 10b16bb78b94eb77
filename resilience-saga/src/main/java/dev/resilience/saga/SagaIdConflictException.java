// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

/**
 * A saga with this name and id was started before, with another input (G2). Nothing was started or changed: choose
 * another id, or look at the one that is there.
 */
public final class SagaIdConflictException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient SagaRef saga;

    SagaIdConflictException(SagaRef saga, SagaStatus status) {
        super("saga " + saga + " was started before with another input and is " + status
                + "; the same id starts the same saga once: start another one under another id");
        this.saga = saga;
    }

    /**
     * The saga that is there.
     *
     * @return its name and id; after deserialisation not available (null)
     */
    public SagaRef saga() {
        return saga;
    }
}
