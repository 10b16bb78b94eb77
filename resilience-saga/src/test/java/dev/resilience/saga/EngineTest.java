// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static java.time.Duration.ofMinutes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class EngineTest {
    record Order(String item, int amount) {}

    private final List<String> done = new CopyOnWriteArrayList<>();

    private Saga<Order, String> order() {
        SagaDefinition<Order> s = Saga.define("order", 1, Order.class);
        Saga.Result<String> reserved = s.step("reserve", String.class)
                .run((in, c) -> {
                    done.add("reserve " + in.item());
                    return "r-" + in.item();
                })
                .undo((in, r, c) -> done.add("release " + r))
                .add();
        Saga.Result<String> paid = s.pivot("pay", String.class)
                .run(reserved, (in, r, c) -> {
                    if (in.amount() > 100) throw new StepRejectedException("too expensive");
                    done.add("pay " + r);
                    return "p-" + in.amount();
                })
                .add();
        return s.returns(reserved, paid, (in, r, p) -> r + " " + p);
    }

    @Test
    void a_saga_runs_its_steps_in_order_and_returns_what_they_came_to() throws InterruptedException {
        Saga<Order, String> order = order();
        try (SagaEngine engine = SagaEngine.inMemory().register(order).open()) {
            SagaOutcome<String> outcome =
                    engine.start(order, "1", new Order("book", 12)).await(ofMinutes(1));
            assertThat(outcome.orElseThrow()).isEqualTo("r-book p-12");
        }
        assertThat(done).containsExactly("reserve book", "pay r-book"); // G5
    }

    @Test
    void a_saga_whose_pivot_is_rejected_is_undone() throws InterruptedException {
        Saga<Order, String> order = order();
        try (SagaEngine engine = SagaEngine.inMemory().register(order).open()) {
            SagaHandle<String> handle = engine.start(order, "1", new Order("ring", 120));
            SagaOutcome<String> outcome = handle.await(ofMinutes(1));
            assertThat(outcome).isInstanceOfSatisfying(SagaOutcome.Compensated.class, undone -> {
                assertThat(undone.rejectedBy()).isEqualTo("pay");
                assertThat(undone.reason()).isEqualTo("REJECTED");
                assertThat(undone.text()).contains("too expensive");
            });
            assertThat(handle.status()).isEqualTo(SagaStatus.COMPENSATED);
            assertThatThrownBy(outcome::orElseThrow).isInstanceOf(SagaOutcome.NotCompletedException.class);
        }
        assertThat(done).containsExactly("reserve ring", "release r-ring");
    }

    @Test
    void many_sagas_beyond_the_concurrency_all_end() throws Exception {
        Saga<Order, String> order = order();
        try (SagaEngine engine =
                SagaEngine.inMemory().register(order).concurrency(3).open()) {
            List<CompletableFuture<SagaOutcome<String>>> all = new CopyOnWriteArrayList<>();
            for (int i = 0; i < 200; i++)
                all.add(engine.start(order, "s" + i, new Order("book", i)).completion());
            for (CompletableFuture<SagaOutcome<String>> one : all) one.get(60, TimeUnit.SECONDS);
            // the handle may be told before the run has left its place
            Fleet.eventually(() -> engine.snapshot().running() == 0);
        }
    }
}
