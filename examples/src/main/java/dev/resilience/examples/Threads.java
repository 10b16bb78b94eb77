// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;

/** Daemon threads that say what they are for. */
final class Threads {
    /** The first Java that has virtual threads. */
    static final int VIRTUAL_SINCE = 21;

    private Threads() {}

    static ThreadFactory named(String name) {
        AtomicInteger number = new AtomicInteger();
        return task -> {
            Thread thread = new Thread(task, name + "-" + number.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        };
    }

    /**
     * Virtual threads, looked up: this is compiled for Java 17.
     *
     * @throws IllegalStateException where Java has none: see {@link #requireVirtual}
     */
    static ThreadFactory virtual(String name) {
        try {
            Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
            Class<?> type = Class.forName("java.lang.Thread$Builder");
            type.getMethod("name", String.class, long.class).invoke(builder, name + "-", 1L);
            return (ThreadFactory) type.getMethod("factory").invoke(builder);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("this Java has no virtual threads", e);
        }
    }

    /**
     * Refuses what this Java cannot do.
     *
     * @throws IllegalArgumentException below {@link #VIRTUAL_SINCE}
     */
    static void requireVirtual(Runtime.Version java) {
        if (java.feature() >= VIRTUAL_SINCE) return;
        throw new IllegalArgumentException("--virtual-threads needs Java " + VIRTUAL_SINCE + " or newer, this is Java "
                + java.feature() + "; leave it out, or start another java");
    }
}
