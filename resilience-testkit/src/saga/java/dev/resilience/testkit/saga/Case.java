// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Which run: what happens at which boundary, and in which order threads go.
 *
 * @param faults by boundary
 * @param schedule 0: in order; otherwise the seed of a shuffled one
 */
record Case(Map<Place, Fault> faults, int schedule) {
    private static final Pattern WORD = Pattern.compile("(\\w+)@(\\d+(?:\\.\\w+)?)");
    static final Case NONE = new Case(Map.of(), 0);

    Case {
        faults = new TreeMap<>(faults);
    }

    Case and(Fault fault, Place boundary) {
        Map<Place, Fault> more = new TreeMap<>(faults);
        more.put(boundary, fault);
        return new Case(more, schedule);
    }

    Case schedule(int seed) {
        return new Case(faults, seed);
    }

    /** Reads what {@link #toString()} wrote, as {@code kill@7 cancel@12 schedule@3}. */
    static Case of(String text) {
        Case read = NONE;
        if (!text.matches("\\w+@\\d{1,9}(\\.\\w+)?( \\w+@\\d{1,9}(\\.\\w+)?)*"))
            throw new IllegalArgumentException("a case is written as 'kill@7 cancel@12', not '" + text + "'");
        Matcher word = WORD.matcher(text);
        while (word.find()) {
            boolean schedule = word.group(1).equals("schedule");
            read = schedule
                    ? read.schedule(Integer.parseInt(word.group(2)))
                    : read.and(Fault.of(word.group(1)), Place.of(word.group(2)));
        }
        return read;
    }

    @Override
    public String toString() {
        String all = faults.entrySet().stream()
                .map(e -> e.getValue() + "@" + e.getKey())
                .collect(Collectors.joining(" "));
        if (schedule == 0) return all.isEmpty() ? "schedule@0" : all;
        return (all + " schedule@" + schedule).trim();
    }
}
