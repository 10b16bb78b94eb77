// SPDX-License-Identifier: Apache-2.0
package com.acme.app;

import static java.time.Duration.*;

import dev.resilience.*;
import dev.resilience.saga.*;
import java.util.List;

final class PlaceOrder {
    record Line(String sku) {}

    record Input(String orderId, List<Line> lines, String card) {}

    record Receipt(String capture, String parcel) {}

    record Reservation(String id) {}

    record Auth(String id) {}

    record Capture(String id) {}

    record Parcel(String id) {}

    static final class OutOfStock extends Exception {
        private static final long serialVersionUID = 1L;
    }

    interface Stock {
        Reservation reserve(List<Line> lines, String key) throws OutOfStock;

        void release(String id, String key);

        List<Line> audit(String key);
    }

    interface Payments {
        Auth authorise(String card, String key);

        void voidAuth(String id, String key);

        Capture capture(String auth, String key);
    }

    interface Carrier {
        Parcel dispatch(String reservation, String key) throws java.io.IOException;
    }

    static Saga<Input, Receipt> saga(Stock stock, Payments pay, Carrier carrier, Pipeline carrierPipeline) {
        var s = Saga.define("place-order", 1, Input.class);
        var reserved = s.step("reserve", Reservation.class)
                .run((in, c) -> stock.reserve(in.lines(), c.key()))
                .undo((in, r, c) -> stock.release(r.id(), c.key()))
                .rejectsOn(OutOfStock.class)
                .retry(4, Backoff.exponential(ofMillis(50)).cap(ofSeconds(5)))
                .add();
        var audited = s.step("audit", Type.listOf(Line.class))
                .run((in, c) -> stock.audit(c.key()))
                .harmless()
                .add();
        var authorised = s.step("authorise", Auth.class)
                .run((in, c) -> pay.authorise(in.card(), c.key()))
                .undo((in, a, c) -> pay.voidAuth(a.id(), c.key()))
                .probe((in, c) -> ProbeResult.absent())
                .add();
        var captured = s.pivot("capture", Capture.class)
                .run(authorised, (in, a, c) -> pay.capture(a.id(), c.key()))
                .add();
        var shipped = s.retriable("ship", Parcel.class)
                .run(
                        reserved,
                        captured,
                        audited,
                        (in, r, cap, lines, c) -> carrierPipeline.call(
                                c.call(),
                                x -> carrier.dispatch(r.id() + lines.get(0).sku(), c.key())))
                .attemptTimeout(ofSeconds(2))
                .add();
        s.retriable("mail", Void.class)
                .run(shipped, (in, p, c) -> {
                    System.out.println(p.id());
                    return null;
                })
                .add();
        return s.returns(captured, shipped, (in, cap, p) -> new Receipt(cap.id(), p.id()));
    }

    static String start(Saga<Input, Receipt> saga, Input in) throws InterruptedException {
        try (SagaEngine engine = SagaEngine.inMemory().register(saga).open()) {
            SagaOutcome<Receipt> o = engine.start(saga, in.orderId(), in).await(ofSeconds(10));
            if (o instanceof SagaOutcome.Completed<Receipt> done)
                return done.value().parcel();
            if (o instanceof SagaOutcome.Compensated<Receipt> undone) return undone.rejectedBy();
            return "later";
        }
    }
}
