// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** What the library reported while this was open. The JDK's logging is reached by reflection: the core does not read it. */
public final class Reported implements AutoCloseable {
    private final List<String> messages = Collections.synchronizedList(new ArrayList<>());
    private final Object logger;
    private final Class<?> filter;

    /** Begins to listen. */
    public Reported() {
        try {
            filter = Class.forName("java.util.logging.Filter");
            logger = Class.forName("java.util.logging.Logger")
                    .getMethod("getLogger", String.class)
                    .invoke(null, "dev.resilience");
            Object keeper =
                    Proxy.newProxyInstance(filter.getClassLoader(), new Class<?>[] {filter}, (p, method, args) -> {
                        if (!method.getName().equals("isLoggable")) return method.invoke(this, args);
                        Object record = args[0];
                        messages.add(String.valueOf(
                                record.getClass().getMethod("getMessage").invoke(record)));
                        return false;
                    });
            setFilter(keeper);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }

    /** The messages so far. */
    public List<String> messages() {
        return List.copyOf(messages);
    }

    private void setFilter(Object value) throws ReflectiveOperationException {
        logger.getClass().getMethod("setFilter", filter).invoke(logger, value);
    }

    @Override
    public void close() {
        try {
            setFilter(null);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }
}
