// SPDX-License-Identifier: Apache-2.0
/**
 * What operators see of policies: Micrometer metrics, SLF4J logs, JFR events. JFR is used where the JDK has it.
 */
@org.jspecify.annotations.NullMarked
@SuppressWarnings({"requires-automatic", "requires-transitive-automatic"}) // Micrometer has only a name for its modules
module dev.resilience.observability {
    requires transitive dev.resilience.core;
    requires transitive micrometer.core;
    requires transitive org.slf4j;
    requires static transitive org.jspecify;
    requires static dev.resilience.cache;
    requires static dev.resilience.saga;
    requires static dev.resilience.ratelimit;
    requires static jdk.jfr;
    requires static java.net.http; // for the status of a response in the log

    exports dev.resilience.observability;
}
