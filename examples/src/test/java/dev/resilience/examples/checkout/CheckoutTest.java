// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples.checkout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.examples.checkout.Ledger.Answer;
import dev.resilience.examples.checkout.Ledger.Request;
import dev.resilience.examples.checkout.Order.Line;
import dev.resilience.saga.Saga;
import dev.resilience.saga.SagaEngine;
import dev.resilience.saga.SagaOutcome;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class CheckoutTest {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final Service.Watcher NOBODY = new Service.Watcher() {
        @Override
        public void before(String verb) {}

        @Override
        public void after(String verb) {}
    };

    private final Ledger ledger = new Ledger();

    /** The whole program: processes that are killed, services over HTTP, a journal in a file. */
    @Test
    void the_example_holds_its_invariants_and_says_so() throws Exception {
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        ByteArrayOutputStream errors = new ByteArrayOutputStream();
        int code = Main.run(stream(printed), stream(errors), "--orders", "10", "--kills", "2");
        String said = printed.toString(StandardCharsets.UTF_8);
        assertThat(code).as(said).isZero();
        assertThat(said)
                .contains("10 orders: 6 are fine")
                .containsPattern("worker 1 killed after \\w+, \\d+ of \\d+ effects made")
                .containsPattern("worker 2 killed before \\w+, \\d+ of \\d+ effects made")
                .contains("completed 6, compensated 4, other 0")
                .contains("6 orders confirmed, 4 cancelled;")
                .endsWith("all invariants held" + System.lineSeparator());
        assertThat(errors.size()).isZero();
    }

    private static PrintStream stream(ByteArrayOutputStream bytes) {
        return new PrintStream(bytes, true, StandardCharsets.UTF_8);
    }

    @Test
    void wrong_arguments_are_named_and_explained() throws Exception {
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        ByteArrayOutputStream errors = new ByteArrayOutputStream();
        assertThat(Main.run(stream(printed), stream(errors), "--orders", "many"))
                .isEqualTo(2);
        assertThat(errors.toString(StandardCharsets.UTF_8))
                .startsWith("--orders must be a whole number from 5 to 500, was 'many'")
                .contains("Exit code: 0 all invariants held");
        assertThat(printed.size()).isZero();
        assertThat(Main.run(stream(printed), stream(errors), "--help")).isZero();
        assertThat(printed.toString(StandardCharsets.UTF_8)).startsWith("Checks out orders as sagas");
    }

    @Test
    void options_have_defaults_and_bounds() {
        assertThat(Options.parse()).isEqualTo(new Options(40, 4, null, false));
        assertThat(Options.parse("--jdbc", "jdbc:postgresql://db/shop", "--kills", "0", "--orders", "5"))
                .isEqualTo(new Options(5, 0, "jdbc:postgresql://db/shop", false));
        assertThatThrownBy(() -> Options.parse("--kills", "6"))
                .hasMessage("--kills must be a whole number from 0 to 5, was '6'");
        assertThatThrownBy(() -> Options.parse("--kills")).hasMessageEndingWith("was 'nothing'");
        assertThatThrownBy(() -> Options.parse("--jdbc", "postgresql://db"))
                .hasMessage("--jdbc must be a URL that starts with 'jdbc:', was 'postgresql://db'");
        assertThatThrownBy(() -> Options.parse("--faster")).hasMessageStartingWith("unknown argument '--faster'");
    }

    @Test
    void orders_end_as_the_bank_and_the_stock_will_have_it() throws Exception {
        try (Service service = new Service("all", ledger, NOBODY)) {
            Participants participants = new Participants(
                    HttpClient.newHttpClient(), service.uri(), service.uri(), service.uri(), service.uri());
            Saga<Order, Checkout.Receipt> saga = Checkout.saga(participants);
            List<Order> orders = Order.make("test", 5);
            try (SagaEngine engine = SagaEngine.inMemory().register(saga).open()) {
                for (Order order : orders) {
                    SagaOutcome<Checkout.Receipt> outcome =
                            engine.start(saga, order.id(), order).await(PATIENCE);
                    if (order.fine())
                        assertThat(outcome)
                                .isInstanceOfSatisfying(
                                        SagaOutcome.Completed.class,
                                        done -> assertThat(done.value())
                                                .hasToString(
                                                        "Receipt[capture=" + ((Checkout.Receipt) done.value()).capture()
                                                                + ", parcel=parcel-1-of-" + order.id() + "]"));
                    else
                        assertThat(outcome)
                                .isInstanceOfSatisfying(
                                        SagaOutcome.Compensated.class,
                                        undone -> assertThat(undone.rejectedBy())
                                                .isEqualTo(
                                                        order.card().startsWith(Ledger.DECLINED)
                                                                ? "authorise"
                                                                : "reserve"));
                }
            }
            assertThat(ledger.wrong(orders)).isEmpty();
            assertThat(ledger.effects())
                    .isEqualTo(orders.stream().mapToInt(Order::effects).sum());
        }
    }

    @Test
    void a_key_makes_one_effect_and_has_one_answer() {
        Request reserve = new Request("reserve", "o", "tea", 3);
        Answer answer = ledger.apply("k", reserve);
        assertThat(ledger.apply("k", reserve)).isEqualTo(answer).isEqualTo(new Answer(200, "reservation-0"));
        assertThat(ledger.apply("k2", reserve)).isEqualTo(new Answer(200, "reservation-1"));
        Request refused = new Request("reserve", "o", Order.UNOBTAINABLE, 1);
        assertThat(ledger.apply("k3", refused).status()).isEqualTo(409);
        assertThat(ledger.apply("k3", refused).status()).isEqualTo(409);
        assertThat(ledger.effects()).isEqualTo(2);
        assertThat(ledger.repeated()).isEqualTo(2);
    }

    @Test
    void a_call_without_a_key_is_refused() throws Exception {
        try (Service service = new Service("one", ledger, NOBODY)) {
            HttpResponse<String> response = HttpClient.newHttpClient()
                    .send(
                            HttpRequest.newBuilder(service.uri().resolve("/place?order=o"))
                                    .POST(HttpRequest.BodyPublishers.noBody())
                                    .build(),
                            HttpResponse.BodyHandlers.ofString());
            assertThat(response.statusCode()).isEqualTo(400);
            assertThat(response.body()).isEqualTo("no Idempotency-Key");
        }
    }

    @Test
    void a_service_that_is_not_well_loses_no_effect() throws Exception {
        try (Service service = new Service("one", ledger, NOBODY)) {
            Participants p = new Participants(
                    HttpClient.newHttpClient(), service.uri(), service.uri(), service.uri(), service.uri());
            int failed = 0;
            for (int i = 0; i < 60; i++) {
                String key = "key-" + i;
                try {
                    p.post(service.uri(), "place", "o" + i, "", 0, key);
                } catch (IOException unknown) {
                    failed++;
                    assertThat(p.post(service.uri(), "place", "o" + i, "", 0, key))
                            .isEqualTo("o" + i);
                }
            }
            assertThat(failed).isBetween(1, 59);
            assertThat(ledger.effects()).isEqualTo(60);
        }
    }

    // ---- the books must not pass when they are wrong

    private final Order fine = new Order("o", "card-1", List.of(new Line("tea", 2), new Line("cocoa", 1)));
    private final Order refused = new Order("o", Ledger.DECLINED + "1", fine.lines());

    private void done(String... requests) {
        for (String request : requests) {
            String[] words = request.split(" ", -1);
            ledger.apply(
                    "key-" + ledger.effects() + "-" + request,
                    new Request(
                            words[0],
                            "o",
                            words.length > 1 ? words[1] : "",
                            words.length > 2 ? Integer.parseInt(words[2]) : 0));
        }
    }

    @Test
    void books_that_are_right_are_right() {
        done("place", "reserve tea 2", "reserve cocoa 1", "authorise card-1 3", "capture authorisation-0", "ship");
        assertThat(ledger.wrong(List.of(fine))).containsExactly("o is placed");
        done("confirm");
        assertThat(ledger.wrong(List.of(fine))).isEmpty();
        assertThat(ledger.books())
                .isEqualTo("1 orders confirmed, 0 cancelled; 3 in the till, 3 pieces shipped, 0 still reserved, 0 still"
                        + " held");
    }

    @Test
    void an_undone_order_leaves_nothing_and_is_undone_in_reverse() {
        done("place", "reserve tea 2", "reserve cocoa 1", "release reservation-1", "release reservation-0", "cancel");
        assertThat(ledger.wrong(List.of(refused))).isEmpty();
    }

    @Test
    void an_undo_in_the_wrong_order_is_found() {
        done("place", "reserve tea 2", "reserve cocoa 1", "release reservation-0", "release reservation-1", "cancel");
        assertThat(ledger.wrong(List.of(refused)))
                .singleElement()
                .asString()
                .startsWith("o was not undone in reverse: [place, reserve tea");
    }

    @Test
    void a_forgotten_undo_a_second_parcel_and_lost_money_are_found() {
        done("place", "reserve tea 2", "cancel");
        assertThat(ledger.wrong(List.of(refused)))
                .contains("goods are still reserved: 2", "tea came or went: 999998 + 0");
        done("ship", "ship", "authorise card-1 3");
        assertThat(ledger.wrong(List.of(fine)))
                .contains(
                        "o is cancelled",
                        "o was shipped 2 times",
                        "money is still held: 3",
                        "the till has 0, sold was for 3",
                        "shipped was 2, sold was 3");
    }
}
