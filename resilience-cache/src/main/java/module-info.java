// SPDX-License-Identifier: Apache-2.0
/**
 * Caches that load once, fail well and never resurrect. Needs nothing at run time but the core and the JDK.
 */
@org.jspecify.annotations.NullMarked
module dev.resilience.cache {
    requires transitive dev.resilience.core;
    requires static transitive org.jspecify;
    requires static com.github.benmanes.caffeine;

    exports dev.resilience.cache;
}
