// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** A connection of somebody's pool, for one transaction or one statement; given back as it was. */
final class Borrowed implements AutoCloseable {
    final Connection connection;
    private final Dialect dialect;
    private final boolean autoCommit;
    private boolean clean = true;
    private boolean useless;
    private @Nullable Boolean autoCommitWas;
    private @Nullable Object begun;

    /** With {@code autoCommit} each statement is a transaction, otherwise it begins one that {@link #commit} ends. */
    Borrowed(DataSource source, Dialect dialect, boolean autoCommit) throws SQLException {
        this.connection = connection(source);
        this.dialect = dialect;
        this.autoCommit = autoCommit;
        boolean ready = false;
        try {
            if (connection.getAutoCommit() != autoCommit) {
                autoCommitWas = !autoCommit;
                connection.setAutoCommit(autoCommit);
            }
            begun = dialect.begin(connection);
            clean = autoCommit;
            ready = true;
        } catch (RuntimeException broken) {
            throw away(broken);
        } finally {
            if (!ready) close();
        }
    }

    /** Somebody's pool may be broken in any way: then the database is away, which is nobody's mistake. */
    private static Connection connection(DataSource source) throws SQLException {
        Connection given;
        try {
            given = source.getConnection();
        } catch (RuntimeException broken) {
            throw away(broken);
        }
        if (given == null) throw away(new IllegalStateException("getConnection() returned null"));
        return given;
    }

    private static SQLException away(RuntimeException broken) {
        return new SQLException("the data source gives no connection: " + Guest.text(broken), "08001", broken);
    }

    /** Ends the transaction; in auto-commit there is none. */
    void commit() throws SQLException {
        if (autoCommit) return;
        connection.commit();
        clean = true;
    }

    /** What it was borrowed for has failed: one that would fail again is not given back as whole. */
    void failed(SQLException thrown) {
        useless = SqlFault.of(thrown) == SqlFault.CONNECTION;
    }

    /** For code that ends the transaction itself; closing it gives the connection back as it was. */
    Connection handedOut() {
        if (autoCommitWas == null && begun == null) return connection;
        InvocationHandler handler = (proxy, method, arguments) -> {
            if (method.getName().equals("close") && method.getParameterCount() == 0) {
                close();
                return null;
            }
            try {
                return method.invoke(connection, arguments);
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        };
        return (Connection)
                Proxy.newProxyInstance(Borrowed.class.getClassLoader(), new Class<?>[] {Connection.class}, handler);
    }

    /** Rolls back what was not committed, restores what was changed and gives back; what fails here changes nothing. */
    @Override
    public void close() {
        try (Connection given = connection) {
            if (useless) {
                given.abort(Runnable::run);
                given.createStatement().close(); // fails, which tells the pool what it has been given back
            }
            if (!clean) given.rollback();
            if (begun != null) dialect.giveBack(given, begun);
            if (autoCommitWas != null) given.setAutoCommit(autoCommitWas);
        } catch (SQLException | RuntimeException broken) {
            // the work is done or has failed already; a pool finds out by itself that a connection is broken
        }
    }
}
