// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.Description;
import dev.resilience.Subscription;
import dev.resilience.observability.Voice.Sort;
import dev.resilience.saga.JournalEntry.Phase;
import dev.resilience.saga.SagaEngine;
import dev.resilience.saga.SagaListener;
import dev.resilience.saga.SagaRef;
import dev.resilience.saga.SagaStatus;
import dev.resilience.saga.StepOutcome;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.MDC;
import org.slf4j.event.Level;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * Writes what sagas do into the log, with {@link PolicyLog}: as loud as it matters, and bounded in number as there.
 *
 * {@snippet class="dev.resilience.observability.Snippets" region="sagas"}
 *
 * <table>
 * <caption>What is said how loud</caption>
 * <tr><th>level</th><th>what</th></tr>
 * <tr><td>WARN</td><td>a saga was parked and needs attention; a step is in doubt; a write was refused because another
 * engine owns the saga; a heartbeat failed</td></tr>
 * <tr><td>INFO</td><td>a saga turns and is undone, has been undone, was abandoned, was taken over from a dead engine; an
 * operator's verb</td></tr>
 * <tr><td>DEBUG</td><td>starts, outcomes of steps, attempts that are repeated, steps put off by a policy, completed
 * sagas</td></tr>
 * </table>
 *
 * <p><b>Key-values, and the same in the MDC</b> while the line is written: {@code saga} (the definition), {@code sagaId},
 * {@code step}, {@code attempt}. Besides {@code event} ({@code parked}, {@code turn}, {@code step}, {@code retry},
 * {@code rejection}, {@code end}, {@code takeover}, {@code fenced}, {@code operator}, {@code heartbeat}), {@code reason},
 * {@code outcome}, {@code phase}, {@code took}, {@code delay}, {@code from}, {@code actor}; {@code suppressed} when it is
 * not 0. The ids are those that your code has chosen; inputs and results are in no line, unless an exception names them.
 *
 * <p>Of its own, so that {@code PolicyLog} does without the module {@code resilience-saga}; this needs it.
 */
@SuppressWarnings("exports") // who has no sagas must not need their module
public final class SagaLog {
    private SagaLog() {}

    /**
     * Writes down what the sagas of an engine do. One that is bound twice speaks once.
     *
     * @param log where the lines go
     * @param engine the engine
     * @return ends this binding; so does closing {@code log}
     * @throws IllegalStateException when {@code log} is closed
     */
    public static Subscription bind(PolicyLog log, SagaEngine engine) {
        return bind(log, engine, new Context());
    }

    static Subscription bind(PolicyLog log, SagaEngine engine, Context context) {
        Objects.requireNonNull(engine, "engine");
        return Objects.requireNonNull(log, "log").bind(engine, voice -> engine.onEvent(new Ear(voice, context)));
    }

    /**
     * What the MDC of the calling thread has, for {@code SagaEngine.Builder.carrying}: with {@link #restore} the lines that
     * your own code writes within a step have it too, wherever the saga runs, and {@code saga} and {@code sagaId} besides.
     *
     * {@snippet class="dev.resilience.observability.Snippets" region="carrying"}
     *
     * <p>It is kept with the saga, in the journal: whatever your MDC has lies in that database then.
     *
     * @return a copy; empty when there is nothing
     */
    public static Map<String, String> capture() {
        @Nullable Map<String, String> all = MDC.getCopyOfContextMap();
        Map<String, String> told = new LinkedHashMap<>();
        if (all != null) {
            all.forEach((key, value) -> {
                if (value != null) told.put(key, value);
            });
        }
        return told;
    }

    /**
     * Puts what a saga carries into the MDC of the calling thread; see {@link #capture()}.
     *
     * @param carried keys and values
     * @return puts back what there was before under these keys, on the same thread
     */
    public static Runnable restore(Map<String, String> carried) {
        return restore(carried, new Context());
    }

    static Runnable restore(Map<String, String> carried, Context context) {
        Map<String, @Nullable String> before = new LinkedHashMap<>();
        carried.forEach((key, value) -> {
            before.put(key, context.get(key));
            context.set(key, value);
        });
        return () -> before.forEach(context::set);
    }

    /** The MDC of the thread. */
    static class Context {
        @Nullable
        String get(String key) {
            return MDC.get(key);
        }

        void set(String key, @Nullable String value) {
            if (value == null) MDC.remove(key);
            else MDC.put(key, value);
        }
    }

    /** Hears one engine. */
    private record Ear(Voice voice, Context context) implements SagaListener {
        @Override
        public void started(SagaRef saga) {
            say(Level.DEBUG, Sort.END, saga, null, null, line -> line.log("saga {} was started", saga));
        }

        @Override
        public void ended(SagaRef saga, SagaStatus status, Duration lasted) {
            Level level = status == SagaStatus.COMPLETED ? Level.DEBUG : Level.INFO;
            say(
                    level,
                    Sort.END,
                    saga,
                    null,
                    null,
                    line -> line.addKeyValue("outcome", Policies.lower(status))
                            .addKeyValue("took", lasted)
                            .log("saga {} ended as {} after {}", saga, status, Description.text(lasted)));
        }

        @Override
        public void parked(SagaRef saga, String reason, @Nullable String step, @Nullable String text) {
            say(
                    Level.WARN,
                    Sort.PARKED,
                    saga,
                    step,
                    null,
                    line -> line.addKeyValue("reason", reason)
                            .log("saga {} needs attention: {}", saga, why(reason, step, text)));
        }

        @Override
        public void turned(SagaRef saga, String reason, @Nullable String step, @Nullable String text) {
            say(
                    Level.INFO,
                    Sort.TURN,
                    saga,
                    step,
                    null,
                    line -> line.addKeyValue("reason", reason)
                            .log("saga {} turns and is undone: {}", saga, why(reason, step, text)));
        }

        private static String why(String reason, @Nullable String step, @Nullable String text) {
            return reason + (step == null ? "" : " at step '" + step + "'") + (text == null ? "" : ": " + text);
        }

        @Override
        public void step(SagaRef saga, String step, Phase phase, StepOutcome outcome, Duration lasted) {
            boolean doubt = outcome == StepOutcome.IN_DOUBT;
            say(doubt ? Level.WARN : Level.DEBUG, Sort.STEP, saga, step, null, line -> {
                line = line.addKeyValue("phase", Policies.lower(phase))
                        .addKeyValue("outcome", Policies.lower(outcome))
                        .addKeyValue("took", lasted);
                String took = Description.text(lasted);
                if (doubt)
                    line.log("saga {}: step '{}' is in doubt after {}, its effect may be there", saga, step, took);
                else
                    line.log(
                            "saga {}: {} of step '{}' is {} after {}",
                            saga,
                            Policies.lower(phase),
                            step,
                            outcome,
                            took);
            });
        }

        @Override
        public void retried(SagaRef saga, String step, int attempt, Throwable thrown, Duration delay) {
            say(
                    Level.DEBUG,
                    Sort.RETRY,
                    saga,
                    step,
                    attempt,
                    line -> line.addKeyValue("delay", delay)
                            .log(
                                    "saga {}: attempt {} of step '{}' failed, the next begins in {}: {}",
                                    saga,
                                    attempt,
                                    step,
                                    Description.text(delay),
                                    thrown.toString()));
        }

        @Override
        public void rejectedLocally(SagaRef saga, String step, Throwable thrown, Duration delay) {
            say(
                    Level.DEBUG,
                    Sort.REJECTION,
                    saga,
                    step,
                    null,
                    line -> line.addKeyValue("delay", delay)
                            .log(
                                    "saga {}: step '{}' was not called and is put off for {}: {}",
                                    saga,
                                    step,
                                    Description.text(delay),
                                    thrown.toString()));
        }

        @Override
        public void takenOver(SagaRef saga, @Nullable String from, int claims) {
            String owner = from == null ? "nobody" : from;
            say(
                    Level.INFO,
                    Sort.TAKEOVER,
                    saga,
                    null,
                    null,
                    line -> line.addKeyValue("from", owner)
                            .log(
                                    "saga {} was taken over from {}, which is dead (claim {} without progress)",
                                    saga,
                                    owner,
                                    claims));
        }

        @Override
        public void fenced(SagaRef saga) {
            say(
                    Level.WARN,
                    Sort.FENCED,
                    saga,
                    null,
                    null,
                    line -> line.log("saga {}: a write was refused, another engine owns it now", saga));
        }

        @Override
        public void operated(SagaRef saga, String verb, String actor, String note) {
            say(
                    Level.INFO,
                    Sort.OPERATOR,
                    saga,
                    null,
                    null,
                    line -> line.addKeyValue("actor", actor).log("saga {}: {} by {}: {}", saga, verb, actor, note));
        }

        @Override
        public void beat(Duration late, boolean succeeded) {
            if (succeeded) return;
            LoggingEventBuilder line = voice.line(Level.WARN, Sort.HEARTBEAT, "late", late);
            if (line == null) return;
            line.log(
                    "the saga engine's heartbeat failed, {} after it was due; others take over when its lease is over",
                    Description.text(late));
        }

        private void say(
                Level level,
                Sort sort,
                SagaRef saga,
                @Nullable String step,
                @Nullable Integer attempt,
                Consumer<LoggingEventBuilder> words) {
            LoggingEventBuilder line = voice.line(level, sort, "saga", saga.name());
            if (line == null) return;
            line = line.addKeyValue("sagaId", saga.id());
            if (step != null) line = line.addKeyValue("step", step);
            if (attempt != null) line = line.addKeyValue("attempt", attempt);
            Map<String, @Nullable String> before = new LinkedHashMap<>();
            put(before, "saga", saga.name());
            put(before, "sagaId", saga.id());
            put(before, "step", step);
            put(before, "attempt", attempt == null ? null : attempt.toString());
            try {
                words.accept(line);
            } finally {
                before.forEach(context::set);
            }
        }

        private void put(Map<String, @Nullable String> before, String key, @Nullable String value) {
            before.put(key, context.get(key));
            context.set(key, value);
        }
    }
}
