// SPDX-License-Identifier: Apache-2.0
/** For tests of sagas: contracts of what their engine is given, and crashes at every boundary. */
@org.jspecify.annotations.NullMarked
package dev.resilience.testkit.saga;
