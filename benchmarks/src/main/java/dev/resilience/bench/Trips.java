// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import java.io.PrintWriter;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.atomic.LongAdder;
import java.util.logging.Logger;
import javax.sql.DataSource;

/**
 * A data source that counts how often its users wait for the server: each execution of a statement, each commit and
 * rollback. What a driver sends along with something else (a BEGIN) is no trip of its own.
 */
final class Trips implements DataSource {
    private final DataSource under;
    private final LongAdder trips = new LongAdder();

    Trips(DataSource under) {
        this.under = under;
    }

    long count() {
        return trips.sum();
    }

    @Override
    public Connection getConnection() throws SQLException {
        return proxy(Connection.class, under.getConnection());
    }

    @Override
    public Connection getConnection(String user, String password) throws SQLException {
        return proxy(Connection.class, under.getConnection(user, password));
    }

    private <T> T proxy(Class<T> type, T target) {
        return type.cast(Proxy.newProxyInstance(Trips.class.getClassLoader(), new Class<?>[] {type}, counting(target)));
    }

    private InvocationHandler counting(Object target) {
        return (self, method, args) -> {
            if (waits(method)) trips.increment();
            try {
                Object answer = method.invoke(target, args);
                if (answer instanceof PreparedStatement s) return proxy(PreparedStatement.class, s);
                return answer instanceof Statement s ? proxy(Statement.class, s) : answer;
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        };
    }

    private static boolean waits(Method method) {
        String name = method.getName();
        return name.startsWith("execute") || name.equals("commit") || name.equals("rollback");
    }

    @Override
    public PrintWriter getLogWriter() throws SQLException {
        return under.getLogWriter();
    }

    @Override
    public void setLogWriter(PrintWriter out) throws SQLException {
        under.setLogWriter(out);
    }

    @Override
    public void setLoginTimeout(int seconds) throws SQLException {
        under.setLoginTimeout(seconds);
    }

    @Override
    public int getLoginTimeout() throws SQLException {
        return under.getLoginTimeout();
    }

    @Override
    public Logger getParentLogger() {
        return Logger.getGlobal();
    }

    @Override
    public <T> T unwrap(Class<T> type) throws SQLException {
        return under.unwrap(type);
    }

    @Override
    public boolean isWrapperFor(Class<?> type) throws SQLException {
        return under.isWrapperFor(type);
    }
}
