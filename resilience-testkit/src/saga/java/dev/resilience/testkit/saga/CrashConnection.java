// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.saga.SagaStoreException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The connection of a transactional step: its commit is a boundary, and dies with its engine. */
final class CrashConnection {
    private final Trial trial;
    private final Connection real;
    private final List<Runnable> effects = new ArrayList<>();
    private @Nullable Runnable written;

    private CrashConnection(Trial trial, Connection real) {
        this.trial = trial;
        this.real = real;
    }

    static Connection around(Trial trial, Connection real) {
        CrashConnection crash = new CrashConnection(trial, real);
        return (Connection) Proxy.newProxyInstance(
                CrashConnection.class.getClassLoader(), new Class<?>[] {Connection.class, Crash.class}, (proxy, method, args) -> {
                    if (method.getDeclaringClass() == Crash.class) return crash;
                    if (method.getName().equals("commit")) return crash.commit();
                    if (method.getName().equals("rollback")) crash.forget();
                    try {
                        return method.invoke(real, args);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    /** As its server does when the process is gone. One that was given back already is not touched by it. */
    static void cut(Connection real) {
        try {
            if (real.isClosed()) return;
            real.rollback();
            real.close();
        } catch (SQLException gone) {
            // as it should be
        }
    }

    /** What tells such a connection from others. */
    interface Crash {
        CrashConnection crash();
    }

    static CrashConnection of(Connection transaction) {
        if (transaction instanceof Crash crash) return crash.crash();
        throw new IllegalArgumentException("this connection was not given to a transactional step by the engine");
    }

    Connection real() {
        return real;
    }

    void onCommit(Runnable effect) {
        effects.add(effect);
    }

    /** What the store has taken, if this is committed. */
    void onWritten(Runnable seen) {
        written = seen;
    }

    private void forget() {
        effects.clear();
        written = null;
    }

    private @Nullable Object commit() throws SQLException {
        try {
            at(Spot.COMMIT);
        } catch (SQLException | RuntimeException | Error died) {
            if (!real.isClosed()) real.rollback(); // as its server does when the process is gone
            throw died;
        }
        real.commit();
        effects.forEach(Runnable::run);
        if (written != null) written.run();
        forget();
        at(Spot.WRITTEN);
        return null;
    }

    private void at(Spot spot) throws SQLException {
        try {
            trial.at(trial.life(), spot, "commit", false);
        } catch (SagaStoreException lost) {
            throw new SQLException(lost.getMessage(), "08007", lost);
        }
    }
}
