// SPDX-License-Identifier: Apache-2.0
/**
 * Rate limiting with exact bounds. Needs nothing at run time but the core and the JDK.
 */
@org.jspecify.annotations.NullMarked
module dev.resilience.ratelimit {
    requires transitive dev.resilience.core;
    requires static transitive org.jspecify;

    exports dev.resilience.ratelimit;
}
