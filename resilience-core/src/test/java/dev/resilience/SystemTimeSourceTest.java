// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.TimeSource.Timer;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class SystemTimeSourceTest {
    private static final long MILLI = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long HOUR = TimeUnit.HOURS.toNanos(1);
    private static final InheritableThreadLocal<String> INHERITED = new InheritableThreadLocal<>();

    private final SystemTimeSource time = new SystemTimeSource();
    private final BlockingQueue<Long> fired = new LinkedBlockingQueue<>();

    /** Arms a timer that tells how late it fired, and waits for it. */
    private long lateness(long nanos) throws InterruptedException {
        long due = time.nanoTime() + nanos;
        time.schedule(() -> fired.add(time.nanoTime() - due), nanos);
        return next();
    }

    private long next() throws InterruptedException {
        Long late = fired.poll(60, TimeUnit.SECONDS);
        assertThat(late).as("the timer did not fire").isNotNull();
        return late;
    }

    @Test
    void the_shared_one_is_one() {
        assertThat(TimeSource.system()).isSameAs(TimeSource.system()).isInstanceOf(SystemTimeSource.class);
    }

    @Test // L10
    void durations_saturate_as_nanoseconds() {
        assertThat(TimeSource.nanos(java.time.Duration.ofNanos(7))).isEqualTo(7);
        assertThat(TimeSource.nanos(java.time.Duration.ofSeconds(Long.MAX_VALUE)))
                .isEqualTo(Long.MAX_VALUE);
        assertThat(TimeSource.nanos(java.time.Duration.ofSeconds(Long.MIN_VALUE)))
                .isEqualTo(Long.MIN_VALUE);
        assertThat(TimeSource.nanos(java.time.Duration.ofNanos(Long.MAX_VALUE).plusNanos(1)))
                .isEqualTo(Long.MAX_VALUE);
    }

    /** What the machine adds is only ever more, and has no bound: so many have to be on time, however many are not. */
    @Test
    void never_fires_early_and_often_on_time() throws InterruptedException {
        long since = time.nanoTime();
        int onTime = 0;
        while (onTime < 20) {
            long late = lateness(ThreadLocalRandom.current().nextLong(6 * MILLI));
            assertThat(late).isNotNegative();
            if (late < 20 * MILLI) onTime++;
            assertThat(time.nanoTime() - since).as("%d were on time", onTime).isLessThan(TimeUnit.MINUTES.toNanos(2));
        }
    }

    @Test // L6: the timer thread belongs to nobody's pool
    void fires_while_every_pool_is_full() throws InterruptedException {
        CountDownLatch release = new CountDownLatch(1);
        ExecutorService pool = Executors.newFixedThreadPool(2);
        Runnable block = () -> awaitQuietly(release, 300);
        for (int i = 0; i < 2 * Runtime.getRuntime().availableProcessors(); i++) {
            ForkJoinPool.commonPool().execute(block);
            pool.execute(block);
        }
        try {
            for (int i = 0; i < 25; i++) {
                assertThat(lateness(2 * MILLI)).isNotNegative();
            }
            assertThat(release.getCount()).as("the pools are full").isEqualTo(1);
        } finally {
            release.countDown();
            pool.shutdown();
        }
    }

    private static void awaitQuietly(CountDownLatch latch) {
        awaitQuietly(latch, 60);
    }

    private static void awaitQuietly(CountDownLatch latch, int seconds) {
        try {
            latch.await(seconds, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void an_earlier_timer_wakes_the_thread_that_waits_for_a_later_one() throws InterruptedException {
        Timer later = time.schedule(() -> fired.add(-1L), HOUR);
        assertThat(lateness(3 * MILLI)).isNotNegative();
        assertThat(later.cancel()).isTrue();
        assertThat(fired).isEmpty();
    }

    @Test
    void a_timer_that_is_due_already_runs_on_the_timer_thread() throws InterruptedException {
        BlockingQueue<String> names = new LinkedBlockingQueue<>();
        time.schedule(() -> names.add(Thread.currentThread().getName()), 0);
        time.schedule(() -> names.add(Thread.currentThread().getName()), Long.MIN_VALUE);
        assertThat(names.poll(60, TimeUnit.SECONDS)).isEqualTo("resilience-timer");
        assertThat(names.poll(60, TimeUnit.SECONDS)).isEqualTo("resilience-timer");
    }

    @Test // L10, L13
    void a_timer_for_never_is_accepted_and_costs_nothing() {
        Timer timer = time.schedule(() -> {}, Long.MAX_VALUE);
        assertThat(time.pendingTimers()).isZero();
        assertThat(time.timerThread())
                .as("nothing starts a thread until it is needed")
                .isNull();
        assertThat(timer.cancel()).isTrue();
        time.schedule(() -> {}, Long.MAX_VALUE / 2).cancel();
        assertThat(time.pendingTimers()).isZero();
    }

    @Test
    void a_cancelled_timer_never_runs_and_one_that_ran_cannot_be_cancelled() throws InterruptedException {
        AtomicBoolean ran = new AtomicBoolean();
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        time.schedule(
                () -> { // the timer thread stands still, however long this one is paused
                    begun.countDown();
                    awaitQuietly(release, 300);
                },
                0);
        assertThat(begun.await(60, TimeUnit.SECONDS)).isTrue();
        Timer cancelled = time.schedule(() -> ran.set(true), 0);
        assertThat(cancelled.cancel()).isTrue();
        assertThat(cancelled.cancel()).isTrue();
        Timer run = time.schedule(() -> fired.add(0L), MILLI);
        release.countDown();
        next();
        assertThat(run.cancel()).isFalse();
        assertThat(ran).isFalse();
    }

    @Test // S38
    void timers_of_one_thread_and_tick_fire_in_the_order_of_arming() throws InterruptedException {
        long deadline = time.nanoTime() + 5 * MILLI;
        BlockingQueue<Long> order = fired;
        for (long i = 0; i < 50; i++) {
            long number = i;
            time.armAt(
                    new WheelTimer() {
                        @Override
                        public void run() {
                            order.add(number);
                        }
                    },
                    deadline);
        }
        for (long i = 0; i < 50; i++) {
            assertThat(next()).isEqualTo(i);
        }
    }

    @Test
    void the_thread_survives_tasks_that_throw_and_interrupts() throws InterruptedException {
        for (Throwable thrown : List.of(
                new IllegalStateException("expected by the test"), new StackOverflowError(), new ThreadDeath())) {
            time.schedule(() -> SystemTimeSourceTest.<RuntimeException>sneak(thrown), 0);
        }
        lateness(MILLI);
        Thread thread = time.timerThread();
        assertThat(thread).isNotNull();
        thread.interrupt();
        assertThat(lateness(MILLI)).isNotNegative();
        assertThat(time.timerThread()).isSameAs(thread);
        assertThat(thread.isInterrupted())
                .as("a flag left set would make it spin")
                .isFalse();
    }

    @SuppressWarnings("unchecked")
    private static <X extends Throwable> void sneak(Throwable thrown) throws X {
        throw (X) thrown;
    }

    @Test // L13
    void the_thread_is_a_daemon_and_keeps_nothing_of_the_thread_that_was_first() throws InterruptedException {
        INHERITED.set("application");
        BlockingQueue<String> seen = new LinkedBlockingQueue<>();
        time.schedule(
                () -> {
                    Thread me = Thread.currentThread();
                    seen.add("daemon " + me.isDaemon() + " " + me.getContextClassLoader() + " " + INHERITED.get());
                },
                0);
        assertThat(seen.poll(60, TimeUnit.SECONDS)).isEqualTo("daemon true null null");
        INHERITED.remove();
    }

    @Test // L13
    void a_hundred_thousand_cancelled_timers_leave_an_empty_wheel() {
        List<Timer> timers = new ArrayList<>();
        for (int i = 0; i < 100_000; i++) {
            timers.add(time.schedule(() -> {}, HOUR + i * MILLI));
        }
        assertThat(time.pendingTimers()).isEqualTo(100_000);
        timers.forEach(timer -> assertThat(timer.cancel()).isTrue());
        assertThat(time.pendingTimers()).isZero();
    }

    @Test // L13
    void a_cancelled_task_can_be_collected_while_its_handle_is_held() {
        List<Timer> handles = new ArrayList<>();
        WeakReference<Object> task = cancelledTask(handles);
        for (int i = 0; i < 50 && task.get() != null; i++) {
            System.gc();
            time.park(this, 5 * MILLI);
        }
        assertThat(task.get()).isNull();
        assertThat(handles).hasSize(1);
    }

    private WeakReference<Object> cancelledTask(List<Timer> handles) {
        byte[] held = new byte[1 << 16];
        Timer neighbour = time.schedule(() -> {}, HOUR);
        handles.add(time.schedule(() -> Arrays.fill(held, (byte) 1), HOUR));
        assertThat(handles.get(0).cancel()).isTrue();
        neighbour.cancel();
        return new WeakReference<>(held);
    }

    @Test
    void a_parked_thread_returns_on_time_on_unpark_and_on_interrupt() throws InterruptedException {
        long before = time.nanoTime();
        while (time.nanoTime() - before < 2 * MILLI) {
            time.park(this, 2 * MILLI - (time.nanoTime() - before));
        }
        AtomicBoolean go = new AtomicBoolean();
        Thread thread = new Thread(() -> {
            while (!go.get()) {
                time.park(this, Long.MAX_VALUE);
            }
            Thread.currentThread().interrupt();
            time.park(this, HOUR);
            fired.add(Thread.currentThread().isInterrupted() ? 1L : 0L);
        });
        thread.setDaemon(true);
        thread.start();
        go.set(true);
        time.unpark(thread);
        assertThat(next()).isEqualTo(1L);
    }

    @Test // L13
    void the_thread_ends_when_it_was_idle_for_long_and_another_one_serves_the_next_timer() throws InterruptedException {
        SystemTimeSource shortLived = new SystemTimeSource(MILLI);
        shortLived.schedule(() -> fired.add(1L), 0);
        next();
        Thread first = shortLived.timerThread();
        assertThat(first).isNotNull();
        first.join(60_000);
        assertThat(first.isAlive()).isFalse();
        shortLived.schedule(() -> fired.add(2L), MILLI);
        assertThat(next()).isEqualTo(2);
        assertThat(shortLived.timerThread()).isNotSameAs(first);
    }

    @Test // L13: nothing idle, so a live timer keeps the thread
    void the_thread_does_not_end_while_a_timer_is_armed() throws InterruptedException {
        SystemTimeSource shortLived = new SystemTimeSource(0);
        Timer later = shortLived.schedule(() -> {}, HOUR);
        Thread thread = shortLived.timerThread();
        assertThat(thread).isNotNull();
        thread.join(30);
        assertThat(thread.isAlive()).isTrue();
        assertThat(later.cancel()).isTrue();
    }

    @Test
    void no_timer_is_stranded_by_a_thread_that_is_just_ending() throws InterruptedException {
        SystemTimeSource hasty = new SystemTimeSource(1_000); // a park is late by more, and so is the end
        List<Thread> arming = new ArrayList<>();
        AtomicInteger lost = new AtomicInteger();
        for (int t = 0; t < 2; t++) {
            Thread thread = new Thread(() -> {
                for (int i = 0; i < 400 && lost.get() == 0; i++) {
                    long until = hasty.nanoTime() + ThreadLocalRandom.current().nextLong(150_000);
                    while (hasty.nanoTime() - until < 0) Thread.onSpinWait();
                    CountDownLatch done = new CountDownLatch(1);
                    hasty.schedule(done::countDown, 0);
                    awaitQuietly(done);
                    lost.addAndGet((int) done.getCount());
                }
            });
            thread.start();
            arming.add(thread);
        }
        for (Thread thread : arming) {
            thread.join(120_000);
            assertThat(thread.isAlive()).isFalse();
        }
        assertThat(lost).hasValue(0);
    }

    private static final class Scope extends WheelTimer {
        @Override
        public void run() {}
    }

    @Test // P9: 32 bytes are the scope itself
    void arming_and_cancelling_allocates_the_entry_and_nothing_else() {
        long later = time.nanoTime() + HOUR;
        assertThat(Allocations.perRun(() -> {
                    Scope scope = new Scope();
                    time.armAt(scope, later);
                    time.cancel(scope);
                }))
                .isLessThanOrEqualTo(32);
        Runnable task = () -> {};
        assertThat(Allocations.perRun(() -> time.schedule(task, HOUR).cancel())).isLessThanOrEqualTo(40);
    }

    /** Counts what happens to it; the answer of cancel must agree with what ran. */
    private final class Audited extends WheelTimer {
        final AtomicInteger runs = new AtomicInteger();
        final long due;
        volatile boolean early;
        boolean cancelled;

        Audited(long nanos) {
            this.due = time.nanoTime() + nanos;
        }

        @Override
        public void run() {
            early |= time.nanoTime() - due < 0;
            runs.incrementAndGet();
        }
    }

    @Test
    void eight_threads_arm_and_cancel_and_each_timer_fires_once_or_never() throws InterruptedException {
        List<List<Audited>> all = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 8; t++) {
            List<Audited> mine = new ArrayList<>();
            all.add(mine);
            Thread thread = new Thread(() -> armAndCancel(mine));
            thread.start();
            threads.add(thread);
        }
        for (Thread thread : threads) {
            thread.join(60_000);
            assertThat(thread.isAlive()).isFalse();
        }
        long end = time.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (time.pendingTimers() > 0 && time.nanoTime() - end < 0) {
            time.park(this, MILLI);
        }
        assertThat(time.pendingTimers()).isZero();
        lateness(2 * MILLI); // behind all others: none is still running
        for (Audited timer : all.stream().flatMap(List::stream).toList()) {
            assertThat(timer.early).as("fired early").isFalse();
            assertThat(timer.runs.get())
                    .as("cancel answered %s", timer.cancelled)
                    .isEqualTo(timer.cancelled ? 0 : 1);
        }
    }

    private void armAndCancel(List<Audited> mine) {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        for (int i = 0; i < 100_000 / 8; i++) {
            long nanos = random.nextLong(4 * MILLI);
            Audited timer = new Audited(nanos);
            time.armAt(timer, timer.due);
            mine.add(timer);
            Audited other = mine.get(random.nextInt(Math.max(0, i - 200), i + 1));
            if (random.nextInt(3) > 0) {
                other.cancelled |= time.cancel(other);
            }
        }
    }
}
