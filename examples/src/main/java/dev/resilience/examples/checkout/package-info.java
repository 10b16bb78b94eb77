// SPDX-License-Identifier: Apache-2.0
/** A checkout as a saga over four HTTP services, whose own process is killed and started again midway. */
@org.jspecify.annotations.NullMarked
package dev.resilience.examples.checkout;
