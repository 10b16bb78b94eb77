// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Which keys have left lately: fingerprints of 32 bits in buckets of eight, newest first, and the oldest of a full
 * bucket drops out. Fixed in size, without references, and with a seed of its own, so that nobody outside can choose
 * keys that fall together.
 *
 * <p>No lock: races lose a fingerprint or keep one for too long, which costs a newcomer its better queue or gives it
 * one, and nothing else.
 */
final class Ghosts {
    private static final int BUCKET = 8;
    static final int MAX_SIZE = 1 << 27;

    private static final VarHandle PRINTS = MethodHandles.arrayElementVarHandle(int[].class);

    private final int seed;
    private final int[] prints;

    /** Remembers about so many, at least a bucket. */
    Ghosts(long size, int seed) {
        this.seed = seed;
        long buckets = Math.max(1, Math.min(size, MAX_SIZE) / BUCKET);
        prints = new int[(int) buckets * BUCKET];
    }

    static int seed() {
        return ThreadLocalRandom.current().nextInt();
    }

    int size() {
        return prints.length;
    }

    void add(int hash) {
        long mixed = mix(hash);
        int from = bucket(mixed);
        for (int i = from + BUCKET - 1; i > from; i--) set(i, get(i - 1));
        set(from, print(mixed));
    }

    /** Whether it was there; it is not any more. */
    boolean take(int hash) {
        long mixed = mix(hash);
        int from = bucket(mixed);
        int print = print(mixed);
        int at = from;
        while (at < from + BUCKET && get(at) != print) at++;
        if (at == from + BUCKET) return false;
        for (; at < from + BUCKET - 1; at++) set(at, get(at + 1));
        set(at, 0);
        return true;
    }

    /** A bijection of 64 bits (the finaliser of SplitMix64): the upper half chooses the bucket, the lower is the print. */
    private long mix(int hash) {
        long z = ((long) seed << 32) ^ (hash * 0x9E3779B97F4A7C15L);
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    private int bucket(long mixed) {
        return (int) (((mixed >>> 32) * (prints.length / BUCKET)) >>> 32) * BUCKET;
    }

    /** Never 0, which is an empty slot. */
    private static int print(long mixed) {
        int print = (int) mixed;
        return print == 0 ? 1 : print;
    }

    private int get(int at) {
        return (int) PRINTS.getOpaque(prints, at);
    }

    private void set(int at, int print) {
        PRINTS.setOpaque(prints, at, print);
    }
}
