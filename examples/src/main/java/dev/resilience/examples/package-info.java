// SPDX-License-Identifier: Apache-2.0
/**
 * A program to run and to read: real HTTP calls to hosts that fail in every way, once as they are and once protected.
 * {@link dev.resilience.examples.FirstPipeline} is the shortest way in, {@link dev.resilience.examples.Guarded} the
 * protection that one would really deploy; the rest makes traffic, trouble and a table of it.
 */
@NullMarked
package dev.resilience.examples;

import org.jspecify.annotations.NullMarked;
