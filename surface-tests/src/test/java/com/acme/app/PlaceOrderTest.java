// SPDX-License-Identifier: Apache-2.0
package com.acme.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.acme.app.PlaceOrder.Auth;
import com.acme.app.PlaceOrder.Capture;
import com.acme.app.PlaceOrder.Carrier;
import com.acme.app.PlaceOrder.Input;
import com.acme.app.PlaceOrder.Line;
import com.acme.app.PlaceOrder.OutOfStock;
import com.acme.app.PlaceOrder.Parcel;
import com.acme.app.PlaceOrder.Payments;
import com.acme.app.PlaceOrder.Receipt;
import com.acme.app.PlaceOrder.Reservation;
import com.acme.app.PlaceOrder.Stock;
import dev.resilience.Pipeline;
import dev.resilience.retry.Retry;
import dev.resilience.saga.Saga;
import dev.resilience.saga.StepRejectedException;
import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

/** The task of the design, run: what a service developer writes to place an order. */
class PlaceOrderTest {
    private final List<String> done = new CopyOnWriteArrayList<>();
    private boolean outOfStock;
    private boolean declined;
    private boolean captureRefused;
    private int dispatchFails;

    /** They remember keys: a call that comes again, because its answer came too late, has done nothing more. */
    private final class Participants implements Stock, Payments, Carrier {
        private final Set<String> keys = ConcurrentHashMap.newKeySet();

        private void once(String key, String what) {
            if (keys.add(key)) done.add(what);
        }

        @Override
        public Reservation reserve(List<Line> lines, String key) throws OutOfStock {
            if (outOfStock) throw new OutOfStock();
            once(key, "reserve");
            return new Reservation("r" + lines.size());
        }

        @Override
        public void release(String id, String key) {
            once(key, "release " + id);
        }

        @Override
        public List<Line> audit(String key) {
            return List.of(new Line("tea"));
        }

        @Override
        public Auth authorise(String card, String key) {
            if (declined) throw new StepRejectedException("declined: " + card);
            once(key, "authorise");
            return new Auth("a-" + card);
        }

        @Override
        public void voidAuth(String id, String key) {
            once(key, "void " + id);
        }

        @Override
        public Capture capture(String auth, String key) {
            if (captureRefused) throw new StepRejectedException("expired: " + auth);
            once(key, "capture " + auth);
            return new Capture("c");
        }

        @Override
        public Parcel dispatch(String reservation, String key) throws IOException {
            if (dispatchFails-- > 0) throw new IOException("no van");
            once(key, "dispatch " + reservation);
            return new Parcel("p-" + reservation);
        }
    }

    /** The task waits for 10 s, and answers "later" on a machine that stood still for so long: once more then. */
    private String placed() throws InterruptedException {
        int failing = dispatchFails;
        String answer = "later";
        for (int tries = 0; answer.equals("later") && tries < 12; tries++) {
            done.clear();
            dispatchFails = failing;
            answer = placedOnce();
        }
        return answer;
    }

    private String placedOnce() throws InterruptedException {
        Participants participants = new Participants();
        Saga<Input, Receipt> saga = PlaceOrder.saga(participants, participants, participants, Pipeline.of(Retry.of(2)));
        return PlaceOrder.start(saga, new Input("o-1", List.of(new Line("tea"), new Line("cup")), "card"));
    }

    @Test
    void an_order_is_placed() throws Exception {
        assertThat(placed()).isEqualTo("p-r2tea");
        assertThat(done).containsExactly("reserve", "authorise", "capture a-card", "dispatch r2tea");
    }

    @Test
    void a_refusal_of_the_first_step_has_nothing_to_undo() throws Exception {
        outOfStock = true;
        assertThat(placed()).isEqualTo("reserve");
        assertThat(done).isEmpty();
    }

    @Test
    void a_refused_card_gives_the_goods_back() throws Exception {
        declined = true;
        assertThat(placed()).isEqualTo("authorise");
        assertThat(done).containsExactly("reserve", "release r2");
    }

    @Test
    void a_refused_capture_undoes_all_in_reverse() throws Exception {
        captureRefused = true;
        assertThat(placed()).isEqualTo("capture");
        assertThat(done).containsExactly("reserve", "authorise", "void a-card", "release r2");
    }

    @Test
    void what_fails_behind_the_pivot_is_tried_again() throws Exception {
        dispatchFails = 3; // two in the first attempt's own pipeline, one in the second's
        assertThat(placed()).isEqualTo("p-r2tea");
        assertThat(done).containsExactly("reserve", "authorise", "capture a-card", "dispatch r2tea");
    }
}
