// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static dev.resilience.saga.JournalEntry.Phase.ACTION;
import static dev.resilience.saga.JournalEntry.Phase.DUE;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Backoff;
import dev.resilience.Outcome;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Transitions T1 to T15, T22 and rules S1 to S3, S8 to S12, S15, one by one, on one thread and a clock that moves itself. */
class RunnerTest {
    private final ManualTime time = ManualTime.autoAdvancing();
    private final SeamStore store = new SeamStore(SagaStore.inMemory(time));
    private final FakeBerth a = new FakeBerth(time, store, "a#1");
    private final FakeBerth b = new FakeBerth(time, store, "b#1");
    private final List<String> calls = Collections.synchronizedList(new ArrayList<>());
    /** What the call of that number throws. */
    private final Map<String, Throwable> faults = new HashMap<>();

    private static final SagaRef REF = new SagaRef("saga", "1");
    private static final String KEY = "saga/1~i/";

    private SagaDefinition<String> define() {
        return Saga.define("saga", 1, String.class);
    }

    /** Three steps: a compensatable one, the pivot, a retriable one. */
    private Chart three() {
        SagaDefinition<String> s = define();
        var one = s.step("one", String.class)
                .run((in, c) -> call(c, in + "1"))
                .undo((in, r, c) -> call(c, r))
                .retry(3, Backoff.constant(ofMillis(100)))
                .undoRetry(3, Backoff.constant(ofMillis(100)))
                .rejectsOn(UnsupportedOperationException.class)
                .add();
        var two = s.pivot("two", String.class)
                .run(one, (in, x, c) -> call(c, x + "2"))
                .retry(1000, Backoff.constant(ofMillis(100)))
                .resolveFor(ofHours(1))
                .add();
        var three = s.retriable("three", String.class)
                .run(two, (in, x, c) -> call(c, x + "3"))
                .retry(1000, Backoff.constant(ofMillis(100)))
                .resolveFor(ofHours(1))
                .add();
        return chart(s.returns(three, (in, x) -> x));
    }

    private Chart chart(Saga<String, ?> saga) {
        return new Chart(saga.plan, time);
    }

    /** Two compensatable steps and no pivot. */
    private Chart two() {
        SagaDefinition<String> s = define();
        for (String name : List.of("one", "two")) {
            s.step(name, String.class)
                    .run((in, c) -> call(c, name))
                    .undo((in, r, c) -> call(c, r))
                    .retry(3, Backoff.constant(ofMillis(100)))
                    .undoRetry(3, Backoff.constant(ofMillis(100)))
                    .rejectsOn(UnsupportedOperationException.class)
                    .add();
        }
        return chart(s.build());
    }

    /** The k-th call of a key is {@code key*k}, the first one the key alone. */
    private String call(StepContext c, String result) throws Exception {
        String key = c.key().substring(KEY.length());
        long before =
                calls.stream().filter(done -> done.split("\\*")[0].equals(key)).count();
        String call = before == 0 ? key : key + "*" + (before + 1);
        calls.add(call);
        Throwable fault = faults.get(call);
        if (fault instanceof Error error) throw error;
        if (fault != null) throw (Exception) fault;
        return result;
    }

    private SagaInstance run(FakeBerth berth, Chart chart, SagaStore.Loaded loaded) {
        berth.released = null;
        new Runner(chart, loaded, berth).run();
        return Objects.requireNonNull(berth.released, "not released");
    }

    private SagaInstance start(Chart chart) {
        return run(a, chart, a.start(chart, "1", "in"));
    }

    /** Waits as long as it wants to wait, and lets others take it on, until it moves no more. */
    private SagaInstance onwards(Chart chart, FakeBerth berth) {
        SagaInstance head = head();
        for (int i = 0; i < 200 && head.owner() == null && head.wakeMs() != SagaInstance.NEVER; i++) {
            long left = head.wakeMs() - berth.nowMs();
            if (left > 0) time.advance(ofMillis(left));
            for (SagaStore.Loaded loaded : berth.claim()) run(berth, chart, loaded);
            head = head();
        }
        return head;
    }

    private SagaInstance takeOver(Chart chart) {
        run(b, chart, b.claim("a#1").get(0));
        return onwards(chart, b);
    }

    private SagaInstance head() {
        return store.inner.load(REF).orElseThrow().head();
    }

    private List<JournalEntry> journal() {
        return store.inner.load(REF).orElseThrow().entries();
    }

    private List<String> lines() {
        return journal().stream()
                .map(e -> e.phase().code() + " " + e.step() + (e.index() < 0 ? "" : "#" + e.index())
                        + (e.outcome() == null ? "" : " " + e.outcome())
                        + (e.note() == null ? "" : " " + e.note()))
                .toList();
    }

    private void ask(SagaStatus status, String verb) {
        SagaInstance seen = head();
        Checkpoint.Builder write = Checkpoint.on(seen, a.nowMs());
        write.append(JournalEntry.of(JournalEntry.Phase.OPERATOR, "").note(verb).text("test"));
        write.head().status(status).wakeMs(a.nowMs());
        if (status == SagaStatus.PAUSED) write.head().heldFrom(seen.status());
        else write.head().heldFrom(null);
        assertThat(store.inner.write(write.raisesSig().build())).isTrue();
    }

    // --- forward ---

    /** T1, T3, T4; S8: the key has the incarnation. */
    @Test
    void steps_one_after_the_other_complete_with_one_write_each() {
        assertThat(start(three()).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(a.output.orElseThrow()).isEqualTo("in123");
        assertThat(calls).containsExactly("one", "two", "three");
        assertThat(store.writes).isEqualTo(3);
        assertThat(head().owner()).isNull();
        assertThat(head().endedMs()).isNotEqualTo(SagaInstance.NEVER);
        assertThat(a.heard)
                .containsExactly("A one COMPLETED", "A two COMPLETED", "A three COMPLETED", "ended COMPLETED");
    }

    /** G4, C6: what is recorded is adopted by the next owner, not done again. */
    @Test
    void another_owner_goes_on_where_the_first_one_died() {
        Chart chart = three();
        store.after = written -> {
            throw new Killed();
        };
        kill(() -> start(chart));
        store.after = written -> {};
        assertThat(takeOver(chart).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("one", "two", "three");
        assertThat(b.output.orElseThrow()).isEqualTo("in123");
    }

    private static final class Killed extends Error {
        private static final long serialVersionUID = 1L;
    }

    private static void kill(Runnable life) {
        try {
            life.run();
        } catch (Killed dead) {
            return;
        }
        throw new AssertionError("it was to be killed");
    }

    /** T6, T12, T13, G6: what was rejected is not undone, what was done before is, in reverse. */
    @Test
    void a_rejection_turns_it() {
        Chart chart = two();
        faults.put("two", new StepRejectedException("no"));
        assertThat(start(chart).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(calls).containsExactly("one", "two", "one/undo");
        assertThat(head().reason()).isEqualTo(Reasons.REJECTED);
        assertThat(head().reasonStep()).isEqualTo("two");
        assertThat(lines()).containsExactly("A one COMPLETED", "A two REJECTED", "T two REJECTED", "U one COMPLETED");
        assertThat(a.heard).contains("turned REJECTED two", "ended COMPENSATED");
    }

    /** Trap (a): it is COMPENSATED at once, by the very checkpoint that turns it. */
    @Test
    void a_first_step_that_is_rejected_leaves_nothing_to_undo() {
        faults.put("one", new UnsupportedOperationException("rejectsOn"));
        assertThat(start(two()).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(store.writes).isEqualTo(1);
    }

    /** T8. */
    @Test
    void a_rejected_pivot_turns_it() {
        faults.put("two", new StepRejectedException("no"));
        assertThat(start(three()).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(calls).containsExactly("one", "two", "one/undo");
    }

    /** T5: short pauses are waited out in place, and nothing is written. */
    @Test
    void an_unknown_end_is_tried_again_with_the_same_key() {
        faults.put("one", new IllegalStateException("?"));
        assertThat(start(three()).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("one", "one*2", "two", "three");
        assertThat(store.writes).isEqualTo(3);
        assertThat(a.heard).contains("retried one 1");
    }

    /** T5, C7: a long pause is durable, keeps the attempts, and nobody owns the saga meanwhile. */
    @Test
    void a_long_pause_is_durable_and_keeps_the_attempts() {
        a.inlineWait = ofMillis(10);
        b.inlineWait = ofMillis(10);
        Chart chart = two();
        for (String call : List.of("one", "one*2", "one*3")) faults.put(call, new IllegalStateException("?"));
        SagaInstance waiting = start(chart);
        assertThat(waiting.status()).isEqualTo(SagaStatus.RUNNING);
        assertThat(waiting.owner()).isNull();
        assertThat(waiting.wakeMs()).isEqualTo(a.nowMs() + 100);
        assertThat(waiting.claims()).isZero();
        assertThat(journal().get(0).attempts()).isEqualTo(1);
        assertThat(onwards(chart, b).status()).isEqualTo(SagaStatus.COMPENSATED);
        // three attempts in all, whoever made them; then in doubt: called until it is known, and undone
        assertThat(calls).containsExactly("one", "one*2", "one*3", "one*4", "one/undo");
    }

    /** T7: the budget ends, the effect may be there: it is found out, then undone with the real result. */
    @Test
    void an_exhausted_step_is_in_doubt_and_resolved_by_its_own_key() {
        for (String call : List.of("two", "two*2", "two*3", "two*4")) faults.put(call, new IllegalStateException("?"));
        assertThat(start(two()).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(calls).containsExactly("one", "two", "two*2", "two*3", "two*4", "two*5", "two/undo", "one/undo");
        assertThat(lines())
                .containsExactly(
                        "A one COMPLETED",
                        "A two IN_DOUBT",
                        "T two EXHAUSTED",
                        "R two COMPLETED",
                        "U two COMPLETED",
                        "U one COMPLETED");
    }

    /** 2.2: called again, the participant says that there is nothing. */
    @Test
    void a_doubt_that_ends_in_a_rejection_leaves_nothing_to_undo() {
        for (String call : List.of("two", "two*2", "two*3")) faults.put(call, new IllegalStateException("?"));
        faults.put("two*4", new StepRejectedException("never heard of it"));
        assertThat(start(two()).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(calls).containsExactly("one", "two", "two*2", "two*3", "two*4", "one/undo");
    }

    private Chart doubtful(java.util.function.UnaryOperator<Step.Compensatable<String, String>> strategy) {
        SagaDefinition<String> s = define();
        strategy.apply(s.step("one", String.class).run((in, c) -> call(c, "1")).retry(1, Backoff.none()))
                .add();
        faults.put("one", new IllegalStateException("?"));
        return chart(s.build());
    }

    @Test
    void a_doubt_is_resolved_by_a_probe_that_finds_the_effect() {
        int[] asked = {0};
        Chart chart = doubtful(step -> step.undo((in, r, c) -> call(c, r)).probe((in, c) -> {
            assertThat(c.key()).isEqualTo(KEY + "one");
            if (asked[0]++ == 0) return ProbeResult.unknown();
            return ProbeResult.completed("found");
        }));
        assertThat(start(chart).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(calls).containsExactly("one", "one/undo");
        assertThat(asked[0]).isEqualTo(2);
    }

    @Test
    void a_doubt_is_resolved_by_a_probe_that_finds_nothing() {
        Chart chart = doubtful(step -> step.undo((in, r, c) -> call(c, r)).probe((in, c) -> ProbeResult.absent()));
        assertThat(start(chart).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(calls).containsExactly("one");
    }

    @Test
    void a_doubt_is_undone_blindly() {
        Chart chart = doubtful(step -> step.undo((in, r, c) -> call(c, r)).undoInDoubt((in, c) -> call(c, "")));
        assertThat(start(chart).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(calls).containsExactly("one", "one/undo");
    }

    @Test
    void a_harmless_step_is_never_undone() {
        assertThat(start(doubtful(Step.Compensatable::harmless)).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(calls).containsExactly("one");
    }

    @Test
    void what_is_called_at_most_once_parks_when_in_doubt() {
        Chart chart = doubtful(step -> step.undo((in, r, c) -> call(c, r)).atMostOnce());
        assertThat(start(chart).status()).isEqualTo(SagaStatus.NEEDS_ATTENTION);
        assertThat(head().reason()).isEqualTo(Reasons.IN_DOUBT);
        assertThat(calls).containsExactly("one");
        ask(SagaStatus.RUNNING, "retry");
        assertThat(onwards(chart, b).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("one", "one*2");
    }

    /** G8: a doubt that nobody can resolve is never guessed. */
    @Test
    void a_doubt_that_is_not_resolved_in_its_time_parks() {
        SagaDefinition<String> s = define();
        s.step("one", String.class)
                .run((in, c) -> {
                    throw new IllegalStateException("?");
                })
                .undo((in, r, c) -> call(c, r))
                .retry(2, Backoff.constant(ofMinutes(1)))
                .resolveFor(ofHours(1))
                .add();
        Chart chart = chart(s.build());
        start(chart);
        assertThat(onwards(chart, b).status()).isEqualTo(SagaStatus.NEEDS_ATTENTION);
        assertThat(head().reason()).isEqualTo(Reasons.IN_DOUBT);
        assertThat(head().heldFrom()).isEqualTo(SagaStatus.COMPENSATING);
        assertThat(time.elapsed()).isBetween(ofMinutes(59), ofMinutes(62));
    }

    // --- local rejections ---

    private Chart behindBreaker(CircuitBreaker breaker, Duration deadline) {
        SagaDefinition<String> s = define().deadline(deadline);
        s.step("one", String.class)
                .run((in, c) -> call(c, "1"))
                .undo((in, r, c) -> call(c, r))
                .retry(3, Backoff.constant(ofSeconds(30)))
                .through(breaker)
                .add();
        return chart(s.build());
    }

    private CircuitBreaker breaker() {
        return CircuitBreaker.builder("b").timeSource(time).build();
    }

    /** S1: nothing was called, so there is nothing in doubt; nor is it rejected. */
    @Test
    void what_never_got_past_a_breaker_is_skipped() {
        CircuitBreaker breaker = breaker();
        breaker.forceOpen("test");
        Chart chart = behindBreaker(breaker, ofMinutes(10));
        start(chart);
        assertThat(lines()).containsExactly("D one UNTOUCHED");
        assertThat(onwards(chart, b).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(head().reason()).isEqualTo(Reasons.DEADLINE);
        assertThat(calls).isEmpty();
        assertThat(lines()).contains("A one SKIPPED UNTOUCHED");
        assertThat(a.heard).contains("rejectedLocally one");
    }

    /** S1: the attempt before may have had its effect. */
    @Test
    void a_breaker_that_opens_after_an_attempt_leaves_the_doubt() {
        CircuitBreaker breaker = breaker();
        faults.put("one", new IllegalStateException("timeout"));
        Chart chart = behindBreaker(breaker, ofMinutes(10));
        start(chart);
        breaker.forceOpen("test");
        for (int i = 0; i < 5; i++) once(chart);
        assertThat(store.cancel(REF, a.nowMs())).isEqualTo(SagaReply.ACCEPTED);
        breaker.disable("test");
        assertThat(onwards(chart, b).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(lines()).contains("A one IN_DOUBT", "R one COMPLETED", "U one COMPLETED");
        assertThat(calls).containsExactly("one", "one*2", "one/undo");
    }

    private void once(Chart chart) {
        time.advance(ofMillis(Math.max(0, head().wakeMs() - b.nowMs())));
        run(b, chart, b.claim().get(0));
    }

    /** S1: no attempt is spent. */
    @Test
    void a_local_rejection_spends_no_attempt() {
        CircuitBreaker breaker = breaker();
        breaker.forceOpen("test");
        Chart chart = behindBreaker(breaker, ofHours(10));
        start(chart);
        for (int i = 0; i < 10; i++) once(chart);
        breaker.disable("test");
        assertThat(onwards(chart, b).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("one");
    }

    // --- cancel, deadline, pivot ---

    /** S1: code that asks a breaker of its own may have called something before: no attempt spent, and yet in doubt. */
    @Test
    void a_rejection_that_the_code_itself_throws_leaves_the_doubt() {
        CircuitBreaker breaker = breaker();
        breaker.forceOpen("test");
        SagaDefinition<String> s = define().deadline(ofMinutes(10));
        s.step("one", String.class)
                .run((in, c) -> {
                    calls.add("asked");
                    return breaker.call(() -> call(c, "1"));
                })
                .undo((in, r, c) -> call(c, r))
                .undoInDoubt((in, c) -> call(c, ""))
                .retry(2, Backoff.constant(ofMinutes(4)))
                .add();
        Chart chart = chart(s.build());
        start(chart);
        assertThat(onwards(chart, b).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(calls).containsExactly("asked", "asked", "asked", "one/undo");
        assertThat(head().reason()).isEqualTo(Reasons.DEADLINE);
    }

    /** T7, S2: the owner that wrote the outcome before and has not called knows that it is untouched. */
    @Test
    void cancelled_between_two_steps_the_next_one_is_skipped() {
        Chart chart = two();
        store.before = checkpoint -> {
            store.before = next -> {};
            assertThat(store.cancel(REF, a.nowMs())).isEqualTo(SagaReply.ACCEPTED);
        };
        assertThat(start(chart).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(calls).containsExactly("one", "one/undo");
        assertThat(lines())
                .containsExactly("A one COMPLETED", "A two SKIPPED UNTOUCHED", "T  CANCELLED", "U one COMPLETED");
        assertThat(head().reason()).isEqualTo(Reasons.CANCELLED);
    }

    /** S2: the one who takes over cannot know whether the dead one had called: in doubt, and resolved. */
    @Test
    void cancelled_after_a_takeover_what_is_possibly_started_is_in_doubt() {
        Chart chart = two();
        faults.put("two", new Killed());
        store.before = checkpoint -> {
            if (!calls.contains("two")) return;
            throw new Killed();
        };
        kill(() -> start(chart));
        store.before = checkpoint -> {};
        store.cancel(REF, a.nowMs());
        assertThat(takeOver(chart).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(lines()).contains("A two IN_DOUBT", "R two COMPLETED", "U two COMPLETED");
        assertThat(calls).containsExactly("one", "two", "two*2", "two/undo", "one/undo");
    }

    /** S3: the pivot wins, and clears the request; T11. */
    @Test
    void a_cancel_while_the_pivot_runs_changes_nothing() {
        Chart chart = three();
        store.before = checkpoint -> {
            if (calls.contains("two") && !calls.contains("three")) store.cancel(REF, a.nowMs());
        };
        assertThat(start(chart).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(head().cancelRequested()).isFalse();
        assertThat(calls).containsExactly("one", "two", "three");
    }

    /** T11. */
    @Test
    void a_cancel_after_the_pivot_is_too_late() {
        Chart chart = three();
        store.before = checkpoint -> {
            if (calls.contains("three"))
                assertThat(store.cancel(REF, a.nowMs())).isEqualTo(SagaReply.TOO_LATE);
        };
        assertThat(start(chart).status()).isEqualTo(SagaStatus.COMPLETED);
    }

    /** T9: a pivot of unknown end is neither cancelled nor late: it is called until it is known. */
    @Test
    void a_pivot_in_doubt_is_never_guessed() {
        a.inlineWait = b.inlineWait = ofMillis(10);
        Chart chart = three();
        faults.put("two", new IllegalStateException("?"));
        faults.put("two*2", new IllegalStateException("?"));
        SagaInstance waiting = start(chart);
        assertThat(waiting.inPivot()).isTrue();
        assertThat(store.cancel(REF, a.nowMs())).isEqualTo(SagaReply.ACCEPTED);
        assertThat(onwards(chart, b).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("one", "two", "two*2", "two*3", "three");
        assertThat(head().cancelRequested()).isFalse();
    }

    /** T9, T10: not for ever (L3). */
    @Test
    void a_pivot_that_is_never_known_parks() {
        SagaDefinition<String> s = define();
        s.pivot("two", String.class)
                .run((in, c) -> {
                    throw new IllegalStateException("?");
                })
                .retry(Integer.MAX_VALUE, Backoff.constant(ofMinutes(1)))
                .resolveFor(ofHours(1))
                .add();
        Chart chart = chart(s.build());
        start(chart);
        assertThat(onwards(chart, b).status()).isEqualTo(SagaStatus.NEEDS_ATTENTION);
        assertThat(head().reason()).isEqualTo(Reasons.IN_DOUBT);
    }

    /** G7, T19: that an operator wants it tried again does not make it untouched. */
    @Test
    void a_pivot_that_was_parked_in_doubt_is_still_in_doubt_after_a_retry() {
        SagaDefinition<String> s = define();
        s.step("one", String.class)
                .run((in, c) -> call(c, "1"))
                .undo((in, r, c) -> call(c, r))
                .add();
        s.pivot("two", String.class)
                .run((in, c) -> call(c, "2"))
                .retry(1, Backoff.none())
                .add();
        Chart chart = chart(s.build());
        faults.put("two", new IllegalStateException("?"));
        assertThat(start(chart).reason()).isEqualTo(Reasons.IN_DOUBT);
        ask(SagaStatus.RUNNING, "retry");
        assertThat(store.cancel(REF, a.nowMs())).isEqualTo(SagaReply.ACCEPTED);
        assertThat(onwards(chart, b).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("one", "two", "two*2");
    }

    /** T10, G7: nothing is undone after the pivot; an operator's retry calls it again (T19). */
    @Test
    void what_is_rejected_after_the_pivot_parks() {
        Chart chart = three();
        faults.put("three", new StepRejectedException("no"));
        assertThat(start(chart).status()).isEqualTo(SagaStatus.NEEDS_ATTENTION);
        assertThat(head().reason()).isEqualTo(Reasons.REJECTED);
        assertThat(a.heard).contains("parked REJECTED three");
        ask(SagaStatus.RUNNING, "retry");
        assertThat(onwards(chart, b).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("one", "two", "three", "three*2");
        assertThat(head().reason()).isNull();
    }

    /** T7. */
    @Test
    void a_deadline_before_the_pivot_turns_it() {
        a.inlineWait = b.inlineWait = ofSeconds(1);
        SagaDefinition<String> s = define().deadline(ofMinutes(5));
        s.step("one", String.class)
                .run((in, c) -> call(c, "1"))
                .undo((in, r, c) -> call(c, r))
                .add();
        s.await("paid", String.class).add();
        Chart chart = chart(s.build());
        SagaInstance waiting = start(chart);
        assertThat(waiting.wakeMs()).isEqualTo(waiting.deadlineMs());
        assertThat(onwards(chart, b).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(head().reason()).isEqualTo(Reasons.DEADLINE);
        assertThat(calls).containsExactly("one", "one/undo");
    }

    // --- undo ---

    /** T14. */
    @Test
    void an_undo_that_fails_is_tried_again() {
        faults.put("two", new StepRejectedException("no"));
        faults.put("one/undo", new IllegalStateException("?"));
        assertThat(start(two()).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(calls).containsExactly("one", "two", "one/undo", "one/undo*2");
    }

    /** T15, T19. */
    @Test
    void an_undo_that_fails_for_good_parks_until_an_operator_retries() {
        Chart chart = two();
        faults.put("two", new StepRejectedException("no"));
        for (String call : List.of("one/undo", "one/undo*2", "one/undo*3"))
            faults.put(call, new IllegalStateException("?"));
        assertThat(start(chart).status()).isEqualTo(SagaStatus.NEEDS_ATTENTION);
        assertThat(head().reason()).isEqualTo(Reasons.UNDO_FAILED);
        ask(SagaStatus.COMPENSATING, "retry");
        assertThat(onwards(chart, b).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(calls).endsWith("one/undo*4");
        assertThat(head().reason())
                .as("why it turned, not what parked it since")
                .isEqualTo(Reasons.REJECTED);
        assertThat(head().reasonStep()).isEqualTo("two");
        assertThat(head().reasonText()).endsWith("no");
    }

    /** T15. */
    @Test
    void a_rejected_undo_parks() {
        faults.put("two", new StepRejectedException("no"));
        faults.put("one/undo", new StepRejectedException("cannot"));
        assertThat(start(two()).status()).isEqualTo(SagaStatus.NEEDS_ATTENTION);
        assertThat(head().reason()).isEqualTo(Reasons.UNDO_REJECTED);
    }

    /** Trap (b): a cancel does not touch the compensations. */
    @Test
    void a_cancel_does_not_stop_the_undoing() {
        faults.put("two", new StepRejectedException("no"));
        store.before = checkpoint -> {
            if (calls.contains("one/undo"))
                assertThat(store.cancel(REF, a.nowMs())).isEqualTo(SagaReply.TOO_LATE);
        };
        assertThat(start(two()).status()).isEqualTo(SagaStatus.COMPENSATED);
    }

    // --- waiting ---

    private Chart awaiting(boolean optional) {
        SagaDefinition<String> s = define();
        var paid = s.await("paid", String.class).timeout(ofHours(1));
        if (optional) {
            Saga.Result<Optional<String>> result = paid.addOptional();
            return chart(s.returns(result, (in, p) -> p.orElse("none")));
        }
        return chart(s.returns(paid.add(), (in, p) -> p));
    }

    private SagaReply signal(String name, String value) {
        return store.signal(
                REF, new SagaStore.Signal(name, "k", a.codec.encode(Type.of(String.class), value), a.nowMs()));
    }

    /** T22. */
    @Test
    void a_signal_wakes_it() {
        Chart chart = awaiting(false);
        assertThat(start(chart).owner()).isNull();
        assertThat(signal("paid", "yes")).isEqualTo(SagaReply.ACCEPTED);
        assertThat(onwards(chart, b).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(b.output.orElseThrow()).isEqualTo("yes");
    }

    /** S9: kept though nobody waits for it yet. */
    @Test
    void a_signal_before_its_await_is_kept() {
        Chart chart = awaiting(false);
        SagaStore.Loaded loaded = a.start(chart, "1", "in");
        signal("paid", "yes");
        assertThat(run(a, chart, loaded).status()).isEqualTo(SagaStatus.COMPLETED);
    }

    /** S9: between reading and parking. */
    @Test
    void a_signal_between_reading_and_parking_is_not_lost() {
        Chart chart = awaiting(false);
        store.before = checkpoint -> {
            if (checkpoint.next().owner() != null) return;
            store.before = next -> {};
            signal("paid", "yes");
        };
        assertThat(start(chart).status()).isEqualTo(SagaStatus.COMPLETED);
    }

    @Test
    void a_signal_that_does_not_come_turns_it() {
        Chart chart = awaiting(false);
        start(chart);
        assertThat(onwards(chart, b).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(head().reason()).isEqualTo(Reasons.TIMED_OUT);
    }

    @Test
    void an_optional_signal_that_does_not_come_is_empty() {
        Chart chart = awaiting(true);
        start(chart);
        assertThat(onwards(chart, b).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(b.output.orElseThrow()).isEqualTo("none");
    }

    /** S10: the end of a delay is a line, whoever owns the saga. */
    @Test
    void a_delay_does_not_begin_again_at_a_takeover() {
        SagaDefinition<String> s = define();
        s.delay("sleep", ofHours(24));
        Chart chart = chart(s.build());
        long until = a.nowMs() + ofHours(24).toMillis();
        store.after = checkpoint -> {
            throw new Killed();
        };
        kill(() -> start(chart));
        store.after = checkpoint -> {};
        assertThat(journal().get(0).phase()).isEqualTo(DUE);
        time.advance(ofHours(20));
        run(b, chart, b.claim("a#1").get(0));
        assertThat(head().wakeMs()).isEqualTo(until);
        time.advance(ofHours(4));
        assertThat(run(b, chart, b.claim().get(0)).status()).isEqualTo(SagaStatus.COMPLETED);
    }

    /** S11: waking up is no claim from a dead owner. */
    @Test
    void many_durable_pauses_do_not_poison_it() {
        SagaDefinition<String> s = define();
        for (int i = 0; i < 30; i++) s.delay("sleep" + i, ofMinutes(1));
        Chart chart = chart(s.build());
        start(chart);
        assertThat(onwards(chart, b).status()).isEqualTo(SagaStatus.COMPLETED);
    }

    /** S11, T17: what breaks with an Error is counted as a death. */
    @Test
    void errors_poison_it() {
        SagaDefinition<String> s = define();
        s.step("one", String.class)
                .run((in, c) -> {
                    throw new LinkageError("broken");
                })
                .harmless()
                .add();
        Chart chart = chart(s.build());
        SagaInstance first = start(chart);
        assertThat(first.owner()).isNull();
        assertThat(first.claims()).isEqualTo(1);
        assertThat(onwards(chart, b).status()).isEqualTo(SagaStatus.NEEDS_ATTENTION);
        assertThat(head().reason()).isEqualTo(Reasons.POISON);
    }

    /** S12: the outcome is recorded though somebody paused it meanwhile. */
    @Test
    void paused_while_a_step_runs_its_outcome_is_kept() {
        Chart chart = three();
        store.before = checkpoint -> {
            store.before = next -> {};
            ask(SagaStatus.PAUSED, "pause");
        };
        SagaInstance paused = start(chart);
        assertThat(paused.status()).isEqualTo(SagaStatus.PAUSED);
        assertThat(paused.owner()).isNull();
        assertThat(paused.heldFrom()).isEqualTo(SagaStatus.RUNNING);
        assertThat(lines()).contains("A one COMPLETED");
        ask(SagaStatus.RUNNING, "resume");
        assertThat(onwards(chart, b).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("one", "two", "three");
    }

    // --- writes that are not what they seem ---

    /** C5, S5: written, but we were told no. */
    @Test
    void a_lost_acknowledgement_is_found_in_the_journal() {
        Chart chart = three();
        FakeBerth deaf = new FakeBerth(time, store, "a#1") {
            @Override
            public boolean write(Checkpoint checkpoint) {
                super.write(checkpoint);
                return super.write(checkpoint); // again, as one does who was not answered
            }
        };
        assertThat(run(deaf, chart, deaf.start(chart, "1", "in")).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(deaf.output.orElseThrow()).isEqualTo("in123");
        assertThat(calls).containsExactly("one", "two", "three");
        assertThat(deaf.heard).doesNotContain("fenced");
    }

    /** G9, C14: who lost it records nothing, and drops it. */
    @Test
    void a_stale_owner_records_nothing() {
        Chart chart = three();
        store.before = checkpoint -> {
            store.before = next -> {};
            takeOver(chart);
        };
        start(chart);
        assertThat(a.heard).containsExactly("fenced");
        assertThat(head().status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(journal()).allMatch(line -> line.fence() == head().fence());
        assertThat(calls).containsExactly("one", "one*2", "two", "three");
    }

    // --- transactions ---

    private Chart transactional() {
        SagaDefinition<String> s = define();
        var one = s.txStep("one", String.class)
                .run((in, tx, c) -> call(c, "1"))
                .undo((in, tx, r, c) -> call(c, r))
                .retry(3, Backoff.constant(ofMillis(100)))
                .add();
        s.txPivot("two", String.class).run(one, (in, tx, r, c) -> call(c, "2")).add();
        return chart(s.build());
    }

    /** S15. */
    @Test
    void a_transactional_step_commits_with_its_outcome() {
        assertThat(start(transactional()).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(store.commits).isEqualTo(2);
        assertThat(store.rollbacks).isZero();
        assertThat(store.closed).isEqualTo(store.opened);
    }

    /** S15, C17: rolled back is untouched, never in doubt. */
    @Test
    void a_transactional_step_that_failed_is_untouched() {
        for (String call : List.of("one", "one*2", "one*3")) faults.put(call, new IllegalStateException("?"));
        assertThat(start(transactional()).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(lines()).containsExactly("A one SKIPPED UNTOUCHED", "T one EXHAUSTED");
        assertThat(store.rollbacks).isEqualTo(3);
        assertThat(store.closed).isEqualTo(store.opened);
    }

    /** S15: cancelled meanwhile: the guard refuses, the effect is rolled back. */
    @Test
    void a_transactional_step_of_a_cancelled_saga_is_rolled_back() {
        Chart chart = transactional();
        store.before = checkpoint -> {
            store.before = next -> {};
            store.cancel(REF, a.nowMs());
        };
        assertThat(start(chart).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(store.commits).isZero();
        assertThat(store.rollbacks).isEqualTo(1);
        assertThat(lines()).containsExactly("A one SKIPPED UNTOUCHED", "T  CANCELLED");
    }

    /** S15, C5: a commit without an answer, which took place. */
    @Test
    void a_lost_commit_is_looked_for_and_found() {
        Chart chart = transactional();
        store.commit = () -> {
            store.commit = () -> true;
            return store.inner.write(Objects.requireNonNull(store.pending())) && false;
        };
        assertThat(start(chart).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("one", "two");
    }

    /** S15, C5: and one that did not. */
    @Test
    void a_lost_commit_that_did_not_take_place_is_made_again() {
        store.commit = () -> {
            store.commit = () -> true;
            return false;
        };
        assertThat(start(transactional()).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("one", "one*2", "two");
    }

    /** S15, G8: one that can never be committed, such as by a deferred constraint, uses up its budget as any other. */
    @Test
    void a_transaction_that_never_commits_ends_with_its_budget() {
        AtomicInteger commits = new AtomicInteger();
        store.commit = () -> {
            assertThat(commits.incrementAndGet()).as("for ever").isLessThan(10);
            return false;
        };
        assertThat(start(transactional()).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(lines()).containsExactly("A one SKIPPED UNTOUCHED", "T one EXHAUSTED");
        assertThat(calls).containsExactly("one", "one*2", "one*3");
        assertThat(store.closed).isEqualTo(store.opened);
    }

    /** S9: a signal that was accepted before the end of the wait was written is not too late, whoever it was told by. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_signal_that_is_accepted_while_its_timeout_is_written_counts(boolean optional) {
        SagaDefinition<String> s = define();
        var await = s.await("paid", String.class).timeout(ofMillis(500));
        if (optional) await.addOptional();
        else await.add();
        Chart chart = chart(s.build());
        store.before = checkpoint -> {
            if (checkpoint.seen().seq() == 0) return; // the line of when it ends
            store.before = next -> {};
            byte[] paid = a.codec.encode(Type.of(String.class), "x");
            assertThat(store.signal(REF, new SagaStore.Signal("paid", "k", paid, a.nowMs())))
                    .isEqualTo(SagaReply.ACCEPTED);
        };
        assertThat(start(chart).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(lines()).containsExactly("D paid", "A paid COMPLETED k");
    }

    // --- who was taken away ---

    /** C14, G4: a write of the same fence that is not this one is no acknowledgement of it. */
    @Test
    void what_is_taken_away_while_its_last_outcome_is_written_is_not_told_as_completed() {
        Chart chart = three();
        store.before = checkpoint -> {
            if (checkpoint.next().status() != SagaStatus.COMPLETED) return;
            store.before = next -> {};
            Checkpoint.Builder taken = Checkpoint.on(head(), a.nowMs());
            taken.head().owner(null).wakeMs(a.nowMs()).claims(1);
            assertThat(store.inner.write(taken.build())).isTrue(); // as an engine that closes does
        };
        assertThat(start(chart).status()).isEqualTo(SagaStatus.RUNNING);
        assertThat(a.heard).contains("fenced").doesNotContain("ended COMPLETED");
        assertThat(a.output).isInstanceOf(Outcome.Failure.class);
        assertThat(onwards(chart, b).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("one", "two", "three", "three*2");
    }

    // --- what cannot be written or read ---

    /** 2.2: the effect is made, the result is not to be had: calling again would not help. */
    @Test
    void a_result_that_is_too_big_parks_when_it_is_to_be_undone() {
        SagaDefinition<String> s = define();
        s.step("one", String.class)
                .run((in, c) -> call(c, "x".repeat(1000)))
                .undo((in, r, c) -> call(c, r))
                .add();
        a.cap = 100;
        assertThat(start(chart(s.build())).status()).isEqualTo(SagaStatus.NEEDS_ATTENTION);
        assertThat(head().reason()).isEqualTo(Reasons.UNENCODABLE);
        assertThat(calls).containsExactly("one", "one*2"); // in doubt: asked once more, then an operator
    }

    /** S47: only that saga. */
    @Test
    void a_payload_that_cannot_be_read_parks() {
        Chart chart = three();
        store.after = checkpoint -> {
            throw new Killed();
        };
        kill(() -> start(chart));
        store.after = checkpoint -> {};
        SagaStore.Loaded loaded = b.claim("a#1").get(0);
        List<JournalEntry> broken = new ArrayList<>();
        for (JournalEntry e : loaded.entries())
            broken.add(JournalEntry.of(ACTION, e.step())
                    .kind(e.kind())
                    .outcome(e.outcome())
                    .payload(new byte[] {'{'})
                    .at(e.seq(), e.ord(), e.fence(), e.atMs()));
        SagaStore.Loaded unreadable =
                new SagaStore.Loaded(loaded.head(), loaded.input(), loaded.context(), broken, loaded.signals());
        assertThat(run(b, chart, unreadable).status()).isEqualTo(SagaStatus.NEEDS_ATTENTION);
        assertThat(head().reason()).isEqualTo(Reasons.UNREADABLE);
    }

    /** S47, T18. */
    @Test
    void a_journal_of_another_definition_parks() {
        Chart chart = three();
        store.after = checkpoint -> {
            throw new Killed();
        };
        kill(() -> start(chart));
        store.after = checkpoint -> {};
        SagaDefinition<String> s = define();
        s.step("zero", String.class).run((in, c) -> "").harmless().add();
        s.step("one", String.class).run((in, c) -> "").harmless().add();
        assertThat(run(b, chart(s.build()), b.claim("a#1").get(0)).status()).isEqualTo(SagaStatus.NEEDS_ATTENTION);
        assertThat(head().reason()).isEqualTo(Reasons.DEFINITION_MISMATCH);
        assertThat(head().reasonText()).contains("'one'");
    }

    // --- conditions ---

    private int asked;

    private Chart conditional(boolean takesPlace) {
        SagaDefinition<String> s = define();
        Saga.Result<Optional<String>> one = s.step("one", String.class)
                .run((in, c) -> call(c, "1"))
                .undo((in, r, c) -> call(c, r))
                .addWhen(in -> {
                    asked++;
                    return takesPlace;
                });
        return chart(s.returns(one, (in, r) -> r.orElse("none")));
    }

    @Test
    void a_conditional_step_is_not_called_when_its_condition_does_not_hold() {
        assertThat(start(conditional(false)).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(a.output.orElseThrow()).isEqualTo("none");
        assertThat(calls).isEmpty();
    }

    /** S2: a decision is journaled before the step may start, and never made again. */
    @Test
    void a_condition_is_asked_once() {
        Chart chart = conditional(true);
        store.before = checkpoint -> {
            if (calls.contains("one")) throw new Killed();
        };
        kill(() -> start(chart));
        store.before = checkpoint -> {};
        assertThat(takeOver(chart).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(asked).isEqualTo(1);
        assertThat(b.output.orElseThrow()).isEqualTo("1");
    }

    @Test
    void a_condition_that_throws_turns_it() {
        SagaDefinition<String> s = define();
        s.step("one", String.class)
                .run((in, c) -> call(c, "1"))
                .undo((in, r, c) -> call(c, r))
                .add();
        s.step("two", String.class).run((in, c) -> call(c, "2")).harmless().addWhen(in -> {
            throw new IllegalStateException("broken");
        });
        assertThat(start(chart(s.build())).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(head().reason()).isEqualTo(Reasons.CODE_FAILED);
        assertThat(calls).containsExactly("one", "one/undo");
    }

    /** L11 does not reach what is only known at the end. */
    @Test
    void an_output_that_cannot_be_made_parks() {
        SagaDefinition<String> s = define();
        var one = s.step("one", String.class)
                .run((in, c) -> call(c, "1"))
                .harmless()
                .add();
        Chart chart = chart(s.returns(one, (in, r) -> {
            throw new IllegalStateException("broken");
        }));
        assertThat(start(chart).status()).isEqualTo(SagaStatus.NEEDS_ATTENTION);
        assertThat(head().reason()).isEqualTo(Reasons.RETURNS_FAILED);
    }

    // --- the engine ---

    /** Graceful: what did not begin is left to others, at once. */
    @Test
    void a_closing_engine_hands_over() {
        Chart chart = three();
        store.after = checkpoint -> a.closing = true;
        SagaInstance released = start(chart);
        assertThat(released.status()).isEqualTo(SagaStatus.RUNNING);
        assertThat(released.owner()).isNull();
        assertThat(released.wakeMs()).isEqualTo(a.nowMs());
        assertThat(released.claims()).isZero();
        assertThat(onwards(chart, b).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("one", "two", "three");
    }
}
