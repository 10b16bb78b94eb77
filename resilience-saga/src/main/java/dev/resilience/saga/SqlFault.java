// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.sql.SQLException;
import java.sql.SQLNonTransientConnectionException;
import java.sql.SQLRecoverableException;
import java.sql.SQLTransientConnectionException;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What an {@link SQLException} means for what was tried: by the class of its SQL state, never by its text. */
enum SqlFault {
    /** It was rolled back because of somebody else: a serialization failure or a deadlock. The same again is right. */
    AGAIN,
    /**
     * This connection cannot do it, another one may: since a failover it leads to a server that only reads, or what it
     * keeps prepared is no longer there, because a proxy gave it another session or a table was changed. Pools take it for
     * whole. Thrown away, then the same again.
     */
    CONNECTION,
    /** The database cannot be asked, or it is not known what it did: later, not now. */
    AWAY,
    /** It was refused because of what was sent: a row is guilty, or the schema. */
    ROW;

    private static final Set<String> CONNECTIONS = Set.of("25006", "26000", "42P05", "0A000");
    /** MySQL and MariaDB with read_only and innodb_read_only. */
    private static final Set<Integer> READ_ONLY = Set.of(1290, 1836);

    static SqlFault of(SQLException thrown) {
        String state = state(thrown);
        if (state == null || state.length() != 5) return AWAY;
        if (waits(thrown)) return AWAY;
        if (state.equals("40001") || state.equals("40P01")) return AGAIN;
        if (CONNECTIONS.contains(state) || (state.equals("HY000") && READ_ONLY.contains(thrown.getErrorCode())))
            return CONNECTION;
        if (thrown instanceof SQLRecoverableException
                || thrown instanceof SQLTransientConnectionException
                || thrown instanceof SQLNonTransientConnectionException) return AWAY;
        return switch (state.substring(0, 2)) {
            case "22", "23", "42", "44", "21", "P0", "54" -> ROW;
            default -> AWAY; // 08, 25, 28, 40003, 53, 55, 57, 58, XX, HY, 3D: time, an operator or a restart cures them
        };
    }

    /** Whether it gave up waiting for a lock that somebody holds, who may go on holding it: 1205 of MySQL, of any state. */
    static boolean waits(SQLException thrown) {
        return "55P03".equals(state(thrown)) || thrown.getErrorCode() == 1205;
    }

    private static @Nullable String state(SQLException thrown) {
        if (thrown.getSQLState() != null) return thrown.getSQLState();
        return thrown.getNextException() == null
                ? null
                : thrown.getNextException().getSQLState();
    }
}
