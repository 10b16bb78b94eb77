// SPDX-License-Identifier: Apache-2.0
/**
 * Tools to test a pipeline without sleeping.
 */
@org.jspecify.annotations.NullMarked
package dev.resilience.testkit;
