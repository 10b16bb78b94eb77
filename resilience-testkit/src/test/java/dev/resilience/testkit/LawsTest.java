// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit;

import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.CallContext;
import dev.resilience.Permit;
import dev.resilience.Pipeline;
import dev.resilience.TimeSource.Timer;
import dev.resilience.Verdict;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtensionContext;

class LawsTest {
    /** Not used by the extension. */
    @SuppressWarnings("NullAway")
    private static final ExtensionContext CONTEXT = null;

    private final Laws laws = new Laws();
    private final System.Logger library = System.getLogger("dev.resilience");

    private void during(Runnable test) {
        laws.beforeEach(CONTEXT);
        test.run();
    }

    private void passes() {
        assertThatCode(() -> laws.afterEach(CONTEXT)).doesNotThrowAnyException();
    }

    private void failsWith(String message) {
        assertThatThrownBy(() -> laws.afterEach(CONTEXT))
                .isInstanceOf(AssertionError.class)
                .hasMessageStartingWith("after the test: ")
                .hasMessageContaining(message);
    }

    @Test
    void a_test_that_leaves_nothing_passes() {
        during(() -> {
            ManualTime time = laws.time();
            CountingGate gate = laws.gate("inside", time);
            assertThat(Pipeline.of(gate).<String, RuntimeException>call(() -> "v"))
                    .isEqualTo("v");
            time.schedule(() -> {}, 1).cancel();
        });
        passes();
    }

    @Test // L13
    void a_timer_that_is_left_is_found() {
        during(() -> laws.time().schedule(() -> {}, 1));
        failsWith("L13: left behind: manual time +PT0S, 1 timers, parked threads []");
    }

    @Test // L13
    void a_thread_that_is_left_parked_is_found() throws InterruptedException {
        ManualTime time = laws.time();
        Thread thread = new Thread(() -> time.park(this, Long.MAX_VALUE), "left");
        during(() -> {
            thread.start();
            time.awaitParked(1);
        });
        failsWith("L13: left behind: manual time +PT0S, 0 timers, parked threads [left for ever]");
        thread.interrupt();
        thread.join(60_000);
    }

    @Test // L1
    void a_permit_that_is_not_settled_is_found() {
        CountingGate gate = laws.gate("inside", laws.time());
        during(() -> {
            gate.admit().success();
            gate.admit();
        });
        assertThat(gate.outstanding()).isEqualTo(1);
        failsWith("L1: counting gate 'inside': 1 of 2 permits were never settled");
    }

    @Test // L1
    void a_permit_that_is_settled_twice_by_the_pipeline_is_found() {
        CountingGate gate = laws.gate("inside", laws.time());
        during(() -> {
            long permit = gate.tryAdmit(CallContext.root(), 0);
            gate.settle(permit, 0, 0, Verdict.SUCCESS, "v", null);
            gate.settle(permit, 0, 0, Verdict.IGNORED, null, null);
        });
        assertThat(gate.settled(Verdict.SUCCESS)).isEqualTo(1);
        assertThat(gate.settled(Verdict.IGNORED)).isZero();
        failsWith("L1: counting gate 'inside': permit 1 was settled again or never given, as IGNORED");
    }

    @Test // L1
    void a_permit_by_hand_counts_once_however_often_it_is_settled() {
        CountingGate gate = laws.gate("inside", laws.time());
        during(() -> {
            Permit permit = gate.admit();
            permit.failure(new IOException("x"));
            permit.success();
            permit.ignore();
        });
        assertThat(gate.admitted()).isEqualTo(1);
        assertThat(gate.settled(Verdict.FAILURE)).isEqualTo(1);
        passes();
    }

    @Test
    void a_number_that_does_not_return_to_zero_is_found() {
        AtomicInteger inFlight = new AtomicInteger();
        laws.returnsToZero("in flight of 'search'", inFlight::get);
        during(inFlight::incrementAndGet);
        failsWith("L1: in flight of 'search' should be back at 0, was 1");
    }

    @Test // L5
    void a_warning_that_was_not_expected_is_found() {
        during(() -> library.log(System.Logger.Level.WARNING, "a listener threw", new IOException("x")));
        assertThat(laws.logged()).containsExactly("a listener threw: java.io.IOException: x");
        failsWith("logged: a listener threw: java.io.IOException: x");
    }

    @Test // L5
    void a_warning_that_was_expected_and_what_is_below_a_warning_pass() {
        laws.expectLog("listener threw.*Exception: x");
        during(() -> {
            library.log(System.Logger.Level.WARNING, "a listener threw", new IOException("x"));
            library.log(System.Logger.Level.INFO, "opened");
        });
        assertThat(laws.logged()).hasSize(1);
        passes();
    }

    @Test
    void what_is_logged_after_the_test_is_not_heard() {
        during(() -> {});
        passes();
        Laws other = new Laws();
        other.beforeEach(CONTEXT);
        library.log(System.Logger.Level.WARNING, "late");
        assertThat(laws.logged()).isEmpty();
        assertThat(other.logged()).containsExactly("late");
        other.expectLog("late");
        other.afterEach(CONTEXT);
    }

    @Test // L13
    void a_thread_of_the_library_that_is_stuck_is_found() throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        ExecutorService pool =
                Executors.newSingleThreadExecutor(task -> new Thread(task, "resilience-worker-of-this-test"));
        Laws hasty = new Laws(Duration.ofMillis(50));
        hasty.beforeEach(CONTEXT);
        pool.execute(() -> {
            begun.countDown();
            try {
                release.await(60, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        assertThat(begun.await(60, TimeUnit.SECONDS)).isTrue();
        assertThatThrownBy(() -> hasty.afterEach(CONTEXT))
                .hasMessageContaining(
                        "L13: threads of the library are still at work: resilience-worker-of-this-test at ");
        release.countDown();
        LibraryThreads.checkNoneIsStuck(Duration.ofMinutes(1)); // idle now, and alive
        pool.shutdown();
        assertThat(pool.awaitTermination(60, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void all_violations_are_in_one_message() {
        ManualTime time = laws.time();
        Timer[] timers = new Timer[1];
        during(() -> {
            timers[0] = time.schedule(() -> {}, 1);
            laws.gate("g", time).admit();
            time.advance(ofSeconds(0));
        });
        assertThatThrownBy(() -> laws.afterEach(CONTEXT)).hasMessageContainingAll("L13", "L1: ", "; ");
        assertThat(timers[0].cancel()).isTrue();
    }
}
