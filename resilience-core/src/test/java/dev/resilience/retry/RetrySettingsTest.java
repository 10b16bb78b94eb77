// SPDX-License-Identifier: Apache-2.0
package dev.resilience.retry;

import static java.time.Duration.ZERO;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Allocations;
import dev.resilience.Backoff;
import dev.resilience.CallContext;
import dev.resilience.Description;
import dev.resilience.Failures;
import dev.resilience.Op;
import dev.resilience.Outcome;
import dev.resilience.RetryBudget;
import dev.resilience.testkit.ManualTime;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class RetrySettingsTest {

    @Test // L11
    void all_problems_come_in_one_message() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Retry.builder("payments")
                        .maxAttempts(0)
                        .within(ZERO)
                        .maxHint(ofSeconds(-1))
                        .build())
                .withMessage(
                        "retry 'payments': maxAttempts must be at least 1, was 0; within must be positive, was PT0S;"
                                + " maxHint must not be negative, was PT-1S");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Retry.of(-3))
                .withMessage("retry 'retry': maxAttempts must be at least 1, was -3");
    }

    @Test // L11
    @SuppressWarnings("NullAway") // on purpose
    void null_is_refused_by_name_at_the_setter() {
        Retry.Builder builder = Retry.builder("r");
        assertThatNullPointerException().isThrownBy(() -> Retry.builder(null)).withMessage("name");
        assertThatNullPointerException().isThrownBy(() -> builder.backoff(null)).withMessage("backoff");
        assertThatNullPointerException().isThrownBy(() -> builder.within(null)).withMessage("total");
        assertThatNullPointerException()
                .isThrownBy(() -> builder.failures(null))
                .withMessage("failures");
        assertThatNullPointerException()
                .isThrownBy(() -> builder.delayFrom(null, e -> Optional.empty()))
                .withMessage("valueOrExceptionType");
        assertThatNullPointerException()
                .isThrownBy(() -> builder.delayFrom(String.class, null))
                .withMessage("hint");
        assertThatNullPointerException().isThrownBy(() -> builder.maxHint(null)).withMessage("maxHint");
        assertThatNullPointerException().isThrownBy(() -> builder.budget(null)).withMessage("budget");
        assertThatNullPointerException().isThrownBy(() -> builder.onRetry(null)).withMessage("listener");
        assertThatNullPointerException()
                .isThrownBy(() -> builder.exhausted(null))
                .withMessage("exception");
        assertThatNullPointerException().isThrownBy(() -> builder.random(null)).withMessage("random");
    }

    @Test
    void the_defaults_are_the_documented_ones() {
        assertThat(Retry.builder("r").build().describe().settings())
                .containsEntry("maxAttempts", "3")
                .containsEntry("backoff", "exponential 100 ms x2.0, cap 10 s, full jitter")
                .containsEntry("within", "off")
                .containsEntry("failures", "the pipeline's")
                .containsEntry("delayFrom", "off")
                .containsEntry("maxHint", "1 min")
                .containsEntry("budget", "off")
                .containsEntry("exhausted", "returns the value");
    }

    @Test
    void it_describes_what_it_was_told() {
        assertThat(Retry.builder("r")
                        .maxAttempts(5)
                        .backoff(Backoff.none())
                        .within(ofSeconds(9))
                        .failures(Failures.standard())
                        .delayFrom(String.class, s -> Optional.empty())
                        .delayFrom(IOException.class, s -> Optional.empty())
                        .maxHint(ofMinutes(2))
                        .budget(RetryBudget.of(0.1))
                        .exhausted(v -> new IllegalStateException())
                        .build()
                        .describe()
                        .settings()
                        .values())
                .containsExactly(
                        "5",
                        "none",
                        "9 s",
                        "own",
                        "String, IOException",
                        "2 min",
                        "ratio 0.1, at least 10/s",
                        "throws");
    }

    @Test // L12
    void reconfiguring_replaces_what_is_written_and_keeps_the_rest() {
        List<Integer> told = new ArrayList<>();
        Retry retry = Retry.builder("r")
                .backoff(Backoff.none())
                .delayFrom(String.class, s -> Optional.empty())
                .onRetry(event -> told.add(event.attempt()))
                .build();
        retry.reconfigure(b -> b.maxAttempts(2));
        Script work = new Script(new IOException());
        assertThat(retry.outcome(CallContext.root(), work).succeeded()).isFalse();
        assertThat(work.invocations()).isEqualTo(2);
        assertThat(told).containsExactly(1);
        retry.reconfigure(b -> b.delayFrom(IOException.class, s -> Optional.empty()));
        assertThat(retry.describe().settings())
                .containsEntry("delayFrom", "IOException")
                .containsEntry("maxAttempts", "2")
                .containsEntry("backoff", "none");
    }

    @Test // L11, L12
    void a_bad_reconfiguration_changes_nothing() {
        Retry retry = Retry.of(4);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> retry.reconfigure(b -> b.within(ofSeconds(1)).maxAttempts(0)))
                .withMessage("retry 'retry': maxAttempts must be at least 1, was 0");
        assertThatThrownBy(() -> retry.reconfigure(b -> {
                    b.maxAttempts(9);
                    throw new IllegalStateException("mine");
                }))
                .hasMessage("mine");
        assertThat(retry.describe().settings())
                .containsEntry("maxAttempts", "4")
                .containsEntry("within", "off");
    }

    @Test // L2, L12
    void a_call_keeps_the_settings_it_began_with() {
        Retry retry = Retry.builder("r").maxAttempts(5).backoff(Backoff.none()).build();
        AtomicInteger invocations = new AtomicInteger();
        Outcome<Object> outcome = retry.outcome(() -> {
            if (invocations.incrementAndGet() == 1) retry.reconfigure(b -> b.maxAttempts(1));
            throw new IOException();
        });
        assertThat(outcome.succeeded()).isFalse();
        assertThat(invocations).hasValue(5);
        retry.outcome(() -> {
            invocations.incrementAndGet();
            throw new IOException();
        });
        assertThat(invocations).hasValue(6);
    }

    @Test // L12
    void concurrent_changes_of_different_settings_all_take_effect_while_calls_run() throws Exception {
        Retry retry = Retry.builder("r").backoff(Backoff.none()).build();
        AtomicBoolean stop = new AtomicBoolean();
        List<String> wrong = new ArrayList<>();
        Thread caller = new Thread(() -> {
            while (!stop.get()) {
                Script work = new Script(new IOException("a"), new IOException("b"), new IOException("c"), "done");
                retry.outcome(CallContext.root(), work);
                if (work.invocations() < 1 || work.invocations() > 4) wrong.add("" + work.invocations());
            }
        });
        caller.start();
        for (int round = 1; round <= 500; round++) {
            int n = round;
            Thread one = new Thread(() -> retry.reconfigure(b -> b.maxAttempts(1 + n % 4)));
            Thread two = new Thread(() -> retry.reconfigure(b -> b.maxHint(ofMillis(n))));
            one.start();
            two.start();
            one.join(60_000);
            two.join(60_000);
            assertThat(retry.describe().settings())
                    .containsEntry("maxAttempts", "" + (1 + n % 4))
                    .containsEntry("maxHint", Description.text(ofMillis(n)));
        }
        stop.set(true);
        caller.join(60_000);
        assertThat(wrong).isEmpty();
    }

    @Test
    void a_seeded_generator_makes_delays_that_can_be_foretold() {
        ManualTime time = ManualTime.autoAdvancing();
        List<Duration> delays = new ArrayList<>();
        Retry retry = Retry.builder("r")
                .maxAttempts(6)
                .random(new SplittableRandom(7))
                .onRetry(event -> delays.add(event.delay()))
                .build();
        Way.BLOCKING.go(
                dev.resilience.Pipeline.builder("p")
                        .policies(retry)
                        .timeSource(time)
                        .build(),
                time,
                new Script(new IOException()));
        SplittableRandom same = new SplittableRandom(7);
        Backoff backoff = Backoff.exponential(ofMillis(100)).cap(ofSeconds(10)).fullJitter();
        for (int k = 1; k <= 5; k++) assertThat(delays.get(k - 1)).isEqualTo(backoff.delay(k, ZERO, same));
    }

    @Test // attempts == invocations, whoever calls
    void the_counters_are_exact_under_concurrency() throws Exception {
        Retry retry = Retry.builder("r").maxAttempts(3).backoff(Backoff.none()).build();
        AtomicInteger invocations = new AtomicInteger();
        int threads = 4;
        int calls = 2_000;
        CountDownLatch done = new CountDownLatch(threads);
        for (int t = 0; t < threads; t++) {
            new Thread(() -> {
                        for (int i = 0; i < calls; i++) {
                            int[] mine = {0};
                            int succeedsAt = 1 + i % 4; // 4 is never reached
                            retry.outcome(() -> {
                                invocations.incrementAndGet();
                                if (++mine[0] < succeedsAt) throw new IOException();
                                return "done";
                            });
                        }
                        done.countDown();
                    })
                    .start();
        }
        assertThat(done.await(60, TimeUnit.SECONDS)).isTrue();
        long all = (long) threads * calls;
        assertThat(retry.snapshot().retries()).isEqualTo(invocations.get() - all);
        assertThat(retry.snapshot().recovered()).isEqualTo(all / 2);
        assertThat(retry.snapshot().stopped(Retry.Stopped.Reason.ATTEMPTS)).isEqualTo(all / 4);
    }

    @Test // L15, P5
    void a_first_success_allocates_nothing() {
        Retry plain = Retry.of(3);
        Retry budgeted = Retry.builder("b").budget(RetryBudget.of(0.2)).build();
        Retry total = Retry.builder("t").within(ofSeconds(1)).build();
        Op<String, RuntimeException> op = () -> "done";
        // several shapes through one body first, so that one lucky profile does not count
        Runnable all = () -> {
            plain.call(op);
            budgeted.call(op);
            total.call(op);
        };
        assertThat(Allocations.perRun(all)).isLessThan(0.5);
        assertThat(Allocations.perRun(() -> plain.call(op))).isLessThan(0.1);
        assertThat(Allocations.perRun(() -> budgeted.call(op))).isLessThan(0.1);
        assertThat(Allocations.perRun(() -> total.call(op))).isLessThan(0.1);
    }

    @Test
    void why_it_stopped_survives_serialisation() throws Exception {
        IOException failure = new IOException("real");
        Retry.of(1).outcome(() -> {
            throw failure;
        });
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(failure);
        }
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            Retry.Stopped why = Retry.Stopped.in((Throwable) in.readObject()).orElseThrow();
            assertThat(why).hasMessage("retry 'retry' stopped after 1 attempt: maxAttempts reached");
            assertThat(why.attempts()).isEqualTo(1);
        }
    }
}
