// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.Subscription;
import dev.resilience.saga.JournalEntry.Phase;
import dev.resilience.saga.SagaEngine;
import dev.resilience.saga.SagaListener;
import dev.resilience.saga.SagaRef;
import dev.resilience.saga.SagaStatus;
import dev.resilience.saga.StepOutcome;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * What the sagas of one engine have done since it was first bound: one for an engine, however many bindings and
 * registries show it, so that nothing is counted twice. Nothing is heard while nobody shows it.
 */
final class SagaTally implements SagaListener {
    private static final ReentrantLock ALL = new ReentrantLock();
    /** Under the lock; a tally refers to its engine only while somebody listens. */
    private static final Map<SagaEngine, SagaTally> TALLIES = new WeakHashMap<>();

    private final Map<String, Definition> definitions = new ConcurrentHashMap<>();
    private final Journal journal = new Journal();
    /* Guarded by the lock from here on. */
    private int bindings;
    private @Nullable Subscription listening;

    static SagaTally of(SagaEngine engine) {
        ALL.lock();
        try {
            return TALLIES.computeIfAbsent(engine, e -> new SagaTally());
        } finally {
            ALL.unlock();
        }
    }

    /** Listens, until all who have asked for it have closed. */
    Subscription listen(SagaEngine engine) {
        ALL.lock();
        try {
            if (bindings++ == 0) listening = engine.onEvent(this);
        } finally {
            ALL.unlock();
        }
        return this::release;
    }

    private void release() {
        ALL.lock();
        try {
            if (--bindings > 0 || listening == null) return;
            listening.close();
            listening = null;
        } finally {
            ALL.unlock();
        }
    }

    Journal journal() {
        return journal;
    }

    Definition definition(String saga) {
        Definition known = definitions.get(saga);
        return known != null ? known : definitions.computeIfAbsent(saga, name -> new Definition());
    }

    private Definition of(SagaRef saga) {
        return definition(saga.name());
    }

    /** What counts. */
    enum Count {
        STARTED,
        COMPLETED,
        COMPENSATED,
        ABANDONED,
        PARKED,
        RETRIES,
        IN_DOUBT,
        REJECTED_LOCALLY,
        TAKEOVERS,
        FENCED
    }

    /** The sagas of one definition. */
    static final class Definition implements Telling {
        /** What there is of a phase; another one would be a new kind of step, and has no timer. */
        private static final Map<Phase, Set<StepOutcome>> ENDS = Map.of(
                Phase.ACTION, Set.of(StepOutcome.values()),
                Phase.UNDO, Set.of(StepOutcome.COMPLETED, StepOutcome.SKIPPED),
                Phase.RESOLUTION, Set.of(StepOutcome.COMPLETED, StepOutcome.REJECTED, StepOutcome.SKIPPED));

        private final Map<Count, LongAdder> counts = new EnumMap<>(Count.class);
        private final List<Timers> timers = new CopyOnWriteArrayList<>();

        private record Timers(Meters meters, Map<Phase, Map<StepOutcome, Timer>> byEnd) {}

        Definition() {
            for (Count count : Count.values()) counts.put(count, new LongAdder());
        }

        long counted(Count count) {
            LongAdder adder = counts.get(count);
            return adder == null ? 0 : adder.sum();
        }

        void add(Count count) {
            LongAdder adder = counts.get(count);
            if (adder != null) adder.increment();
        }

        void took(Phase phase, StepOutcome outcome, Duration lasted) {
            for (Timers each : timers) {
                Timer timer = each.byEnd.getOrDefault(phase, Map.of()).get(outcome);
                if (timer != null) timer.record(lasted);
            }
        }

        @Override
        public void into(Meters meters) {
            Map<Phase, Map<StepOutcome, Timer>> byEnd = new EnumMap<>(Phase.class);
            ENDS.forEach((phase, outcomes) -> {
                Map<StepOutcome, Timer> ofPhase = new EnumMap<>(StepOutcome.class);
                for (StepOutcome outcome : outcomes) ofPhase.put(outcome, timer(meters, phase, outcome));
                byEnd.put(phase, ofPhase);
            });
            timers.add(new Timers(meters, byEnd));
        }

        private static Timer timer(Meters meters, Phase phase, StepOutcome outcome) {
            Tags tags = Tags.of("phase", Policies.lower(phase), "outcome", Policies.lower(outcome));
            return meters.timer("resilience.saga.step", "How long steps took, all attempts and pauses with them", tags);
        }

        @Override
        @SuppressWarnings("ReferenceEquality") // the very ones
        public void noLongerInto(Meters meters) {
            timers.removeIf(each -> each.meters == meters);
        }
    }

    /** The writes of one engine. */
    static final class Journal implements Telling {
        private final Map<Meters, Timer> flushes = new ConcurrentHashMap<>();
        private final Map<Meters, DistributionSummary> batches = new ConcurrentHashMap<>();

        void flushed(int checkpoints, Duration lasted) {
            flushes.values().forEach(timer -> timer.record(lasted));
            batches.values().forEach(summary -> summary.record(checkpoints));
        }

        @Override
        public void into(Meters meters) {
            flushes.put(
                    meters,
                    meters.timer("resilience.saga.journal.flush", "How long writes to the journal took", Tags.empty()));
            batches.put(
                    meters, meters.summary("resilience.saga.journal.batch", "Checkpoints that were written at once"));
        }

        @Override
        public void noLongerInto(Meters meters) {
            flushes.remove(meters);
            batches.remove(meters);
        }
    }

    @Override
    public void started(SagaRef saga) {
        of(saga).add(Count.STARTED);
    }

    @Override
    public void ended(SagaRef saga, SagaStatus status, Duration lasted) {
        switch (status) {
            case COMPLETED -> of(saga).add(Count.COMPLETED);
            case COMPENSATED -> of(saga).add(Count.COMPENSATED);
            case ABANDONED -> of(saga).add(Count.ABANDONED);
            default -> {}
        }
    }

    @Override
    public void parked(SagaRef saga, String reason, @Nullable String step, @Nullable String text) {
        of(saga).add(Count.PARKED);
    }

    @Override
    public void step(SagaRef saga, String step, Phase phase, StepOutcome outcome, Duration lasted) {
        Definition definition = of(saga);
        if (outcome == StepOutcome.IN_DOUBT) definition.add(Count.IN_DOUBT);
        definition.took(phase, outcome, lasted);
    }

    @Override
    public void retried(SagaRef saga, String step, int attempt, Throwable thrown, Duration delay) {
        of(saga).add(Count.RETRIES);
    }

    @Override
    public void rejectedLocally(SagaRef saga, String step, Throwable thrown, Duration delay) {
        of(saga).add(Count.REJECTED_LOCALLY);
    }

    @Override
    public void takenOver(SagaRef saga, @Nullable String from, int claims) {
        of(saga).add(Count.TAKEOVERS);
    }

    @Override
    public void fenced(SagaRef saga) {
        of(saga).add(Count.FENCED);
    }

    @Override
    public void flushed(int checkpoints, Duration lasted) {
        journal.flushed(checkpoints, lasted);
    }
}
