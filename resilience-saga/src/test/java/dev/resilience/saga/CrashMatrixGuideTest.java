// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.testkit.ManualTime;
import dev.resilience.testkit.saga.Fault;
import dev.resilience.testkit.saga.SagaCrashMatrix;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The page's example of the crash matrix, and what its report says. */
class CrashMatrixGuideTest {
    record Order(String id, String card) {}

    interface Payments {
        String authorise(String card, String key);

        void release(String authorisation, String key);

        String capture(String authorisation, String key);
    }

    private static final class FakePayments implements Payments {
        @Override
        public String authorise(String card, String key) {
            return "auth of " + card;
        }

        @Override
        public void release(String authorisation, String key) {}

        @Override
        public String capture(String authorisation, String key) {
            return "capture of " + authorisation;
        }
    }

    private static Saga<Order, String> orders(Payments payments) {
        var s = Saga.define("orders", 1, Order.class);
        var authorised = s.step("authorise", String.class)
                .run((in, c) -> payments.authorise(in.card(), c.key()))
                .undo((in, auth, c) -> payments.release(auth, c.key()))
                .add();
        var captured = s.pivot("capture", String.class)
                .run(authorised, (in, auth, c) -> payments.capture(auth, c.key()))
                .add();
        return s.returns(captured, (in, capture) -> capture);
    }

    // @start region="matrix"
    @Test
    void an_order_survives_two_crashes_anywhere() {
        SagaCrashMatrix.of(effects -> orders(effects.participant(Payments.class, new FakePayments())))
                .input(new Order("o-1", "4711"))
                .killAtEveryBoundary()
                .pairs()
                .run();
    }
    // @end

    private static Saga<Order, String> overnight(Payments payments) {
        var s = Saga.define("overnight", 1, Order.class);
        var authorised = s.step("authorise", String.class)
                .run((in, c) -> payments.authorise(in.card(), c.key()))
                .undo((in, auth, c) -> payments.release(auth, c.key()))
                .add();
        s.delay("night", Duration.ofHours(8));
        var captured = s.pivot("capture", String.class)
                .run(authorised, (in, auth, c) -> payments.capture(auth, c.key()))
                .add();
        return s.returns(captured, (in, capture) -> capture);
    }

    @Test
    void a_night_passes_at_once() throws InterruptedException {
        ManualTime time = ManualTime.create();
        Saga<Order, String> overnight = overnight(new FakePayments()); // a delay of 8 hours before its pivot
        try (SagaEngine engine =
                SagaEngine.inMemory().timeSource(time).register(overnight).open()) {
            SagaHandle<String> handle = engine.start(overnight, "o-1", new Order("o-1", "4711"));
            time.advance(Duration.ofHours(7));
            assertThat(handle.status()).isEqualTo(SagaStatus.RUNNING);
            time.advance(Duration.ofHours(2));
            assertThat(handle.await(Duration.ZERO).orElseThrow()).isEqualTo("capture of auth of 4711");
        }
    }

    @Test
    void checks_of_ones_own_see_how_a_run_ended() {
        List<String> seen = new ArrayList<>();
        var played = SagaCrashMatrix.of(effects -> orders(effects.participant(Payments.class, new FakePayments())))
                .input(new Order("o-1", "4711"))
                .atEveryBoundary(Fault.CANCEL)
                .check(run -> seen.add(run.name() + " " + run.status() + " " + run.effects()))
                .run();
        assertThat(seen)
                .hasSizeGreaterThanOrEqualTo(played.boundaries())
                .contains("schedule@0 COMPLETED [authorise, capture]")
                .anyMatch(text -> text.endsWith("COMPENSATED [authorise, undo of authorise]"));
    }

    @Test
    void a_participant_that_forgets_its_keys_is_found_by_a_check_and_its_case_can_be_replayed() {
        int[] captures = new int[1];
        SagaCrashMatrix<Order> matrix = SagaCrashMatrix.of(effects -> {
                    captures[0] = 0;
                    Payments forgetful = new Payments() {
                        private final FakePayments fake = new FakePayments();

                        @Override
                        public String authorise(String card, String key) {
                            return fake.authorise(card, key);
                        }

                        @Override
                        public void release(String authorisation, String key) {
                            fake.release(authorisation, key);
                        }

                        @Override
                        public String capture(String authorisation, String key) {
                            captures[0]++;
                            return fake.capture(authorisation, key);
                        }
                    };
                    return orders(effects.asItIs(Payments.class, forgetful));
                })
                .input(new Order("o-1", "4711"))
                .killAtEveryBoundary()
                .check(run -> assertThat(captures[0]).as("captures").isEqualTo(1));
        assertThatThrownBy(matrix::run)
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("went wrong")
                .hasMessageContaining("capture: after the effect, its caller not told   <-- kill")
                .hasMessageContaining(".replay(\"kill@");
        assertThatThrownBy(() -> matrix.replay("kill@7")).hasMessageContaining("case \"kill@7\"");
        assertThat(matrix.replay("kill@0").runs()).isPositive();
    }

    /** Pays under a key of its own, made up anew by each attempt. */
    private static Saga<Order, String> inventing(Payments payments, boolean beside) {
        var s = Saga.define("inventing", 1, Order.class);
        var authorised = s.step("authorise", String.class)
                .run((in, c) -> payments.authorise(in.card(), c.key()))
                .undo((in, auth, c) -> payments.release(auth, c.key()))
                .add();
        var f = s.fork("both");
        f.branch("one")
                .step("plain", String.class)
                .run((in, c) -> beside ? "computed" : payments.authorise("other", c.key()))
                .harmless()
                .add();
        f.branch("two")
                .step("read", String.class)
                .run((in, c) -> beside ? payments.authorise("look", "no key") : "")
                .harmless()
                .add();
        f.join();
        var captured = s.pivot("capture", String.class)
                .run(
                        authorised,
                        (in, auth, c) -> payments.capture(
                                auth, beside ? c.key() : UUID.randomUUID().toString()))
                .add();
        return s.returns(captured, (in, capture) -> capture);
    }

    private static SagaCrashMatrix<Order> inventing(boolean beside, boolean asItIs) {
        return SagaCrashMatrix.of(effects -> inventing(
                        asItIs
                                ? effects.asItIs(Payments.class, new FakePayments())
                                : effects.participant(Payments.class, new FakePayments()),
                        beside))
                .input(new Order("o-1", "4711"))
                .harmless("plain")
                .killAtEveryBoundary();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void a_key_of_ones_own_is_found(boolean asItIs) {
        assertThatThrownBy(() -> inventing(false, asItIs).run())
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining(
                        "step 'capture' made no call under its key, but Payments.capture was called without")
                .hasMessageNotContaining("step 'read'")
                .hasMessageNotContaining("step 'plain'");
    }

    @Test
    void what_only_reads_is_named_harmless_and_needs_no_key() {
        assertThatThrownBy(() -> inventing(true, false).run())
                .hasMessageContaining(
                        "step 'read' made no call under its key, but Payments.authorise was called without")
                .hasMessageNotContaining("step 'capture'");
        inventing(true, false).harmless("read").run();
    }

    interface Stock {
        int available(String card);

        void take(String card);

        void giveBack(String card);
    }

    /** Each step calls under its key, and something else beside it. */
    private static Saga<Order, String> beside(Payments payments, Stock stock, boolean takes, boolean givesBack) {
        var s = Saga.define("beside", 1, Order.class);
        var authorised = s.step("authorise", String.class)
                .run((in, c) -> {
                    stock.available(in.card());
                    if (takes) stock.take(in.card());
                    return payments.authorise(in.card(), c.key());
                })
                .undo((in, auth, c) -> {
                    if (givesBack) stock.giveBack(in.card());
                    payments.release(auth, c.key());
                })
                .add();
        var captured = s.pivot("capture", String.class)
                .run(authorised, (in, auth, c) -> payments.capture(auth, c.key()))
                .add();
        return s.returns(captured, (in, capture) -> capture);
    }

    private static SagaCrashMatrix<Order> beside(boolean takes, boolean givesBack) {
        Stock stock = new Stock() {
            @Override
            public int available(String card) {
                return 1;
            }

            @Override
            public void take(String card) {}

            @Override
            public void giveBack(String card) {}
        };
        return SagaCrashMatrix.of(effects -> beside(
                        effects.participant(Payments.class, new FakePayments()),
                        effects.participant(Stock.class, stock),
                        takes,
                        givesBack))
                .input(new Order("o-1", "4711"))
                .atEveryBoundary(Fault.CANCEL);
    }

    @Test
    void a_call_without_a_key_is_found_beside_one_that_has_it() {
        assertThatThrownBy(() -> beside(true, false).reads("Stock.available").run())
                .hasMessageContaining(
                        "step 'authorise' made a call under its key, but beside it Stock.take was called without one")
                .hasMessageNotContaining("step 'capture'");
        assertThatThrownBy(() -> beside(false, false).run()).hasMessageContaining("Stock.available was called without");
        assertThatThrownBy(() -> beside(false, true).reads("Stock.available").run())
                .hasMessageContaining("Stock.giveBack was called without a key while the saga was undone");
    }

    @Test
    void a_call_that_only_reads_is_named_and_needs_no_key() {
        beside(true, true)
                .reads("Stock.available", "Stock.take", "Stock.giveBack")
                .run();
    }

    @Test
    void a_journal_of_ones_own_cannot_fail_over() {
        SagaCrashMatrix<Order> matrix =
                beside(false, false).atEveryBoundary(Fault.FAIL_OVER).store(SagaStore::inMemory);
        assertThatThrownBy(matrix::run).hasMessageContaining("only the journal in memory can fail over");
        assertThatThrownBy(() -> matrix.losing(0)).hasMessageContaining("losing must be at least 1, was 0");
    }

    @Test
    void what_is_no_case_is_refused() {
        SagaCrashMatrix<Order> matrix = SagaCrashMatrix.of(
                        effects -> orders(effects.participant(Payments.class, new FakePayments())))
                .input(new Order("o-1", "4711"));
        assertThatThrownBy(() -> matrix.replay("7")).hasMessage("a case is written as 'kill@7 cancel@12', not '7'");
        assertThatThrownBy(() -> matrix.replay("smite@7")).hasMessageContaining("no fault is called 'smite'");
    }
}
