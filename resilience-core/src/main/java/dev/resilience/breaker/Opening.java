// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import org.jspecify.annotations.Nullable;

/** Why a circuit opened: in words, the exception that did it if there was one, and the evidence of that moment. */
record Opening(String why, @Nullable Throwable failure, Tally tally) {}
