// SPDX-License-Identifier: Apache-2.0
/**
 * Sagas that survive the crash: typed definitions with compensation, and an engine that keeps its journal in memory or
 * in a database. Needs nothing at run time but the core, {@code java.sql} and, for a database, its driver.
 */
@org.jspecify.annotations.NullMarked
module dev.resilience.saga {
    requires transitive dev.resilience.core;
    requires transitive java.sql;
    requires static transitive org.jspecify;

    exports dev.resilience.saga;
}
