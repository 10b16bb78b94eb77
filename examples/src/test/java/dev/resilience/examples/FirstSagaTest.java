// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import static java.time.Duration.ofMinutes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.examples.FirstSaga.Authorisation;
import dev.resilience.examples.FirstSaga.Order;
import dev.resilience.examples.FirstSaga.OutOfStock;
import dev.resilience.examples.FirstSaga.Receipt;
import dev.resilience.examples.FirstSaga.Reservation;
import dev.resilience.saga.StepRejectedException;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.Test;

class FirstSagaTest {
    private final List<String> calls = new CopyOnWriteArrayList<>();

    private final FirstSaga.Stock stock = new FirstSaga.Stock() {
        @Override
        public Reservation reserve(String sku, String key) throws OutOfStock {
            if (sku.equals("gone")) throw new OutOfStock();
            calls.add("reserve");
            return new Reservation("r");
        }

        @Override
        public void release(String reservation, String key) {
            calls.add("release " + reservation);
        }
    };

    private final FirstSaga.Payments payments = new FirstSaga.Payments() {
        @Override
        public Authorisation authorise(String card, String key) {
            calls.add("authorise");
            return new Authorisation("a");
        }

        @Override
        public void cancel(String authorisation, String key) {
            calls.add("cancel " + authorisation);
        }

        @Override
        public Receipt capture(String authorisation, String key) {
            calls.add("capture " + authorisation);
            return new Receipt("p");
        }
    };

    private final FirstSaga.Carrier carrier = (reservation, key) -> {
        calls.add("ship " + reservation);
        return new FirstSaga.Parcel("c");
    };

    private final JdbcDataSource database = new JdbcDataSource();

    FirstSagaTest() {
        database.setURL("jdbc:h2:mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1");
    }

    @Test
    void an_order_is_placed_once_in_a_database() throws InterruptedException {
        var saga = FirstSaga.placeOrder(stock, payments, carrier);
        Order order = new Order("4711", "sku", "card");
        assertThat(FirstSaga.ordered(database, saga, order)).isEqualTo(new Receipt("p"));
        assertThat(FirstSaga.ordered(database, saga, order)).isEqualTo(new Receipt("p"));
        assertThat(calls).containsExactly("reserve", "authorise", "capture a", "ship r");
    }

    @Test
    void what_is_out_of_stock_is_not_paid() {
        var saga = FirstSaga.placeOrder(stock, payments, carrier);
        assertThatThrownBy(() -> FirstSaga.orderedInMemory(saga, new Order("1", "gone", "card"), ofMinutes(1)))
                .hasMessageContaining("reserve");
        assertThat(calls).isEmpty();
    }

    @Test
    void a_payment_that_is_declined_undoes_what_was_done_last_first() {
        FirstSaga.Payments declining = new FirstSaga.Payments() {
            @Override
            public Authorisation authorise(String card, String key) {
                calls.add("authorise");
                return new Authorisation("a");
            }

            @Override
            public void cancel(String authorisation, String key) {
                calls.add("cancel " + authorisation);
            }

            @Override
            public Receipt capture(String authorisation, String key) {
                throw new StepRejectedException("declined");
            }
        };
        var saga = FirstSaga.placeOrder(stock, declining, carrier);
        assertThatThrownBy(() -> FirstSaga.orderedInMemory(saga, new Order("1", "sku", "card"), ofMinutes(1)))
                .hasMessageContaining("capture");
        assertThat(calls).containsExactly("reserve", "authorise", "cancel a", "release r");
    }
}
