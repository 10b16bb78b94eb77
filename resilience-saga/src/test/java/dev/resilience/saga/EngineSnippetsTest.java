// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.saga.EngineSnippets.Order;
import dev.resilience.saga.EngineSnippets.Receipt;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the pages on the engine say runs. */
class EngineSnippetsTest {
    private final Fleet fleet = new Fleet();
    private volatile boolean down;

    private final Saga<Order, Receipt> placeOrder = placeOrder();

    private Saga<Order, Receipt> placeOrder() {
        SagaDefinition<Order> s = Saga.define("place-order", 1, Order.class);
        Saga.Result<String> reserved = s.step("reserve", String.class)
                .run((in, c) -> "r")
                .undo((in, r, c) -> {})
                .add();
        Saga.Result<String> captured = s.pivot("capture", String.class)
                .run(reserved, (in, r, c) -> {
                    if (down) throw new IllegalStateException("down");
                    return "c-" + in.id();
                })
                .resolveFor(Duration.ofSeconds(5))
                .add();
        return s.returns(captured, (in, c) -> new Receipt(c));
    }

    @AfterEach
    void close() {
        fleet.close();
    }

    @Test
    void a_start_is_awaited_and_answered() throws Exception {
        try (SagaEngine engine = SagaEngine.inMemory().register(placeOrder).open()) {
            String answer = "";
            for (int tries = 0; !answer.startsWith("captured") && tries < 6; tries++) // it waits for ten seconds
            answer = EngineSnippets.start(engine, placeOrder, new Order("7", 1));
            assertThat(answer).isEqualTo("captured c-7");
            Fleet.eventually(() -> EngineSnippets.healthy(engine)); // not while its heartbeat is late
            assertThat(EngineSnippets.purge(engine.admin())).isZero();
            assertThat(EngineSnippets.attention(engine)).isEmpty();
        }
    }

    @Test
    void an_operator_finds_a_parked_saga_and_resolves_it() {
        SagaEngine engine = fleet.open("a", placeOrder);
        down = true;
        SagaHandle<Receipt> handle = engine.start(placeOrder, "7", new Order("7", 1));
        fleet.untilStatus(handle, SagaStatus.NEEDS_ATTENTION);
        assertThat(EngineSnippets.attention(engine)).hasSize(1);
        EngineSnippets.verbs(engine.admin(), handle.ref());
        fleet.until(() -> fleet.status(handle) == SagaStatus.NEEDS_ATTENTION
                && fleet.head(handle.ref()).seq() > 3);
        EngineSnippets.resolve(engine.admin(), handle.ref());
        fleet.untilStatus(handle, SagaStatus.COMPENSATED);
    }
}
