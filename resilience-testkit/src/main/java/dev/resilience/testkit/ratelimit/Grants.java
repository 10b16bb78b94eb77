// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.ratelimit;

import java.util.ArrayList;
import java.util.List;

/** Grants in the order of their times, as distances to the first one that was ever noted. Not thread-safe. */
final class Grants {
    /** So many permits at a time. */
    record Grant(long at, long permits) {}

    private final List<Grant> sorted = new ArrayList<>();
    private boolean any;
    private long origin;

    void add(long nanoTime, long permits) {
        if (permits < 1) throw new IllegalArgumentException("permits must be at least 1, was " + permits);
        if (!any) origin = nanoTime;
        any = true;
        long at = nanoTime - origin;
        int place = sorted.size();
        while (place > 0 && sorted.get(place - 1).at > at) place--;
        sorted.add(place, new Grant(at, permits));
    }

    boolean remove(long nanoTime, long permits) {
        return sorted.remove(new Grant(nanoTime - origin, permits));
    }

    /** A reading of the clock as the grants' times are kept. */
    long at(long nanoTime) {
        return any ? nanoTime - origin : 0;
    }

    List<Grant> sorted() {
        return sorted;
    }

    Grant get(int index) {
        return sorted.get(index);
    }

    int size() {
        return sorted.size();
    }

    /** The grants from one index to another, both included; the middle of many is left out. */
    String describe(int from, int to) {
        StringBuilder text = new StringBuilder();
        for (int i = from; i <= to; i++) {
            if (i - from == 10 && to - i > 10) {
                text.append(" …");
                i = to - 10;
            }
            text.append(' ')
                    .append(get(i).permits)
                    .append(" at ")
                    .append(get(i).at)
                    .append(" ns,");
        }
        text.setLength(text.length() - 1);
        return text.toString();
    }
}
