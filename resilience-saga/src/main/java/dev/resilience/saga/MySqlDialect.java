// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.sql.SQLException;

/** MySQL and MariaDB, on InnoDB. Connections that are READ COMMITTED already save two round trips each time. */
final class MySqlDialect extends PlainDialect {
    /** ER_DUP_ENTRY: 23000 alone would be a missing value as well. */
    private static final int DUPLICATE = 1062;

    private final String name;

    MySqlDialect(String name) {
        this.name = name;
    }

    @Override
    String name() {
        return name;
    }

    @Override
    boolean batches() {
        return true; // one commit for all of them
    }

    @Override
    boolean isDuplicate(SQLException thrown) {
        return "23000".equals(thrown.getSQLState()) && thrown.getErrorCode() == DUPLICATE;
    }

    /** The insert that was refused has this lock on the row already. */
    @Override
    String newest() {
        return " LOCK IN SHARE MODE";
    }

    /** UNIX_TIMESTAMP of a local time would be ambiguous for an hour each autumn; without an argument it is not. */
    @Override
    String clock() {
        return "SELECT UNIX_TIMESTAMP() * 1000 + MICROSECOND(NOW(3)) DIV 1000";
    }

    @Override
    String keepBeat() {
        return "INSERT INTO saga_node (owner, beat, at_ms) VALUES (?, ?, ?)"
                + " ON DUPLICATE KEY UPDATE beat = VALUES(beat), at_ms = VALUES(at_ms)";
    }
}
