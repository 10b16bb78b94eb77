// SPDX-License-Identifier: Apache-2.0
package dev.resilience.hedge;

import dev.resilience.Description;
import java.time.Duration;

/** When an attempt counts as slow. */
sealed interface Delay {
    /** Nanoseconds; Long.MAX_VALUE as long as it is not known. */
    long nanos();

    /** A first attempt has succeeded in this time. */
    void learn(long nanos);

    String described();

    record Fixed(long nanos) implements Delay {
        @Override
        public void learn(long nanos) {}

        @Override
        public String described() {
            return Description.text(Duration.ofNanos(nanos));
        }
    }

    record Learned(Quantile quantile) implements Delay {
        @Override
        public long nanos() {
            return quantile.nanos();
        }

        @Override
        public void learn(long nanos) {
            quantile.record(nanos);
        }

        @Override
        public String described() {
            return quantile.described();
        }
    }
}
