// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples.products;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.TimeSource;
import dev.resilience.examples.products.Database.Manner;
import dev.resilience.examples.products.Ledger.Answer;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class ProductsTest {
    private final TimeSource time = TimeSource.system();
    private final Database database = new Database(time);
    private final Ledger ledger = new Ledger();

    @Test
    void the_example_holds_its_invariants_and_says_so() throws Exception {
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        assertThat(Main.run(new PrintStream(printed, true, StandardCharsets.UTF_8), 40))
                .as(printed.toString(StandardCharsets.UTF_8))
                .isZero();
        assertThat(printed.toString(StandardCharsets.UTF_8))
                .contains("opening", "refuses", "hangs", "recovery", "changes", "cache 'products': ")
                .endsWith("all invariants held" + System.lineSeparator());
    }

    @Test
    void what_was_never_loaded_cannot_be_answered_while_the_database_refuses() throws Exception {
        database.become(Manner.REFUSES);
        try (Shop shop = new Shop(database, time)) {
            Visitor visitor = new Visitor(shop, ledger);
            String id = database.ids().get(0);
            assertThat(visitor.read(id)).isEqualTo(new Answer(503, 0, false, 0));
            assertThat(ledger.unavailable()).isEqualTo(1);
            assertThat(ledger.broken()).isEmpty();
        }
    }

    @Test
    void an_old_version_after_a_newer_one_is_told() {
        ledger.changed("tea", 3);
        ledger.answered("tea", ledger.floor("tea"), new Answer(200, 2, false, 10));
        ledger.answered("tea", 0, new Answer(200, 1, true, 2_000)); // had asked before the change
        ledger.answered("tea", ledger.floor("tea"), new Answer(200, 3, true, 400));
        assertThat(ledger.broken()).containsExactly("tea was answered with version 2 after version 3");
        assertThat(ledger.answers()).isEqualTo(3);
        assertThat(ledger.stale()).isEqualTo(2);
        assertThat(ledger.oldestMillis()).isEqualTo(2_000);
    }

    @Test
    void an_answer_that_nobody_expects_is_told() {
        ledger.answered("tea", 0, new Answer(500, 0, false, 0));
        ledger.answered("cocoa", 0, new Answer(404, 0, false, 0));
        ledger.answered("cocoa", 1, new Answer(404, 0, false, 0));
        ledger.require(true, "no");
        ledger.require(false, "this");
        assertThat(ledger.broken())
                .containsExactly("tea was answered with status 500", "cocoa has gone after version 1", "this");
    }

    @Test
    void the_database_knows_who_asks_at_the_same_time_and_what_is_not_there() throws Exception {
        String id = database.ids().get(0);
        assertThat(database.find("unheard-of")).isNull();
        Product before = database.find(id);
        assertThat(database.change(id)).isEqualTo(2);
        Product after = database.find(id);
        assertThat(before).isNotNull().extracting(Product::version).isEqualTo(1);
        assertThat(after).isNotNull().extracting(Product::version).isEqualTo(2);
        assertThat(database.mostQueriesAtOnce(id)).isEqualTo(1);
        assertThat(database.change("unheard-of")).isZero();
    }
}
