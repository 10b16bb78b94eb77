// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

/**
 * What a {@link Failures} classifier says of an outcome.
 *
 * <p>A verdict is a judgement, not the outcome itself: an exception may be judged a success (the dependency answered),
 * a value may be judged a failure (HTTP 503). Use {@link Outcome} for the value or exception as data.
 */
public enum Verdict {
    /** The dependency did its work, or answered with something that says nothing against it. */
    SUCCESS,
    /** The dependency failed: a breaker counts it, a retry repeats it. */
    FAILURE,
    /** Says nothing about the dependency: cancellation, interruption, a lost race, a rejection by an inner policy. */
    IGNORED
}
