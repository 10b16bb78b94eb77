// SPDX-License-Identifier: Apache-2.0
/**
 * Tools to test a pipeline without sleeping.
 */
@org.jspecify.annotations.NullMarked
module dev.resilience.testkit {
    requires transitive dev.resilience.core;
    requires transitive dev.resilience.ratelimit;
    requires transitive dev.resilience.cache;
    requires transitive dev.resilience.saga;
    requires static transitive org.jspecify;
    requires java.logging;
    requires transitive org.junit.jupiter.api;

    exports dev.resilience.testkit;
    exports dev.resilience.testkit.cache;
    exports dev.resilience.testkit.ratelimit;
    exports dev.resilience.testkit.saga;
}
