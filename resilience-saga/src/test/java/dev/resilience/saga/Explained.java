// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** A connection that explains every prepared statement before it runs it: its custom plan and the one to be kept. */
final class Explained {
    private static final Pattern PAGES = Pattern.compile("shared hit=(\\d+)(?: read=(\\d+))?");

    private final List<String> plans = new ArrayList<>();
    private final List<String> measures = new ArrayList<>();
    private final Connection connection;
    private final boolean measure;

    /** With {@code measure} each plan is also run, and taken back. */
    Explained(Connection connection, boolean measure) {
        this.connection = connection;
        this.measure = measure;
    }

    /** What the plans since the last time cost: of each statement the custom one, then the generic one. */
    List<String> measures() {
        List<String> seen = List.copyOf(measures);
        measures.clear();
        return seen;
    }

    /** The plans of what ran since the last time: of each statement two, the custom one and the generic one. */
    List<String> plans() {
        List<String> seen = List.copyOf(plans);
        plans.clear();
        return seen;
    }

    Connection connection() {
        return proxy(Connection.class, (method, arguments) -> {
            Object answer = method.invoke(connection, arguments);
            if (!method.getName().equals("prepareStatement")) return answer;
            return statement((PreparedStatement) answer, (String) arguments[0]);
        });
    }

    private PreparedStatement statement(PreparedStatement statement, String sql) {
        TreeMap<Integer, String> values = new TreeMap<>();
        return proxy(PreparedStatement.class, (method, arguments) -> {
            String name = method.getName();
            if (name.equals("setNull")) values.put((Integer) arguments[0], "NULL");
            else if (name.startsWith("set") && arguments.length == 2 && arguments[0] instanceof Integer at)
                values.put(at, literal(arguments[1]));
            else if (name.startsWith("execute")) explain(sql, List.copyOf(values.values()));
            return method.invoke(statement, arguments);
        });
    }

    private static String literal(Object value) {
        return value == null ? "NULL" : "'" + value.toString().replace("'", "''") + "'";
    }

    private void explain(String sql, List<String> values) throws SQLException {
        StringBuilder numbered = new StringBuilder();
        int parameters = 0;
        for (int i = 0; i < sql.length(); i++) {
            char c = sql.charAt(i);
            if (c == '?') numbered.append('$').append(++parameters);
            else numbered.append(c);
        }
        for (String mode : List.of("force_custom_plan", "force_generic_plan"))
            try (Statement s = connection.createStatement()) {
                s.execute("SET plan_cache_mode = " + mode);
                s.execute("PREPARE explained AS " + numbered);
                String execute = "EXPLAIN (COSTS OFF) EXECUTE explained"
                        + values.stream().collect(Collectors.joining(", ", "(", ")"));
                try (ResultSet r = s.executeQuery(values.isEmpty() ? execute.replace("()", "") : execute)) {
                    StringBuilder plan = new StringBuilder();
                    while (r.next()) plan.append(r.getString(1)).append('\n');
                    plans.add(plan.toString());
                }
                if (measure) measured(s, execute.replace("()", ""));
                s.execute("DEALLOCATE explained");
                s.execute("RESET plan_cache_mode");
            }
    }

    /** Runs it and takes it back: pages touched and the server's time, which other work on the machine changes little. */
    private void measured(Statement s, String execute) throws SQLException {
        boolean alone = connection.getAutoCommit();
        s.execute(alone ? "BEGIN" : "SAVEPOINT measured");
        try (ResultSet r =
                s.executeQuery(execute.replace("(COSTS OFF)", "(ANALYZE, BUFFERS, COSTS OFF, TIMING OFF)"))) {
            StringBuilder plan = new StringBuilder();
            while (r.next()) plan.append(r.getString(1)).append('\n');
            Matcher pages = PAGES.matcher(plan);
            int touched = pages.find()
                    ? Integer.parseInt(pages.group(1)) + (pages.group(2) == null ? 0 : Integer.parseInt(pages.group(2)))
                    : 0;
            String time = plan.substring(plan.indexOf("Execution Time:") + 16, plan.lastIndexOf(" ms"));
            measures.add(touched + " pages, " + time + " ms");
        }
        s.execute(alone ? "ROLLBACK" : "ROLLBACK TO measured");
    }

    private interface Call {
        Object of(Method method, Object[] arguments) throws Throwable;
    }

    private static <T> T proxy(Class<T> type, Call call) {
        return type.cast(Proxy.newProxyInstance(
                type.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> {
                    try {
                        return call.of(method, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                }));
    }
}
