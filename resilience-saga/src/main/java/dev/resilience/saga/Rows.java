// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import org.jspecify.annotations.Nullable;

/** How heads, lines and signals lie in the columns of a database; the same in every dialect. */
final class Rows {
    /** The columns of a head, in the order of {@link #head}. */
    static final String HEAD =
            "saga_name, saga_id, incarnation, def_version, status, held_from, owner, fence, seq, sig,"
                    + " claims, wake_ms, deadline_ms, cancel_requested, in_pivot, pivot_passed, lock_key, reason, reason_step,"
                    + " reason_text, started_ms, updated_ms, ended_ms";

    /** The columns of a line after those of its saga, in the order of {@link #entry}. */
    static final String ENTRY =
            "seq, ord, step, idx, phase, outcome, kind, attempts, due_ms, fence, at_ms, note, cause, payload";

    /** The columns of a signal after those of its saga, in the order of {@link #signal}. */
    static final String SIGNAL = "signal_name, signal_key, payload, at_ms";

    private Rows() {}

    /** Reads {@link #HEAD} from the first column on. */
    static SagaInstance head(ResultSet r) throws SQLException {
        int heldFrom = r.getInt(6);
        boolean held = !r.wasNull();
        return SagaInstance.builder(new SagaRef(r.getString(1), r.getString(2)))
                .incarnation(r.getString(3))
                .version(r.getInt(4))
                .status(SagaStatus.of(r.getInt(5)))
                .heldFrom(held ? SagaStatus.of(heldFrom) : null)
                .owner(r.getString(7))
                .fence(r.getLong(8))
                .seq(r.getLong(9))
                .sig(r.getInt(10))
                .claims(r.getInt(11))
                .wakeMs(time(r, 12))
                .deadlineMs(time(r, 13))
                .cancelRequested(r.getBoolean(14))
                .inPivot(r.getBoolean(15))
                .pivotPassed(r.getBoolean(16))
                .lockKey(r.getString(17))
                .reason(r.getString(18))
                .reasonStep(r.getString(19))
                .reasonText(r.getString(20))
                .startedMs(r.getLong(21))
                .updatedMs(r.getLong(22))
                .endedMs(time(r, 23))
                .build();
    }

    /** Reads {@link #ENTRY} from the column {@code c} on. */
    static JournalEntry entry(ResultSet r, int c) throws SQLException {
        String kind = r.getString(c + 6);
        return JournalEntry.of(JournalEntry.Phase.of(r.getString(c + 4).charAt(0)), text(r.getString(c + 2)))
                .index(r.getInt(c + 3))
                .outcome(outcome(r.getInt(c + 5)))
                .kind(kind == null || kind.isEmpty() ? ' ' : kind.charAt(0))
                .attempts(r.getInt(c + 7))
                .dueMs(time(r, c + 8))
                .note(r.getString(c + 11))
                .text(r.getString(c + 12))
                .payload(r.getBytes(c + 13))
                .at(r.getLong(c), r.getInt(c + 1), r.getLong(c + 9), r.getLong(c + 10));
    }

    /** Reads {@link #SIGNAL} from the column {@code c} on. */
    static SagaStore.Signal signal(ResultSet r, int c) throws SQLException {
        return new SagaStore.Signal(r.getString(c), text(r.getString(c + 1)), r.getBytes(c + 2), r.getLong(c + 3));
    }

    /** Sets parameters one after the other, each by its own type. */
    static final class Binder {
        private final PreparedStatement statement;
        private int at;

        Binder(PreparedStatement statement) {
            this.statement = statement;
        }

        Binder text(@Nullable String value) throws SQLException {
            if (value == null) statement.setNull(++at, Types.VARCHAR);
            else statement.setString(++at, value);
            return this;
        }

        Binder number(long value) throws SQLException {
            statement.setLong(++at, value);
            return this;
        }

        Binder integer(int value) throws SQLException {
            statement.setInt(++at, value);
            return this;
        }

        Binder small(@Nullable Integer value) throws SQLException {
            if (value == null) statement.setNull(++at, Types.SMALLINT);
            else statement.setInt(++at, value);
            return this;
        }

        /** {@link SagaInstance#NEVER} becomes NULL. */
        Binder time(long ms) throws SQLException {
            if (ms == SagaInstance.NEVER) statement.setNull(++at, Types.BIGINT);
            else statement.setLong(++at, ms);
            return this;
        }

        Binder flag(boolean value) throws SQLException {
            statement.setBoolean(++at, value);
            return this;
        }

        Binder bytes(byte @Nullable [] value) throws SQLException {
            if (value == null) statement.setNull(++at, Types.VARBINARY);
            else statement.setBytes(++at, value);
            return this;
        }

        Binder ref(SagaRef ref) throws SQLException {
            return text(ref.name()).text(ref.id());
        }
    }

    static @Nullable Integer code(@Nullable SagaStatus status) {
        return status == null ? null : status.code();
    }

    /** Numbers in the database, from 1; they never change their meaning. */
    static @Nullable Integer code(@Nullable StepOutcome outcome) {
        if (outcome == null) return null;
        return switch (outcome) {
            case COMPLETED -> 1;
            case REJECTED -> 2;
            case IN_DOUBT -> 3;
            case SKIPPED -> 4;
        };
    }

    private static @Nullable StepOutcome outcome(int code) {
        return switch (code) {
            case 0 -> null; // what getInt answers for NULL
            case 1 -> StepOutcome.COMPLETED;
            case 2 -> StepOutcome.REJECTED;
            case 3 -> StepOutcome.IN_DOUBT;
            case 4 -> StepOutcome.SKIPPED;
            default -> throw new IllegalStateException("no outcome of a step has the code " + code);
        };
    }

    private static long time(ResultSet r, int column) throws SQLException {
        long ms = r.getLong(column);
        return r.wasNull() ? SagaInstance.NEVER : ms;
    }

    private static String text(@Nullable String value) {
        return value == null ? "" : value;
    }

    /** What people read may hold what a database refuses: NUL, and halves of characters. */
    static @Nullable String readable(@Nullable String text) {
        if (text == null) return null;
        for (int i = 0; i < text.length(); i++)
            if (text.charAt(i) == 0 || Character.isSurrogate(text.charAt(i))) return repaired(text);
        return text;
    }

    private static String repaired(String text) {
        StringBuilder whole = new StringBuilder(text.length());
        text.codePoints()
                .map(c -> c == 0 || (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) ? 0xFFFD : c)
                .forEach(whole::appendCodePoint);
        return whole.toString();
    }
}
