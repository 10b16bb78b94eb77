// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static dev.resilience.saga.JdbcFixture.head;
import static dev.resilience.saga.JdbcFixture.start;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.TimeSource;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a store of one's own has without writing it. */
class SagaStoreTest {
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 999, 1_000, 1_001, 2_000})
    void a_count_goes_through_all_pages(int sagas) {
        SeamStore store = new SeamStore(SagaStore.inMemory(TimeSource.system()));
        for (int i = 0; i < sagas; i++)
            store.insert(start(head(new SagaRef("order", "id-" + i)).build()));
        assertThat(store.count(SagaStatus.RUNNING)).isEqualTo(sagas);
        assertThat(store.count(SagaStatus.PAUSED)).isZero();
    }
}
