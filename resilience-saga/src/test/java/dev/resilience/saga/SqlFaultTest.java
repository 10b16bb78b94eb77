// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SqlFaultTest {
    @ParameterizedTest
    @CsvSource({
        "40001, 0, AGAIN", // serialization failure
        "40P01, 0, AGAIN", // deadlock
        "25006, 0, CONNECTION", // a standby
        "25006, 1792, CONNECTION", // a transaction of MySQL that only reads
        "HY000, 1290, CONNECTION", // MySQL's read_only
        "HY000, 1836, CONNECTION", // innodb_read_only
        "26000, 0, CONNECTION", // the prepared statement is gone
        "42P05, 0, CONNECTION", // it is another's
        "0A000, 0, CONNECTION", // a cached plan whose table was altered
        "23505, 0, ROW",
        "22001, 0, ROW",
        "42P01, 0, ROW",
        "P0001, 0, ROW", // a trigger of somebody's
        "57014, 0, AWAY", // cancelled
        "55P03, 0, AWAY", // a lock was not to be had in time
        "25P03, 0, AWAY", // idle in a transaction for too long
        "57P01, 0, AWAY",
        "08006, 0, AWAY",
        "53300, 0, AWAY",
        "HY000, 1205, AWAY",
        "40001, 1205, AWAY", // as Connector/J may call it: the lock is still held
        "HY000, 3024, AWAY"
    })
    void a_state_says_what_to_do(String state, int code, SqlFault fault) {
        assertThat(SqlFault.of(new SQLException("refused", state, code))).isEqualTo(fault);
    }

    @Test
    void what_says_nothing_or_is_about_the_line_is_a_database_that_is_away() {
        assertThat(SqlFault.of(new SQLException("no state"))).isEqualTo(SqlFault.AWAY);
        assertThat(SqlFault.of(new SQLTransientConnectionException("no connection in time", "23000")))
                .isEqualTo(SqlFault.AWAY);
        SQLException first = new SQLException("of a batch");
        first.setNextException(new SQLException("the cause", "40001"));
        assertThat(SqlFault.of(first)).isEqualTo(SqlFault.AGAIN);
    }
}
