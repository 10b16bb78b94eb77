// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples.products;

/**
 * A row of the database.
 *
 * @param id its key
 * @param category what is invalidated together
 * @param version grows with each change
 * @param readAt not later than the database was asked, by the clock of the example
 */
record Product(String id, String category, int version, long readAt) {}
