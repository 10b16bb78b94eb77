// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;

/** Listens to what the library logs: {@code System.Logger} is {@code java.util.logging} unless somebody replaced it. */
final class LibraryLog {
    /** Held strongly, as the log manager does not. */
    private static final Logger LOGGER = Logger.getLogger("dev.resilience");

    private final List<String> texts = new CopyOnWriteArrayList<>();
    private final Handler handler = new Handler() {
        private final SimpleFormatter formatter = new SimpleFormatter();

        @Override
        public void publish(LogRecord entry) {
            if (entry.getLevel().intValue() >= Level.WARNING.intValue()) {
                String thrown = entry.getThrown() == null ? "" : ": " + entry.getThrown();
                texts.add(formatter.formatMessage(entry) + thrown);
            }
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    };

    private boolean toParents = true;

    /** From now on the records come here, and not to the console, where an expected one would only alarm the reader. */
    void open() {
        toParents = LOGGER.getUseParentHandlers();
        LOGGER.setUseParentHandlers(false);
        LOGGER.addHandler(handler);
    }

    void close() {
        LOGGER.removeHandler(handler);
        LOGGER.setUseParentHandlers(toParents);
    }

    List<String> texts() {
        return List.copyOf(texts);
    }
}
