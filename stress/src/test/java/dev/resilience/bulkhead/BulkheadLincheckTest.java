// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bulkhead;

import dev.resilience.Waiter;
import dev.resilience.Waiting;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.StressOptions;
import org.jetbrains.lincheck.datastructures.ThreadIdGen;
import org.jetbrains.lincheck.datastructures.Validate;
import org.jetbrains.lincheck.datastructures.verifier.EpsilonVerifier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * S35: the slots without a queue are linearizable. With a queue they cannot be, as a release may leave the granting to
 * another thread's drain; so every interleaving is searched for what must hold when all have come to rest: nobody waits
 * who would fit, and the slots in use are those of the calls that are in.
 */
@Timeout(900) // a search takes a minute or two, more on a busy machine
class BulkheadLincheckTest {

    @Test
    void slots_without_a_queue_are_linearizable() {
        new ModelCheckingOptions()
                .threads(3)
                .actorsPerThread(3)
                .actorsBefore(1)
                .iterations(20)
                .invocationsPerIteration(1_000)
                .check(Slots.class);
        new StressOptions()
                .threads(2)
                .actorsPerThread(4)
                .iterations(20)
                .invocationsPerIteration(1_000)
                .check(Slots.class);
    }

    @Test
    void no_wake_up_is_lost_first_come() {
        search(FirstCome.class);
    }

    @Test
    void no_wake_up_is_lost_last_come() {
        search(LastCome.class);
    }

    private static void search(Class<?> queue) {
        new ModelCheckingOptions()
                .threads(2)
                .actorsPerThread(2)
                .actorsBefore(1)
                .actorsAfter(0)
                .iterations(40)
                .invocationsPerIteration(400)
                .verifier(EpsilonVerifier.class)
                .check(queue);
    }

    private static Bulkhead.Settings settings(int maxConcurrent, int maxWaiting, boolean lifo) {
        return new Bulkhead.Settings(maxConcurrent, maxWaiting, 1, lifo, 0, null);
    }

    /** Each thread gives back what it has itself. */
    @Param(name = "weight", gen = IntGen.class, conf = "1:2")
    public static class Slots {
        private final Queue queue = new Queue(settings(3, 0, false));
        private final List<List<Integer>> mine = lists();

        private static <T> List<List<T>> lists() {
            List<List<T>> lists = new ArrayList<>();
            for (int i = 0; i < 5; i++) lists.add(new ArrayList<>());
            return lists;
        }

        @Operation
        public boolean enter(@Param(gen = ThreadIdGen.class) int thread, @Param(name = "weight") int weight) {
            boolean in = queue.tryAdmit(weight) >= 0;
            if (in) mine.get(thread).add(weight);
            return in;
        }

        @Operation
        public boolean leave(@Param(gen = ThreadIdGen.class) int thread) {
            List<Integer> weights = mine.get(thread);
            if (weights.isEmpty()) return false;
            queue.release(weights.remove(0));
            return true;
        }

        @Operation
        public int inUse() {
            return queue.inUse();
        }
    }

    /** A call; whoever comes first ends it. */
    private static final class Call {
        final int weight;
        final Waiter waiter = Waiting.waiter();
        final AtomicBoolean over = new AtomicBoolean();
        volatile boolean entered;

        Call(int weight) {
            this.weight = weight;
        }

        boolean in() {
            return !over.get() && (entered || Waiting.granted(waiter));
        }

        boolean waits() {
            return !over.get() && !entered && Waiting.waiting(waiter);
        }
    }

    @Param(name = "weight", gen = IntGen.class, conf = "1:3")
    public abstract static class Waits {
        private final boolean lifo;
        private final Queue queue;
        private final List<Call> calls = new CopyOnWriteArrayList<>();

        Waits(boolean lifo) {
            this.lifo = lifo;
            this.queue = new Queue(settings(3, 4, lifo));
            for (int weight = 1; weight <= 3; weight++) enter(weight); // the heavy one waits: the others are in
            enter(1);
        }

        @Operation
        public void enter(@Param(name = "weight") int weight) {
            long answer = queue.tryAdmit(weight);
            if (answer == Bulkhead.REFUSES) return;
            Call call = new Call(weight);
            call.entered = answer >= 0;
            if (answer < 0) queue.enqueue(call.waiter, weight, 0);
            calls.add(call);
        }

        /** Timed out, interrupted or cancelled. */
        @Operation
        public void giveUp() {
            for (Call call : calls) {
                if (call.waits() && Waiting.leave(call.waiter)) {
                    call.over.set(true);
                    queue.abandon(call.waiter);
                    return;
                }
            }
        }

        @Operation
        public void release() {
            for (Call call : calls) {
                if (call.in() && call.over.compareAndSet(false, true)) {
                    queue.release(call.weight);
                    return;
                }
            }
        }

        @Operation
        public void resize(@Param(name = "weight") int size) {
            Bulkhead.Settings seen;
            do {
                seen = queue.settings();
            } while (!queue.resize(seen, settings(size, 4, lifo)));
        }

        @Validate
        public void atRest() {
            int in = 0;
            for (Call call : calls) if (call.in()) in += call.weight;
            if (queue.inUse() != in)
                throw new IllegalStateException(queue.inUse() + " slots in use, by calls of " + in);
            long waiting = calls.stream().filter(Call::waits).count();
            if (queue.waiting() != waiting) throw new IllegalStateException(queue.waiting() + " wait, not " + waiting);
            resize(queue.settings().maxConcurrent()); // drains: there must be nobody left whom it lets in
            if (queue.waiting() != waiting) throw new IllegalStateException("somebody waited who had room");
        }
    }

    public static class FirstCome extends Waits {
        public FirstCome() {
            super(false);
        }
    }

    public static class LastCome extends Waits {
        public LastCome() {
            super(true);
        }
    }
}
