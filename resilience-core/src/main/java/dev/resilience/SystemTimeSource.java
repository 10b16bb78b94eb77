// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.lang.System.Logger.Level;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Real time, real waiting, and one daemon thread for all timers. The only place in the library that reads the
 * system's clock or parks a thread for a time. See {@code docs/internals/time.md}.
 */
final class SystemTimeSource implements TimeSource {

    /* Implementation notes.
     *
     * Timers hang in a few wheels ("stripes"), chosen by the arming thread, so that threads seldom meet at a lock.
     * `planned` is the tick at which the timer thread will look next; it tells an arming thread whether to wake it.
     *
     * I1. A timer is in a wheel iff it will still run. Whoever takes it out under the stripe's lock, the timer thread
     *     or a cancel, decides its fate; it runs outside the lock.
     * I2. The thread writes planned = NEVER *before* it looks into the stripes for its next tick, an arming thread
     *     reads planned *after* it left the stripe's lock. So either the thread sees the timer, or the arming thread
     *     sees NEVER or the tick planned without it, and wakes the thread if its own is earlier.
     * I3. A planned look is kept when its timer is cancelled: the arm and cancel of steady traffic then find an
     *     earlier look planned nearly always, and wake nobody.
     * I4. A timer may only be stranded if nobody runs: the thread ends only by CAS of planned from NEVER to ENDED
     *     with all wheels empty, and an arming thread that finds ENDED, as any other late tick, starts a new one.
     */

    /** A tick is 2^20 ns, about 1.05 ms: how late a timer may be, besides what the operating system adds. */
    static final int TICK_SHIFT = 20;

    private static final long AWAKE = -1;
    private static final long ENDED = Long.MAX_VALUE;
    private static final long IDLE_NANOS = TimeUnit.MINUTES.toNanos(1);
    private static final int MAX_STRIPES = 16;

    private static final System.Logger LOGGER = System.getLogger("dev.resilience");
    private static final VarHandle PLANNED;

    static {
        try {
            PLANNED = MethodHandles.lookup().findVarHandle(SystemTimeSource.class, "planned", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final long origin = System.nanoTime();
    private final long idleNanos;
    private final Stripe[] stripes;
    private volatile long planned = ENDED;
    private volatile @Nullable Thread thread;

    SystemTimeSource() {
        this(IDLE_NANOS);
    }

    /** {@code idleNanos}: how long the thread stays when there is no timer. */
    SystemTimeSource(long idleNanos) {
        this.idleNanos = idleNanos;
        int processors = Math.min(Runtime.getRuntime().availableProcessors(), MAX_STRIPES);
        stripes = new Stripe[Integer.highestOneBit(2 * processors - 1)];
        for (int i = 0; i < stripes.length; i++) {
            stripes[i] = new Stripe();
        }
    }

    static TimeSource shared() {
        return Shared.INSTANCE;
    }

    private static final class Shared {
        static final SystemTimeSource INSTANCE = new SystemTimeSource();
    }

    @Override
    public long nanoTime() {
        return System.nanoTime();
    }

    @Override
    public void park(Object blocker, long nanos) {
        if (nanos == Long.MAX_VALUE) {
            LockSupport.park(blocker);
        } else {
            LockSupport.parkNanos(blocker, nanos);
        }
    }

    @Override
    public void unpark(Thread thread) {
        LockSupport.unpark(thread);
    }

    @Override
    public Timer schedule(Runnable task, long nanos) {
        Task timer = new Task(this, Objects.requireNonNull(task, "task"));
        arm(timer, System.nanoTime(), nanos);
        return timer;
    }

    /**
     * Arms a timer that is its own entry. Does not read the clock.
     *
     * @param start a reading of {@link #nanoTime()}
     * @param nanos from then; zero and less mean at once, beyond 146 years means never
     */
    void arm(WheelTimer timer, long start, long nanos) {
        if (nanos <= Long.MAX_VALUE >> 1) {
            armAt(timer, start + Math.max(0, nanos));
        }
    }

    /**
     * Arms a timer that is its own entry, without reading the clock.
     *
     * @param deadline a reading of {@link #nanoTime()}
     */
    void armAt(WheelTimer timer, long deadline) {
        int stripe = (int) Thread.currentThread().getId() & (stripes.length - 1);
        long tick = tickAtOrAfter(deadline - origin);
        timer.stripe = (byte) stripe;
        stripes[stripe].add(timer, tick);
        if (tick < planned) {
            wake(timer, tick);
        }
    }

    /** Takes back a timer that was armed here. False if it has run or is about to. */
    boolean cancel(WheelTimer timer) {
        return stripes[timer.stripe].cancel(timer);
    }

    /** How many timers are armed and will run. */
    int pendingTimers() {
        int sum = 0;
        for (Stripe stripe : stripes) {
            sum += stripe.size();
        }
        return sum;
    }

    /** The thread that serves the timers; null before the first one. */
    @Nullable
    Thread timerThread() {
        return thread;
    }

    private static long tickAtOrAfter(long sinceOrigin) {
        return (Math.max(0, sinceOrigin) + (1L << TICK_SHIFT) - 1) >>> TICK_SHIFT;
    }

    private void wake(WheelTimer timer, long tick) {
        for (long seen = planned; tick < seen; seen = planned) {
            if (PLANNED.compareAndSet(this, seen, tick)) {
                if (seen == ENDED) {
                    start(timer);
                } else {
                    LockSupport.unpark(thread);
                }
                return;
            }
        }
    }

    /** Called by one thread at a time: the one that moved planned away from ENDED. */
    @SuppressWarnings("ThreadPriorityCheck") // normal, whatever the priority of the thread that happens to be first
    private void start(WheelTimer timer) {
        try {
            // No inherited thread locals and no context class loader: the thread must not keep an application alive.
            Thread fresh = new Thread(null, this::serve, "resilience-timer", 0, false);
            fresh.setDaemon(true);
            fresh.setPriority(Thread.NORM_PRIORITY);
            fresh.setContextClassLoader(null);
            thread = fresh;
            fresh.start();
        } catch (Throwable e) {
            planned = ENDED;
            cancel(timer);
            throw e;
        }
    }

    private void serve() {
        boolean running = true;
        while (running) {
            try {
                running = turn();
            } catch (Throwable e) {
                report(e);
            }
        }
    }

    /** One round: run what is due, plan the next look, wait for it. False when the thread is to end. */
    private boolean turn() {
        planned = AWAKE;
        for (Stripe stripe : stripes) {
            runDue(stripe);
        }
        planned = Wheel.NEVER;
        long next = Wheel.NEVER;
        for (Stripe stripe : stripes) {
            next = Math.min(next, stripe.next());
        }
        if (next == Wheel.NEVER) {
            return !idleForLong();
        }
        if (PLANNED.compareAndSet(this, Wheel.NEVER, next)) {
            waitFor((next << TICK_SHIFT) - sinceOrigin());
        }
        return true;
    }

    private void runDue(Stripe stripe) {
        long now = sinceOrigin() >>> TICK_SHIFT;
        do {
            for (WheelTimer timer = stripe.poll(now); timer != null; timer = stripe.poll(now)) {
                run(timer);
            }
        } while (stripe.next() <= now);
    }

    private static void run(WheelTimer timer) {
        try {
            timer.run();
        } catch (Throwable e) {
            report(e);
        }
    }

    private boolean idleForLong() {
        long before = System.nanoTime();
        waitFor(idleNanos);
        return System.nanoTime() - before >= idleNanos && PLANNED.compareAndSet(this, Wheel.NEVER, ENDED);
    }

    private void waitFor(long nanos) {
        LockSupport.parkNanos(this, nanos);
        Thread.interrupted(); // nobody's business here, and left set it would let each park return at once
    }

    private long sinceOrigin() {
        return System.nanoTime() - origin;
    }

    private static void report(Throwable thrown) {
        try {
            LOGGER.log(Level.WARNING, "a timer's task threw", thrown);
        } catch (Throwable e) {
            // A logger that fails must not end the timers of the process, and there is nobody else to tell.
        }
    }

    /** A wheel and its lock. Arming threads are spread over several. */
    static final class Stripe {
        private final ReentrantLock lock = new ReentrantLock();
        private final Wheel wheel = new Wheel();

        void add(WheelTimer timer, long tick) {
            lock.lock();
            try {
                wheel.add(timer, tick);
            } finally {
                lock.unlock();
            }
        }

        boolean cancel(WheelTimer timer) {
            lock.lock();
            try {
                return wheel.remove(timer) || timer.slot != WheelTimer.FIRED;
            } finally {
                lock.unlock();
            }
        }

        @Nullable
        WheelTimer poll(long now) {
            lock.lock();
            try {
                WheelTimer timer = wheel.poll(now);
                if (timer != null) {
                    timer.slot = WheelTimer.FIRED;
                }
                return timer;
            } finally {
                lock.unlock();
            }
        }

        long next() {
            lock.lock();
            try {
                return wheel.next();
            } finally {
                lock.unlock();
            }
        }

        int size() {
            lock.lock();
            try {
                return wheel.size();
            } finally {
                lock.unlock();
            }
        }
    }

    /** Keeps the task only as long as it may run: a handle that is held on to keeps nothing else alive. */
    private static final class Task extends WheelTimer implements Timer {
        private final SystemTimeSource source;
        private @Nullable Runnable task;

        Task(SystemTimeSource source, Runnable task) {
            this.source = source;
            this.task = task;
        }

        @Override
        public void run() {
            Runnable mine = task;
            task = null;
            if (mine != null) {
                mine.run();
            }
        }

        @Override
        public boolean cancel() {
            boolean cancelled = source.cancel(this);
            if (cancelled) {
                task = null;
            }
            return cancelled;
        }
    }
}
