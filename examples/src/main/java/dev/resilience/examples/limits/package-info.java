// SPDX-License-Identifier: Apache-2.0
/** An HTTP API that limits each user and each endpoint, and clients that obey, or do not. */
@org.jspecify.annotations.NullMarked
package dev.resilience.examples.limits;
