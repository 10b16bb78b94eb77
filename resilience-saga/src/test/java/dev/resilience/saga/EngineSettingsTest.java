// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** L11: bad settings are refused when the engine opens, all in one message. */
class EngineSettingsTest {
    private static Saga<String, Void> saga(int version) {
        SagaDefinition<String> s = Saga.define("same", version, String.class);
        s.delay("nap", Duration.ofSeconds(1));
        return s.build();
    }

    @Test
    void everything_that_is_wrong_is_in_one_message_and_nothing_is_opened() {
        SagaDefinition<String> s = Saga.define("tx", 1, String.class);
        s.txStep("debit", String.class).run((in, tx, c) -> "").harmless().add();
        assertThatThrownBy(() -> SagaEngine.inMemory()
                        .register(saga(1))
                        .register(saga(1))
                        .register(s.build())
                        .lease(Duration.ofMillis(99))
                        .inlineWait(Duration.ofSeconds(-1))
                        .drainFor(Duration.ofSeconds(-2))
                        .retention(Duration.ofSeconds(59))
                        .concurrency(0)
                        .maxPayload(1)
                        .maxClaims(4)
                        .nodeName("a#b")
                        .open())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("saga engine (memory): ")
                .hasMessageContaining("lease must be 100 ms to 1 h, was 99 ms")
                .hasMessageContaining("inlineWait must be zero or more and less than the lease (99 ms), was -1 s")
                .hasMessageContaining("drainFor must be zero or more, was -2 s")
                .hasMessageContaining("retention must be at least a minute")
                .hasMessageContaining("concurrency must be 1 to 1000000, was 0")
                .hasMessageContaining("maxPayload must be 1024 to 67108864, was 1")
                .hasMessageContaining("maxClaims must be 5 to 1000, was 4")
                .hasMessageContaining("nodeName must have 1 to 40 characters and no '#', was 'a#b'")
                .hasMessageContaining("saga 'same' version 1 is registered twice");
    }

    @Test
    void a_snapshot_tells_itself_in_a_line() {
        try (SagaEngine engine =
                SagaEngine.inMemory().nodeName("node").register(saga(1)).open()) {
            assertThat(engine.snapshot().toString())
                    .startsWith("engine node#")
                    .contains("0 of 500 running", "live", "sagas [same]", "0 need attention", "0 unclaimable");
        }
    }

    @Test
    void transactional_steps_need_a_database() {
        SagaDefinition<String> s = Saga.define("tx", 1, String.class);
        s.txStep("debit", String.class).run((in, tx, c) -> "").harmless().add();
        Saga<String, Void> tx = s.build();
        assertThatThrownBy(() -> SagaEngine.inMemory().register(tx).open())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("[tx] have transactional steps");
    }

    @ParameterizedTest
    @CsvSource({"100,true", "99,false", "3600000,true", "3600001,false"})
    void a_lease_has_bounds(long millis, boolean fine) {
        SagaEngine.Builder builder = SagaEngine.inMemory().lease(Duration.ofMillis(millis));
        if (fine) builder.open().close();
        else assertThatThrownBy(builder::open).hasMessageContaining("lease");
    }

    @Test
    void a_lease_alone_brings_an_inline_wait_that_fits() {
        SagaEngine.inMemory().lease(Duration.ofSeconds(1)).open().close();
        assertThatThrownBy(() -> SagaEngine.inMemory()
                        .lease(Duration.ofSeconds(1))
                        .inlineWait(Duration.ofSeconds(1))
                        .open())
                .hasMessageContaining("less than the lease");
    }

    @Test
    void one_definition_may_be_registered_twice_and_versions_of_it_side_by_side() {
        Saga<String, Void> one = saga(1);
        try (SagaEngine engine = SagaEngine.inMemory()
                .register(one)
                .register(one)
                .register(saga(2))
                .open()) {
            assertThat(engine.snapshot().sagas()).containsExactly("same");
            assertThat(engine.snapshot().concurrency()).isEqualTo(500);
        }
    }

    @Test
    void a_builder_opens_engines_that_do_not_change_with_it() {
        SagaEngine.Builder builder = SagaEngine.inMemory().register(saga(1)).concurrency(1);
        try (SagaEngine first = builder.open();
                SagaEngine second = builder.concurrency(2).open()) {
            assertThat(first.snapshot().concurrency()).isEqualTo(1);
            assertThat(second.snapshot().concurrency()).isEqualTo(2);
            assertThat(first.snapshot().owner()).isNotEqualTo(second.snapshot().owner());
        }
    }

    @Test
    @SuppressWarnings("NullAway") // what code without null checks might pass
    void nothing_may_be_null() {
        SagaEngine.Builder builder = SagaEngine.inMemory();
        assertThatThrownBy(() -> builder.lease(null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> builder.register(null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> builder.listener(null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> SagaEngine.on(null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> SagaEngine.jdbc(null)).isInstanceOf(NullPointerException.class);
    }
}
