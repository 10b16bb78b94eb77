// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Backoff;
import dev.resilience.cache.DirtyMap.Batch;
import dev.resilience.cache.Writer.Change;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Every sequence of steps of one key up to a length: put, time, start of a write, its end in success or failure with or
 * without effect, the report that it is late. Walked through by {@link DirtyMap}, which breaks no rule, and by a small
 * machine with one mistake at a time, each of which is found (cache.md 3.8, S20).
 */
class DirtyMapModelTest {
    private static final int STEPS = 9;
    private static final long DELAY = 1;

    private enum Step {
        PUT,
        TICK,
        START,
        SUCCEED,
        /** The write has no effect. */
        FAIL,
        /** The write has been done, and its answer is a failure: a connection that broke too late. */
        FAIL_DONE,
        LATE
    }

    /** What others got wrong. */
    private enum Mistake {
        SUCCESS_REMOVES_WHATEVER_IS_THERE,
        RETRY_WRITES_THE_OLD_VALUE,
        RETRY_REPLACES_THE_NEWEST,
        LATE_WRITES_ARE_REPEATED_BESIDE,
        EACH_PUT_POSTPONES_THE_WRITE,
        FAILURE_DROPS,
        TAKEN_IS_NOT_READ,
        PUT_DURING_A_WRITE_STARTS_ANOTHER
    }

    /** A write under way. */
    private record Write(long value, Object handle) {}

    private interface Machine {
        void put(long value, long now);

        @Nullable
        Write start(long now);

        void end(Write write, boolean success, long now);

        void late(long now);

        /** What a read has to answer with instead of the source; null for none. */
        @Nullable
        Long read();
    }

    /** The real one. */
    private static final class Real implements Machine {
        private final DirtyMap<String, Long> map = new DirtyMap<>(
                WriteBehind.after(Duration.ofNanos(DELAY))
                        .timeout(Duration.ofNanos(1))
                        .concurrency(2)
                        .backoff(Backoff.none()),
                copy -> {});

        @Override
        public void put(long value, long now) {
            map.put("k", value, null, now);
        }

        @Override
        public @Nullable Write start(long now) {
            Batch<String, Long> batch = map.take(now);
            if (batch == null) return null;
            return new Write(batch.changes.get(0).value(), batch);
        }

        @Override
        @SuppressWarnings("unchecked")
        public void end(Write write, boolean success, long now) {
            map.end((Batch<String, Long>) write.handle, success, 1, now);
        }

        @Override
        public void late(long now) {
            map.overdue(now);
        }

        @Override
        public @Nullable Long read() {
            Change<String, Long> dirty = map.read("k");
            return dirty == null ? null : dirty.value();
        }
    }

    /** The rules in forty lines, with room for a mistake. */
    private static final class Naive implements Machine {
        private final @Nullable Mistake mistake;

        @Nullable
        Long newest;

        @Nullable
        Long flying;

        boolean pending;
        long due;

        Naive(@Nullable Mistake mistake) {
            this.mistake = mistake;
        }

        @Override
        public void put(long value, long now) {
            if (!pending || mistake == Mistake.EACH_PUT_POSTPONES_THE_WRITE) due = now + DELAY;
            if (mistake == Mistake.PUT_DURING_A_WRITE_STARTS_ANOTHER) flying = null;
            newest = value;
            pending = true;
        }

        @Override
        public @Nullable Write start(long now) {
            if (!pending || flying != null || due - now > 0) return null;
            flying = newest;
            pending = false;
            return new Write(newest, newest);
        }

        @Override
        public void end(Write write, boolean success, long now) {
            flying = null;
            boolean newer = newest != null && newest != write.value;
            if (success) {
                if (!newer || mistake == Mistake.SUCCESS_REMOVES_WHATEVER_IS_THERE) {
                    newest = null;
                    pending = false;
                }
                return;
            }
            if (mistake == Mistake.FAILURE_DROPS) {
                newest = null;
                pending = false;
                return;
            }
            if (mistake == Mistake.RETRY_WRITES_THE_OLD_VALUE && !newer) newest = write.value;
            if (mistake == Mistake.RETRY_WRITES_THE_OLD_VALUE && newer) newest = write.value;
            if (mistake == Mistake.RETRY_REPLACES_THE_NEWEST) newest = write.value;
            pending = true;
            due = now + 1;
        }

        @Override
        public void late(long now) {
            if (mistake != Mistake.LATE_WRITES_ARE_REPEATED_BESIDE || flying == null) return;
            flying = null;
            pending = true;
            due = now;
        }

        @Override
        public @Nullable Long read() {
            if (mistake == Mistake.TAKEN_IS_NOT_READ && !pending) return null;
            return newest;
        }
    }

    /** One sequence, its source, and what has to hold after each step. */
    private static final class Walk {
        final Machine machine;
        final Deque<Write> underWay = new ArrayDeque<>();
        long now = Long.MAX_VALUE - 3; // wraps on the way
        long puts;
        long source;
        long lastStarted;
        /** When the oldest change that no write has carried yet was made, unless a write has failed or was under way. */
        long waitingSince;

        boolean waiting;

        Walk(Machine machine) {
            this.machine = machine;
        }

        /** False: the step makes no sense now. */
        boolean step(Step step) {
            switch (step) {
                case PUT -> {
                    machine.put(++puts, now);
                    if (!waiting && underWay.isEmpty()) {
                        waiting = true;
                        waitingSince = now;
                    }
                }
                case TICK -> now++;
                case START -> {
                    return start();
                }
                case LATE -> {
                    if (underWay.isEmpty()) return false;
                    machine.late(now);
                }
                default -> {
                    return end(step);
                }
            }
            return true;
        }

        private boolean start() {
            boolean overdue = waiting && underWay.isEmpty() && now - waitingSince >= DELAY;
            Write write = machine.start(now);
            if (write == null) {
                check(!overdue, "a change waits longer than the delay since the first");
                return false;
            }
            check(underWay.isEmpty(), "two writes of one key at once");
            check(write.value >= lastStarted, "an older value is written after a newer");
            check(write.value == puts, "not the newest");
            lastStarted = write.value;
            waiting = false;
            underWay.add(write);
            return true;
        }

        private boolean end(Step step) {
            Write write = underWay.poll();
            if (write == null) return false;
            if (step != Step.FAIL) source = write.value;
            machine.end(write, step == Step.SUCCEED, now);
            return true;
        }

        void judge() {
            Long dirty = machine.read();
            check((dirty == null ? source : dirty) == puts, "a read does not see the newest");
        }

        /** From here on all goes well: the source must get the newest. */
        void comeToRest() {
            for (int round = 0; round < 10; round++) {
                if (underWay.isEmpty()) start();
                else end(Step.SUCCEED);
                judge();
                now++;
            }
            check(source == puts, "the newest has never reached the source");
            check(machine.read() == null, "something is dirty for ever");
        }

        private static void check(boolean holds, String broken) {
            if (!holds) throw new Broken(broken);
        }
    }

    private static final class Broken extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Broken(String rule) {
            super(rule, null, false, false);
        }
    }

    /** The number of sequences; fails with the first that breaks a rule. */
    private static int explore(Supplier<Machine> machines) {
        int[] walked = {0};
        explore(machines, new ArrayList<>(), walked);
        return walked[0];
    }

    private static void explore(Supplier<Machine> machines, List<Step> before, int[] walked) {
        for (Step step : Step.values()) {
            before.add(step);
            if (replay(machines, before)) {
                walked[0]++;
                if (before.size() < STEPS) explore(machines, before, walked);
            }
            before.remove(before.size() - 1);
        }
    }

    private static boolean replay(Supplier<Machine> machines, List<Step> steps) {
        Walk walk = new Walk(machines.get());
        boolean sensible = true;
        for (Step step : steps) sensible = walk.step(step);
        if (!sensible) return false;
        walk.judge();
        walk.comeToRest();
        return true;
    }

    @Test
    void the_dirty_map_breaks_no_rule_in_any_sequence() {
        assertThat(explore(Real::new)).isGreaterThan(10_000);
    }

    @Test
    void neither_does_the_small_machine() {
        assertThat(explore(() -> new Naive(null))).isEqualTo(explore(Real::new));
    }

    @ParameterizedTest
    @EnumSource(Mistake.class)
    void each_mistake_is_found(Mistake mistake) {
        Broken found = null;
        try {
            explore(() -> new Naive(mistake));
        } catch (Broken broken) {
            found = broken;
        }
        assertThat(found).as(mistake.name()).isNotNull();
    }
}
