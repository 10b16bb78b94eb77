// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples.products;

import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/** Writes down what visitors got, and finds what they should not have got. */
final class Ledger {
    private static final int MOST_TOLD = 20;

    /** The newest version of each product that somebody has got, or has made and been told that it is done. */
    private final Map<String, Integer> newest = new ConcurrentHashMap<>();

    private final Queue<String> broken = new ConcurrentLinkedQueue<>();
    private final LongAdder answers = new LongAdder();
    private final LongAdder stale = new LongAdder();
    private final LongAdder unavailable = new LongAdder();
    private final AtomicLong oldest = new AtomicLong();

    /**
     * What came back.
     *
     * @param version of the product; 0 without one
     * @param stale whether the answer says that it is past its time
     * @param ageMillis what the answer says how old it is
     */
    record Answer(int status, int version, boolean stale, long ageMillis) {}

    /** To be asked before the request: the answer must not be older. */
    int floor(String id) {
        return newest.getOrDefault(id, 0);
    }

    void changed(String id, int version) {
        newest.merge(id, version, Math::max);
    }

    void answered(String id, int floor, Answer answer) {
        switch (answer.status) {
            case 200 -> {
                answers.increment();
                if (answer.stale) stale.increment();
                oldest.accumulateAndGet(answer.ageMillis, Math::max);
                require(
                        answer.version >= floor,
                        id + " was answered with version " + answer.version + " after version " + floor);
                newest.merge(id, answer.version, Math::max);
            }
            case 503 -> unavailable.increment();
            case 404 -> require(floor == 0, id + " has gone after version " + floor);
            default -> require(false, id + " was answered with status " + answer.status);
        }
    }

    void require(boolean held, String what) {
        if (!held && broken.size() < MOST_TOLD) broken.add(what);
    }

    List<String> broken() {
        return List.copyOf(broken);
    }

    long answers() {
        return answers.sum();
    }

    long stale() {
        return stale.sum();
    }

    long unavailable() {
        return unavailable.sum();
    }

    /** How old an answer was, at most, in milliseconds. */
    long oldestMillis() {
        return oldest.get();
    }
}
