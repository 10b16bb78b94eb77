// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/**
 * A saga of three steps whose participants remember keys: flight and hotel, which are undone, and a payment, the pivot.
 * A test may hold a participant before or after its effect.
 */
final class Booking {
    /** Where a participant is held. */
    enum At {
        BEFORE,
        AFTER
    }

    private record Hold(String call, At at, CountDownLatch reached, CountDownLatch free, CountDownLatch gone) {}

    /** Every call that made an effect, in order; a repeated key makes none. */
    final List<String> effects = new CopyOnWriteArrayList<>();

    final List<String> calls = new CopyOnWriteArrayList<>();
    private final Set<String> keys = ConcurrentHashMap.newKeySet();
    private final Map<String, RuntimeException> failing = new ConcurrentHashMap<>();

    @Nullable
    private volatile Hold hold;

    final Saga<String, String> saga = saga();

    private Saga<String, String> saga() {
        SagaDefinition<String> s = Saga.define("booking", 1, String.class);
        Saga.Result<String> flight = s.step("flight", String.class)
                .run((in, c) -> act("flight", in, c))
                .undo((in, r, c) -> act("cancel-flight", in, c))
                .attemptTimeout(Duration.ofHours(1))
                .add();
        Saga.Result<String> hotel = s.step("hotel", String.class)
                .run(flight, (in, f, c) -> act("hotel", in, c))
                .undo((in, r, c) -> act("cancel-hotel", in, c))
                .attemptTimeout(Duration.ofHours(1))
                .add();
        Saga.Result<String> payment = s.pivot("payment", String.class)
                .run((in, c) -> act("payment", in, c))
                .attemptTimeout(Duration.ofHours(1))
                .add();
        return s.returns(flight, hotel, payment, (in, f, h, p) -> f + " " + h + " " + p);
    }

    private String act(String call, String in, StepContext c) {
        calls.add(call);
        held(call, At.BEFORE);
        RuntimeException failure = failing.get(call);
        if (failure != null) throw failure;
        if (keys.add(c.key())) effects.add(call);
        held(call, At.AFTER);
        return call + "-" + in;
    }

    private void held(String call, At at) {
        Hold now = hold;
        if (now == null || !now.call.equals(call) || now.at != at) return;
        hold = null; // only the first call: the next one is somebody else's
        now.reached.countDown();
        try {
            Fleet.await(now.free);
        } finally {
            now.gone.countDown();
        }
    }

    /** Holds the first such call; the latch that frees it. */
    Held hold(String call, At at) {
        Hold made = new Hold(call, at, new CountDownLatch(1), new CountDownLatch(1), new CountDownLatch(1));
        hold = made;
        return new Held(made.reached, made.free, made.gone);
    }

    record Held(CountDownLatch reached, CountDownLatch free, CountDownLatch gone) {
        void reach() {
            Fleet.await(reached);
        }

        /** When this returns the participant is at work: before that, time would take it for one that waits on. */
        void go() {
            free.countDown();
            Fleet.await(gone);
        }
    }

    void failing(String call, @Nullable RuntimeException failure) {
        if (failure == null) failing.remove(call);
        else failing.put(call, failure);
    }

    void assertBooked() {
        assertThat(effects).containsExactly("flight", "hotel", "payment");
    }
}
