// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

/** How a signal or a cancellation was received. */
public enum SagaReply {
    /** It is durable and will be honoured; a cancellation only unless the pivot is already running. */
    ACCEPTED,
    /** It was received before: a signal with this key, a cancellation. Nothing changed. */
    DUPLICATE,
    /** A cancellation after the pivot, or while the saga is undone anyway. Nothing changed. */
    TOO_LATE,
    /** The saga has ended. Nothing changed. */
    ENDED,
    /** There is no such saga. */
    UNKNOWN
}
