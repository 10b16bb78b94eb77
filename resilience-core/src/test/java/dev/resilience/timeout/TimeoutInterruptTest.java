// SPDX-License-Identifier: Apache-2.0
package dev.resilience.timeout;

import static java.time.Duration.ZERO;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.resilience.CallContext;
import dev.resilience.Pipeline;
import dev.resilience.Policy;
import dev.resilience.TimeoutExceededException;
import dev.resilience.testkit.ManualTime;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whose interrupt is whose, on the caller's thread (L8, S33), and what is told by {@code onCancel}. */
class TimeoutInterruptTest {
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

    @Test
    void an_outer_interrupt_is_visible_again_after_an_inner_timeout_took_its_own_back() { // S33
        Pipeline inner = of(named("inner", SECOND));
        List<Boolean> flags = new ArrayList<>();

        TimeoutExceededException late =
                timedOut(() -> of(named("outer", ofSeconds(2))).call(() -> {
                    timedOut(() -> inner.call(() -> {
                        time.advance(SECOND); // inner fires
                        flags.add(Thread.interrupted());
                        time.advance(SECOND); // outer fires, and leaves the flag to the inner one
                        flags.add(interrupted());
                        return null;
                    }));
                    flags.add(interrupted());
                    return "late";
                }));

        assertThat(flags).containsExactly(true, false, true);
        assertThat(late.name()).isEqualTo("outer");
        assertThat(late).hasNoCause();
    }

    @Test
    void a_third_timeout_around_two_that_fired_is_not_interrupted_by_them() { // S33, L8
        Pipeline inner = of(named("middle", ofMillis(2)), named("inner", ofMillis(1)));

        String value = of(named("outer", SECOND)).call(() -> {
            TimeoutExceededException late = timedOut(() -> inner.call(() -> {
                time.advance(ofMillis(5));
                return null;
            }));
            assertThat(interrupted()).isFalse();
            return late.name();
        });

        assertThat(value).isEqualTo("middle");
    }

    // --- other people's interrupts ---

    @Test // L8
    void a_flag_set_at_entry_is_seen_by_the_work_and_left_alone() {
        Thread.currentThread().interrupt();

        boolean seen = of(Timeout.of(SECOND)).call(TimeoutInterruptTest::interrupted);

        assertThat(seen).isTrue();
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test // L8
    void a_strangers_interrupt_in_time_comes_out_as_it_was_thrown() {
        InterruptedException theirs = new InterruptedException("theirs");

        assertThatThrownBy(() -> of(Timeout.of(SECOND)).call(() -> {
                    throw theirs;
                }))
                .isSameAs(theirs);
    }

    @Test // L8, S33: PASSED
    void a_strangers_interrupt_that_was_pending_when_the_timer_looked_survives() {
        timedOut(() -> of(Timeout.of(SECOND)).call(() -> {
            Thread.currentThread().interrupt();
            time.advance(SECOND);
            return "late";
        }));

        assertThat(Thread.interrupted()).as("theirs").isTrue();
    }

    @ParameterizedTest // L8, S33: PASSED
    @ValueSource(booleans = {true, false})
    void what_a_strangers_interrupt_set_off_surfaces_as_it_was_thrown(boolean interruption) {
        Exception theirs = interruption ? new InterruptedException() : new CancellationException();

        assertThatThrownBy(() -> of(Timeout.of(SECOND)).call(() -> {
                    Thread.currentThread().interrupt();
                    time.advance(SECOND);
                    assertThat(Thread.interrupted()).isTrue();
                    throw theirs;
                }))
                .isSameAs(theirs);
    }

    @Test // L8, S33: PASSED
    void any_other_failure_of_an_attempt_that_was_late_is_the_cause_even_if_a_stranger_interrupted() {
        IOException reset = new IOException("reset");

        TimeoutExceededException late = timedOut(() -> of(Timeout.of(SECOND)).call(() -> {
            Thread.currentThread().interrupt();
            time.advance(SECOND);
            throw reset;
        }));

        assertThat(late).hasCause(reset);
        assertThat(Thread.interrupted()).as("theirs").isTrue();
    }

    @Test // S33: the absorbed stranger
    void a_strangers_interrupt_after_the_timeout_fired_cannot_be_told_from_ours() {
        timedOut(() -> of(Timeout.of(SECOND)).call(() -> {
            time.advance(SECOND);
            Thread.currentThread().interrupt();
            return "late";
        }));

        assertThat(interrupted()).isFalse();
    }

    @Test // L8: the outer one did not fire, so it has nothing to take back
    void an_outer_timeout_that_did_not_fire_leaves_a_strangers_interrupt_alone() {
        Pipeline inner = of(named("inner", SECOND));

        String value = of(named("outer", ofSeconds(5))).call(() -> {
            timedOut(() -> inner.call(() -> {
                time.advance(SECOND);
                return null;
            }));
            Thread.currentThread().interrupt();
            return "done";
        });

        assertThat(value).isEqualTo("done");
        assertThat(Thread.interrupted()).as("theirs").isTrue();
    }

    // --- without an interrupt ---

    @Test
    void a_telling_timeout_does_not_interrupt_and_ends_with_the_work() {
        Timeout telling =
                Timeout.builder("telling").after(SECOND).interrupting(false).build();
        Closing value = new Closing();

        TimeoutExceededException late = timedOut(() -> of(telling).call(CallContext.root(), c -> {
            time.advance(ofSeconds(2));
            assertThat(c.cancelled()).isTrue();
            assertThat(interrupted()).isFalse();
            return value;
        }));

        assertThat(late.elapsed()).isEqualTo(ofSeconds(2));
        assertThat(value.closed).isEqualTo(1);
    }

    @Test // L8
    void a_telling_timeout_leaves_every_interrupt_alone() {
        Timeout telling =
                Timeout.builder("telling").after(SECOND).interrupting(false).build();

        timedOut(() -> of(telling).call(() -> {
            time.advance(SECOND);
            Thread.currentThread().interrupt();
            return null;
        }));

        assertThat(Thread.interrupted()).as("theirs").isTrue();
    }

    @Test // S33
    void an_interrupting_timeout_around_a_telling_one_is_not_taken_back_by_it() {
        Timeout telling =
                Timeout.builder("telling").after(SECOND).interrupting(false).build();
        Pipeline inner = of(telling);

        TimeoutExceededException late =
                timedOut(() -> of(named("outer", ofSeconds(2))).call(() -> {
                    timedOut(() -> inner.call(() -> {
                        time.advance(ofSeconds(2));
                        return null;
                    }));
                    assertThat(interrupted()).isTrue();
                    return null;
                }));

        assertThat(late.name()).isEqualTo("outer");
    }

    // --- onCancel ---

    /** Waits for the library's threads; a thread that is interrupted cannot wait. */
    private void settle() {
        assertThat(Thread.interrupted()).isTrue();
        time.advance(ZERO);
    }

    @Test // L7, S38
    void on_cancel_runs_once_on_a_thread_of_the_library_when_the_timeout_fires() {
        List<Thread> ran = new ArrayList<>();

        timedOut(() -> of(Timeout.of(SECOND)).call(CallContext.root(), c -> {
            c.onCancel(() -> ran.add(Thread.currentThread()));
            time.advance(SECOND);
            settle();
            assertThat(ran).hasSize(1);
            return null;
        }));

        assertThat(ran).hasSize(1).doesNotContain(Thread.currentThread());
    }

    @Test // L7
    void on_cancel_runs_at_once_when_the_timeout_has_fired_already() {
        timedOut(() -> of(Timeout.of(SECOND)).call(CallContext.root(), c -> {
            time.advance(SECOND);
            c.onCancel(runs::incrementAndGet);
            assertThat(runs).hasValue(1);
            return null;
        }));
        assertThat(runs).hasValue(1);
    }

    @Test // L7, L13
    void on_cancel_of_an_attempt_that_has_ended_never_runs() {
        List<CallContext> leaked = new ArrayList<>();
        Pipeline inner = of(named("inner", SECOND));

        timedOut(() -> of(named("outer", ofSeconds(2))).call(CallContext.root(), c -> {
            inner.call(c, d -> {
                d.onCancel(runs::incrementAndGet);
                return leaked.add(d);
            });
            leaked.get(0).onCancel(runs::incrementAndGet); // by somebody who kept the context
            time.advance(ofSeconds(2));
            settle();
            return null;
        }));

        assertThat(runs).hasValue(0);
    }

    @Test // L7
    void on_cancel_of_an_inner_attempt_runs_when_the_outer_timeout_fires() {
        timedOut(() -> of(named("outer", SECOND), named("inner", ofSeconds(5))).call(CallContext.root(), c -> {
            c.onCancel(runs::incrementAndGet);
            time.advance(SECOND);
            settle();
            assertThat(runs).hasValue(1);
            return null;
        }));
    }
}
