// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * S29 by enumeration: every interleaving of recorders on the protocol of {@link CountWindow}, one shared access per step.
 * Outcomes are failures (1) and successes (0) of a full ring; each recorder has its own stripe; the circuit opens at
 * {@code threshold} failures.
 */
class CountWindowModelTest {

    @Test
    void the_sum_alone_opens_a_circuit_that_never_held_two_failures() {
        // [F,S,S,S], a success and a failure: the schedule that the confirming scan is there for
        AtomicInteger wrong = new AtomicInteger();
        Protocol start = Protocol.of("FSSS", "SF", 2).sumDecides();
        Explorer.explore(start, m -> {}, m -> {
            if (m.opened && m.mostHeld < 2) wrong.incrementAndGet();
        });
        assertThat(wrong.get()).isPositive();
    }

    @ParameterizedTest
    @CsvSource({"FSSS,SF,2", "SSS,FF,2", "FS,SF,2", "FS,SF,1", "FFS,SF,2", "SFF,SFS,2", "FFS,SFF,3"})
    void never_misses_what_the_ring_holds_and_opens_only_for_that_or_for_what_overlaps(
            String ring, String outcomes, int threshold) {
        int states = Explorer.explore(Protocol.of(ring, outcomes, threshold), m -> {}, m -> {
            // only a change can be missed: a ring that was above before is judged by its next failure
            if (m.held() >= threshold && m.raised) assertThat(m.opened).isTrue();
            if (m.opened) assertThat(m.openedWith + m.openedBeside).isGreaterThanOrEqualTo(threshold);
            assertThat(m.sum()).isEqualTo(m.held());
        });
        assertThat(states).isGreaterThan(100);
    }

    @Test
    void a_recorder_that_stands_still_after_its_swap_opens_nothing() {
        // S29's schedule: T0 swaps F -> S and stops before its add; T1 records a failure alone
        Protocol m = Protocol.of("FSSS", "SF", 2);
        for (int i = 0; i < 4; i++) m = m.step(0); // cursor, read, enter, swap
        assertThat(m.held()).isZero();
        for (Protocol next = m; next != null; next = m.step(1)) m = next;
        assertThat(m.sum()).as("what the sum alone would believe").isEqualTo(2);
        assertThat(m.opened).isFalse();
    }

    /** One state. Program counters: 0 cursor, 1 read, 2 enter, 3 swap, 4 add, 5 leave, 6.. judge, 99 ended. */
    private static final class Protocol implements Explorer.Model<Protocol> {
        private static final int SUM = 6;
        private static final int MARKS = 7;
        private static final int SCAN = 8;
        private static final int MARKS_AGAIN = 9;
        private static final int END = 99;

        final int[] outcomes;
        final int threshold;
        boolean confirms = true;
        final int[] ring;
        final int[] totals;
        final int[] version;
        final int[] inside;
        int cursor;
        // per thread: pc, slot, old, at (which stripe or slot is read next), number read so far, tries, marks seen
        final int[][] local;
        boolean opened;
        boolean raised;
        int mostHeld;
        int openedWith;
        int openedBeside;

        private Protocol(int[] ring, int[] outcomes, int threshold, int[][] local) {
            this.ring = ring;
            this.outcomes = outcomes;
            this.threshold = threshold;
            this.local = local;
            int threads = outcomes.length;
            totals = new int[threads];
            version = new int[threads];
            inside = new int[threads];
        }

        static Protocol of(String ring, String outcomes, int threshold) {
            Protocol p = new Protocol(bits(ring), bits(outcomes), threshold, new int[outcomes.length()][9]);
            p.totals[0] = p.held();
            p.mostHeld = p.held();
            return p;
        }

        private static int[] bits(String text) {
            return text.chars().map(c -> c == 'F' ? 1 : 0).toArray();
        }

        Protocol sumDecides() {
            confirms = false;
            return this;
        }

        int held() {
            return Arrays.stream(ring).sum();
        }

        int sum() {
            return Arrays.stream(totals).sum();
        }

        @Override
        public int threads() {
            return outcomes.length;
        }

        @Override
        public Object key() {
            StringBuilder key = new StringBuilder(Explorer.key(local))
                    .append(Explorer.key(ring, totals, version, inside))
                    .append(Explorer.key(new int[] {cursor, mostHeld, openedWith, openedBeside}));
            return key.append(opened).append(raised).toString();
        }

        private Protocol copy() {
            int[][] locals = Arrays.stream(local).map(int[]::clone).toArray(int[][]::new);
            Protocol c = new Protocol(ring.clone(), outcomes, threshold, locals);
            System.arraycopy(totals, 0, c.totals, 0, totals.length);
            System.arraycopy(version, 0, c.version, 0, version.length);
            System.arraycopy(inside, 0, c.inside, 0, inside.length);
            c.confirms = confirms;
            c.cursor = cursor;
            c.opened = opened;
            c.raised = raised;
            c.mostHeld = mostHeld;
            c.openedWith = openedWith;
            c.openedBeside = openedBeside;
            return c;
        }

        @Override
        public Protocol step(int thread) {
            if (local[thread][0] == END) return null;
            Protocol next = copy();
            next.advance(thread, next.local[thread]);
            return next;
        }

        private void advance(int me, int[] my) {
            int mine = outcomes[me];
            switch (my[0]) {
                case 0 -> {
                    for (int other = 0; other < local.length; other++) {
                        if (local[other][0] == END) my[8] |= 1 << other; // ended before this one began
                    }
                    my[1] = cursor++ % ring.length;
                    my[0] = 1;
                }
                case 1 -> my[0] = ring[my[1]] != mine ? 2 : mine == 1 ? SUM : END;
                case 2 -> {
                    version[me]++;
                    inside[me]++;
                    my[0] = 3;
                }
                case 3 -> {
                    my[2] = ring[my[1]];
                    ring[my[1]] = mine;
                    raised |= mine > my[2];
                    mostHeld = Math.max(mostHeld, held());
                    my[0] = 4;
                }
                case 4 -> {
                    totals[me] += mine - my[2];
                    my[0] = 5;
                }
                case 5 -> {
                    inside[me]--;
                    my[0] = mine == 1 ? SUM : END;
                }
                case SUM -> {
                    my[4] += totals[my[3]++];
                    if (my[3] == totals.length) afterSum(me, my);
                }
                case MARKS -> {
                    my[6] += 1000 * version[my[3]] + inside[my[3]];
                    my[3]++;
                    if (my[3] == totals.length) restart(my, SCAN);
                }
                case SCAN -> {
                    my[4] += ring[my[3]++];
                    if (my[3] == ring.length) {
                        my[3] = 0;
                        my[0] = MARKS_AGAIN;
                    }
                }
                case MARKS_AGAIN -> {
                    my[7] += 1000 * version[my[3]] + inside[my[3]];
                    my[3]++;
                    if (my[3] == totals.length) afterScan(me, my);
                }
                default -> throw new AssertionError(my[0]);
            }
        }

        private static void restart(int[] my, int pc) {
            my[3] = 0;
            my[4] = 0;
            my[0] = pc;
        }

        private void afterSum(int me, int[] my) {
            if (my[4] < threshold) my[0] = END;
            else if (!confirms) decide(me, my);
            else restart(my, MARKS);
        }

        private void afterScan(int me, int[] my) {
            boolean oneMoment = my[6] == my[7] && my[6] % 1000 == 0;
            my[5]++;
            my[6] = 0;
            my[7] = 0;
            if (oneMoment || my[5] == 3) decide(me, my);
            else restart(my, MARKS);
        }

        private void decide(int me, int[] my) {
            if (my[4] >= threshold && !opened) {
                opened = true;
                openedWith = held();
                for (int other = 0; other < local.length; other++) {
                    boolean overlaps = local[other][0] > 0 && (my[8] & 1 << other) == 0;
                    if (other != me && overlaps) openedBeside++;
                }
            }
            my[0] = END;
        }
    }
}
