// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.TimeSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Every schedule of some threads: exactly one runs at a time, and who goes on is chosen wherever a thread asks its time
 * source to park or unpark or calls {@link #choose} or {@link #point}. A depth-first search goes through all choices, with real threads.
 */
final class Schedules implements TimeSource {
    private static final class Actor {
        final Thread thread;
        final Semaphore turn = new Semaphore(0);
        boolean unparked;
        boolean parked;
        long until;
        boolean interrupted;
        boolean ended;

        Actor(Thread thread) {
            this.thread = thread;
        }
    }

    private final List<Integer> script = new ArrayList<>(); // the choice at each point
    private final List<Integer> options = new ArrayList<>(); // among how many
    private final List<Actor> actors = new ArrayList<>();
    private final Semaphore over = new Semaphore(0);
    private int point;
    private long now;
    private volatile @Nullable Throwable failure;

    /** Runs {@code scenario} under every schedule; answers how many there were. */
    static int all(int atMost, Consumer<Schedules> scenario) throws InterruptedException {
        Schedules schedules = new Schedules();
        for (int runs = 1; ; runs++) {
            try {
                scenario.accept(schedules);
            } catch (Throwable thrown) {
                throw new AssertionError("under the schedule " + schedules.script, thrown);
            }
            if (!schedules.next()) return runs;
            if (runs == atMost) throw new AssertionError("more than " + atMost + " schedules");
        }
    }

    private boolean next() {
        while (!script.isEmpty()) {
            int last = script.size() - 1;
            if (script.get(last) + 1 < options.get(last)) {
                script.set(last, script.get(last) + 1);
                return true;
            }
            script.remove(last);
            options.remove(last);
        }
        return false;
    }

    /** Runs the actors to their ends. */
    void run(List<Runnable> bodies) {
        point = 0;
        now = 0;
        actors.clear();
        failure = null;
        for (Runnable body : bodies) {
            Actor[] self = new Actor[1];
            Thread thread = new Thread(() -> {
                self[0].turn.acquireUninterruptibly();
                try {
                    body.run();
                } catch (Throwable thrown) {
                    if (failure == null) failure = thrown;
                } finally {
                    self[0].ended = true;
                    pass(self[0]);
                }
            });
            thread.setDaemon(true);
            self[0] = new Actor(thread);
            actors.add(self[0]);
        }
        for (Actor actor : actors) actor.thread.start();
        grant();
        try {
            if (!over.tryAcquire(60, TimeUnit.SECONDS)) throw new AssertionError("a thread waits outside the schedule");
            for (Actor actor : actors) actor.thread.join(60_000);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        Throwable thrown = failure;
        if (thrown != null) throw new AssertionError(thrown);
    }

    /** One of {@code among}: every one in its turn. */
    int choose(int among) {
        if (among <= 1) return 0;
        if (point == script.size()) {
            script.add(0);
            options.add(among);
        }
        return script.get(point++);
    }

    private boolean runnable(Actor actor) {
        return !actor.ended && (!actor.parked || actor.unparked);
    }

    /** Gives the turn to one of those that can go on; if none can, time passes. */
    private void grant() {
        List<Actor> able = new ArrayList<>();
        for (Actor actor : actors) if (runnable(actor)) able.add(actor);
        if (able.isEmpty()) {
            Actor first = null;
            boolean waiting = false;
            for (Actor actor : actors) {
                if (actor.ended) continue;
                waiting = true;
                if (actor.until != Long.MAX_VALUE && (first == null || actor.until < first.until)) first = actor;
            }
            if (first == null) {
                if (waiting) failure = new AssertionError("everybody waits for ever");
                over.release();
                return;
            }
            now = first.until;
            able.add(first);
        }
        able.get(choose(able.size())).turn.release();
    }

    private void pass(Actor self) {
        grant();
        if (self.ended) return;
        self.turn.acquireUninterruptibly();
        if (self.interrupted) self.thread.interrupt();
        self.interrupted = false;
    }

    private @Nullable Actor self() {
        for (Actor actor : actors) if (actor.thread == Thread.currentThread()) return actor;
        return null;
    }

    /** Somebody else may go on here. */
    void point() {
        Actor self = self();
        if (self != null) pass(self);
    }

    /** Interrupts an actor at the moment it goes on: its flag is never looked at while it rests in here. */
    void interrupt(Thread thread) {
        for (Actor actor : actors)
            if (actor.thread == thread) {
                actor.interrupted = true;
                actor.unparked = true;
            }
    }

    @Override
    public long nanoTime() {
        return now;
    }

    @Override
    public void park(Object blocker, long nanos) {
        Actor self = self();
        if (self == null) throw new AssertionError("a stranger parks");
        self.until = nanos == Long.MAX_VALUE ? nanos : now + nanos;
        self.parked = true;
        pass(self);
        self.parked = false;
        self.unparked = false;
    }

    @Override
    public void unpark(Thread thread) {
        for (Actor actor : actors) if (actor.thread == thread) actor.unparked = true;
        point();
    }

    @Override
    public Timer schedule(Runnable task, long nanos) {
        throw new AssertionError("no timers here");
    }
}
