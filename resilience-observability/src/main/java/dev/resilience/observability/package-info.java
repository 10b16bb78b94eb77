// SPDX-License-Identifier: Apache-2.0
/**
 * What operators see of policies. Three ways that know nothing of each other, each bound to policies, pipelines or
 * registries of policies, each closed on its own:
 *
 * <ul>
 *   <li>{@link dev.resilience.observability.PolicyMetrics}: Micrometer meters that read the policies' own counters;
 *   <li>{@link dev.resilience.observability.PolicyLog}: lines in the log for what changes;
 *   <li>{@link dev.resilience.observability.PolicyEvents}: JFR events, off until a recording asks for them.
 * </ul>
 *
 * {@link dev.resilience.observability.CallMeter} is a gate that admits all and counts, or times, the calls at its place.
 */
@org.jspecify.annotations.NullMarked
package dev.resilience.observability;
