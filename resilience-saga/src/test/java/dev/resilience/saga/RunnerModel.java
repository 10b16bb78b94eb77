// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.CallContext;
import dev.resilience.Gate;
import dev.resilience.Policy;
import dev.resilience.Verdict;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One saga, its owner, those who take over, a canceller, an operator who pauses, a signaller and a participant, run with
 * the real runner on a store in memory. At each seam (before and after a write, before and after an effect) the search
 * chooses what happens: nothing, or one of a few disturbances that are left; it runs through every choice there is.
 *
 * <p>Who takes over does so inside of the seam in which the old owner stands still, and goes on as far as it gets; then
 * the old one wakes up. So every state in which an owner can freeze is met by every course of its successor.
 */
final class RunnerModel {
    /**
     * What a search is about.
     *
     * @param groups the steps that are called, in order; those of one group side by side
     */
    record Story(String name, List<List<String>> groups, Function<RunnerModel, Saga<String, ?>> definition) {
        @Override
        public String toString() {
            return name;
        }
    }

    /** Somebody is killed. */
    static final class Killed extends Error {
        private static final long serialVersionUID = 1L;

        Killed() {
            super("killed", null, false, false);
        }
    }

    static final SagaRef REF = new SagaRef("saga", "1");
    static final Duration DELAY = Duration.ofHours(1);

    private static final long A_DAY = 86_400_000;

    final Story story;
    final Mistake mistake;
    final int most;
    int runs;
    String violation = "";

    // --- of one run ---
    private final List<Integer> chosen = new ArrayList<>();
    private final List<Integer> choices = new ArrayList<>();
    private int at;
    private int left;
    private int owners;
    private int depth;
    private int writes;
    ManualTime time = ManualTime.autoAdvancing();
    SeamStore store = new SeamStore(SagaStore.inMemory(time));
    Ledger ledger = new Ledger(this);
    private @Nullable Chart chart;
    private boolean cancelAccepted;
    private boolean cancelInTime;
    private boolean signalled;
    private boolean cancelled;
    private boolean paused;

    RunnerModel(Story story, Mistake mistake, int most) {
        this.story = story;
        this.mistake = mistake;
        this.most = most;
    }

    /** Every run there is, until one goes wrong. */
    RunnerModel search() {
        do {
            at = 0;
            one();
            runs++;
        } while (violation.isEmpty() && next());
        return this;
    }

    private boolean next() {
        while (!chosen.isEmpty()) {
            int last = chosen.size() - 1;
            if (chosen.get(last) + 1 < choices.get(last)) {
                chosen.set(last, chosen.get(last) + 1);
                return true;
            }
            chosen.remove(last);
            choices.remove(last);
        }
        return false;
    }

    /** 0: nothing; as long as disturbances are left. */
    int choose(int alternatives) {
        if (left == 0) return 0;
        if (at == chosen.size()) {
            chosen.add(0);
            choices.add(alternatives);
        }
        int now = chosen.get(at++);
        if (now > 0) left--;
        return now;
    }

    void violated(String what) {
        if (violation.isEmpty())
            violation = what + " | choices " + chosen + " | " + ledger + " | "
                    + store.inner.load(REF).map(l -> l.head() + " " + l.entries());
    }

    // --- a run ---

    private void one() {
        time = ManualTime.autoAdvancing();
        store = new SeamStore(SagaStore.inMemory(time));
        ledger = new Ledger(this);
        left = most;
        owners = 0;
        depth = 0;
        writes = 0;
        cancelAccepted = cancelInTime = signalled = cancelled = paused = false;
        chart = new Chart(story.definition().apply(this).plan, time);
        Owner first = new Owner();
        SagaStore.Loaded loaded = first.start(Objects.requireNonNull(chart), "1", "in");
        first.live(loaded);
        recover();
        check();
    }

    /** The ends of the earth: everybody who is dead is found dead, who waits is woken, who is paused resumed. */
    private void recover() {
        for (int i = 0; i < 60 && violation.isEmpty(); i++) {
            SagaInstance head = store.inner.load(REF).orElseThrow().head();
            if (head.status().ended() || head.status() == SagaStatus.NEEDS_ATTENTION) return;
            Owner next = new Owner();
            if (head.status() == SagaStatus.PAUSED) resume(head, next);
            else if (head.owner() == null && head.wakeMs() - next.nowMs() > A_DAY && !signalled) signal(next);
            else if (head.owner() == null && head.wakeMs() == SagaInstance.NEVER) break;
            else {
                long ms = head.owner() != null ? 1 : Math.max(0, head.wakeMs() - next.nowMs());
                time.advance(Duration.ofMillis(ms));
                next.takeOver();
            }
        }
        violated("G8, L3: it never ends");
    }

    private void resume(SagaInstance head, Owner operator) {
        Checkpoint.Builder write = Checkpoint.on(head, operator.nowMs()).raisesSig();
        write.append(JournalEntry.of(JournalEntry.Phase.OPERATOR, "").note("resume"));
        write.head().status(Objects.requireNonNull(head.heldFrom())).heldFrom(null);
        if (head.owner() == null) write.head().wakeMs(operator.nowMs());
        store.inner.write(write.build());
    }

    private void pause(Owner operator) {
        SagaInstance head = store.inner.load(REF).orElseThrow().head();
        if (head.status() != SagaStatus.RUNNING && head.status() != SagaStatus.COMPENSATING) return;
        Checkpoint.Builder write = Checkpoint.on(head, operator.nowMs()).raisesSig();
        write.append(JournalEntry.of(JournalEntry.Phase.OPERATOR, "").note("pause"));
        write.head().status(SagaStatus.PAUSED).heldFrom(head.status());
        if (head.owner() == null) write.head().wakeMs(SagaInstance.NEVER);
        store.inner.write(write.build());
    }

    private void signal(Owner by) {
        signalled = true;
        byte[] value = by.codec.encode(Type.of(String.class), "yes");
        store.inner.signal(REF, new SagaStore.Signal("paid", "k", value, by.nowMs()));
    }

    private void cancel(Owner by) {
        boolean before = !ledger.calledEver("pivot");
        cancelAccepted = store.inner.cancel(REF, by.nowMs()) == SagaReply.ACCEPTED;
        cancelInTime = cancelAccepted && before;
    }

    /** What others do while an owner stands still; each at most once. */
    private void disturb(int which, Owner owner) {
        switch (which) {
            case 1 -> owner.die();
            case 2 -> {
                if (depth < 2) new Owner().takeOver();
            }
            case 3 -> {
                if (!cancelled) cancel(owner);
                cancelled = true;
            }
            case 4 -> {
                if (!paused) pause(owner);
                paused = true;
            }
            case 5 -> {
                if (!signalled) signal(owner);
            }
            case 6 -> {
                if (depth < 2) new Owner().takeOver();
                owner.nudge(); // and the old owner's engine says so, once it wakes up
            }
            default -> {}
        }
    }

    // --- the end ---

    private void check() {
        if (!violation.isEmpty()) return;
        SagaStore.Loaded end = store.inner.load(REF).orElseThrow();
        SagaInstance head = end.head();
        long fence = Long.MIN_VALUE;
        for (JournalEntry line : end.entries()) {
            if (line.fence() < fence) violated("G9: a stale owner recorded " + line);
            fence = line.fence();
        }
        Set<String> outcomes = new HashSet<>();
        for (JournalEntry line : end.entries())
            if (line.outcome() != null && !outcomes.add(line.phase() + line.step() + line.index()))
                violated("G4: two outcomes: " + line);
        if (head.status() == SagaStatus.NEEDS_ATTENTION) violated("parked without need: " + head.reason());
        if (head.cancelRequested() && head.status() == SagaStatus.COMPLETED)
            violated("S3: a cancel that came too late is still there");
        if (signalled && Reasons.DEADLINE.equals(head.reason())) violated("S9: the signal came and was not seen");
        if (cancelInTime && head.status() != SagaStatus.COMPENSATED) violated("a cancel in time was not honoured");
        ledger.check(head.status());
    }

    /** An engine: from its birth to its death. */
    final class Owner extends FakeBerth {
        private boolean dead;
        private @Nullable Runner runner;

        void nudge() {
            Objects.requireNonNull(runner).nudge();
        }

        Owner() {
            super(RunnerModel.this.time, RunnerModel.this.store, "o#" + owners++);
        }

        void die() {
            dead = true;
            throw new Killed();
        }

        void alive() {
            if (dead) throw new Killed();
        }

        void live(SagaStore.Loaded loaded) {
            depth++;
            Owner before = ledger.owner;
            ledger.owner = this;
            try {
                runner = new Runner(Objects.requireNonNull(chart), mistake.loaded(loaded), this);
                runner.run();
            } catch (Killed end) {
                dead = true;
            } finally {
                ledger.owner = before;
                depth--;
            }
        }

        void takeOver() {
            String of = store.load(REF).orElseThrow().head().owner();
            List<SagaStore.Loaded> claimed = of == null ? claim() : claim(of);
            for (SagaStore.Loaded loaded : claimed) live(loaded);
        }

        @Override
        public boolean write(Checkpoint checkpoint) {
            alive();
            if (!owner.equals(checkpoint.seen().owner())) violated("G9, T23: written by somebody who has lost it");
            if (++writes > 300) {
                violated("L3: it writes for ever");
                die();
            }
            disturb(choose(7), this);
            alive();
            boolean written = mistake.write(RunnerModel.this.store, checkpoint);
            int answer = choose(3);
            if (answer == 1) die();
            return written && answer == 0; // 2: nobody tells us
        }

        @Override
        public SagaStore.@Nullable Loaded reload(SagaRef ref, boolean settled) {
            alive();
            return store.load(ref).orElse(null);
        }

        /** A step's code is called: the participant's side. */
        String call(StepContext context, String name) throws Exception {
            alive();
            ledger.enters(name);
            int before = choose(8);
            if (before == 7) throw new IllegalStateException("before the effect");
            disturb(before, this);
            alive();
            ledger.effect(mistake.key(context.key(), name, owner), name);
            int after = choose(4);
            if (after == 1) die();
            if (after == 2) throw new IllegalStateException("after the effect");
            if (after == 3 && depth < 2) new Owner().takeOver();
            return name;
        }

        @Override
        public void execute(Runnable branch) {
            alive();
            branch.run();
        }
    }

    boolean opens() {
        return choose(2) == 0;
    }

    /** A gate that refuses when the search says so. */
    Policy door() {
        return new Gate("door", time) {
            @Override
            protected long tryAdmit(CallContext context, long now) {
                return opens() ? 0 : refused(Duration.ofMinutes(1).toNanos());
            }

            @Override
            protected boolean timed() {
                return false;
            }

            @Override
            protected void settle(
                    long permit,
                    long admittedAt,
                    long now,
                    Verdict verdict,
                    @Nullable Object value,
                    @Nullable Throwable thrown) {}
        };
    }
}
