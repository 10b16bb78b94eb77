// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import org.jspecify.annotations.Nullable;

/**
 * Who times out, and in which pipeline: made when that is linked, so that a call pays nothing for it. Tests of users have no
 * owner.
 */
record Origin(
        String name, @Nullable String pipeline, @Nullable Policy owner) {}
