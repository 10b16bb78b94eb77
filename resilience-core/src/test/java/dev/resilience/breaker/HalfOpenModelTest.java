// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * S30 by enumeration: every interleaving of probes on the slots of {@link HalfOpen}, one shared access per step. Each
 * thread asks for a slot and, if it gets one, reports what its letter says: O ok, F failed, I ignored, N never (its lease
 * runs out at any moment from then on).
 */
class HalfOpenModelTest {

    @ParameterizedTest
    @CsvSource({
        "2,1,OFF", "2,2,OOF", "2,2,OIO", "1,1,IOF", "1,1,NOF", "2,1,NFO", "2,2,NNO", "3,2,OFN", "2,1,INI", "3,2,OFO"
    })
    void never_more_probes_than_slots_and_never_undecided(int probes, int required, String threads) {
        int states = Explorer.explore(
                new Slots(probes, required, threads),
                m -> {
                    assertThat(m.out()).as("probes out at once").isLessThanOrEqualTo(probes);
                    assertThat(m.finals()).as("probes that counted").isLessThanOrEqualTo(probes);
                    assertThat(m.closed && m.opened).as("both verdicts").isFalse();
                },
                m -> {
                    boolean closes = m.count(Slots.OK) >= required;
                    boolean opens = m.count(Slots.FAILED) > probes - required;
                    assertThat(m.closed)
                            .as("the last report sees all: %s", m.key())
                            .isEqualTo(closes);
                    assertThat(m.opened)
                            .as("the last report sees all: %s", m.key())
                            .isEqualTo(opens);
                    if (m.finals() == probes)
                        assertThat(closes || opens).as("wedged").isTrue();
                    assertThat(m.count(Slots.LEASED)).as("a slot leaked").isZero();
                });
        assertThat(states).isGreaterThan(50);
    }

    /** Program counters: 0.. looks at slot pc to lease it, REPORT, then counts slot by slot. */
    private static final class Slots implements Explorer.Model<Slots> {
        static final int FREE = 0;
        static final int LEASED = 1;
        static final int OK = 2;
        static final int FAILED = 3;
        private static final int CAS = 20;
        private static final int READ = 30;
        private static final int SWAP = 31;
        private static final int COUNT_OK = 40;
        private static final int COUNT_FAILED = 50;
        private static final int END = 99;

        final int required;
        final String ends;
        final int[] slots;
        final int[] pc;
        final int[] mine;
        final int[] found;
        boolean closed;
        boolean opened;

        Slots(int probes, int required, String ends) {
            this.required = required;
            this.ends = ends;
            slots = new int[probes];
            pc = new int[ends.length()];
            mine = new int[ends.length()];
            found = new int[ends.length()];
        }

        int out() {
            return count(LEASED);
        }

        int finals() {
            return count(OK) + count(FAILED);
        }

        int count(int kind) {
            return (int) Arrays.stream(slots).filter(s -> s == kind).count();
        }

        @Override
        public int threads() {
            return ends.length();
        }

        @Override
        public Object key() {
            return Arrays.toString(slots)
                    + Arrays.toString(pc)
                    + Arrays.toString(mine)
                    + Arrays.toString(found)
                    + closed
                    + opened;
        }

        @Override
        public Slots step(int thread) {
            if (pc[thread] == END) return null;
            Slots next = new Slots(slots.length, required, ends);
            System.arraycopy(slots, 0, next.slots, 0, slots.length);
            System.arraycopy(pc, 0, next.pc, 0, pc.length);
            System.arraycopy(mine, 0, next.mine, 0, mine.length);
            System.arraycopy(found, 0, next.found, 0, found.length);
            next.closed = closed;
            next.opened = opened;
            next.advance(thread);
            return next;
        }

        private void advance(int me) {
            int at = pc[me];
            if (closed || opened) {
                // the regime has been replaced: a permit of an older generation does nothing
                if (at == READ && slots[mine[me]] == LEASED) slots[mine[me]] = FREE;
                if (at >= CAS || at < slots.length) leave(me, at);
                return;
            }
            if (at < slots.length) look(me, at);
            else if (at >= CAS && at < READ) lease(me, at - CAS);
            else if (at == READ) read(me);
            else if (at == SWAP) swap(me);
            else if (at < COUNT_FAILED) countOk(me, at - COUNT_OK);
            else countFailed(me, at - COUNT_FAILED);
        }

        private void leave(int me, int at) {
            // outstanding leases of a replaced regime are garbage with it
            if ((at == SWAP) && slots[mine[me]] == LEASED) slots[mine[me]] = FREE;
            pc[me] = END;
        }

        private void look(int me, int slot) {
            boolean last = slot + 1 == slots.length;
            pc[me] = slots[slot] == FREE ? CAS + slot : last ? END : slot + 1;
        }

        private void lease(int me, int slot) {
            if (slots[slot] == FREE) {
                slots[slot] = LEASED;
                mine[me] = slot;
                pc[me] = READ;
            } else {
                pc[me] = slot + 1 == slots.length ? END : slot + 1;
            }
        }

        private void read(int me) {
            // of N the sweeper reads the stamp: the same two steps, with FAILED for its end
            assertThat(slots[mine[me]]).as("nobody else can have my slot").isEqualTo(LEASED);
            pc[me] = SWAP;
        }

        private void swap(int me) {
            assertThat(slots[mine[me]]).isEqualTo(LEASED);
            slots[mine[me]] = ends.charAt(me) == 'O' ? OK : ends.charAt(me) == 'I' ? FREE : FAILED;
            pc[me] = COUNT_OK;
        }

        private void countOk(int me, int slot) {
            if (slots[slot] == OK) found[me]++;
            pc[me] = slot + 1 < slots.length ? COUNT_OK + slot + 1 : COUNT_FAILED;
            if (pc[me] == COUNT_FAILED) {
                if (found[me] >= required) {
                    closed = true;
                    pc[me] = END;
                }
                found[me] = 0;
            }
        }

        private void countFailed(int me, int slot) {
            if (slots[slot] == FAILED) found[me]++;
            pc[me] = COUNT_FAILED + slot + 1;
            if (slot + 1 == slots.length) {
                if (found[me] > slots.length - required) opened = true;
                pc[me] = END;
            }
        }
    }
}
