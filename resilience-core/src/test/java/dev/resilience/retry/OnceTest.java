// SPDX-License-Identifier: Apache-2.0
package dev.resilience.retry;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Backoff;
import dev.resilience.CallContext;
import dev.resilience.Outcome;
import dev.resilience.Pipeline;
import dev.resilience.RetryBudget;
import dev.resilience.hedge.Hedge;
import dev.resilience.retry.Retry.Stopped;
import dev.resilience.retry.Retry.Stopped.Reason;
import dev.resilience.retry.Script.Held;
import dev.resilience.retry.Script.Rejected;
import dev.resilience.testkit.CountingGate;
import dev.resilience.testkit.Laws;
import dev.resilience.testkit.ManualTime;
import dev.resilience.timeout.Timeout;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Calls that must not be attempted twice, through policies that would. */
class OnceTest {
    private static final CallContext ONCE = CallContext.root().once();

    @RegisterExtension
    final Laws laws = new Laws();

    private final ManualTime time = laws.watch(ManualTime.autoAdvancing());
    private final CountingGate inside = laws.gate("inside", time);
    private final Retry retry =
            Retry.builder("r").backoff(Backoff.constant(ofSeconds(1))).build();
    private final IOException failure = new IOException("failed");

    private Pipeline pipeline(Retry outermost) {
        return Pipeline.builder("p")
                .policies(outermost, inside, Timeout.of(ofSeconds(5)))
                .timeSource(time)
                .build();
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "SUBMIT")
    void a_failure_comes_out_after_one_attempt_with_the_reason(Way way) { // L9
        Script work = new Script(failure, "never");
        Outcome<Object> outcome = way.go(pipeline(retry), ONCE, time, work);
        assertThat(((Outcome.Failure<Object>) outcome).thrown()).isSameAs(failure);
        Stopped why = Stopped.in(failure).orElseThrow();
        assertThat(why.reason()).isEqualTo(Reason.ONCE);
        assertThat(why).hasMessage("retry 'r' stopped after 1 attempt: the call allows one attempt");
        assertThat(work.attempts).containsExactly(1);
        assertThat(time.elapsed()).isZero();
        assertThat(retry.snapshot().stopped(Reason.ONCE)).isEqualTo(1);
        assertThat(retry.snapshot().retries()).isZero();
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "SUBMIT")
    void a_failed_value_is_returned_unharmed(Way way) {
        Held held = new Held();
        Script work = new Script(held);
        dev.resilience.Failures all = dev.resilience.Failures.standard().orResult(Held.class, value -> true);
        Pipeline judging = Pipeline.builder("p")
                .policies(retry)
                .failures(all)
                .timeSource(time)
                .build();
        assertThat(way.go(judging, ONCE, time, work)).isEqualTo(Outcome.success(held));
        assertThat(held.closed).isZero();
        assertThat(work.invocations()).isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "SUBMIT")
    void a_rejection_is_not_waited_for(Way way) {
        Script work = new Script(new Rejected(inside, ofMillis(10)), "never");
        Outcome<Object> outcome = way.go(pipeline(retry), ONCE, time, work);
        assertThat(((Outcome.Failure<Object>) outcome).thrown()).isInstanceOf(Rejected.class);
        assertThat(work.invocations()).isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "SUBMIT")
    void it_counts_as_a_first_attempt_of_the_budget_and_takes_nothing(Way way) { // S36
        RetryBudget budget =
                RetryBudget.builder().ratio(1).minPerSecond(0).timeSource(time).build();
        Retry bounded = Retry.builder("r")
                .maxAttempts(2)
                .backoff(Backoff.none())
                .budget(budget)
                .build();
        way.go(pipeline(bounded), ONCE, time, new Script(failure));
        Script repeatable = new Script(new IOException("failed"), "done");
        assertThat(way.go(pipeline(bounded), time, repeatable)).isEqualTo(Outcome.success("done"));
        assertThat(bounded.snapshot().retries()).isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "SUBMIT")
    void no_hedge_starts(Way way) {
        Hedge hedge = Hedge.after(java.time.Duration.ZERO);
        Pipeline hedged =
                Pipeline.builder("p").policies(hedge, inside).timeSource(time).build();
        Script work = new Script("first");
        assertThat(way.go(hedged, ONCE, time, work)).isEqualTo(Outcome.success("first"));
        assertThat(work.attempts).containsExactly(1);
        assertThat(hedge.started()).isZero();
    }

    @Test
    void a_blocking_call_through_a_hedge_stays_on_its_thread() {
        List<Thread> threads = new ArrayList<>();
        Pipeline.of(Hedge.after(ofSeconds(1))).call(ONCE, c -> threads.add(Thread.currentThread()));
        assertThat(threads).containsExactly(Thread.currentThread());
    }

    @Test
    void nested_calls_with_the_context_have_one_attempt_too() {
        Script work = new Script(failure);
        Pipeline inner = pipeline(retry);
        Outcome<Object> outcome = Pipeline.of().outcome(ONCE.within(ofSeconds(10)), c -> inner.call(c, work::apply));
        assertThat(outcome.succeeded()).isFalse();
        assertThat(work.invocations()).isEqualTo(1);
    }

    @Test
    void a_context_says_so_whatever_is_added_to_it() {
        assertThat(CallContext.root().repeatable()).isTrue();
        assertThat(ONCE.repeatable()).isFalse();
        assertThat(ONCE.once()).isSameAs(ONCE);
        CallContext.Attribute<String> tenant = CallContext.Attribute.of("tenant");
        assertThat(ONCE.with(tenant, "acme").within(ofSeconds(1)).attempt(3).repeatable())
                .isFalse();
        assertThat(CallContext.of(tenant, "acme").once().get(tenant)).isEqualTo("acme");
        assertThat(CallContext.root().repeatable()).isTrue();
    }
}
