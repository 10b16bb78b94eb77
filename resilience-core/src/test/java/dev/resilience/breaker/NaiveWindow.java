// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import java.util.ArrayList;
import java.util.List;

/** The windows as anybody would write them: keep everything, count on demand. The reference for the fast ones. */
abstract class NaiveWindow {
    record Kept(int outcome, long at) {}

    final List<Kept> all = new ArrayList<>();

    void record(int outcome, long at) {
        all.add(new Kept(outcome, at));
    }

    abstract List<Kept> live(long now);

    Tally tally(long now) {
        List<Kept> live = live(now);
        long failures = live.stream().filter(k -> Outcomes.failed(k.outcome)).count();
        long slow = live.stream().filter(k -> Outcomes.slow(k.outcome)).count();
        return new Tally(live.size(), failures, slow);
    }

    static NaiveWindow ofCalls(int size) {
        return new NaiveWindow() {
            @Override
            List<Kept> live(long now) {
                return all.subList(Math.max(0, all.size() - size), all.size());
            }
        };
    }

    /** An outcome lives as long as its tenth of the window is one of the last ten. */
    static NaiveWindow ofTime(long nanos) {
        long slice = nanos / 10;
        return new NaiveWindow() {
            @Override
            List<Kept> live(long now) {
                return all.stream().filter(k -> now / slice - k.at / slice < 10).toList();
            }
        };
    }
}
