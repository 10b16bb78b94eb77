// SPDX-License-Identifier: Apache-2.0
/**
 * The nouns of the library: policies, the pipeline that composes them, and what both are made of.
 */
@org.jspecify.annotations.NullMarked
package dev.resilience;
