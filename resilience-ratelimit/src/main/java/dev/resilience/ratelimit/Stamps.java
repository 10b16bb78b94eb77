// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

/**
 * Times that do not go down, the last ones of many: twice the limit of them, so that taking back the newest shows those
 * that were there before. What has been dropped counts as if it were as late as the latest of it. Not thread-safe.
 */
final class Stamps {
    /** No time: long before any. */
    static final long NONE = Long.MIN_VALUE >> 1;

    private static final int FIRST_SIZE = 16;

    private final int most;
    private long[] ring;
    private int size;
    /** Where the next one goes. */
    private int end;

    private long dropped = NONE;

    Stamps(int limit) {
        this.most = 2 * limit;
        this.ring = new long[Math.min(FIRST_SIZE, most)];
    }

    long newest() {
        return back(0);
    }

    /** The one so many before the newest. */
    long back(int distance) {
        return distance < size ? ring[place(end - 1 - distance)] : dropped;
    }

    private int place(int index) {
        return index < 0 ? index + ring.length : index;
    }

    void add(long at, int n) {
        if (size + n > ring.length && ring.length < most) grow(size + n);
        for (int i = 0; i < n; i++) {
            if (size == ring.length) dropped = ring[end];
            else size++;
            ring[end] = at;
            end = end + 1 == ring.length ? 0 : end + 1;
        }
    }

    private void grow(int needed) {
        long[] larger = new long[Math.min(most, Math.max(needed, 2 * ring.length))];
        for (int i = 0; i < size; i++) larger[i] = back(size - 1 - i);
        ring = larger;
        end = size == larger.length ? 0 : size;
    }

    /** How many are later than this; the dropped ones are taken for so many as there may be. */
    long after(long time) {
        if (dropped != NONE && dropped > time) return most;
        int low = 0;
        int high = size;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (back(middle) > time) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    /** Takes n of one time out; those of equal time are the same. False when there are none. */
    boolean remove(long at, int n) {
        int later = afterKept(at);
        int some = 0;
        while (some < n && later + some < size && back(later + some) == at) some++;
        if (some == 0) return false;
        for (int i = later - 1; i >= 0; i--) ring[place(end - 1 - i - some)] = back(i);
        removeNewest(some);
        return true;
    }

    private int afterKept(long time) {
        int later = 0;
        while (later < size && back(later) > time) later++;
        return later;
    }

    void removeNewest(int n) {
        int some = Math.min(n, size);
        size -= some;
        end = place(end - some);
    }

    /** The times later than this, kept for another limit. */
    Stamps copy(int limit, long time) {
        Stamps copy = new Stamps(limit);
        if (dropped > time) copy.dropped = dropped;
        for (int i = size - 1; i >= 0; i--) {
            if (back(i) > time) copy.add(back(i), 1);
        }
        return copy;
    }
}
