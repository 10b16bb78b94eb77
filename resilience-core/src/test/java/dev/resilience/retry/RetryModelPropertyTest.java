// SPDX-License-Identifier: Apache-2.0
package dev.resilience.retry;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Backoff;
import dev.resilience.CallContext;
import dev.resilience.ContextOp;
import dev.resilience.Failures;
import dev.resilience.Outcome;
import dev.resilience.Pipeline;
import dev.resilience.RetryBudget;
import dev.resilience.retry.Retry.Stopped.Reason;
import dev.resilience.testkit.ManualTime;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.jspecify.annotations.Nullable;

/** S37 as a plain simulation, against the retry on its two bodies. All times in whole seconds. */
class RetryModelPropertyTest {
    enum Kind {
        OK,
        FAILS,
        FAILED_VALUE,
        REJECTED,
        BUSY,
        PASSES,
        CANCELLED
    }

    /** How one attempt ends: after so long, asking for so much. */
    record End(Kind kind, int takes, int asks) {}

    record Set(int maxAttempts, int first, int step, int cap, int within, int deadline, int maxHint, int perSecond) {
        static final int OFF = 1000;

        Duration cap(Duration none) {
            return cap == OFF ? none : Duration.ofSeconds(cap);
        }
    }

    /** What is to be seen from outside. */
    record Seen(List<Long> starts, int surfaced, @Nullable Reason why, List<Integer> closed, int tokens) {}

    @Provide
    Arbitrary<List<End>> scripts() {
        Arbitrary<Kind> kinds = Arbitraries.frequency(
                net.jqwik.api.Tuple.of(1, Kind.OK),
                net.jqwik.api.Tuple.of(6, Kind.FAILS),
                net.jqwik.api.Tuple.of(4, Kind.FAILED_VALUE),
                net.jqwik.api.Tuple.of(4, Kind.REJECTED),
                net.jqwik.api.Tuple.of(4, Kind.BUSY),
                net.jqwik.api.Tuple.of(1, Kind.PASSES),
                net.jqwik.api.Tuple.of(1, Kind.CANCELLED));
        return Combinators.combine(
                        kinds,
                        Arbitraries.integers().between(0, 3),
                        Arbitraries.integers().between(0, 12))
                .as(End::new)
                .list()
                .ofMinSize(1)
                .ofMaxSize(8);
    }

    @Provide
    Arbitrary<Set> settings() {
        Arbitrary<Integer> total = Arbitraries.oneOf(
                Arbitraries.just(Set.OFF), Arbitraries.integers().between(1, 40));
        return Combinators.combine(
                        Arbitraries.integers().between(1, 8),
                        Arbitraries.integers().between(0, 4),
                        Arbitraries.integers().between(0, 3),
                        Arbitraries.oneOf(
                                Arbitraries.just(Set.OFF),
                                Arbitraries.integers().between(0, 9)),
                        total,
                        total,
                        Arbitraries.integers().between(0, 12),
                        Arbitraries.integers().between(0, 2))
                .as(Set::new);
    }

    private static End end(List<End> script, int attempt) {
        return script.get(Math.min(attempt, script.size()) - 1);
    }

    /** Naive: the rules in their order, nothing shared with the implementation. */
    private static Seen model(List<End> script, Set set) {
        List<Long> starts = new ArrayList<>();
        List<Integer> closed = new ArrayList<>();
        long now = 0;
        long tokens = set.perSecond;
        long tokensAt = 0;
        boolean paid = false;
        boolean reached = false; // the dependency
        int real = 0;
        int rejection = 0;
        Reason why = null;
        int surfaced = 0;
        for (int attempt = 1; surfaced == 0; attempt++) {
            starts.add(now);
            End end = end(script, attempt);
            now += end.takes;
            if (paid && (end.kind == Kind.REJECTED || !reached)) {
                tokens = Math.min(set.perSecond, tokens + (now - tokensAt) * set.perSecond);
                tokensAt = now;
                tokens = Math.min(set.perSecond, tokens + 1);
            }
            paid = false;
            reached |= end.kind != Kind.REJECTED;
            if (end.kind == Kind.OK || end.kind == Kind.PASSES || end.kind == Kind.CANCELLED) {
                surfaced = attempt;
                continue;
            }
            if (end.kind == Kind.FAILS || end.kind == Kind.BUSY) real = attempt;
            if (end.kind == Kind.REJECTED) rejection = attempt;
            long left = Math.min(
                    set.within == Set.OFF ? Long.MAX_VALUE : set.within - now,
                    set.deadline == Set.OFF ? Long.MAX_VALUE : set.deadline - now);
            long backoff = Math.min(set.first + (long) (attempt - 1) * set.step, set.cap == Set.OFF ? 10_000 : set.cap);
            long longest = Math.max(backoff, set.cap == Set.OFF ? set.maxHint : set.cap);
            long asks = end.kind == Kind.REJECTED || end.kind == Kind.BUSY ? end.asks : 0;
            long wait = Math.max(backoff, asks);
            if (attempt >= set.maxAttempts) why = Reason.ATTEMPTS;
            else if (end.kind == Kind.REJECTED && asks > Math.min(Math.min(left, longest), set.maxHint))
                why = Reason.REJECTED;
            else if (end.kind == Kind.BUSY && asks > set.maxHint) why = Reason.HINT;
            else if (wait >= left) why = Reason.DEADLINE;
            else if (set.perSecond > 0) {
                tokens = Math.min(set.perSecond, tokens + (now - tokensAt) * set.perSecond);
                tokensAt = now;
                if (tokens == 0) why = Reason.BUDGET;
                else tokens--;
                paid = why == null;
            }
            if (why != null) {
                surfaced = end.kind == Kind.FAILED_VALUE ? attempt : real > 0 ? real : rejection;
                continue;
            }
            if (end.kind == Kind.FAILED_VALUE) closed.add(attempt);
            now += wait;
        }
        long left = Math.min(set.perSecond, tokens + (now - tokensAt) * set.perSecond);
        return new Seen(starts, surfaced, why, closed, (int) left);
    }

    private static Seen real(Way way, List<End> script, Set set) {
        ManualTime time = ManualTime.autoAdvancingFrom(Long.MAX_VALUE - 5_000_000_000L);
        RetryBudget budget = RetryBudget.builder()
                .ratio(0)
                .minPerSecond(Math.max(1, set.perSecond))
                .timeSource(time)
                .build();
        Retry retry = retry(set, budget);
        Pipeline pipeline =
                Pipeline.builder("p").policies(retry).timeSource(time).build();
        List<Long> starts = new ArrayList<>();
        List<Object> ends = new ArrayList<>();
        ContextOp<Object, Exception> work = context -> {
            starts.add(time.elapsed().toSeconds());
            End end = end(script, starts.size());
            time.advance(Duration.ofSeconds(end.takes));
            Object made = made(end, retry, starts.size());
            ends.add(made);
            if (made instanceof Exception thrown) throw thrown;
            return made;
        };
        CallContext root = CallContext.root();
        CallContext context = set.deadline == Set.OFF ? root : root.within(Duration.ofSeconds(set.deadline));
        Outcome<Object> outcome = way.go(pipeline, context, time, work);
        Object out = outcome.fold(value -> value, thrown -> thrown);
        List<Integer> closed = new ArrayList<>();
        for (int i = 0; i < ends.size(); i++)
            if (ends.get(i) instanceof Script.Held held && held.closed == 1) closed.add(i + 1);
        Reason why = why(retry);
        int tokens = set.perSecond == 0 ? 0 : budget.available();
        assertThat(time.pendingTimers()).isZero();
        if (out instanceof Exception thrown && why != null)
            assertThat(Retry.Stopped.in(thrown).orElseThrow().reason()).isEqualTo(why);
        return new Seen(starts, ends.indexOf(out) + 1, why, closed, tokens);
    }

    private static @Nullable Reason why(Retry retry) {
        Reason why = null;
        for (Reason each : Reason.values()) {
            if (retry.snapshot().stopped(each) == 0) continue;
            assertThat(why).isNull();
            why = each;
        }
        return why;
    }

    private static Object made(End end, Retry retry, int attempt) {
        return switch (end.kind) {
            case OK -> "value " + attempt;
            case FAILS -> new IOException("attempt " + attempt);
            case FAILED_VALUE -> new Script.Held();
            case REJECTED -> new Script.Rejected(retry, Duration.ofSeconds(end.asks));
            case BUSY -> new Script.Busy(Duration.ofSeconds(end.asks));
            case PASSES -> new FileNotFoundException("attempt " + attempt);
            case CANCELLED -> new CancellationException("attempt " + attempt);
        };
    }

    private static Retry retry(Set set, RetryBudget budget) {
        Backoff backoff = Backoff.linear(Duration.ofSeconds(set.first), Duration.ofSeconds(set.step));
        Retry.Builder builder = Retry.builder("r")
                .maxAttempts(set.maxAttempts)
                .backoff(set.cap == Set.OFF ? backoff : backoff.cap(Duration.ofSeconds(set.cap)))
                .failures(Failures.standard()
                        .butNot(FileNotFoundException.class)
                        .orResult(Script.Held.class, held -> true))
                .delayFrom(Script.Busy.class, busy -> Optional.of(busy.retryAfter))
                .maxHint(Duration.ofSeconds(set.maxHint))
                .random(() -> 0);
        if (set.within != Set.OFF) builder.within(Duration.ofSeconds(set.within));
        if (set.perSecond > 0) builder.budget(budget);
        return builder.build();
    }

    @Property(tries = 1500)
    void the_blocking_body_does_what_the_rules_say(@ForAll("scripts") List<End> script, @ForAll("settings") Set set) {
        assertThat(real(Way.BLOCKING, script, set)).isEqualTo(model(script, set));
    }

    /** The future of a face with a deadline ends at it, whatever the retry would have said later (L6). */
    private static boolean endsAtTheDeadline(List<End> script, Set set) {
        Seen seen = model(script, set);
        long last = seen.starts.get(seen.starts.size() - 1) + end(script, seen.starts.size()).takes;
        return set.deadline != Set.OFF && last >= set.deadline;
    }

    @Property(tries = 1500)
    void the_staged_body_does_the_same(@ForAll("scripts") List<End> script, @ForAll("settings") Set set) {
        net.jqwik.api.Assume.that(!endsAtTheDeadline(script, set));
        assertThat(real(Way.STAGED, script, set)).isEqualTo(model(script, set));
    }

    @Property(tries = 100)
    void so_it_does_when_stages_end_on_other_threads(@ForAll("scripts") List<End> script, @ForAll("settings") Set set) {
        net.jqwik.api.Assume.that(!endsAtTheDeadline(script, set));
        assertThat(real(Way.LATER, script, set)).isEqualTo(model(script, set));
    }
}
