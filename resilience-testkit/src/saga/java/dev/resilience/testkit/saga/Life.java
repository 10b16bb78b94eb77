// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.TimeSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;

/**
 * One engine's life, as long as its process would live: its clock, its threads, and whether it is frozen or dead. What
 * a dead one asks for is answered by {@link Killed}.
 */
final class Life implements TimeSource, Executor {
    private final Conductor conductor;
    private final String name;
    /** What has to wait until it is thawed; the conductor's. */
    final List<Conductor.Item> stash = new ArrayList<>();

    private volatile boolean frozen;
    private volatile boolean dead;

    Life(Conductor conductor, String name) {
        this.conductor = conductor;
        this.name = name;
    }

    String name() {
        return name;
    }

    boolean dead() {
        return dead;
    }

    boolean frozen() {
        return frozen;
    }

    void frozen(boolean frozen) {
        this.frozen = frozen;
    }

    /** From here on nothing that it does has an effect; its threads are woken to learn so. */
    void kill() {
        dead = true;
        conductor.wakeAll(this);
    }

    /** At each seam: does it live? */
    void enter() {
        if (!dead) return;
        conductor.unwinds(this);
        throw new Killed();
    }

    @Override
    public long nanoTime() {
        return conductor.now();
    }

    @Override
    public void park(Object blocker, long nanos) {
        enter();
        conductor.park(this, nanos);
        enter();
    }

    @Override
    public void unpark(Thread thread) {
        conductor.unpark(thread);
    }

    @Override
    public Timer schedule(Runnable task, long nanos) {
        enter();
        return conductor.schedule(this, task, nanos);
    }

    /** Whatever the executor: its threads are the run's. */
    @Override
    public Executor watched(Executor executor) {
        return this;
    }

    @Override
    public void execute(Runnable task) {
        conductor.execute(this, task);
    }

    @Override
    public String toString() {
        return name;
    }
}
