// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * The tables of the journal in a database. They are yours: put {@link #sql} among your migrations. Nothing is created
 * or changed unless {@link #createIfMissing} is called (an engine on H2 does), and an engine that opens
 * {@link #verify verifies} them.
 */
public final class SagaSchema {
    private static final int TRIES = 5;
    private static final Pattern CREATE = Pattern.compile("^CREATE (UNIQUE )?(TABLE|INDEX) ");
    private static final Pattern END = Pattern.compile(";\\s*(\\n|$)");
    private static final Set<String> DATABASES = Set.of("postgresql", "mariadb", "mysql", "h2");

    private SagaSchema() {}

    /**
     * The statements that create the tables and their indexes; the same text as the file
     * {@code dev/resilience/saga/<database>.sql} in the jar.
     *
     * @param database {@code postgresql}, {@code mariadb}, {@code mysql} or {@code h2}
     * @return DDL, statements ended by semicolons at the ends of lines
     * @throws IllegalArgumentException if it is none of the four
     */
    public static String sql(String database) {
        if (!DATABASES.contains(database))
            throw new IllegalArgumentException("database must be postgresql, mariadb, mysql or h2, was " + database);
        try (InputStream file = SagaSchema.class.getResourceAsStream(database + ".sql")) {
            if (file == null) throw new IllegalStateException(database + ".sql is missing in the jar");
            return new String(file.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Looks whether the tables are as this version needs them: every table, column, type, length, key and index. More
     * columns and indexes than needed are yours and no problem, as long as a row can be written without them. A data
     * source that only reads is a problem; settings by which the database forgets what it has acknowledged are logged as
     * a warning.
     *
     * @param source where the tables are
     * @throws IllegalStateException with everything that is missing or wrong in one message
     * @throws IllegalArgumentException if the database is none that sagas can be kept in
     * @throws SagaStoreException if the database cannot be asked
     */
    public static void verify(DataSource source) {
        List<String> problems;
        String database;
        try (Connection connection = source.getConnection()) {
            database = Dialect.of(connection).name();
            problems = looked(connection, database);
        } catch (SQLException e) {
            throw new SagaStoreException("looking at the tables of the journal", e);
        }
        refuse(database, problems);
    }

    /**
     * Creates what is missing and changes nothing that is there, then {@link #verify verifies}. Several may do it at once.
     * A file of H2 is told to keep each commit at once ({@code SET WRITE_DELAY 0}) instead of half a second later.
     * For a database that belongs to this service alone; others have their migrations.
     *
     * @param source where the tables are
     * @throws IllegalStateException if what was there is wrong
     * @throws IllegalArgumentException if the database is none that sagas can be kept in
     * @throws SagaStoreException if the database cannot be asked or refuses to create something
     */
    public static void createIfMissing(DataSource source) {
        List<String> problems;
        String database;
        try (Connection connection = source.getConnection()) {
            database = Dialect.of(connection).name();
            if (database.equals("h2") && SchemaCheck.lateCommits(connection) != null) writeAtOnce(connection);
            // who may only write, not create, comes to where everything is there already
            for (int tries = 1; tries <= TRIES; tries++) {
                if (SchemaCheck.tables(connection, database).isEmpty()) break;
                SQLException refused = create(connection, database);
                if (refused == null) break;
                // two at once: PostgreSQL refuses the second one even so; the next look finds what the first has made
                if (tries == TRIES) throw refused;
            }
            problems = looked(connection, database);
        } catch (SQLException e) {
            throw new SagaStoreException("creating the tables of the journal", e);
        }
        refuse(database, problems);
    }

    /** What an engine does before it opens: H2 belongs to its process, the others are looked at only. */
    static DataSource prepared(DataSource source) {
        boolean own;
        try (Connection connection = source.getConnection()) {
            own = Dialect.of(connection).name().equals("h2");
        } catch (SQLException e) {
            throw new SagaStoreException("asking the data source which database it is", e);
        }
        if (own) createIfMissing(source);
        else verify(source);
        return source;
    }

    /** By default H2 writes a commit half a second later: G1, G5 and G7 would not survive a kill. Kept in the database. */
    private static void writeAtOnce(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("SET WRITE_DELAY 0");
        } catch (SQLException notAdmin) {
            // the check names it
            if (!connection.getAutoCommit()) connection.rollback();
        }
    }

    private static @Nullable SQLException create(Connection connection, String database) throws SQLException {
        boolean autoCommit = connection.getAutoCommit();
        if (!autoCommit) connection.setAutoCommit(true); // no database takes all of this back, so none has to
        try (Statement statement = connection.createStatement()) {
            SQLException refused = null;
            for (String sql : statements(sql(database))) {
                try {
                    statement.execute(CREATE.matcher(sql).replaceFirst("$0IF NOT EXISTS "));
                } catch (SQLException e) {
                    // perhaps because somebody else has just made it: the rest is still to be made
                    if (refused == null) refused = e;
                }
            }
            return refused;
        } finally {
            if (!autoCommit) connection.setAutoCommit(false);
        }
    }

    /** The statements of a file, without its comments. */
    static List<String> statements(String file) {
        String code =
                file.lines().filter(line -> !line.strip().startsWith("--")).collect(Collectors.joining("\n"));
        return END.splitAsStream(code)
                .map(String::strip)
                .filter(statement -> !statement.isEmpty())
                .toList();
    }

    private static List<String> looked(Connection connection, String database) throws SQLException {
        for (String forgets : SchemaCheck.forgetful(connection, database))
            Guest.warn(
                    "sagas that were started may be gone after a crash of this " + database + ", which is set to "
                            + forgets,
                    null);
        return SchemaCheck.problems(connection, database);
    }

    private static void refuse(String database, List<String> problems) {
        if (problems.isEmpty()) return;
        throw new IllegalStateException(
                "the tables of the journal in this " + database + " are not as they must be:\n- "
                        + String.join("\n- ", problems) + "\nSagaSchema.sql(\"" + database
                        + "\") has the statements that create them, SagaSchema.createIfMissing(dataSource) creates what is missing");
    }
}
