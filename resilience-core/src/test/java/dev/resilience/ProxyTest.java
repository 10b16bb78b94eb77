// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.bulkhead.BulkheadFullException;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ForkJoinTask;
import org.junit.jupiter.api.Test;

class ProxyTest {
    interface Users {
        String find(int id) throws IOException;

        CompletionStage<String> findAsync(int id);

        CompletableFuture<String> findFuture(String... names);

        void delete(int id);

        default String first() throws IOException {
            return "default " + find(1);
        }
    }

    private static class Table implements Users {
        final List<String> calls = new ArrayList<>();
        final IOException broken = new IOException("broken");

        @Override
        public String find(int id) throws IOException {
            calls.add("find " + id);
            if (id < 0) throw broken;
            return "user " + id;
        }

        @Override
        public CompletionStage<String> findAsync(int id) {
            return id < 0 ? CompletableFuture.failedStage(broken) : CompletableFuture.completedStage("stage " + id);
        }

        @Override
        public CompletableFuture<String> findFuture(String... names) {
            return CompletableFuture.completedFuture(String.join("+", names));
        }

        @Override
        public void delete(int id) {
            calls.add("delete " + id);
            if (id == 0) throw new AssertionError("zero");
        }

        @Override
        public String toString() {
            return "the table";
        }
    }

    private final Bulkhead bulkhead = Bulkhead.builder("users").maxConcurrent(1).build();
    private final Table table = new Table();
    private final Users users = bulkhead.proxy(Users.class, table);

    @Test
    void every_method_goes_through_the_policy_and_comes_out_as_it_is() throws Exception {
        assertThat(users.find(7)).isEqualTo("user 7");
        users.delete(7);
        assertThat(table.calls).containsExactly("find 7", "delete 7");
        assertThatThrownBy(() -> users.find(-1)).isSameAs(table.broken); // L9
        assertThatThrownBy(() -> users.delete(0)).isInstanceOf(AssertionError.class);
        Permit all = bulkhead.admit();
        assertThatThrownBy(() -> users.find(7)).isInstanceOf(BulkheadFullException.class);
        all.success();
        assertThat(bulkhead.inFlight()).isZero();
    }

    @Test
    void methods_that_return_stages_are_called_as_stages() {
        Permit all = bulkhead.admit();
        CompletionStage<String> rejected = users.findAsync(7);
        assertThat(rejected.toCompletableFuture())
                .failsWithin(Duration.ofSeconds(60))
                .withThrowableThat()
                .withCauseInstanceOf(BulkheadFullException.class);
        all.success();
        assertThat(users.findAsync(7)).isCompletedWithValue("stage 7");
        assertThat(users.findFuture("a", "b")).isCompletedWithValue("a+b");
        assertThat(users.findAsync(-1).toCompletableFuture())
                .failsWithin(Duration.ofSeconds(60))
                .withThrowableThat()
                .withCause(table.broken);
        assertThat(bulkhead.inFlight()).isZero();
    }

    @Test
    void a_default_method_is_the_targets_and_protected_once() throws Exception {
        assertThat(users.first()).isEqualTo("default user 1"); // a bulkhead of one would refuse a second entry
    }

    @Test
    void methods_of_object_answer_for_the_proxy() {
        assertThat(users).hasToString("bulkhead 'users' around the table");
        assertThat(users)
                .isEqualTo(bulkhead.proxy(Users.class, table))
                .hasSameHashCodeAs(bulkhead.proxy(Users.class, table));
        assertThat(users)
                .isNotEqualTo(bulkhead.proxy(Users.class, new Table()))
                .isNotEqualTo(table)
                .isNotEqualTo(null);
        assertThat(users).isNotEqualTo(Bulkhead.of(1).proxy(Users.class, table));
    }

    @Test
    void a_lookup_opens_what_the_library_cannot_see() throws Exception {
        assertThat(bulkhead.proxy(MethodHandles.lookup(), Users.class, table).find(3))
                .isEqualTo("user 3");
        assertThatThrownBy(() -> bulkhead.proxy(MethodHandles.publicLookup(), Users.class, table))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("is not visible to the lookup of");
    }

    interface Odd {
        ForkJoinTask<String> fine();

        Special special();
    }

    abstract static class Special extends CompletableFuture<String> {}

    @Test
    void refuses_what_it_cannot_do_when_it_is_made() {
        assertThatThrownBy(() -> bulkhead.proxy(Table.class, table))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("proxy needs an interface, was class");
        assertThatThrownBy(() -> bulkhead.proxy(Odd.class, new Odd() {
                    @Override
                    public ForkJoinTask<String> fine() {
                        throw new AssertionError();
                    }

                    @Override
                    public Special special() {
                        throw new AssertionError();
                    }
                }))
                .hasMessageContaining("special must return CompletionStage or CompletableFuture");
        assertThatThrownBy(() -> bulkhead.proxy(Users.class, null)).hasMessage("target");
        assertThatThrownBy(() -> bulkhead.proxy(null, table)).hasMessage("type");
    }
}
