// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.resilience.testkit.ManualTime;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** S36. */
class RetryBudgetTest {
    private final ManualTime time = ManualTime.startingAt(Long.MAX_VALUE - 3_000_000_000L); // wraps in the tests (L10)

    private RetryBudget budget(double ratio, int minPerSecond) {
        return RetryBudget.builder()
                .ratio(ratio)
                .minPerSecond(minPerSecond)
                .timeSource(time)
                .build();
    }

    private static void deposit(RetryBudget budget, int firsts) {
        for (int i = 0; i < firsts; i++) budget.deposit();
    }

    private static int withdrawAll(RetryBudget budget) {
        int granted = 0;
        while (budget.tryWithdraw()) granted++;
        return granted;
    }

    @Test
    void five_first_attempts_pay_for_one_more() {
        RetryBudget budget = budget(0.2, 0);
        deposit(budget, 4);
        assertThat(budget.tryWithdraw()).isFalse();
        budget.deposit();
        assertThat(budget.tryWithdraw()).isTrue();
        assertThat(budget.tryWithdraw()).isFalse();
    }

    @Test
    void fractions_add_up_exactly() {
        RetryBudget budget = budget(0.0125, 0);
        for (int round = 0; round < 10; round++) {
            deposit(budget, 79);
            assertThat(budget.tryWithdraw()).isFalse();
            budget.deposit();
            assertThat(withdrawAll(budget)).isEqualTo(1);
        }
    }

    @Test
    void deposits_expire_after_ten_seconds() {
        RetryBudget budget = budget(1, 0);
        deposit(budget, 3);
        assertThat(budget.tryWithdraw()).isTrue(); // counts them in, now
        time.advance(ofMillis(9_999));
        assertThat(budget.available()).isEqualTo(2);
        time.advance(ofMillis(1));
        assertThat(budget.tryWithdraw()).isFalse();
    }

    @Test // the counter-example of S36: a withdrawal must not outlive its deposit
    void a_withdrawal_never_turns_into_a_debt() {
        RetryBudget budget = budget(1, 0);
        deposit(budget, 10);
        assertThat(budget.available()).isEqualTo(10);
        time.advance(ofSeconds(9));
        assertThat(withdrawAll(budget)).isEqualTo(10);
        time.advance(ofSeconds(1));
        deposit(budget, 4);
        assertThat(withdrawAll(budget)).isEqualTo(4);
    }

    @Test
    void the_oldest_tokens_go_first() {
        RetryBudget budget = budget(1, 0);
        deposit(budget, 1);
        assertThat(budget.available()).isEqualTo(1);
        time.advance(ofSeconds(5));
        deposit(budget, 1);
        assertThat(budget.tryWithdraw()).isTrue();
        time.advance(ofSeconds(6)); // the first one would have expired by now
        assertThat(budget.available()).isEqualTo(1);
    }

    @Test // "late stamping gives an hour's deposits to the first failure"
    void after_a_long_quiet_only_ten_seconds_of_it_count() {
        RetryBudget budget = budget(0.5, 0);
        deposit(budget, 36_000);
        time.advance(ofSeconds(3600));
        assertThat(withdrawAll(budget)).isEqualTo(50); // 100 first attempts in 10 s
    }

    @Test
    void the_minimum_is_a_second_of_burst_and_then_its_rate() {
        RetryBudget budget = budget(0, 3);
        assertThat(withdrawAll(budget)).isEqualTo(3);
        time.advance(ofMillis(333));
        assertThat(budget.tryWithdraw()).isFalse();
        time.advance(ofMillis(1)); // 334 ms: one third of a second has passed, to the nanosecond
        assertThat(withdrawAll(budget)).isEqualTo(1);
        time.advance(ofSeconds(3600));
        assertThat(withdrawAll(budget)).isEqualTo(3);
    }

    @Test // exact: nothing is lost however often somebody looks
    void looking_often_does_not_slow_the_minimum_down() {
        RetryBudget budget = budget(0, 7);
        withdrawAll(budget);
        int granted = 0;
        for (int i = 0; i < 10_000; i++) {
            time.advance(ofMillis(1));
            if (budget.tryWithdraw()) granted++;
        }
        assertThat(granted).isEqualTo(70);
    }

    @Test
    void the_minimum_is_used_before_the_deposits() {
        RetryBudget budget = budget(1, 1);
        deposit(budget, 1);
        assertThat(budget.tryWithdraw()).isTrue();
        time.advance(ofSeconds(1)); // only the minimum grows again
        assertThat(withdrawAll(budget)).isEqualTo(2);
    }

    @Test
    void what_is_put_back_can_be_taken_again_and_only_once() {
        RetryBudget deposits = budget(1, 0);
        deposit(deposits, 2);
        long receipt = deposits.withdraw();
        assertThat(withdrawAll(deposits)).isEqualTo(1);
        deposits.restore(receipt);
        assertThat(withdrawAll(deposits)).isEqualTo(1);
        RetryBudget minimum = budget(0, 2);
        long another = minimum.withdraw();
        assertThat(withdrawAll(minimum)).isEqualTo(1);
        minimum.restore(another);
        assertThat(withdrawAll(minimum)).isEqualTo(1);
        minimum.restore(0); // what a refused one would hand back
        assertThat(withdrawAll(minimum)).isZero();
    }

    @Test // else an open breaker would turn every refill of the minimum into deposits to storm with
    void what_is_put_back_returns_to_where_it_came_from() {
        RetryBudget minimum = budget(0, 2);
        for (int i = 0; i < 50; i++) {
            long receipt = minimum.withdraw();
            time.advance(ofSeconds(1)); // full again meanwhile
            minimum.restore(receipt);
        }
        assertThat(withdrawAll(minimum)).isEqualTo(2);
        RetryBudget deposits = budget(1, 0);
        deposit(deposits, 1);
        long receipt = deposits.withdraw();
        time.advance(ofSeconds(10));
        deposits.restore(receipt); // expired
        assertThat(deposits.tryWithdraw()).isFalse();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> deposits.restore(-1))
                .withMessage("retry budget: receipt must not be negative, was -1");
    }

    @Test
    void the_bound_is_exact_under_contention() throws Exception {
        RetryBudget budget = budget(0.2, 10);
        int threads = 8;
        int calls = 5_000;
        CountDownLatch go = new CountDownLatch(1);
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            List<Future<Integer>> granted = new ArrayList<>();
            for (int t = 0; t < threads; t++) {
                granted.add(pool.submit(() -> {
                    go.await();
                    int mine = 0;
                    for (int i = 0; i < calls; i++) {
                        budget.deposit();
                        if (budget.tryWithdraw()) mine++;
                    }
                    return mine;
                }));
            }
            go.countDown();
            int sum = 0;
            for (Future<Integer> each : granted) sum += each.get(60, TimeUnit.SECONDS);
            int bound = threads * calls / 5 + 10; // time stands still: a burst of one second's minimum
            assertThat(sum).isLessThanOrEqualTo(bound);
            assertThat(sum + withdrawAll(budget)).isEqualTo(bound); // and no deposit was lost
        } finally {
            pool.shutdownNow();
        }
    }

    @Test // L15
    void a_deposit_allocates_nothing() {
        RetryBudget budget = budget(0.2, 10);
        assertThat(Allocations.perRun(budget::deposit)).isLessThan(0.1);
    }

    @Test // L11
    void all_problems_come_in_one_message() {
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> RetryBudget.builder().ratio(1.5).minPerSecond(-1).build())
                .withMessage(
                        "retry budget: ratio must be in [0, 1], was 1.5; minPerSecond must not be negative, was -1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RetryBudget.of(Double.NaN))
                .withMessage("retry budget: ratio must be in [0, 1], was NaN");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RetryBudget.of(1e-7))
                .withMessage("retry budget: ratio must be 0 or at least 0.000001, was 1.0E-7");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RetryBudget.builder().ratio(0).minPerSecond(0).build())
                .withMessage("retry budget: ratio and minPerSecond must not both be 0: no retry could ever be made"
                        + " (use maxAttempts(1))");
    }

    @Test
    void it_says_what_it_is() {
        RetryBudget budget = RetryBudget.builder().build();
        assertThat(budget.ratio()).isEqualTo(0.2);
        assertThat(budget.minPerSecond()).isEqualTo(10);
        assertThat(budget).hasToString("ratio 0.2, at least 10/s");
    }
}
