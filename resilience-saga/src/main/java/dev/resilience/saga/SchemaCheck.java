// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Compares the tables that are there with those of the SQL files; collects every problem. */
final class SchemaCheck {
    // a letter says the type: t(ext of that length), x (text of any length), i(nteger), s(mall), l(ong), b(oolean),
    // y (bytes of any length); ? says that it may be null
    private static final Map<String, String> COLUMNS = new LinkedHashMap<>();
    private static final Map<String, String> KEYS = Map.of(
            "saga_instance", "saga_name, saga_id",
            "saga_step", "saga_name, saga_id, seq, ord",
            "saga_signal", "saga_name, saga_id, signal_name, signal_key",
            "saga_node", "owner");
    private static final List<String> INDEXED = List.of("owner", "wake_ms", "status", "ended_ms");
    /** Texts that must be equal only if they are the same. */
    private static final Set<String> EXACT = Set.of(
            "saga_name", "saga_id", "signal_name", "signal_key", "owner", "lock_key", "lock_live", "incarnation");

    static {
        COLUMNS.put(
                "saga_instance",
                "saga_name t100, saga_id t128, incarnation t40, def_version i, status s, held_from s?, owner t200?, fence l,"
                        + " seq l, sig i, claims i, wake_ms l?, deadline_ms l?, cancel_requested b, in_pivot b, pivot_passed b,"
                        + " lock_key t200?, reason t200?, reason_step t200?, reason_text x?, started_ms l, updated_ms l,"
                        + " ended_ms l?, input_hash t100, input y, context y?");
        COLUMNS.put(
                "saga_step",
                "saga_name t100, saga_id t128, seq l, ord i, step t200, idx i, phase t1, outcome s?, kind t1, attempts i,"
                        + " due_ms l?, fence l, at_ms l, note x?, cause x?, payload y?");
        COLUMNS.put(
                "saga_signal",
                "saga_name t100, saga_id t128, signal_name t200, signal_key t200, sig i, at_ms l, payload y?");
        COLUMNS.put("saga_node", "owner t200, beat l, at_ms l");
    }

    private record Column(int type, String typeName, int size, boolean nullable, boolean filledByItself) {}

    private final Connection connection;
    private final DatabaseMetaData meta;
    private final String database;
    private final List<String> problems = new ArrayList<>();

    private SchemaCheck(Connection connection, String database) throws SQLException {
        this.connection = connection;
        this.meta = connection.getMetaData();
        this.database = database;
    }

    /** Everything that is missing or wrong; empty if nothing is. */
    static List<String> problems(Connection connection, String database) throws SQLException {
        List<String> problems = tables(connection, database);
        if (reads(connection, database))
            problems.add(
                    "it is read-only for this data source: a standby, or a pool or a user that is set so; sagas write");
        String late = database.equals("h2") ? lateCommits(connection) : null;
        if (late != null)
            problems.add("the database writes what is committed up to " + late
                    + " ms late, and a process that is killed forgets it: add ;WRITE_DELAY=0 to the URL, or let an"
                    + " admin of it SET WRITE_DELAY 0");
        return problems;
    }

    private static boolean reads(Connection connection, String database) throws SQLException {
        return connection.isReadOnly()
                || (database.equals("postgresql")
                        && "on".equals(answer(connection, "SELECT current_setting('transaction_read_only')")));
    }

    /**
     * What a database is set to that makes it forget what it has acknowledged (G1, G5, G7), and that a session cannot
     * change. No mistake of the tables: somebody may want it so.
     */
    static List<String> forgetful(Connection connection, String database) throws SQLException {
        return switch (database) {
            case "postgresql" ->
                "off".equals(answer(connection, "SELECT current_setting('fsync')"))
                        ? List.of("fsync = off: it may be destroyed when its machine crashes")
                        : List.of();
            case "mariadb", "mysql" -> {
                List<String> said = new ArrayList<>();
                String flush = answer(connection, "SELECT @@innodb_flush_log_at_trx_commit");
                if ("0".equals(flush))
                    said.add("innodb_flush_log_at_trx_commit = 0: it forgets up to a second when it ends unexpectedly");
                if ("2".equals(flush))
                    said.add("innodb_flush_log_at_trx_commit = 2: it forgets up to a second when its machine crashes");
                if ("1".equals(answer(connection, "SELECT @@log_bin"))
                        && "0".equals(answer(connection, "SELECT @@sync_binlog")))
                    said.add("log_bin with sync_binlog = 0: it forgets what its log has not when its machine crashes");
                yield said;
            }
            default -> List.of();
        };
    }

    private static @Nullable String answer(Connection connection, String sql) throws SQLException {
        try (PreparedStatement s = connection.prepareStatement(sql);
                ResultSet r = s.executeQuery()) {
            return r.next() ? r.getString(1) : null;
        }
    }

    /** What is missing or wrong of the tables. */
    static List<String> tables(Connection connection, String database) throws SQLException {
        SchemaCheck check = new SchemaCheck(connection, database);
        for (String table : COLUMNS.keySet()) check.table(table);
        return check.problems;
    }

    /** By how many milliseconds H2 writes late to its file; null if it does not, or has no file. */
    static @Nullable String lateCommits(Connection connection) throws SQLException {
        try (PreparedStatement s = connection.prepareStatement("SELECT SETTING_VALUE FROM INFORMATION_SCHEMA.SETTINGS"
                        + " WHERE SETTING_NAME = 'WRITE_DELAY' AND DATABASE_PATH() IS NOT NULL");
                ResultSet r = s.executeQuery()) {
            String delay = r.next() ? r.getString(1) : null;
            return "0".equals(delay) ? null : delay;
        }
    }

    private void table(String table) throws SQLException {
        String schema = schema(table);
        Map<String, Column> there = columns(table, schema);
        if (there.isEmpty()) {
            problems.add("table " + table + " is missing");
            return;
        }
        String wanted = COLUMNS.getOrDefault(table, "");
        for (String each : wanted.split(", ", -1)) {
            String name = each.substring(0, each.indexOf(' '));
            column(table + "." + name, each.substring(each.indexOf(' ') + 1), there.remove(name));
        }
        boolean keyed = !database.equals("postgresql") && table.equals("saga_instance");
        if (keyed && there.remove("lock_live") == null)
            problems.add("column saga_instance.lock_live is missing: lock_key while status < 10, generated");
        there.forEach((name, column) -> {
            if (!column.nullable && !column.filledByItself)
                problems.add("column " + table + "." + name + " is not the journal's and must have a value");
        });
        String key = String.join(", ", primaryKey(table, schema));
        if (!key.equals(KEYS.get(table)))
            problems.add("the primary key of " + table + " must be (" + KEYS.get(table) + "), is (" + key + ")");
        if (table.equals("saga_instance")) indexes(schema, keyed ? "lock_live" : "lock_key");
        if (database.equals("mysql") || database.equals("mariadb")) collations(table, schema);
    }

    private void column(String name, String wanted, @Nullable Column there) {
        if (there == null) {
            problems.add("column " + name + " is missing");
            return;
        }
        boolean null_ = wanted.endsWith("?");
        if (!fits(wanted.charAt(0), wanted.replaceAll("\\D", ""), there))
            problems.add(
                    "column " + name + " must be " + said(wanted) + ", is " + there.typeName + "(" + there.size + ")");
        if (null_ && !there.nullable) problems.add("column " + name + " must be able to be null");
    }

    private static boolean fits(char wanted, String length, Column there) {
        boolean unbounded = there.size <= 0;
        String type = there.typeName.toLowerCase(Locale.ROOT);
        return switch (wanted) {
            case 't' ->
                isText(there.type)
                        && !type.contains("ignorecase")
                        && !type.contains("citext")
                        && (unbounded || there.size >= Integer.parseInt(length));
            case 'x' -> isText(there.type) && (unbounded || there.size >= 65_535);
            case 'i' -> there.type == Types.INTEGER || there.type == Types.BIGINT;
            case 's' -> there.type == Types.SMALLINT || there.type == Types.INTEGER || there.type == Types.BIGINT;
            case 'l' -> there.type == Types.BIGINT;
            case 'b' -> there.type == Types.BOOLEAN || there.type == Types.BIT || there.type == Types.TINYINT;
            default -> isBytes(there.type) && (unbounded || there.size >= 1 << 20);
        };
    }

    private static boolean isText(int type) {
        return switch (type) {
            case Types.VARCHAR, Types.CHAR, Types.LONGVARCHAR, Types.CLOB, Types.NVARCHAR, Types.LONGNVARCHAR -> true;
            default -> false;
        };
    }

    private static boolean isBytes(int type) {
        return type == Types.BINARY || type == Types.VARBINARY || type == Types.LONGVARBINARY || type == Types.BLOB;
    }

    private static String said(String wanted) {
        return switch (wanted.charAt(0)) {
            case 't' -> "text of " + wanted.replaceAll("\\D", "") + " characters or more";
            case 'x' -> "text of 65535 characters or more";
            case 'i' -> "an integer";
            case 's' -> "a smallint";
            case 'l' -> "a bigint";
            case 'b' -> "a boolean";
            default -> "bytes, 1 MiB or more";
        };
    }

    // ---- asking

    /** PostgreSQL finds a table by its search path, which need not begin with where it is. */
    private @Nullable String schema(String table) throws SQLException {
        if (!database.equals("postgresql")) return connection.getSchema();
        try (PreparedStatement s = connection.prepareStatement(
                "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass(?)")) {
            s.setString(1, table);
            try (ResultSet r = s.executeQuery()) {
                return r.next() ? r.getString(1) : connection.getSchema();
            }
        }
    }

    private String stored(String table) throws SQLException {
        return meta.storesUpperCaseIdentifiers() ? table.toUpperCase(Locale.ROOT) : table;
    }

    private Map<String, Column> columns(String table, @Nullable String schema) throws SQLException {
        Map<String, Column> columns = new TreeMap<>();
        try (ResultSet r = meta.getColumns(connection.getCatalog(), schema, stored(table), null)) {
            while (r.next()) {
                if (!table.equalsIgnoreCase(r.getString("TABLE_NAME"))) continue; // _ is a wildcard
                String own = r.getString("COLUMN_DEF");
                columns.put(
                        r.getString("COLUMN_NAME").toLowerCase(Locale.ROOT),
                        new Column(
                                r.getInt("DATA_TYPE"),
                                String.valueOf(r.getString("TYPE_NAME")),
                                r.getInt("COLUMN_SIZE"),
                                r.getInt("NULLABLE") != DatabaseMetaData.columnNoNulls,
                                own != null
                                        || "YES".equals(r.getString("IS_AUTOINCREMENT"))
                                        || "YES".equals(r.getString("IS_GENERATEDCOLUMN"))));
            }
        }
        return columns;
    }

    private List<String> primaryKey(String table, @Nullable String schema) throws SQLException {
        Map<Integer, String> columns = new TreeMap<>();
        try (ResultSet r = meta.getPrimaryKeys(connection.getCatalog(), schema, stored(table))) {
            while (r.next())
                columns.put(r.getInt("KEY_SEQ"), r.getString("COLUMN_NAME").toLowerCase(Locale.ROOT));
        }
        return List.copyOf(columns.values());
    }

    private void indexes(@Nullable String schema, String lock) throws SQLException {
        Map<String, TreeMap<Integer, String>> indexes = new TreeMap<>();
        List<String> unique = new ArrayList<>();
        try (ResultSet r = meta.getIndexInfo(connection.getCatalog(), schema, stored("saga_instance"), false, true)) {
            while (r.next()) {
                String index = r.getString("INDEX_NAME");
                String column = r.getString("COLUMN_NAME");
                if (index == null || column == null) continue;
                indexes.computeIfAbsent(index, i -> new TreeMap<>())
                        .put(r.getInt("ORDINAL_POSITION"), column.toLowerCase(Locale.ROOT));
                if (!r.getBoolean("NON_UNIQUE")) unique.add(index);
            }
        }
        for (String column : INDEXED)
            if (indexes.values().stream()
                    .noneMatch(i -> column.equals(i.firstEntry().getValue())))
                problems.add("saga_instance has no index that begins with " + column);
        if (indexes.entrySet().stream()
                .noneMatch(i -> unique.contains(i.getKey())
                        && List.of(lock).equals(List.copyOf(i.getValue().values()))))
            problems.add("saga_instance has no unique index on " + lock);
    }

    private void collations(String table, @Nullable String schema) throws SQLException {
        String in = connection.getCatalog() == null ? schema : connection.getCatalog();
        try (PreparedStatement s = connection.prepareStatement(
                "SELECT column_name, collation_name FROM information_schema.columns WHERE table_schema = ? AND table_name = ?"
                        + " ORDER BY ordinal_position")) {
            s.setString(1, in);
            s.setString(2, table);
            try (ResultSet r = s.executeQuery()) {
                while (r.next()) {
                    String collation = r.getString(2);
                    if (collation == null || !EXACT.contains(r.getString(1).toLowerCase(Locale.ROOT))) continue;
                    if (!collation.endsWith("nopad_bin") && !collation.endsWith("0900_bin"))
                        problems.add("column " + table + "." + r.getString(1) + " has the collation " + collation
                                + ", which takes different ids for equal: must be "
                                + (database.equals("mysql") ? "utf8mb4_0900_bin" : "utf8mb4_nopad_bin"));
                }
            }
        }
    }
}
