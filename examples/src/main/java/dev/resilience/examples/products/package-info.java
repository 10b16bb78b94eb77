// SPDX-License-Identifier: Apache-2.0
/** A shop that answers from its cache while its database is down, and recovers. */
@org.jspecify.annotations.NullMarked
package dev.resilience.examples.products;
