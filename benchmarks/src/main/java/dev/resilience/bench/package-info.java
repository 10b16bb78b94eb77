// SPDX-License-Identifier: Apache-2.0
/** What a call costs, beside other libraries and beside the floor. {@code benchmarks/run} builds, runs and prints. */
@NullMarked
package dev.resilience.bench;

import org.jspecify.annotations.NullMarked;
