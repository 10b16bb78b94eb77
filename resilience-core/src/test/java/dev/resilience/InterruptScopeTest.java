// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Field;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * The narrowest races of the protocol, made to happen in the code itself: the owner is a thread that lets the test step
 * in where somebody else reads or sets its flag. All races are searched by {@code InterruptProtocolModelTest}.
 */
class InterruptScopeTest {
    private final Owner owner = new Owner();

    /** A thread that does what it is told, with a place to step in. */
    private static final class Owner extends Thread {
        final LinkedBlockingQueue<Runnable> work = new LinkedBlockingQueue<>();
        volatile @Nullable Runnable beforeFlag;
        volatile @Nullable Runnable afterFlag;
        volatile @Nullable Runnable beforeInterrupt;
        volatile boolean over;

        Owner() {
            super("owner");
            setDaemon(true);
            start();
        }

        @Override
        public void run() {
            while (!over) {
                Runnable task = work.poll();
                if (task == null) Thread.yield();
                else task.run();
            }
        }

        /** Read by whoever fires. Each step happens once. */
        @Override
        public boolean isInterrupted() {
            Runnable before = beforeFlag;
            beforeFlag = null;
            if (before != null) before.run();
            boolean flag = super.isInterrupted();
            Runnable after = afterFlag;
            afterFlag = null;
            if (after != null) after.run();
            return flag;
        }

        @Override
        public void interrupt() {
            Runnable before = beforeInterrupt;
            beforeInterrupt = null;
            if (before != null) before.run();
            super.interrupt();
        }

        <T> T does(Supplier<T> task) {
            return later(task).get();
        }

        /** Begins; the supplier waits for the answer. */
        <T> Supplier<T> later(Supplier<T> task) {
            LinkedBlockingQueue<T> answer = new LinkedBlockingQueue<>();
            work.add(() -> answer.add(task.get()));
            return () -> {
                try {
                    T value = answer.poll(60, TimeUnit.SECONDS);
                    if (value == null) throw new AssertionError("the owner did not answer");
                    return value;
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            };
        }

        InterruptScope begins() {
            return does(() -> new InterruptScope(null, InterruptScope.stack(), true));
        }

        int ends(InterruptScope scope) {
            return does(() -> scope.end(InterruptScope.stack()));
        }

        /** The flag, read by the owner itself and without a step in between. */
        boolean flag() {
            return does(() -> super.isInterrupted());
        }
    }

    @AfterEach
    void the_owner_is_clean() { // L8
        try {
            assertThat(owner.flag()).as("an interrupt leaked").isFalse();
        } finally {
            owner.over = true; // it would look for work until the JVM ends, beside all other tests
        }
    }

    private static void awaitUntil(BooleanSupplier condition) {
        TimeSource real = TimeSource.system();
        long since = real.nanoTime();
        while (!condition.getAsBoolean()) {
            assertThat(real.nanoTime() - since).as("waited").isLessThan(TimeUnit.SECONDS.toNanos(60));
            Thread.yield();
        }
    }

    private static @Nullable Object innerOf(InterruptScope scope) {
        try {
            Field inner = InterruptScope.class.getDeclaredField("inner");
            inner.setAccessible(true);
            return inner.get(scope);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }

    @Test // L8: the handshake
    void the_owner_does_not_leave_before_the_interrupt_that_is_under_way_has_come() throws Exception {
        InterruptScope scope = owner.begins();
        CountDownLatch interrupting = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        owner.beforeInterrupt = () -> {
            interrupting.countDown();
            try {
                assertThat(goOn.await(60, TimeUnit.SECONDS)).isTrue();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        };
        Thread timer = new Thread(scope::fire);
        timer.start();
        assertThat(interrupting.await(60, TimeUnit.SECONDS)).isTrue();
        Supplier<Integer> end = owner.later(() -> scope.end(InterruptScope.stack()));
        assertThat(scope.phase()).isEqualTo(Cancellation.FIRING);
        goOn.countDown();

        assertThat(end.get()).isEqualTo(Cancellation.FIRED);
        timer.join(60_000);
    }

    @Test // S33: the flag before the links
    void an_inner_interrupt_that_comes_before_the_flag_is_read_is_not_taken_for_a_strangers() {
        InterruptScope outer = owner.begins();
        InterruptScope inner = owner.begins();
        owner.beforeFlag = inner::fire;

        assertThat(outer.fire()).isTrue();

        assertThat(outer.phase()).isEqualTo(Cancellation.FIRED);
        assertThat(owner.ends(inner)).isEqualTo(Cancellation.FIRED);
        assertThat(owner.flag()).as("the outer interrupt is visible").isTrue();
        assertThat(owner.ends(outer)).isEqualTo(Cancellation.FIRED);
    }

    @Test // S33: the count
    void an_inner_interrupt_that_is_taken_back_after_the_flag_is_read_is_not_taken_for_a_strangers() {
        InterruptScope outer = owner.begins();
        InterruptScope inner = owner.begins();
        assertThat(inner.fire()).isTrue();
        owner.afterFlag = () -> {
            owner.work.add(() -> inner.end(InterruptScope.stack()));
            awaitUntil(() -> innerOf(outer) == null);
        };

        assertThat(outer.fire()).isTrue();

        assertThat(outer.phase()).isEqualTo(Cancellation.FIRED);
        assertThat(owner.flag()).as("the outer interrupt is visible").isTrue();
        assertThat(owner.ends(outer)).isEqualTo(Cancellation.FIRED);
    }

    @Test // S33: the links before the interrupt, and set again by the owner
    void an_outer_interrupt_is_set_again_by_the_owner_when_the_inner_part_ends() {
        InterruptScope outer = owner.begins();
        InterruptScope inner = owner.begins();
        inner.fire();
        outer.fire();

        assertThat(owner.ends(inner)).isEqualTo(Cancellation.FIRED);
        assertThat(owner.flag()).isTrue();
        assertThat(owner.ends(outer)).isEqualTo(Cancellation.FIRED);
    }

    @Test // L8, S33: PASSED
    void a_strangers_interrupt_that_is_pending_stays_through_both_parts() {
        InterruptScope outer = owner.begins();
        InterruptScope inner = owner.begins();
        owner.interrupt();
        inner.fire();
        outer.fire();

        assertThat(owner.ends(inner)).isEqualTo(Cancellation.PASSED);
        assertThat(owner.ends(outer)).isEqualTo(Cancellation.PASSED);
        assertThat(owner.<Boolean>does(Thread::interrupted)).as("theirs").isTrue();
    }

    @Test // L8
    void a_part_that_has_ended_is_not_fired() {
        InterruptScope scope = owner.begins();

        assertThat(owner.ends(scope)).isEqualTo(Cancellation.DONE);
        assertThat(scope.fire()).isFalse();
    }
}
