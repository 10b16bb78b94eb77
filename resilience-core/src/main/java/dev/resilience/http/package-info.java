// SPDX-License-Identifier: Apache-2.0
/**
 * The JDK's HTTP client, with a pipeline for each host: {@link dev.resilience.http.ResilientHttpClient}. The only
 * package of this module that needs the module {@code java.net.http}; a named module that uses it says
 * {@code requires java.net.http} too.
 */
@org.jspecify.annotations.NullMarked
package dev.resilience.http;
