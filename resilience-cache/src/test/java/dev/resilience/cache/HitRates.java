// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Which share of the requests of a made-up workload a store answers. The workloads are the same in every run; Caffeine
 * and our ghosts draw a random number here and there, which is worth less than a tenth of a percent.
 */
final class HitRates {
    private static final int REQUESTS = 200_000;

    /** A workload and the two sizes that it is run with. */
    record Workload(int[] keys, int small, int large) {}

    private HitRates() {}

    /**
     * The table of docs/cache/store.md.
     *
     * @param args none
     */
    public static void main(String[] args) {
        System.out.println("| workload | entries | built-in | Caffeine |\n|---|---|---|---|");
        workloads().forEach((name, load) -> {
            for (int size : new int[] {load.small, load.large}) {
                double ours = rate(Store.bounded(size), load.keys);
                double caffeine = rate(CaffeineStore.bounded(size), load.keys);
                System.out.printf(
                        Locale.ROOT, "| %s | %,d | %.1f %% | %.1f %% |%n", name, size, 100 * ours, 100 * caffeine);
            }
        });
    }

    static Map<String, Workload> workloads() {
        Map<String, Workload> all = new LinkedHashMap<>();
        all.put("Zipf 0.99 over 100,000 keys", new Workload(zipf(100_000, 1), 1_000, 10_000));
        all.put("Zipf with a scan of 20,000 keys now and then", new Workload(scans(), 1_000, 10_000));
        all.put("loop over 10,000 keys", new Workload(loop(), 2_000, 9_000));
        all.put("working set of 2,000 keys, another one every 20,000", new Workload(shifting(), 1_000, 3_000));
        all.put("drifting popularity: newest most wanted", new Workload(drifting(), 1_000, 5_000));
        return all;
    }

    static double rate(Store<Integer, Integer> store, int[] keys) {
        int hits = 0;
        for (int key : keys) {
            if (store.get(key) != null) hits++;
            else store.replace(key, null, Entry.sample(key, 1, 0, Long.MAX_VALUE));
        }
        return hits / (double) keys.length;
    }

    private static int[] zipf(int count, long seed) {
        double[] upTo = new double[count];
        double sum = 0;
        for (int i = 0; i < count; i++) upTo[i] = sum += 1 / Math.pow(i + 1, 0.99);
        SplittableRandom random = new SplittableRandom(seed);
        int[] keys = new int[REQUESTS];
        for (int i = 0; i < REQUESTS; i++) {
            int at = Arrays.binarySearch(upTo, random.nextDouble() * sum);
            keys[i] = at < 0 ? -at - 1 : at;
        }
        return keys;
    }

    private static int[] scans() {
        int[] keys = zipf(20_000, 2);
        for (int from = 40_000; from + 20_000 <= REQUESTS; from += 60_000) {
            for (int i = 0; i < 20_000; i++) keys[from + i] = 1_000_000 + from + i;
        }
        return keys;
    }

    private static int[] loop() {
        int[] keys = new int[REQUESTS];
        for (int i = 0; i < REQUESTS; i++) keys[i] = i % 10_000;
        return keys;
    }

    private static int[] shifting() {
        SplittableRandom random = new SplittableRandom(3);
        int[] keys = new int[REQUESTS];
        for (int i = 0; i < REQUESTS; i++) keys[i] = i / 20_000 * 2_000 + random.nextInt(2_000);
        return keys;
    }

    private static int[] drifting() {
        int[] back = zipf(20_000, 4);
        int[] keys = new int[REQUESTS];
        for (int i = 0; i < REQUESTS; i++) keys[i] = 100_000 + i / 10 - back[i];
        return keys;
    }
}
