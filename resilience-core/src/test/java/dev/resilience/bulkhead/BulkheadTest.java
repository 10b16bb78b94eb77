// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bulkhead;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Allocations;
import dev.resilience.CallContext;
import dev.resilience.CallInterruptedException;
import dev.resilience.Outcome;
import dev.resilience.Permit;
import dev.resilience.Pipeline;
import dev.resilience.TimeSource;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class BulkheadTest {
    private static final CallContext.Attribute<Integer> WEIGHT = CallContext.Attribute.of("weight");

    private final ManualTime time = ManualTime.create();

    private Bulkhead waiting(int maxConcurrent, int maxWaiting) {
        return waiting(maxConcurrent, maxWaiting, Duration.ofSeconds(1));
    }

    private Bulkhead waiting(int maxConcurrent, int maxWaiting, Duration maxWait) {
        return Bulkhead.builder("search")
                .maxConcurrent(maxConcurrent)
                .maxWaiting(maxWaiting)
                .maxWait(maxWait)
                .weight(c -> c.get(WEIGHT, 1))
                .timeSource(time)
                .build();
    }

    @Test
    void rejects_what_it_has_no_room_for_and_says_so() {
        Bulkhead bulkhead = Bulkhead.builder("search").maxConcurrent(1).build();
        Permit permit = bulkhead.admit();
        assertThatThrownBy(() -> bulkhead.run(() -> {}))
                .isInstanceOf(BulkheadFullException.class)
                .hasMessage("bulkhead 'search' is full (in flight 1/1)");
        permit.success();
        assertThat(bulkhead.<String, RuntimeException>call(() -> "in")).isEqualTo("in");
        assertThat(bulkhead.inFlight()).isZero();
    }

    @Test
    void tells_the_queue_and_the_oldest_waiter() {
        Bulkhead bulkhead = waiting(1, 1);
        bulkhead.admit();
        CompletableFuture<Permit> waiter = bulkhead.admitAsync(CallContext.root());
        time.advance(Duration.ofMillis(840));
        assertThatThrownBy(bulkhead::admit)
                .hasMessage("bulkhead 'search' is full (in flight 1/1, waiting 1/1, oldest 840 ms)");
        assertThat(waiter).isNotDone();
    }

    @Test
    void refuses_at_once_what_can_never_fit() {
        Bulkhead bulkhead = waiting(2, 5);
        Outcome<String> outcome = bulkhead.outcome(CallContext.of(WEIGHT, 3), c -> "never");
        assertThat(outcome.as(BulkheadFullException.class))
                .hasValueSatisfying(
                        e -> assertThat(e).hasMessageStartingWith("bulkhead 'search' never admits a call of weight 3"));
    }

    @Test
    void who_takes_more_than_one_slot_is_told_its_weight() {
        Bulkhead bulkhead = waiting(4, 0, Duration.ZERO);
        bulkhead.admit(CallContext.of(WEIGHT, 3));
        assertThatThrownBy(() -> bulkhead.admit(CallContext.of(WEIGHT, 2)))
                .hasMessage("bulkhead 'search' is full for a call of weight 2 (in flight 3/4)");
    }

    @Test
    void serves_threads_and_stages_in_the_order_of_arrival() throws Exception { // S35: strict FIFO
        Bulkhead bulkhead = waiting(1, 8);
        Permit first = bulkhead.admit();
        List<Integer> order = Collections.synchronizedList(new ArrayList<>());
        List<Thread> threads = new ArrayList<>();
        List<CompletableFuture<?>> stages = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            int number = i;
            if (i % 2 == 0) {
                Thread thread = new Thread(() -> bulkhead.run(() -> order.add(number)));
                thread.start();
                threads.add(thread);
                time.awaitParked(threads.size());
            } else {
                stages.add(bulkhead.callAsync(() -> CompletableFuture.completedFuture(order.add(number))));
            }
        }
        stages.get(1).cancel(true); // number 3 leaves from the middle
        first.success();
        for (Thread thread : threads) thread.join(60_000);
        stages.get(2).get(60, TimeUnit.SECONDS);
        assertThat(order).containsExactly(0, 1, 2, 4, 5);
        assertThat(bulkhead.inFlight() + bulkhead.waiting()).isZero();
    }

    @Test
    void a_heavy_waiter_that_leaves_lets_the_light_ones_behind_it_in() throws Exception { // S35 (b)
        Bulkhead bulkhead = waiting(10, 5);
        Permit seven = bulkhead.admit(CallContext.of(WEIGHT, 7));
        CompletableFuture<Permit> heavy = bulkhead.admitAsync(CallContext.of(WEIGHT, 10));
        CompletableFuture<Permit> light = bulkhead.admitAsync(CallContext.of(WEIGHT, 1));
        assertThat(light).isNotDone();
        heavy.cancel(true);
        assertThat(light.get(60, TimeUnit.SECONDS)).isNotNull();
        seven.ignore();
        light.join().failure(new IllegalStateException());
        assertThat(bulkhead.inFlight()).isZero();
    }

    @Test
    void shrinking_below_the_head_of_the_queue_refuses_it_and_nobody_hangs() { // S35 (c)
        Bulkhead bulkhead = waiting(10, 5);
        Permit one = bulkhead.admit();
        CompletableFuture<Permit> heavy = bulkhead.admitAsync(CallContext.of(WEIGHT, 10));
        CompletableFuture<Permit> light = bulkhead.admitAsync(CallContext.root());
        bulkhead.reconfigure(b -> b.maxConcurrent(5));
        assertThat(heavy)
                .failsWithin(Duration.ofSeconds(60))
                .withThrowableThat()
                .withCauseInstanceOf(BulkheadFullException.class);
        assertThat(light).succeedsWithin(Duration.ofSeconds(60));
        one.success();
        light.join().success();
        assertThat(bulkhead.inFlight()).isZero();
    }

    @Test
    void a_wait_ends_at_the_earlier_of_its_bound_and_the_deadline() {
        Bulkhead bulkhead = waiting(1, 5);
        bulkhead.admit();
        CompletableFuture<Permit> bounded = bulkhead.admitAsync(CallContext.root());
        CompletableFuture<Permit> hurried =
                bulkhead.admitAsync(CallContext.root().within(Duration.ofMillis(300)));
        time.advance(Duration.ofMillis(299));
        assertThat(hurried).isNotDone();
        time.advance(Duration.ofMillis(1));
        assertThat(hurried)
                .failsWithin(Duration.ofSeconds(60))
                .withThrowableThat()
                .havingCause()
                .withMessage("bulkhead 'search' is full: the call's deadline passed while it waited (in flight 1/1,"
                        + " waiting 1/5, oldest 300 ms)");
        time.advance(Duration.ofMillis(699));
        assertThat(bounded).isNotDone();
        time.advance(Duration.ofMillis(1));
        assertThat(bounded)
                .failsWithin(Duration.ofSeconds(60))
                .withThrowableThat()
                .havingCause()
                .withMessage("bulkhead 'search' is full: waited 1 s in vain (in flight 1/1, waiting 0/5)");
        assertThat(bulkhead.waiting()).isZero();
        assertThat(time.pendingTimers()).isZero();
    }

    @Test
    void an_interrupted_waiter_leaves_with_its_flag_set() throws Exception { // L8
        Bulkhead bulkhead = waiting(1, 5);
        bulkhead.admit();
        AtomicBoolean flag = new AtomicBoolean();
        CompletableFuture<Throwable> thrown = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            Outcome<String> outcome = bulkhead.outcome(() -> "never");
            flag.set(Thread.currentThread().isInterrupted());
            thrown.complete(((Outcome.Failure<String>) outcome).thrown());
        });
        thread.start();
        time.awaitParked(1);
        thread.interrupt();
        assertThat(thrown.get(60, TimeUnit.SECONDS)).isInstanceOf(CallInterruptedException.class);
        assertThat(flag).isTrue();
        assertThat(bulkhead.waiting()).isZero();
    }

    @Test
    void all_slots_come_back_after_real_threads_wait_time_out_are_interrupted_and_resize() throws Exception { // L1, L12
        Bulkhead bulkhead = Bulkhead.builder("hammered")
                .maxConcurrent(3)
                .maxWaiting(50)
                .maxWait(Duration.ofMillis(1))
                .weight(c -> c.get(WEIGHT, 1))
                .build();
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        CountDownLatch done = new CountDownLatch(8);
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            Thread thread = new Thread(() -> {
                for (int n = 0; n < 3_000; n++) oneCall(bulkhead, inside, most);
                done.countDown();
            });
            threads.add(thread);
            thread.start();
        }
        for (int n = 0; !done.await(1, TimeUnit.MILLISECONDS) && n < 20_000; n++) {
            threads.get(n % 8).interrupt();
            int size = 3 + n % 4;
            bulkhead.reconfigure(b -> b.maxConcurrent(size));
        }
        for (Thread thread : threads) thread.join(60_000);
        assertThat(done.getCount()).isZero();
        // a call that was granted its slots while it was cancelled gives them back on a worker
        for (int n = 0; bulkhead.inFlight() > 0 && n < 60_000; n++)
            TimeSource.system().park(this, 1_000_000);
        assertThat(bulkhead.inFlight()).isZero();
        assertThat(bulkhead.waiting()).isZero();
        assertThat(most.get()).isBetween(1, 6);
        assertThat(bulkhead.<String, RuntimeException>call(() -> "still open")).isEqualTo("still open");
    }

    private static void oneCall(Bulkhead bulkhead, AtomicInteger inside, AtomicInteger most) {
        int weight = 1 + ThreadLocalRandom.current().nextInt(3);
        CallContext context = CallContext.of(WEIGHT, weight);
        if (weight == 2) {
            bulkhead.callAsync(context, c -> CompletableFuture.completedFuture(1))
                    .cancel(true);
            return;
        }
        bulkhead.outcome(context, c -> {
            most.accumulateAndGet(inside.addAndGet(weight), Math::max);
            Thread.onSpinWait();
            return inside.addAndGet(-weight);
        });
        Thread.interrupted();
    }

    @Test
    void a_weight_function_that_throws_or_answers_nonsense_weighs_one() { // L5
        Bulkhead bulkhead = Bulkhead.builder("guest")
                .maxConcurrent(2)
                .weight(c -> c.get(WEIGHT, 0) == 7 ? 1 / (c.attempt() - 1) : -5)
                .build();
        Permit first = bulkhead.admit(CallContext.of(WEIGHT, 7));
        Permit second = bulkhead.admit();
        assertThat(bulkhead.inFlight()).isEqualTo(2);
        first.success();
        second.success();
        assertThat(bulkhead.inFlight()).isZero();
    }

    @Test
    void refuses_every_nonsense_in_one_message() { // L11, S53
        assertThatThrownBy(() -> Bulkhead.builder("b")
                        .maxConcurrent(0)
                        .maxWaiting(-1)
                        .maxWait(Duration.ofSeconds(-1))
                        .build())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "bulkhead 'b': maxConcurrent must be at least 1, was 0; maxWaiting must be at least 0, was -1;"
                                + " maxWait must not be negative, was PT-1S");
        assertThatThrownBy(() -> Bulkhead.builder("b").maxWaiting(5).build())
                .hasMessage("bulkhead 'b': maxWaiting 5 needs a maxWait above zero, was 0");
        assertThatThrownBy(() ->
                        Bulkhead.builder("b").maxWait(Duration.ofSeconds(1)).build())
                .hasMessage("bulkhead 'b': maxWait PT1S needs a maxWaiting above zero, was 0");
        assertThatThrownBy(() -> Bulkhead.builder("b").maxWait(null))
                .isInstanceOf(NullPointerException.class)
                .hasMessage("longest");
        Bulkhead kept = Bulkhead.of(2);
        assertThatThrownBy(() -> kept.reconfigure(b -> b.maxConcurrent(-1))).hasMessageContaining("was -1");
        assertThatThrownBy(() -> kept.reconfigure(b -> b.timeSource(time).maxConcurrent(3)))
                .hasMessage("bulkhead 'bulkhead': timeSource must stay what it was at build, was another");
        assertThat(kept.describe().settings()).containsEntry("maxConcurrent", "2");
    }

    @Test
    void survives_the_longest_wait_and_the_largest_size() { // L10
        Bulkhead bulkhead = Bulkhead.builder("huge")
                .maxConcurrent(Integer.MAX_VALUE)
                .maxWaiting(Integer.MAX_VALUE)
                .maxWait(Duration.ofSeconds(Long.MAX_VALUE))
                .weight(c -> Integer.MAX_VALUE)
                .timeSource(ManualTime.startingAt(Long.MAX_VALUE - 5))
                .build();
        Permit all = bulkhead.admit();
        CompletableFuture<Permit> next = bulkhead.admitAsync(CallContext.root());
        assertThat(next).isNotDone();
        all.success();
        assertThat(next).succeedsWithin(Duration.ofSeconds(60));
        next.join().success();
        assertThat(bulkhead.inFlight()).isZero();
    }

    @Test
    void a_call_that_finds_room_allocates_nothing() { // L15, S41
        Pipeline pipeline = Pipeline.of(Bulkhead.of(10), Bulkhead.of(5));
        assertThat(Allocations.perRun(() -> pipeline.run(() -> {}))).isLessThan(1);
    }
}
