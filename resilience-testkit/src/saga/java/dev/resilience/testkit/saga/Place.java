// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import java.util.Comparator;

/**
 * A boundary's name within its run: {@code 7}, or {@code 7.beat2} for the second one at a heartbeat before boundary 7.
 * How often engines beat and look before something happens is up to their clocks: those have numbers of their own, so
 * that they do not shift those of the others.
 *
 * @param number of the boundary; of a quiet one that which comes next
 * @param quiet what it is of those at which nothing of the saga moves; empty for the others
 */
record Place(int number, String quiet) implements Comparable<Place> {
    private static final Comparator<Place> ORDER =
            Comparator.comparingInt(Place::number).thenComparing(Place::quiet);

    @Override
    public int compareTo(Place other) {
        return ORDER.compare(this, other);
    }

    static Place of(String text) {
        int dot = text.indexOf('.');
        return dot < 0
                ? new Place(Integer.parseInt(text), "")
                : new Place(Integer.parseInt(text.substring(0, dot)), text.substring(dot + 1));
    }

    @Override
    public String toString() {
        return quiet.isEmpty() ? String.valueOf(number) : number + "." + quiet;
    }
}
