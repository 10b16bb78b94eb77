// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** Orders of events that tests with threads would meet only by luck. */
class AgendaTest {
    private final Agenda agenda = new Agenda(0);

    private Agenda.Parked park(long nanos) {
        Agenda.Parked me = agenda.park(nanos);
        assertThat(me).isNotNull();
        return me;
    }

    @Test
    void a_thread_that_was_unparked_before_it_takes_the_next_event_leaves_the_clock_alone() {
        Agenda.Parked me = park(10);
        agenda.schedule(() -> {}, 5);
        agenda.unpark(Thread.currentThread());
        assertThat(agenda.nextFor(me)).isNull();
        assertThat(agenda.now()).isZero();
        agenda.leave(me);
        assertThat(agenda.timers()).isEqualTo(1);
    }

    @Test
    void a_second_unpark_of_a_thread_that_is_leaving_is_kept_for_its_next_park() {
        Agenda.Parked me = park(10);
        agenda.unpark(Thread.currentThread());
        agenda.unpark(Thread.currentThread());
        agenda.leave(me);
        assertThat(agenda.park(10)).isNull();
        agenda.leave(park(10));
        assertThat(agenda.nextIn()).isEmpty();
    }

    @Test
    void an_unpark_ends_the_wait_around_the_one_that_a_timer_is_in_too() {
        Agenda.Parked outer = park(100);
        Agenda.Parked inner = park(10);
        agenda.unpark(Thread.currentThread());
        assertThat(inner.over()).isTrue();
        agenda.leave(inner);
        assertThat(outer.over()).isTrue();
        assertThat(agenda.nextFor(outer)).isNull();
        agenda.leave(outer);
        assertThat(agenda.waiting()).isZero();
    }

    @Test
    void a_thread_that_gives_up_takes_its_wake_up_with_it() {
        Agenda.Parked me = park(10);
        assertThat(agenda.waiting()).isEqualTo(1);
        agenda.leave(me);
        assertThat(agenda.waiting()).isZero();
        assertThat(agenda.nextUntil(100)).isNull();
        assertThat(agenda.now()).isEqualTo(100);
    }

    /** Who queues for a lock has taken its interrupt down meanwhile: the clock must not take it for a parked thread. */
    @Test
    void an_interrupted_thread_is_no_longer_parked_while_it_queues_to_leave() throws InterruptedException {
        CountDownLatch parked = new CountDownLatch(1);
        AtomicReference<Agenda.Parked> wait = new AtomicReference<>();
        Thread thread = new Thread(() -> {
            Agenda.Parked me = park(Long.MAX_VALUE);
            wait.set(me);
            parked.countDown();
            while (!me.over()) LockSupport.park(this);
            agenda.leave(me);
        });
        thread.start();
        assertThat(parked.await(60, TimeUnit.SECONDS)).isTrue();
        agenda.lock.lock();
        try {
            thread.interrupt();
            long since = System.nanoTime();
            while (!agenda.lock.hasQueuedThread(thread) || thread.isInterrupted()) {
                assertThat(System.nanoTime() - since).as("patience").isLessThan(TimeUnit.SECONDS.toNanos(60));
                Thread.onSpinWait();
            }
            assertThat(wait.get().over()).isTrue();
        } finally {
            agenda.lock.unlock();
        }
        thread.join(60_000);
        assertThat(agenda.waiting()).isZero();
    }
}
