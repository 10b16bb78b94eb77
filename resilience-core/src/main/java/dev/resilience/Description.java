// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a policy is and how it is set: for logs, start-up banners and users' tests. Made by {@link Policy#describe()}; a
 * snapshot that later reconfiguration does not change. {@link #toString()} prints it as indented text.
 */
public final class Description {
    private final String kind;
    private final String name;
    private final Map<String, String> settings;
    private final List<Description> inner;

    Description(String kind, String name, Map<String, String> settings, List<Description> inner) {
        this.kind = kind;
        this.name = name;
        this.settings = Collections.unmodifiableMap(new LinkedHashMap<>(settings));
        this.inner = List.copyOf(inner);
    }

    /**
     * A duration as the library's messages and descriptions write it, for messages of one's own.
     *
     * @param duration any
     * @return {@code 840 ms}, {@code 3.8 s}, {@code 2 min}: cut to one decimal, in the unit that a person would choose
     */
    public static String text(Duration duration) {
        return Text.duration(duration);
    }

    /**
     * The kind of policy.
     *
     * @return the simple name of its type, such as {@code CircuitBreaker}
     */
    public String kind() {
        return kind;
    }

    /**
     * The policy's name.
     *
     * @return as given to its builder
     */
    public String name() {
        return name;
    }

    /**
     * The settings in force, in the order in which the policy's documentation lists them.
     *
     * @return setting to readable value, unmodifiable
     */
    public Map<String, String> settings() {
        return settings;
    }

    /**
     * The policies of a pipeline.
     *
     * @return outermost first, unmodifiable; empty for a gate or a driver
     */
    public List<Description> inner() {
        return inner;
    }

    /**
     * All of it as text, one policy per line, inner ones indented.
     *
     * @return without a trailing newline
     */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        print(text, "");
        return text.toString();
    }

    private void print(StringBuilder text, String indent) {
        text.append(indent).append(kind).append(" '").append(name).append('\'');
        if (!settings.isEmpty()) text.append(' ').append(settings);
        for (Description policy : inner) {
            text.append('\n');
            policy.print(text, indent + "  ");
        }
    }
}
