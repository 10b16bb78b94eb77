// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RingTest {
    @Test
    void keys_come_in_the_order_in_which_they_went() {
        Ring<Integer> ring = new Ring<>();
        ArrayDeque<Integer> naive = new ArrayDeque<>();
        Random random = new Random(7);
        for (int i = 0; i < 100_000; i++) {
            boolean growing = i / 5_000 % 2 == 0;
            if (random.nextInt(10) < (growing ? 7 : 3)) {
                ring.add(i);
                naive.add(i);
            } else {
                assertThat(ring.next()).isEqualTo(naive.poll());
            }
        }
        while (!naive.isEmpty()) assertThat(ring.next()).isEqualTo(naive.poll());
        assertThat(ring.next()).isNull();
    }
}
