// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.Subscription;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** All listeners of an engine as one that never throws: what one of them throws is reported, the others are told (L5). */
final class Listeners implements SagaListener {
    private final List<Told> all = new CopyOnWriteArrayList<>();

    Listeners(List<SagaListener> first) {
        first.forEach(this::add);
    }

    /** One subscription: two of one listener are two. */
    private static final class Told {
        final SagaListener listener;

        Told(SagaListener listener) {
            this.listener = listener;
        }
    }

    Subscription add(SagaListener listener) {
        Told told = new Told(Objects.requireNonNull(listener, "listener"));
        all.add(told);
        return () -> all.remove(told);
    }

    /** Whether somebody would be told: who would have to make something only to tell it asks first. */
    boolean heard() {
        return !all.isEmpty();
    }

    private void tell(String event, Consumer<SagaListener> told) {
        for (Told one : all) {
            try {
                told.accept(one.listener);
            } catch (Throwable thrown) {
                Guest.threw("saga engine", "a listener (" + event + ")", thrown);
            }
        }
    }

    @Override
    public void started(SagaRef saga) {
        if (!all.isEmpty()) tell("started", l -> l.started(saga));
    }

    @Override
    public void ended(SagaRef saga, SagaStatus status, Duration lasted) {
        if (!all.isEmpty()) tell("ended", l -> l.ended(saga, status, lasted));
    }

    @Override
    public void parked(SagaRef saga, String reason, @Nullable String step, @Nullable String text) {
        if (!all.isEmpty()) tell("parked", l -> l.parked(saga, reason, step, text));
    }

    @Override
    public void turned(SagaRef saga, String reason, @Nullable String step, @Nullable String text) {
        if (!all.isEmpty()) tell("turned", l -> l.turned(saga, reason, step, text));
    }

    @Override
    public void step(SagaRef saga, String step, JournalEntry.Phase phase, StepOutcome outcome, Duration lasted) {
        if (!all.isEmpty()) tell("step", l -> l.step(saga, step, phase, outcome, lasted));
    }

    @Override
    public void retried(SagaRef saga, String step, int attempt, Throwable thrown, Duration delay) {
        if (!all.isEmpty()) tell("retried", l -> l.retried(saga, step, attempt, thrown, delay));
    }

    @Override
    public void rejectedLocally(SagaRef saga, String step, Throwable thrown, Duration delay) {
        if (!all.isEmpty()) tell("rejectedLocally", l -> l.rejectedLocally(saga, step, thrown, delay));
    }

    @Override
    public void takenOver(SagaRef saga, @Nullable String from, int claims) {
        if (!all.isEmpty()) tell("takenOver", l -> l.takenOver(saga, from, claims));
    }

    @Override
    public void fenced(SagaRef saga) {
        if (!all.isEmpty()) tell("fenced", l -> l.fenced(saga));
    }

    @Override
    public void operated(SagaRef saga, String verb, String actor, String note) {
        if (!all.isEmpty()) tell("operated", l -> l.operated(saga, verb, actor, note));
    }

    @Override
    public void flushed(int checkpoints, Duration lasted) {
        if (!all.isEmpty()) tell("flushed", l -> l.flushed(checkpoints, lasted));
    }

    @Override
    public void beat(Duration late, boolean succeeded) {
        if (!all.isEmpty()) tell("beat", l -> l.beat(late, succeeded));
    }
}
