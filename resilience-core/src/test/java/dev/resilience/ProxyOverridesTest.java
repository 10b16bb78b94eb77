// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.bulkhead.BulkheadFullException;
import dev.resilience.testkit.CountingGate;
import java.io.IOException;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.invoke.MethodHandles;
import java.util.Comparator;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

/** Default methods, checked exceptions, stages, methods of Object: with each method on its own way. */
class ProxyOverridesTest {
    @Retention(RetentionPolicy.RUNTIME)
    @interface Idempotent {}

    interface Named {
        String name();
    }

    interface Orders extends Named {
        @Idempotent
        String find(int id) throws IOException;

        @Idempotent
        String find(String name) throws IOException;

        CompletionStage<String> place(String order);

        int count();

        default String describe() throws IOException {
            return name() + ": " + find(1);
        }
    }

    private static class Shop implements Orders {
        final IOException broken = new IOException("broken");

        @Override
        public String name() {
            return "shop";
        }

        @Override
        public String find(int id) throws IOException {
            if (id < 0) throw broken;
            return "order " + id;
        }

        @Override
        public String find(String name) {
            return "order of " + name;
        }

        @Override
        public CompletionStage<String> place(String order) {
            if (order.isEmpty()) throw new IllegalArgumentException("empty");
            return CompletableFuture.completedStage("placed " + order);
        }

        @Override
        public int count() {
            return 2;
        }
    }

    private final CountingGate usual = new CountingGate("usual", TimeSource.system());
    private final CountingGate other = new CountingGate("other", TimeSource.system());
    private final Bulkhead full = Bulkhead.builder("full").maxConcurrent(1).build();
    private final Shop shop = new Shop();
    private final Permit taken = full.admit();

    private ProxyBuilder<Orders> proxy() {
        return usual.proxy(Orders.class);
    }

    private void assertPassed(int throughUsual, int throughOther) {
        assertThat(usual.admitted()).as("through the usual").isEqualTo(throughUsual);
        assertThat(other.admitted()).as("through the other").isEqualTo(throughOther);
        usual.checkBalanced();
        other.checkBalanced();
    }

    @Test
    void without_an_override_it_is_the_short_form() throws Exception {
        Orders orders = proxy().build(shop);
        assertThat(orders.find(7)).isEqualTo("order 7");
        assertThat(orders.count()).isEqualTo(2);
        assertThat(orders).isEqualTo(usual.proxy(Orders.class, shop));
        assertPassed(2, 0);
    }

    @Test
    void a_name_sends_all_methods_of_that_name_another_way() throws Exception {
        Orders orders = proxy().method("find", other).build(shop);
        assertThat(orders.find(7)).isEqualTo("order 7");
        assertThat(orders.find("ada")).isEqualTo("order of ada");
        assertPassed(0, 2);
        assertThat(orders.name()).isEqualTo("shop");
        assertPassed(1, 2);
    }

    @Test
    void a_predicate_sees_annotations_parameters_and_inherited_methods() throws Exception {
        Orders orders = proxy().method(method -> method.isAnnotationPresent(Idempotent.class), other)
                .unprotected(method -> method.getDeclaringClass() == Named.class)
                .build(shop);
        orders.find(7);
        orders.find("ada");
        assertPassed(0, 2);
        assertThat(orders.name()).isEqualTo("shop");
        assertPassed(0, 2);
        orders.count();
        assertPassed(1, 2);
    }

    @Test
    void an_unprotected_method_is_the_targets() throws Exception {
        Orders orders = full.proxy(Orders.class).unprotected("find").build(shop);
        assertThat(orders.find(7)).isEqualTo("order 7");
        assertThatThrownBy(() -> orders.find(-1)).isSameAs(shop.broken); // L9
        assertThatThrownBy(orders::count).isInstanceOf(BulkheadFullException.class);
    }

    @Test
    void checked_exceptions_come_out_of_the_other_policy_too() { // L9
        Orders orders = proxy().method("find", other).build(shop);
        assertThatThrownBy(() -> orders.find(-1)).isSameAs(shop.broken);
        assertThat(other.settled(Verdict.FAILURE)).isEqualTo(1);
    }

    @Test
    void stages_are_called_as_stages_by_the_other_policy() {
        CompletionStage<String> refused =
                proxy().method("place", full).build(shop).place("books");
        assertThat(refused.toCompletableFuture())
                .isCompletedExceptionally()
                .failsWithin(java.time.Duration.ofSeconds(60))
                .withThrowableThat()
                .withCauseInstanceOf(BulkheadFullException.class);
        Orders orders = proxy().method("place", other).build(shop);
        assertThat(orders.place("books")).isCompletedWithValue("placed books");
        assertThat(orders.place(""))
                .as("what throws before it has a stage is a stage that failed")
                .isCompletedExceptionally();
        assertThat(other.settled(Verdict.FAILURE)).isEqualTo(1);
        assertThatThrownBy(() -> proxy().unprotected("place").build(shop).place(""))
                .as("unprotected it is what the target does")
                .hasMessage("empty");
    }

    @Test
    void a_default_method_goes_its_way_once_and_what_it_calls_is_the_targets() throws Exception {
        Orders orders = proxy().method("describe", other).build(shop);
        assertThat(orders.describe()).isEqualTo("shop: order 1");
        assertPassed(0, 1);
    }

    @Test
    void a_default_method_of_a_lambda_is_protected_once() {
        interface Greeting {
            String to(String whom);

            default String toAll() {
                return to("all");
            }
        }
        Greeting greeting = usual.proxy(MethodHandles.lookup(), Greeting.class, whom -> "hello " + whom);
        assertThat(greeting.toAll()).isEqualTo("hello all");
        assertPassed(1, 0);
    }

    @Test
    void the_override_written_last_counts() throws Exception {
        Orders orders = proxy().unprotected(method -> true)
                .method("find", other)
                .method("count", usual)
                .build(shop);
        orders.name();
        orders.describe();
        assertPassed(0, 0);
        orders.find(7);
        orders.count();
        assertPassed(1, 1);
    }

    @Test
    void methods_of_object_are_the_proxys_also_where_the_interface_declares_them() {
        Comparator<String> order = Comparator.naturalOrder();
        @SuppressWarnings("unchecked")
        Comparator<String> proxy = usual.proxy(Comparator.class, order);
        assertThat(proxy.compare("a", "b")).isNegative();
        assertPassed(1, 0);
        assertThat(proxy)
                .isEqualTo(usual.proxy(Comparator.class, order))
                .hasSameHashCodeAs(usual.proxy(Comparator.class, order));
        assertThat(proxy).hasToString("counting gate 'usual' around " + order);
        assertPassed(1, 0);
        assertThatThrownBy(() ->
                        usual.proxy(Comparator.class).unprotected("equals").build(order))
                .hasMessageContaining("override 1 ('equals') must match a method");
    }

    @Test
    void proxies_are_equal_when_each_method_goes_the_same_way() {
        Orders one = proxy().method("find", other).unprotected("count").build(shop);
        Orders same = proxy().unprotected("count").method("find", other).build(shop);
        assertThat(one).isEqualTo(same).hasSameHashCodeAs(same);
        assertThat(one)
                .isNotEqualTo(proxy().build(shop))
                .isNotEqualTo(proxy().method("find", other).build(shop))
                .isNotEqualTo(proxy().method("find", full).unprotected("count").build(shop));
        assertThat(proxy().build(shop)).isNotEqualTo(one);
    }

    @Test
    void a_builder_makes_several() {
        ProxyBuilder<Orders> builder = proxy().unprotected("name");
        Shop second = new Shop();
        assertThat(builder.build(shop)).isNotEqualTo(builder.build(second)).isEqualTo(builder.build(shop));
    }

    interface Old {
        Special special();

        String fine();
    }

    static final class Special extends CompletableFuture<String> {}

    @Test
    void an_unprotected_method_may_return_any_stage() {
        Special special = new Special();
        Old old = new Old() {
            @Override
            public Special special() {
                return special;
            }

            @Override
            public String fine() {
                return "fine";
            }
        };
        assertThat(usual.proxy(Old.class).unprotected("special").build(old).special())
                .isSameAs(special);
        assertThatThrownBy(() -> usual.proxy(Old.class)
                        .method("speziell", other)
                        .method("fine", other)
                        .build(old))
                .isInstanceOf(IllegalArgumentException.class) // L11: all problems in one message
                .hasMessage("proxy of " + Old.class + ": special must return CompletionStage or CompletableFuture to be"
                        + " called as a stage, was " + Special.class + " (unprotected(..) leaves it as it is);"
                        + " override 1 ('speziell') must match a method, there are fine, special");
    }

    @Test
    void an_override_that_no_method_follows_is_refused() { // L11
        Predicate<java.lang.reflect.Method> never = method -> false;
        assertThatThrownBy(() -> proxy().method("found", other)
                        .unprotected("toString")
                        .method(never, other)
                        .unprotected(never)
                        .method("count", other)
                        .unprotected("count")
                        .build(shop))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("proxy of " + Orders.class
                        + ": override 1 ('found') must match a method, there are count, describe, find, name, place;"
                        + " override 2 ('toString') must match a method, there are count, describe, find, name, place;"
                        + " override 3 (a predicate) must match a method, there are count, describe, find, name, place;"
                        + " override 4 (a predicate) must match a method, there are count, describe, find, name, place;"
                        + " override 5 ('count') has no effect: later ones are about all of its methods");
        interface Nothing {}
        assertThatThrownBy(() -> usual.proxy(Nothing.class)
                        .lookup(MethodHandles.lookup())
                        .unprotected("x")
                        .build(new Nothing() {}))
                .hasMessageContaining("override 1 ('x') must match a method, there are none");
    }

    @Test
    void null_is_refused_by_name() {
        assertThatThrownBy(() -> usual.proxy((Class<Orders>) null)).hasMessage("type");
        assertThatThrownBy(() -> proxy().lookup(null)).hasMessage("lookup");
        assertThatThrownBy(() -> proxy().method("find", null)).hasMessage("instead");
        assertThatThrownBy(() -> proxy().method((String) null, other)).hasMessage("name");
        assertThatThrownBy(() -> proxy().method((Predicate<Object>) null, other))
                .hasMessage("which");
        assertThatThrownBy(() -> proxy().method(method -> true, null)).hasMessage("instead");
        assertThatThrownBy(() -> proxy().unprotected((String) null)).hasMessage("name");
        assertThatThrownBy(() -> proxy().unprotected((Predicate<Object>) null)).hasMessage("which");
        assertThatThrownBy(() -> proxy().build(null)).hasMessage("target");
        assertThat(taken).isNotNull();
    }
}
