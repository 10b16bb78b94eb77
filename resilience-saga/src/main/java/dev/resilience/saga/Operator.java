// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The operator's verbs: what each demands of the saga's state is here, what it means for its steps is {@link Findings}'. */
final class Operator implements SagaAdmin {
    private static final int TRIES = 20;

    private final Engine engine;

    Operator(Engine engine) {
        this.engine = engine;
    }

    @Override
    public List<SagaInstance> list(SagaQuery query) {
        return engine.store.list(Objects.requireNonNull(query, "query"));
    }

    @Override
    public Optional<SagaInstance> get(SagaRef saga) {
        return engine.store.heads(List.of(Objects.requireNonNull(saga, "saga"))).stream()
                .findFirst();
    }

    @Override
    public List<JournalEntry> journal(SagaRef saga) {
        return loaded(saga).entries();
    }

    private SagaStore.Loaded loaded(SagaRef saga) {
        return engine.store
                .load(Objects.requireNonNull(saga, "saga"))
                .orElseThrow(() -> new IllegalArgumentException("saga " + saga + ": there is none, or it was purged"));
    }

    /** One guarded write to the newest state, if that allows it: {@code change} refuses or says what becomes of it. */
    private void verb(SagaRef saga, Audit audit, Function<SagaStore.Loaded, Consumer<Checkpoint.Builder>> change) {
        for (int i = 0; i < TRIES; i++) {
            SagaStore.Loaded seen = loaded(saga);
            Consumer<Checkpoint.Builder> made = change.apply(seen);
            Checkpoint.Builder write = Checkpoint.on(seen.head(), engine.clock.nowMs());
            made.accept(write);
            write.append(audit.line());
            if (!engine.store.write(write.build())) continue;
            engine.listener.operated(saga, audit.verb, audit.actor, audit.note);
            if (audit.verb.equals("abandon"))
                engine.listener.ended(
                        saga,
                        SagaStatus.ABANDONED,
                        Duration.ofMillis(engine.clock.nowMs() - seen.head().startedMs()));
            engine.nudge(saga);
            return;
        }
        throw new IllegalStateException(
                "saga " + saga + " moved " + TRIES + " times while it was to be told to " + audit.verb + "; try again");
    }

    private record Audit(String verb, String step, String actor, String note) {
        Audit {
            Objects.requireNonNull(step, "step");
            Objects.requireNonNull(note, "note");
            if (Objects.requireNonNull(actor, "actor").isBlank())
                throw new IllegalArgumentException(verb + ": actor must say who does it, was blank");
        }

        JournalEntry.Builder line() {
            return JournalEntry.of(JournalEntry.Phase.OPERATOR, step).note(verb).text(actor + ": " + note);
        }
    }

    private static SagaStatus parked(SagaStore.Loaded saga, String verb) {
        SagaInstance head = saga.head();
        if (head.status() != SagaStatus.NEEDS_ATTENTION)
            throw refused(head, verb, "only a saga that needs attention can be told to");
        return Objects.requireNonNullElse(head.heldFrom(), SagaStatus.RUNNING);
    }

    static IllegalStateException refused(SagaInstance head, String verb, String why) {
        return new IllegalStateException("saga " + head.ref() + " is " + head.status()
                + (head.reason() == null ? "" : " (" + Why.of(head) + ")") + ": it cannot be told to " + verb + "; "
                + why);
    }

    private void goOn(Checkpoint.Builder write, SagaStatus as) {
        write.head()
                .status(as)
                .heldFrom(null)
                .owner(null)
                .wakeMs(engine.clock.nowMs())
                .claims(0);
        write.raisesSig();
    }

    @Override
    public void retry(SagaRef saga, String actor, String note) {
        verb(saga, new Audit("retry", "", actor, note), seen -> {
            SagaStatus as = parked(seen, "retry");
            Chart older = rolledBackTo(seen);
            return write -> {
                goOn(write, as);
                if (older != null) write.head().version(older.plan().version());
            };
        });
    }

    /**
     * The newest definition here that is older than what parked the saga and that its journal fits all the same; null
     * where it was parked for something else, or this engine has one that it can go on with.
     */
    private @Nullable Chart rolledBackTo(SagaStore.Loaded saga) {
        SagaInstance head = saga.head();
        boolean misfit = Reasons.UNREADABLE.equals(head.reason()) || Reasons.DEFINITION_MISMATCH.equals(head.reason());
        if (!misfit || engine.definitions.select(head.ref().name(), head.version()) != null) return null;
        for (Chart chart : engine.definitions.versions(head.ref().name()))
            if (chart.plan().version() < head.version()
                    && Course.of(chart, engine.codec, saga).mismatch() == null) return chart;
        return null;
    }

    @Override
    public void resolve(SagaRef saga, String step, Resolution resolution, String actor, String note) {
        Objects.requireNonNull(resolution, "resolution");
        verb(saga, new Audit("resolve", step, actor, note), seen -> {
            SagaStatus as = parked(seen, "resolve " + step);
            Findings findings = new Findings(engine, seen, "resolve");
            JournalEntry.Builder line = findings.resolved(step, resolution);
            return write -> {
                goOn(write, as);
                findings.settle(step, line, write);
                write.append(line);
            };
        });
    }

    @Override
    public void skip(SagaRef saga, String step, @Nullable Object value, String actor, String note) {
        verb(saga, new Audit("skip", step, actor, note), seen -> {
            SagaStatus as = parked(seen, "skip " + step);
            Findings findings = new Findings(engine, seen, "skip");
            JournalEntry.Builder line = findings.skipped(step, value);
            return write -> {
                goOn(write, as);
                findings.settle(step, line, write);
                write.append(line);
            };
        });
    }

    @Override
    public void compensate(SagaRef saga, String actor, String note) {
        verb(saga, new Audit("compensate", "", actor, note), seen -> {
            SagaStatus as = parked(seen, "compensate");
            SagaInstance head = seen.head();
            if (as == SagaStatus.COMPENSATING)
                throw refused(head, "compensate", "it is being undone already: retry, resolve or skip what fails");
            if (head.pivotPassed())
                throw refused(
                        head,
                        "compensate",
                        "its pivot is done, nothing before it is ever undone (G7): retry, resolve"
                                + " or skip its open step, or abandon it");
            if (head.inPivot())
                throw refused(
                        head, "compensate", "its pivot may be done: find out and resolve it, as not done it turns");
            return write -> goOn(write, as);
        });
    }

    @Override
    public void abandon(SagaRef saga, String actor, String note) {
        verb(saga, new Audit("abandon", "", actor, note), seen -> {
            SagaInstance head = seen.head();
            if (head.status() != SagaStatus.NEEDS_ATTENTION && head.status() != SagaStatus.PAUSED)
                throw refused(
                        head, "abandon", "only one that needs attention or is paused can; cancel or pause it first");
            return write -> {
                write.head()
                        .status(SagaStatus.ABANDONED)
                        .heldFrom(null)
                        .owner(null)
                        .lockKey(null)
                        .wakeMs(SagaInstance.NEVER)
                        .claims(0)
                        .endedMs(engine.clock.nowMs());
                if (head.reason() == null) // paused, not parked: the verb is the reason
                write.head().reason(Reasons.OPERATOR).reasonText(actor + ": " + note);
            };
        });
    }

    @Override
    public void pause(SagaRef saga, String actor, String note) {
        verb(saga, new Audit("pause", "", actor, note), seen -> {
            SagaInstance head = seen.head();
            if (head.status() != SagaStatus.RUNNING && head.status() != SagaStatus.COMPENSATING)
                throw refused(head, "pause", "only one that runs can");
            return write -> {
                // an owner stays: it records the attempt that is under way, and lets go
                write.head().status(SagaStatus.PAUSED).heldFrom(head.status()).wakeMs(SagaInstance.NEVER);
                write.raisesSig();
            };
        });
    }

    @Override
    public void resume(SagaRef saga, String actor, String note) {
        verb(saga, new Audit("resume", "", actor, note), seen -> {
            SagaInstance head = seen.head();
            if (head.status() != SagaStatus.PAUSED) throw refused(head, "resume", "only a paused one can");
            SagaStatus as = Objects.requireNonNullElse(head.heldFrom(), SagaStatus.RUNNING);
            return write -> {
                write.head().status(as).heldFrom(null);
                if (head.owner() == null) write.head().wakeMs(engine.clock.nowMs());
                write.raisesSig();
            };
        });
    }

    @Override
    public long purge(Duration olderThan) {
        if (olderThan.isNegative())
            throw new IllegalArgumentException("purge: olderThan must not be negative, was " + olderThan);
        return new Chores(engine).purge(olderThan);
    }
}
