// SPDX-License-Identifier: Apache-2.0
/** Databases for tests, examples and benchmarks: {@link dev.resilience.servers.TestServer}. Not published. */
@org.jspecify.annotations.NullMarked
package dev.resilience.servers;
