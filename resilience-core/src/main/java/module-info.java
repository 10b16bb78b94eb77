// SPDX-License-Identifier: Apache-2.0
/**
 * Policies that protect calls, and the pipeline that composes them. Needs nothing at run time but the JDK.
 */
@org.jspecify.annotations.NullMarked
module dev.resilience.core {
    // for dev.resilience.http alone; not transitive: who uses that package needs the module at run time and says so
    requires static java.net.http;
    requires static transitive org.jspecify;

    exports dev.resilience;
    exports dev.resilience.breaker;
    exports dev.resilience.bulkhead;
    exports dev.resilience.hedge;
    exports dev.resilience.http;
    exports dev.resilience.retry;
    exports dev.resilience.standard;
    exports dev.resilience.timeout;
}
