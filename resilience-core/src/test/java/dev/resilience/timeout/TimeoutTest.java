// SPDX-License-Identifier: Apache-2.0
package dev.resilience.timeout;

import static java.time.Duration.ZERO;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofNanos;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.resilience.Backoff;
import dev.resilience.CallContext;
import dev.resilience.CallContext.Attribute;
import dev.resilience.Deadline;
import dev.resilience.Pipeline;
import dev.resilience.Policy;
import dev.resilience.TimeoutExceededException;
import dev.resilience.retry.Retry;
import dev.resilience.testkit.ManualTime;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The blocking face on the caller's thread. The work moves the clock itself, so each test is one thread. */
class TimeoutTest {
    private static final Duration SECOND = ofSeconds(1);

    private final ManualTime time = ManualTime.create();
    private final AtomicInteger runs = new AtomicInteger();

    @AfterEach
    void nothing_is_left() { // L8, L13
        assertThat(Thread.interrupted()).as("an interrupt leaked").isFalse();
        assertThat(time.pendingTimers()).as("timers left").isZero();
        assertThat(time.parkedThreads()).as("parked threads left").isZero();
    }

    private Pipeline of(Policy... policies) {
        return Pipeline.builder("shop").policies(policies).timeSource(time).build();
    }

    private static Timeout named(String name, Duration after) {
        return Timeout.builder(name).after(after).build();
    }

    private static boolean interrupted() {
        return Thread.currentThread().isInterrupted();
    }

    private static TimeoutExceededException timedOut(ThrowingCallable call) {
        Throwable thrown = catchThrowable(call);
        assertThat(thrown).isInstanceOf(TimeoutExceededException.class);
        return (TimeoutExceededException) thrown;
    }

    private static final class Closing implements AutoCloseable {
        int closed;

        @Override
        public void close() {
            closed++;
        }
    }

    // --- in time, late, and what is told ---

    @Test
    void a_value_in_time_is_returned_and_its_timer_taken_back() {
        Closing value = new Closing();

        Closing returned = of(Timeout.of(SECOND)).call(() -> {
            assertThat(time.pendingTimers()).isEqualTo(1);
            time.advance(SECOND.minusNanos(1));
            return value;
        });

        assertThat(returned).isSameAs(value);
        assertThat(value.closed).isZero();
        assertThat(time.pendingTimers()).isZero();
    }

    @Test
    void an_exception_in_time_comes_out_as_it_is() { // L9
        IOException refused = new IOException("refused");

        assertThatThrownBy(() -> of(Timeout.of(SECOND)).call(() -> {
                    throw refused;
                }))
                .isSameAs(refused);
    }

    @Test
    void it_fires_exactly_at_its_deadline() {
        timedOut(() -> of(Timeout.of(SECOND)).call(CallContext.root(), c -> {
            time.advance(SECOND.minusNanos(1));
            assertThat(interrupted()).isFalse();
            assertThat(c.cancelled()).isFalse();
            time.advance(ofNanos(1));
            assertThat(interrupted()).isTrue();
            assertThat(c.cancelled()).isTrue();
            return null;
        }));
    }

    @Test
    void a_value_that_comes_late_is_closed_and_not_returned() {
        Closing value = new Closing();

        timedOut(() -> of(Timeout.of(SECOND)).call(() -> {
            time.advance(SECOND);
            return value;
        }));

        assertThat(value.closed).isEqualTo(1);
    }

    @Test
    void the_exception_tells_who_how_long_and_what_failed_last() {
        IOException reset = new IOException("connection reset");

        TimeoutExceededException late =
                timedOut(() -> of(named("payments", ofMillis(1500))).call(() -> {
                    time.advance(ofMillis(1750));
                    throw reset;
                }));

        assertThat(late.name()).isEqualTo("payments");
        assertThat(late.pipeline()).contains("shop");
        assertThat(late.timeout()).isEqualTo(ofMillis(1500));
        assertThat(late.elapsed()).isEqualTo(ofMillis(1750));
        assertThat(late).hasCause(reset).hasNoSuppressedExceptions();
        assertThat(late.getStackTrace()).isEmpty();
        assertThat(late)
                .hasMessage("'payments' in pipeline 'shop' timed out: not done within 1.5 s (gave up after 1.7 s);"
                        + " last failure: java.io.IOException: connection reset");
    }

    @Test
    void without_a_real_failure_there_is_no_cause() {
        TimeoutExceededException late =
                timedOut(() -> of(named("payments", ofMillis(1500))).call(() -> {
                    time.advance(ofMillis(1500));
                    throw new InterruptedException();
                }));

        assertThat(late).hasNoCause();
        assertThat(late)
                .hasMessage("'payments' in pipeline 'shop' timed out: not done within 1.5 s (gave up after 1.5 s)");
    }

    @Test // L14
    void the_cause_is_the_last_real_failure_of_the_attempts_inside() {
        Retry retry = Retry.builder("r")
                .maxAttempts(5)
                .backoff(Backoff.constant(ofMillis(400)))
                .build();
        ManualTime auto = ManualTime.autoAdvancing();
        Pipeline pipeline = Pipeline.builder("shop")
                .policies(named("all", SECOND), retry)
                .timeSource(auto)
                .build();

        TimeoutExceededException late = timedOut(() -> pipeline.call(() -> {
            int run = runs.incrementAndGet();
            if (run < 3) throw new IOException("attempt " + run);
            auto.park(this, ofSeconds(10).toNanos()); // 800 ms have passed; a wait that an interrupt ends
            throw new InterruptedException();
        }));

        assertThat(late.getCause()).isInstanceOf(IOException.class).hasMessage("attempt 2");
        assertThat(late.elapsed()).isEqualTo(SECOND);
        assertThat(runs).hasValue(3);
    }

    @Test
    void an_error_out_of_an_attempt_that_was_ended_comes_out_as_the_error() { // L9
        LinkageError broken = new LinkageError("broken");

        assertThatThrownBy(() -> of(Timeout.of(SECOND)).call(() -> {
                    time.advance(SECOND);
                    throw broken;
                }))
                .isSameAs(broken);
        assertThat(interrupted()).isFalse();
    }

    // --- the duration ---

    private static final Attribute<Duration> ALLOWED = Attribute.of("allowed");

    private Pipeline perCall(Function<? super CallContext, @Nullable Duration> duration) {
        return of(Timeout.of(duration));
    }

    @Test
    void the_duration_may_come_from_the_context() {
        Pipeline pipeline = perCall(c -> c.get(ALLOWED));

        TimeoutExceededException late = timedOut(() -> pipeline.call(CallContext.of(ALLOWED, ofMillis(20)), c -> {
            time.advance(ofMillis(20));
            return null;
        }));

        assertThat(late.timeout()).isEqualTo(ofMillis(20));
    }

    @Test
    void a_null_duration_is_no_timeout_for_this_call() {
        String value = perCall(c -> null).call(CallContext.root(), c -> {
            assertThat(time.pendingTimers()).isZero();
            assertThat(c.deadline()).isSameAs(Deadline.never());
            time.advance(Duration.ofDays(1));
            return "done";
        });

        assertThat(value).isEqualTo("done");
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -1, Long.MIN_VALUE})
    void a_duration_that_is_not_positive_is_late_already_and_nothing_runs(long nanos) {
        TimeoutExceededException late =
                timedOut(() -> perCall(c -> ofNanos(nanos)).call(runs::incrementAndGet));

        assertThat(runs).hasValue(0);
        assertThat(late.timeout()).isEqualTo(ofNanos(nanos));
        assertThat(late.elapsed()).isEqualTo(ZERO);
        assertThat(late).hasMessageContaining("its time was over before it began");
    }

    @Test
    void a_duration_function_that_throws_is_no_timeout_for_this_call() { // L5; that it is reported: TimedTest
        String value = perCall(c -> {
                    throw new IllegalStateException("no duration");
                })
                .call(() -> {
                    time.advance(Duration.ofDays(1));
                    return "done";
                });

        assertThat(value).isEqualTo("done");
    }

    @Test
    void the_longest_duration_is_never() { // L10
        String value = of(Timeout.of(ofSeconds(Long.MAX_VALUE))).call(() -> {
            time.advance(ofSeconds(1L << 31));
            return "done";
        });

        assertThat(value).isEqualTo("done");
    }

    @Test
    void a_clock_that_wraps_around_makes_no_difference() { // L10
        ManualTime wrapping = ManualTime.startingAt(Long.MAX_VALUE - 1000);
        Pipeline pipeline = Pipeline.builder("shop")
                .policies(Timeout.of(SECOND))
                .timeSource(wrapping)
                .build();

        TimeoutExceededException late = timedOut(() -> pipeline.call(() -> {
            wrapping.advance(SECOND.minusNanos(1));
            assertThat(interrupted()).isFalse();
            wrapping.advance(ofNanos(1));
            return null;
        }));

        assertThat(late.elapsed()).isEqualTo(SECOND);
    }

    // --- several at once: blame ---

    @Test
    void the_inner_timeout_is_blamed_when_it_is_shorter_and_the_outer_goes_on() {
        List<Boolean> between = new ArrayList<>();
        Pipeline inner = of(named("inner", SECOND));

        String value = of(named("outer", ofSeconds(3))).call(CallContext.root(), c -> {
            TimeoutExceededException late = timedOut(() -> inner.call(c, d -> {
                time.advance(SECOND);
                return null;
            }));
            between.add(interrupted());
            between.add(c.cancelled());
            return late.name();
        });

        assertThat(value).isEqualTo("inner");
        assertThat(between).containsExactly(false, false);
    }

    @Test
    void the_outer_timeout_is_blamed_when_it_is_shorter() {
        TimeoutExceededException late = timedOut(
                () -> of(named("outer", SECOND), named("inner", ofSeconds(3))).call(() -> {
                    time.advance(SECOND);
                    throw new InterruptedException();
                }));

        assertThat(late.name()).isEqualTo("outer");
        assertThat(late).hasNoCause();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void the_outer_timeout_is_blamed_when_both_are_due_together(boolean consumed) {
        TimeoutExceededException late = timedOut(() -> of(named("outer", SECOND), named("inner", SECOND))
                .call(() -> {
                    time.advance(SECOND);
                    if (!consumed) return "late";
                    assertThat(Thread.interrupted()).isTrue();
                    throw new InterruptedException();
                }));

        assertThat(late.name()).isEqualTo("outer");
    }

    @Test // L14
    void a_retry_outside_of_the_timeout_begins_each_attempt_anew() {
        Retry retry = Retry.builder("r").maxAttempts(3).backoff(Backoff.none()).build();

        String value = of(named("all", ofSeconds(10)), retry, named("each", SECOND))
                .call(() -> {
                    assertThat(interrupted()).isFalse();
                    if (runs.incrementAndGet() < 3) time.advance(SECOND);
                    return interrupted() ? "late" : "third";
                });

        assertThat(value).isEqualTo("third");
        assertThat(runs).hasValue(3);
    }

    // --- the deadline inside ---

    @Test // L14
    void the_deadline_is_visible_inside() {
        of(named("outer", ofSeconds(3)), named("inner", SECOND)).call(CallContext.root(), c -> {
            assertThat(c.deadline().remaining()).isEqualTo(SECOND);
            time.advance(ofMillis(400));
            assertThat(c.deadline().remaining()).isEqualTo(ofMillis(600));
            return null;
        });
        of(named("outer", SECOND), named("inner", ofSeconds(3))).call(CallContext.root(), c -> {
            assertThat(c.deadline().remaining()).isEqualTo(SECOND);
            return null;
        });
    }

    @Test // L14
    void an_earlier_deadline_of_the_context_is_enforced() {
        TimeoutExceededException late = timedOut(() -> of(named("t", ofSeconds(10)))
                .call(CallContext.root().within(SECOND), c -> {
                    assertThat(c.deadline().remaining()).isEqualTo(SECOND);
                    time.advance(SECOND.minusNanos(1));
                    assertThat(interrupted()).isFalse();
                    time.advance(ofNanos(1));
                    assertThat(interrupted()).isTrue();
                    throw new InterruptedException();
                }));

        assertThat(late.timeout()).isEqualTo(SECOND);
    }

    @Test
    void a_later_deadline_of_the_context_changes_nothing() {
        TimeoutExceededException late =
                timedOut(() -> of(named("t", SECOND)).call(CallContext.root().within(ofSeconds(10)), c -> {
                    assertThat(c.deadline().remaining()).isEqualTo(SECOND);
                    time.advance(SECOND);
                    return null;
                }));

        assertThat(late.name()).isEqualTo("t");
        assertThat(late.timeout()).isEqualTo(SECOND);
    }

    @Test
    void a_deadline_that_has_passed_runs_nothing() {
        CallContext late = CallContext.root().until(Deadline.after(SECOND, time));
        time.advance(SECOND);

        timedOut(() -> of(named("t", SECOND)).call(late, c -> runs.incrementAndGet()));
        assertThat(runs).hasValue(0);
    }

    // --- settings ---

    @Test // L11
    void settings_that_make_no_sense_are_refused_together() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Timeout.of(ZERO))
                .withMessage("timeout 'timeout': after must be positive, was PT0S");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Timeout.builder("t").build())
                .withMessage("timeout 't': after is needed, was not set");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Timeout.builder("t")
                        .after(ofSeconds(-1))
                        .detached()
                        .interrupting(false)
                        .build())
                .withMessage("timeout 't': after must be positive, was PT-1S; interrupting(false) and detached()"
                        + " contradict each other: detached work is left behind interrupted");
    }

    @Test // L11
    void null_is_refused_by_name_at_the_setter() {
        assertThatExceptionOfType(NullPointerException.class)
                .isThrownBy(() -> Timeout.builder(nothing()))
                .withMessage("name");
        assertThatExceptionOfType(NullPointerException.class)
                .isThrownBy(() -> Timeout.builder("t").after((Duration) nothing()))
                .withMessage("after");
    }

    @SuppressWarnings({"NullAway", "TypeParameterUnusedInFormals"})
    private static <T> T nothing() {
        return null;
    }

    @Test
    void it_describes_itself() {
        assertThat(named("t", ofMillis(1500)).describe().settings())
                .containsEntry("after", "1.5 s")
                .containsEntry("mode", "interrupting")
                .doesNotContainKey("cancelStage");
        assertThat(Timeout.builder("t")
                        .after(c -> null)
                        .detached()
                        .cancelStage(false)
                        .build()
                        .describe()
                        .settings())
                .containsEntry("after", "per call")
                .containsEntry("mode", "detached")
                .containsEntry("cancelStage", "false");
        assertThat(named("t", SECOND)).hasToString("timeout 't'");
    }
}
