// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.sql.Connection;
import java.sql.SQLException;

/** Ends connections of transactional steps. */
final class Transactions {
    private Transactions() {}

    /** Rolls back and closes; what goes wrong there changes nothing: an open transaction dies with its connection. */
    static void giveUp(Connection connection) {
        try (connection) {
            connection.rollback();
        } catch (SQLException | RuntimeException broken) {
            Guest.warn("a transactional step could not be rolled back: " + Guest.text(broken), broken);
        }
    }

    static void close(Connection connection) {
        try {
            connection.close();
        } catch (SQLException | RuntimeException broken) {
            Guest.warn("the connection of a transactional step could not be closed: " + Guest.text(broken), broken);
        }
    }
}
