// SPDX-License-Identifier: Apache-2.0
/**
 * The circuit breaker: stops calling a dependency that fails, and finds out by a few probes when to call it again.
 *
 * <pre>
 *             evidence reaches a rule           the open delay has passed
 *   CLOSED ────────────────────────────► OPEN ───────────────────────────► HALF_OPEN
 *      ▲                                   ▲                                  │  │
 *      │                                   └──── too many probes failed ──────┘  │
 *      └────────────────── enough probes succeeded (then the ramp) ──────────────┘
 * </pre>
 *
 * {@link dev.resilience.breaker.CircuitBreaker} is the policy, {@link dev.resilience.breaker.Window} says how much
 * evidence it keeps, {@link dev.resilience.breaker.CircuitOpenException} is what a refused call gets.
 */
@org.jspecify.annotations.NullMarked
package dev.resilience.breaker;
