// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * What the table of docs/cache/store.md says of the built-in store, a few points less: its ghosts are drawn by a seed. The
 * workloads are the same in every run.
 */
class HitRatesTest {
    private final Map<String, HitRates.Workload> workloads = HitRates.workloads();

    @Test
    void skewed_requests_are_answered_as_promised() {
        check("Zipf 0.99 over 100,000 keys", 0.56, 0.72);
    }

    @Test
    void scans_do_not_drive_out_what_is_in_use() {
        check("Zipf with a scan of 20,000 keys now and then", 0.45, 0.56);
    }

    @Test
    void a_new_working_set_takes_over() {
        check("working set of 2,000 keys, another one every 20,000", 0.43, 0.76);
        check("drifting popularity: newest most wanted", 0.54, 0.71);
    }

    /** Where it loses: a loop that is longer than the store finds next to nothing, as in any FIFO. */
    @Test
    void a_loop_finds_what_fits_only_when_nearly_all_of_it_does() {
        check("loop over 10,000 keys", 0, 0.65);
    }

    private void check(String name, double small, double large) {
        HitRates.Workload load = workloads.get(name);
        assertThat(HitRates.rate(Store.bounded(load.small()), load.keys())).isGreaterThanOrEqualTo(small);
        assertThat(HitRates.rate(Store.bounded(load.large()), load.keys())).isGreaterThanOrEqualTo(large);
    }
}
