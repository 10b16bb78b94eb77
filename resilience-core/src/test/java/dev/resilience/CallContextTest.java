// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import dev.resilience.CallContext.Attribute;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class CallContextTest {
    private static final Attribute<String> TENANT = Attribute.of("tenant");
    private static final Attribute<Integer> WEIGHT = Attribute.of("weight");
    private static final Duration SECOND = Duration.ofSeconds(1);

    private final ManualTime time = ManualTime.create();
    private final RecordingGate gate = new RecordingGate("gate", time);
    private final Pipeline pipeline = Pipeline.of(gate);

    @AfterEach
    void nothing_is_left() {
        assertThat(gate.balanced()).isTrue();
        assertThat(time.pendingTimers()).isZero();
    }

    @Test
    void attributes_are_found_by_the_very_key_and_the_latest_counts() {
        CallContext context = CallContext.of(TENANT, "acme").with(WEIGHT, 2).with(TENANT, "other");
        assertThat(context.get(TENANT)).isEqualTo("other");
        assertThat(context.get(WEIGHT, 1)).isEqualTo(2);
        assertThat(context.get(Attribute.<String>of("tenant"))).isNull();
        assertThat(CallContext.root().get(TENANT, "nobody")).isEqualTo("nobody");
        assertThat(TENANT).hasToString("tenant");
    }

    @Test
    void a_context_is_immutable() {
        CallContext one = CallContext.of(TENANT, "acme");
        one.with(WEIGHT, 3);
        one.within(SECOND);
        one.until(Deadline.after(SECOND, time));
        assertThat(one.get(WEIGHT)).isNull();
        assertThat(one.deadline()).isSameAs(Deadline.never());
        assertThat(pipeline.<Boolean, RuntimeException>call(one, c -> c.deadline() == Deadline.never()))
                .isTrue();
    }

    @Test
    void root_is_one_and_stays_itself_where_nothing_is_needed() {
        assertThat(pipeline.<CallContext, RuntimeException>call(CallContext.root(), c -> c))
                .isSameAs(CallContext.root());
        assertThat(CallContext.root().attempt()).isEqualTo(1);
        assertThat(CallContext.root().cancelled()).isFalse();
        assertThat(CallContext.root().remainingNanos()).isEqualTo(Long.MAX_VALUE);
        CallContext.root().onCancel(() -> {
            throw new AssertionError("nothing can cancel it");
        });
    }

    @Test
    void within_counts_from_the_entry_of_the_first_face_and_each_call_counts_anew() { // core.md clarification 2
        CallContext context = CallContext.root().within(SECOND);
        time.advance(SECOND.multipliedBy(5));
        for (int i = 0; i < 3; i++) {
            Duration left = pipeline.call(context, c -> c.deadline().remaining());
            assertThat(left).isEqualTo(SECOND);
            time.advance(SECOND);
        }
    }

    @Test
    void until_is_absolute() {
        CallContext context = CallContext.root().until(Deadline.after(SECOND, time));
        time.advance(SECOND.dividedBy(4));
        Duration left = pipeline.call(context, c -> c.deadline().remaining());
        assertThat(left).isEqualTo(Duration.ofMillis(750));
        time.advance(SECOND);
        assertThat(pipeline.outcome(context, c -> "never").as(TimeoutExceededException.class))
                .isPresent();
    }

    @Test
    void the_earlier_deadline_holds_in_whatever_order_they_are_written() {
        Deadline soon = Deadline.after(SECOND, time);
        Deadline late = Deadline.after(SECOND.multipliedBy(2), time);
        List<CallContext> all = List.of(
                CallContext.root().until(soon).until(late),
                CallContext.root().until(late).until(soon),
                CallContext.root().within(SECOND).until(late),
                CallContext.root().until(late).within(SECOND),
                CallContext.root().until(soon).within(SECOND.multipliedBy(2)),
                CallContext.root().within(SECOND.multipliedBy(2)).within(SECOND),
                CallContext.root().within(SECOND).within(SECOND.multipliedBy(2)),
                CallContext.root().until(soon).until(Deadline.never()));
        for (CallContext context : all) {
            Duration left = pipeline.call(context, c -> c.deadline().remaining());
            assertThat(left).isEqualTo(SECOND);
        }
    }

    @Test
    void a_nested_call_inherits_the_deadline_and_can_only_shorten_it() {
        List<Duration> seen = new ArrayList<>();
        pipeline.run(() -> {});
        pipeline.call(CallContext.of(TENANT, "acme").within(SECOND), c -> {
            time.advance(Duration.ofMillis(200));
            seen.add(gate.call(c, x -> x.deadline().remaining()));
            seen.add(gate.call(c.within(SECOND), x -> x.deadline().remaining()));
            seen.add(gate.call(c.within(Duration.ofMillis(1)), x -> x.deadline().remaining()));
            assertThat(gate.<String, RuntimeException>call(c, x -> x.get(TENANT)))
                    .isEqualTo("acme");
            return null;
        });
        assertThat(seen).containsExactly(Duration.ofMillis(800), Duration.ofMillis(800), Duration.ofMillis(1));
    }

    @Test
    void a_deadline_that_has_passed_runs_nothing_and_asks_no_gate_on_every_face() {
        CallContext late = CallContext.root().within(Duration.ZERO);
        List<String> ran = new ArrayList<>();
        CompletableFuture<Object> async = pipeline.callAsync(late, c -> {
            ran.add("ran");
            return new CompletableFuture<>();
        });
        for (Outcome<?> outcome : List.of(pipeline.outcome(late, c -> ran.add("ran")), Face.raw(async))) {
            TimeoutExceededException thrown =
                    outcome.as(TimeoutExceededException.class).orElseThrow();
            assertThat(thrown).hasMessage("'pipeline' timed out: its time was over before it began");
            assertThat(thrown.elapsed()).isZero();
        }
        assertThat(ran).isEmpty();
        assertThat(gate.admitted).hasValue(0);
    }

    @Test // L6
    void an_asynchronous_call_completes_at_the_deadline_even_if_its_stage_never_does() {
        CompletableFuture<Object> work = new CompletableFuture<>();
        CompletableFuture<Object> call = pipeline.callAsync(CallContext.root().within(SECOND), c -> work);
        time.advance(SECOND.minusNanos(1));
        assertThat(call).isNotDone();
        time.advance(Duration.ofNanos(1));
        TimeoutExceededException thrown =
                Face.raw(call).as(TimeoutExceededException.class).orElseThrow();
        assertThat(thrown.timeout()).isEqualTo(SECOND);
        assertThat(thrown.elapsed()).isEqualTo(SECOND);
        assertThat(thrown.name()).isEqualTo("pipeline");
        assertThat(work).isCancelled();
        assertThat(gate.verdicts).containsExactly(Verdict.IGNORED);
    }

    @Test
    void a_call_that_ends_in_time_leaves_no_timer() {
        CompletableFuture<Object> work = new CompletableFuture<>();
        CompletableFuture<Object> call = pipeline.callAsync(CallContext.root().within(SECOND), c -> work);
        assertThat(time.pendingTimers()).isEqualTo(1);
        work.complete("in time");
        assertThat(call).isCompletedWithValue("in time");
        assertThat(time.pendingTimers()).isZero();
    }

    @Test
    void the_same_attempt_is_the_same_context() {
        CallContext second = CallContext.root().attempt(2);
        assertThat(second.attempt()).isEqualTo(2);
        assertThat(second.attempt(2)).isSameAs(second);
        assertThat(CallContext.root().attempt(1)).isSameAs(CallContext.root());
        assertThatIllegalArgumentException()
                .isThrownBy(() -> second.attempt(0))
                .withMessage("attempt must be at least 1, was 0");
    }

    @Test // L10
    void a_timeout_of_any_length_is_a_deadline() {
        CallContext forEver = CallContext.root().within(Duration.ofSeconds(Long.MAX_VALUE));
        CompletableFuture<Object> call = pipeline.callAsync(
                forEver, c -> CompletableFuture.completedFuture(c.deadline().passed()));
        assertThat(call).isCompletedWithValue(false);
    }

    @Test
    void a_null_argument_is_named() {
        CallContext root = CallContext.root();
        assertThatNullPointerException().isThrownBy(() -> root.with(null, "x")).withMessage("attribute");
        assertThatNullPointerException()
                .isThrownBy(() -> root.with(TENANT, null))
                .withMessage("value");
        assertThatNullPointerException()
                .isThrownBy(() -> CallContext.of(TENANT, null))
                .withMessage("value");
        assertThatNullPointerException().isThrownBy(() -> root.get(null)).withMessage("attribute");
        assertThatNullPointerException().isThrownBy(() -> root.within(null)).withMessage("timeout");
        assertThatNullPointerException().isThrownBy(() -> root.until(null)).withMessage("deadline");
        assertThatNullPointerException().isThrownBy(() -> root.onCancel(null)).withMessage("action");
        assertThatNullPointerException().isThrownBy(() -> Attribute.of(null)).withMessage("name");
    }
}
