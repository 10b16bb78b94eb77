// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.TimeSource;
import dev.resilience.saga.SagaRef;
import java.time.Duration;
import jdk.jfr.Category;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;
import org.jspecify.annotations.Nullable;

/** The events of sagas for the flight recorder; with {@link Flight} and {@link CacheFlight} all that knows it. */
@SuppressWarnings("unused") // JFR reads the fields
final class SagaFlight {
    private SagaFlight() {}

    /** What they have in common. */
    @Enabled(false)
    @StackTrace(false)
    @Category("Resilience")
    private abstract static class Told extends Event {
        @Label("Saga")
        String saga = "";

        @Label("Saga Id")
        String sagaId = "";

        void of(SagaRef ref) {
            saga = ref.name();
            sagaId = ref.id();
        }
    }

    @Name("dev.resilience.SagaStep")
    @Label("Outcome of a Step")
    @Enabled(false)
    @StackTrace(false)
    @Category("Resilience")
    private static final class StepEvent extends Told {
        @Label("Step")
        String step = "";

        @Label("Phase")
        String phase = "";

        @Label("Outcome")
        String outcome = "";

        @Label("Took")
        @Timespan
        long took;
    }

    @Name("dev.resilience.SagaRetry")
    @Label("Attempt of a Step that is Repeated")
    @Enabled(false)
    @StackTrace(false)
    @Category("Resilience")
    private static final class RetryEvent extends Told {
        @Label("Step")
        String step = "";

        @Label("Attempt")
        int attempt;

        @Label("Delay")
        @Timespan
        long delay;

        @Label("Failure")
        String failure = "";

        @Label("Refused here and not Called")
        boolean local;
    }

    @Name("dev.resilience.SagaTurn")
    @Label("Saga that Turned or was Parked")
    @Enabled(false)
    @StackTrace(false)
    @Category("Resilience")
    private static final class TurnEvent extends Told {
        @Label("Step")
        String step = "";

        @Label("Reason")
        String reason = "";

        @Label("Parked")
        boolean parked;
    }

    @Name("dev.resilience.SagaEnd")
    @Label("End of a Saga")
    @Enabled(false)
    @StackTrace(false)
    @Category("Resilience")
    private static final class EndEvent extends Told {
        @Label("Outcome")
        String outcome = "";

        @Label("Took")
        @Timespan
        long took;
    }

    @Name("dev.resilience.SagaTakeover")
    @Label("Saga that Changed Hands")
    @Enabled(false)
    @StackTrace(false)
    @Category("Resilience")
    private static final class TakeoverEvent extends Told {
        @Label("From")
        String from = "";

        @Label("Claims without Progress")
        int claims;

        @Label("Lost to Another Engine")
        boolean lost;
    }

    @Name("dev.resilience.SagaFlush")
    @Label("Write to the Journal of Sagas")
    @Enabled(false)
    @StackTrace(false)
    @Category("Resilience")
    private static final class FlushEvent extends Event {
        @Label("Checkpoints")
        int checkpoints;

        @Label("Took")
        @Timespan
        long took;
    }

    static void step(SagaRef saga, String step, String phase, String outcome, Duration took) {
        StepEvent event = new StepEvent();
        if (!event.shouldCommit()) return;
        event.of(saga);
        event.step = step;
        event.phase = phase;
        event.outcome = outcome;
        event.took = TimeSource.nanos(took);
        event.commit();
    }

    static void retry(SagaRef saga, String step, int attempt, Throwable thrown, Duration delay, boolean local) {
        RetryEvent event = new RetryEvent();
        if (!event.shouldCommit()) return;
        event.of(saga);
        event.step = step;
        event.attempt = attempt;
        event.delay = TimeSource.nanos(delay);
        event.failure = thrown.getClass().getName();
        event.local = local;
        event.commit();
    }

    static void turn(SagaRef saga, String reason, @Nullable String step, boolean parked) {
        TurnEvent event = new TurnEvent();
        if (!event.shouldCommit()) return;
        event.of(saga);
        event.step = step == null ? "" : step;
        event.reason = reason;
        event.parked = parked;
        event.commit();
    }

    static void end(SagaRef saga, String outcome, Duration took) {
        EndEvent event = new EndEvent();
        if (!event.shouldCommit()) return;
        event.of(saga);
        event.outcome = outcome;
        event.took = TimeSource.nanos(took);
        event.commit();
    }

    static void takeover(SagaRef saga, @Nullable String from, int claims, boolean lost) {
        TakeoverEvent event = new TakeoverEvent();
        if (!event.shouldCommit()) return;
        event.of(saga);
        event.from = from == null ? "" : from;
        event.claims = claims;
        event.lost = lost;
        event.commit();
    }

    static void flush(int checkpoints, Duration took) {
        FlushEvent event = new FlushEvent();
        if (!event.shouldCommit()) return;
        event.checkpoints = checkpoints;
        event.took = TimeSource.nanos(took);
        event.commit();
    }
}
