// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import java.util.ArrayList;
import java.util.List;
import org.slf4j.Marker;
import org.slf4j.event.KeyValuePair;
import org.slf4j.event.Level;
import org.slf4j.event.LoggingEvent;
import org.slf4j.helpers.AbstractLogger;
import org.slf4j.helpers.MessageFormatter;
import org.slf4j.spi.LoggingEventAware;

/** Keeps what is written at a level or above. One thread. */
final class RecordingLogger extends AbstractLogger implements LoggingEventAware {
    private static final long serialVersionUID = 1L;

    final transient List<LoggingEvent> events;
    private final Level least;

    RecordingLogger(Level least) {
        this(least, new ArrayList<>());
    }

    /** For one who wants to be told of each. */
    RecordingLogger(Level least, List<LoggingEvent> events) {
        this.least = least;
        this.events = events;
    }

    /** Level and message of each. */
    List<String> lines() {
        return events.stream().map(e -> e.getLevel() + " " + text(e)).toList();
    }

    private static String text(LoggingEvent event) {
        return MessageFormatter.basicArrayFormat(event.getMessage(), event.getArgumentArray());
    }

    /** Key-values of one, as {@code key=value}. */
    List<String> facts(int event) {
        List<KeyValuePair> pairs = events.get(event).getKeyValuePairs();
        return pairs == null
                ? List.of()
                : pairs.stream().map(p -> p.key + "=" + p.value).toList();
    }

    @Override
    public void log(LoggingEvent event) {
        events.add(event);
    }

    @Override
    protected String getFullyQualifiedCallerName() {
        return "";
    }

    @Override
    protected void handleNormalizedLoggingCall(
            Level level, Marker marker, String messagePattern, Object[] arguments, Throwable throwable) {
        throw new AssertionError("not through the fluent API: " + messagePattern);
    }

    @Override
    public boolean isEnabledForLevel(Level level) {
        return level.toInt() >= least.toInt();
    }

    @Override
    public boolean isTraceEnabled() {
        return isEnabledForLevel(Level.TRACE);
    }

    @Override
    public boolean isTraceEnabled(Marker marker) {
        return isTraceEnabled();
    }

    @Override
    public boolean isDebugEnabled() {
        return isEnabledForLevel(Level.DEBUG);
    }

    @Override
    public boolean isDebugEnabled(Marker marker) {
        return isDebugEnabled();
    }

    @Override
    public boolean isInfoEnabled() {
        return isEnabledForLevel(Level.INFO);
    }

    @Override
    public boolean isInfoEnabled(Marker marker) {
        return isInfoEnabled();
    }

    @Override
    public boolean isWarnEnabled() {
        return isEnabledForLevel(Level.WARN);
    }

    @Override
    public boolean isWarnEnabled(Marker marker) {
        return isWarnEnabled();
    }

    @Override
    public boolean isErrorEnabled() {
        return isEnabledForLevel(Level.ERROR);
    }

    @Override
    public boolean isErrorEnabled(Marker marker) {
        return isErrorEnabled();
    }
}
