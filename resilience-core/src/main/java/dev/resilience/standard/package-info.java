// SPDX-License-Identifier: Apache-2.0
/**
 * The composition that fits most calls of a remote dependency: {@link dev.resilience.standard.StandardPipeline}.
 */
@org.jspecify.annotations.NullMarked
package dev.resilience.standard;
