// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * The traffic: for each caller the same number of users, each of whom calls, thinks for a moment, and calls again. A
 * user of a blocking caller is a thread, a virtual one if you like; all users of asynchronous callers share one.
 */
final class Load implements AutoCloseable {
    private static final long THINK_MILLIS = 20;

    private final List<Caller> callers;
    private final int users;
    private final Function<String, ThreadFactory> threadsOf;
    private final CountDownLatch stopped = new CountDownLatch(1);
    private final CountDownLatch active;
    private final ScheduledThreadPoolExecutor scheduler =
            new ScheduledThreadPoolExecutor(1, Threads.named("async-users"));
    private final List<Thread> threads = new ArrayList<>();

    /** Blocking users are threads that {@code threadsOf} makes, given what they do. */
    Load(List<Caller> callers, int users, Function<String, ThreadFactory> threadsOf) {
        this.callers = List.copyOf(callers);
        this.users = users;
        this.threadsOf = threadsOf;
        this.active = new CountDownLatch(callers.size() * users);
    }

    void start() {
        for (Caller caller : callers) {
            String name = caller.client() + "-" + caller.host().name();
            ThreadFactory factory = threadsOf.apply(name);
            for (int i = 0; i < users; i++) start(caller, factory);
        }
        threads.forEach(Thread::start);
    }

    private void start(Caller caller, ThreadFactory factory) {
        if (caller.host().staged()) {
            scheduler.execute(() -> callAndThink(caller));
        } else {
            threads.add(factory.newThread(() -> callUntilStopped(caller)));
        }
    }

    private void callUntilStopped(Caller caller) {
        try {
            do {
                caller.call();
            } while (!stopped.await(THINK_MILLIS, TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
            throw new IllegalStateException("an interrupt that nobody sent", e); // a user who never leaves: see drained
        }
        active.countDown();
    }

    private void callAndThink(Caller caller) {
        if (stopped.getCount() == 0) {
            active.countDown();
            return;
        }
        var unused = caller.callAsync().whenComplete((ending, never) -> think(caller));
    }

    private void think(Caller caller) {
        try {
            ScheduledFuture<?> unused =
                    scheduler.schedule(() -> callAndThink(caller), THINK_MILLIS, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException closed) {
            active.countDown(); // came back after drain had given up
        }
    }

    /** Nobody starts another call. Returns at once; callable from any thread, as often as one likes. */
    void stop() {
        stopped.countDown();
    }

    /** Waits until it is stopped; false when it is not by then. */
    boolean awaitStop(Duration atMost) throws InterruptedException {
        return stopped.await(atMost.toNanos(), TimeUnit.NANOSECONDS);
    }

    /** Stops and waits for the calls under way; false when some have not ended by then. */
    boolean drained(Duration atMost) throws InterruptedException {
        stop();
        return active.await(atMost.toNanos(), TimeUnit.NANOSECONDS);
    }

    int users() {
        return users * callers.size();
    }

    @Override
    public void close() {
        stop();
        scheduler.shutdownNow();
    }
}
