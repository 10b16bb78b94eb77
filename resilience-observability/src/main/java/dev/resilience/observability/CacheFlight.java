// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.TimeSource;
import java.time.Duration;
import jdk.jfr.Category;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;
import org.jspecify.annotations.Nullable;

/** The events of caches for the flight recorder; with {@link Flight} all that knows it. */
@SuppressWarnings("unused") // JFR reads the fields
final class CacheFlight {
    /** Never committed: JFR puts its answer into the method, and asking a new one each time would allocate. */
    private static final StaleAnswerEvent ASKED = new StaleAnswerEvent();

    private CacheFlight() {}

    /** What they have in common. */
    @Enabled(false)
    @StackTrace(false)
    @Category("Resilience")
    private abstract static class Told extends Event {
        @Label("Cache")
        String cache = "";

        @Label("Failure")
        String failure = "";
    }

    @Name("dev.resilience.Load")
    @Label("Load of a Cache")
    @Enabled(false)
    @StackTrace(false)
    @Category("Resilience")
    private static final class LoadEvent extends Told {
        @Label("Took")
        @Timespan
        long took;

        @Label("In the Background")
        boolean background;
    }

    @Name("dev.resilience.StaleAnswer")
    @Label("Answer past its Time to Live")
    @Enabled(false)
    @StackTrace(false)
    @Category("Resilience")
    private static final class StaleAnswerEvent extends Told {
        @Label("Left Out Before")
        long suppressed;
    }

    @Name("dev.resilience.WriteFailure")
    @Label("Write Behind that Failed")
    @Enabled(false)
    @StackTrace(false)
    @Category("Resilience")
    private static final class WriteFailureEvent extends Told {
        @Label("Failures in a Row")
        int failures;
    }

    static void load(String cache, Duration took, boolean background, @Nullable Throwable thrown) {
        LoadEvent event = new LoadEvent();
        if (!event.shouldCommit()) return;
        event.cache = cache;
        event.failure = failure(thrown);
        event.took = TimeSource.nanos(took);
        event.background = background;
        event.commit();
    }

    static boolean wantsStaleAnswers() {
        return ASKED.isEnabled();
    }

    static void staleAnswer(String cache, @Nullable Throwable thrown, long suppressed) {
        StaleAnswerEvent event = new StaleAnswerEvent();
        if (!event.shouldCommit()) return;
        event.cache = cache;
        event.failure = failure(thrown);
        event.suppressed = suppressed;
        event.commit();
    }

    static void writeFailure(String cache, Throwable thrown, int failures) {
        WriteFailureEvent event = new WriteFailureEvent();
        if (!event.shouldCommit()) return;
        event.cache = cache;
        event.failure = failure(thrown);
        event.failures = failures;
        event.commit();
    }

    private static String failure(@Nullable Throwable thrown) {
        return thrown == null ? "" : thrown.getClass().getName();
    }
}
