// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.ManualTime;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/** Any sequence of calls, cancels, ends, detaches and passing time, beside a naive model of who shares what (S17, S19). */
class SingleFlightPropertyTest {
    private static final Duration DEADLINE = Duration.ofSeconds(10);
    private static final String WAITING = "waiting";

    private final ManualTime time = ManualTime.create();
    private final SingleFlight<Integer, String> flight = SingleFlight.builder("model")
            .loadDeadline(DEADLINE)
            .timeSource(new DrainedTime(time)) // what a timer gives up is given up when advance returns
            .build();
    private final List<Load> loads = new ArrayList<>();
    private final List<CompletableFuture<String>> futures = new ArrayList<>();
    private final List<String> expected = new ArrayList<>();

    /** The naive model: one load, and the callers that wait for it. */
    private static final class Load {
        final int key;
        final Duration begun;
        final CompletableFuture<String> source = new CompletableFuture<>();
        final List<Integer> callers = new ArrayList<>();
        boolean joinable = true;
        boolean over;

        Load(int key, Duration begun) {
            this.key = key;
            this.begun = begun;
        }
    }

    @Property(tries = 150)
    void each_caller_gets_what_the_model_says(@ForAll @Size(max = 40) List<@IntRange(max = 999) Integer> steps) {
        for (int step : steps) {
            act(step % 10, step / 10);
            check();
        }
        time.advance(DEADLINE);
        expire();
        check();
        assertThat(flight.snapshot().abandoned()).isZero();
        assertThat(flight.snapshot().loads()).isEqualTo(loads.size());
        assertThat(time.pendingTimers()).isZero();
    }

    private void act(int what, int which) {
        switch (what) {
            case 0, 1, 2, 3 -> call(which % 2);
            case 4, 5 -> cancel(which);
            case 6 -> end(which, null);
            case 7 -> end(which, new IOException());
            case 8 -> {
                flight.detach(which % 2);
                loads.stream().filter(load -> load.key == which % 2).forEach(load -> load.joinable = false);
            }
            default -> {
                time.advance(Duration.ofSeconds(which % 6));
                expire();
            }
        }
    }

    private void call(int key) {
        Load there = null;
        for (Load each : loads) if (each.key == key && each.joinable) there = each;
        boolean leads = there == null;
        Load load = leads ? new Load(key, time.elapsed()) : Objects.requireNonNull(there);
        futures.add(flight.callAsync(key, () -> {
            assertThat(leads).isTrue();
            return load.source;
        }));
        if (leads) loads.add(load);
        load.callers.add(expected.size());
        expected.add(WAITING);
    }

    private void cancel(int which) {
        if (futures.isEmpty()) return;
        int caller = which % futures.size();
        futures.get(caller).cancel(true);
        if (!expected.get(caller).equals(WAITING)) return;
        expected.set(caller, "CancellationException");
        for (Load each : loads) {
            if (each.callers.remove((Object) caller) && each.callers.isEmpty()) over(each, "nobody is there");
        }
    }

    private void end(int which, Throwable thrown) {
        if (loads.isEmpty()) return;
        Load load = loads.get(which % loads.size());
        if (load.over) return;
        over(load, thrown == null ? "v" : "IOException");
        if (thrown == null) load.source.complete("v");
        else load.source.completeExceptionally(thrown);
    }

    private void expire() {
        for (Load each : loads) {
            boolean late = time.elapsed().minus(each.begun).compareTo(DEADLINE) >= 0;
            if (late && !each.over) over(each, "TimeoutExceededException");
        }
    }

    private void over(Load load, String result) {
        for (int caller : load.callers) expected.set(caller, result);
        load.callers.clear();
        load.joinable = false;
        load.over = true;
    }

    private void check() {
        List<String> got = new ArrayList<>();
        for (CompletableFuture<String> each : futures) got.add(state(each));
        assertThat(got).isEqualTo(expected);
        for (Load each : loads) assertThat(each.source.isDone()).isEqualTo(each.over);
        long joinable = loads.stream().filter(load -> load.joinable).count();
        assertThat(flight.snapshot().loading()).isEqualTo((int) joinable);
    }

    private static String state(CompletableFuture<String> future) {
        if (!future.isDone()) return WAITING;
        if (future.isCancelled()) return "CancellationException";
        try {
            return future.join();
        } catch (CompletionException failed) {
            return Objects.requireNonNull(failed.getCause().getCause())
                    .getClass()
                    .getSimpleName();
        }
    }
}
