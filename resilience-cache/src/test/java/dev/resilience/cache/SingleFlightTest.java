// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.CallContext;
import dev.resilience.CallInterruptedException;
import dev.resilience.TimeoutExceededException;
import dev.resilience.cache.Flyers.Flyer;
import dev.resilience.cache.Flyers.Held;
import dev.resilience.cache.SingleFlight.Role;
import dev.resilience.testkit.Laws;
import dev.resilience.testkit.ManualTime;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The blocking face: cache.md 3.2 to 3.5, S17, L6, L8, L9, L13. */
class SingleFlightTest {
    @RegisterExtension
    final Laws laws = new Laws();

    private final ManualTime time = laws.time();
    private final SingleFlight<String, String> flight =
            SingleFlight.builder("users").timeSource(time).build();
    private final SingleFlight<String, String> detached =
            SingleFlight.builder("users").detached().timeSource(time).build();

    @Test
    void a_caller_alone_gets_what_its_load_returns() {
        assertThat(flight.call("k", () -> "v")).isEqualTo("v");
        assertThat(detached.call("k", () -> "v")).isEqualTo("v");
    }

    @Test
    void a_load_may_return_null() {
        SingleFlight<String, String> any = SingleFlight.create();
        assertThat(any.call("k", () -> null)).isNull();
    }

    @Test
    void nothing_is_kept() {
        assertThat(flight.call("k", () -> "one")).isEqualTo("one");
        assertThat(flight.call("k", () -> "two")).isEqualTo("two");
        assertThat(flight.snapshot().loads()).isEqualTo(2);
    }

    @Test
    void all_who_come_while_a_load_is_under_way_share_its_value() throws Exception {
        Object shared = new Object();
        SingleFlight<String, Object> any =
                SingleFlight.builder("any").timeSource(time).build();
        Held<Object> load = new Held<>(() -> shared);
        List<Flyer<Object>> callers = new ArrayList<>();
        callers.add(Flyers.fly(() -> any.call("k", load)));
        load.awaitIn();
        for (int i = 0; i < 7; i++) callers.add(Flyers.fly(() -> any.call("k", SingleFlightTest::notWanted)));
        time.awaitParked(7);
        assertThat(any.snapshot().loading()).isEqualTo(1);
        load.letOut();
        for (Flyer<Object> each : callers) assertThat(each.value()).isSameAs(shared);
        assertThat(any.snapshot().joined()).isEqualTo(7);
        assertThat(any.snapshot().loads()).isEqualTo(1);
        assertThat(any.snapshot().loading()).isZero();
    }

    private static <T> T notWanted() {
        throw new AssertionError("must not be run");
    }

    /** cache.md 3.2, L9. */
    @Test
    void a_failure_is_shared_and_each_caller_gets_an_exception_of_its_own() throws Exception {
        IOException cause = new IOException("secret of k");
        Held<String> load = new Held<>(() -> {
            throw cause;
        });
        List<Flyer<String>> callers = new ArrayList<>();
        callers.add(Flyers.fly(() -> flight.call("k", load)));
        load.awaitIn();
        for (int i = 0; i < 3; i++) callers.add(Flyers.fly(() -> flight.call("k", SingleFlightTest::notWanted)));
        time.awaitParked(3);
        time.advance(Duration.ofMillis(3));
        load.letOut();
        Set<Throwable> all = new HashSet<>();
        for (Flyer<String> each : callers) {
            Throwable thrown = each.thrown();
            all.add(thrown);
            assertThat(thrown).isInstanceOf(CacheLoadException.class).hasCause(cause);
            assertThat(thrown).hasMessage("single flight 'users': the load failed after 3 ms: java.io.IOException");
            assertThat(((CacheLoadException) thrown).age()).isEqualTo(Duration.ofMillis(3));
        }
        assertThat(all).hasSize(4);
    }

    @Test
    void a_failure_that_nobody_shared_looks_the_same() {
        IOException cause = new IOException();
        assertThatThrownBy(() -> flight.call("k", () -> {
                    throw cause;
                }))
                .isInstanceOf(CacheLoadException.class)
                .cause()
                .isSameAs(cause);
    }

    @Test
    void an_error_comes_out_of_the_leaders_call_as_it_is_and_wrapped_elsewhere() throws Exception {
        for (SingleFlight<String, String> each : List.of(flight, detached)) {
            Error error = new AssertionError("broken");
            Held<String> load = new Held<>(() -> {
                throw error;
            });
            Flyer<String> leader = Flyers.fly(() -> each.call("k", load));
            load.awaitIn();
            Flyer<String> follower = Flyers.fly(() -> each.call("k", SingleFlightTest::notWanted));
            Flyers.until(() -> each.snapshot().joined() == 1);
            load.letOut();
            assertThat(leader.thrown()).isSameAs(error);
            assertThat(follower.thrown())
                    .isInstanceOf(CacheLoadException.class)
                    .cause()
                    .isSameAs(error);
        }
    }

    /** cache.md 3.3. */
    @Test
    void a_caller_whose_time_is_over_leaves_the_load_to_the_others() throws Exception {
        Held<String> load = new Held<>(() -> "v");
        Flyer<String> leader = Flyers.fly(() -> flight.call("k", load));
        load.awaitIn();
        CallContext soon = CallContext.root().within(Duration.ofMillis(200));
        Flyer<String> hasty = Flyers.fly(() -> flight.call(soon, "k", SingleFlightTest::notWanted));
        Flyer<String> patient = Flyers.fly(() -> flight.call("k", SingleFlightTest::notWanted));
        time.awaitParked(2);
        time.advance(Duration.ofMillis(200));
        assertThat(hasty.thrown()).isInstanceOf(TimeoutExceededException.class).hasMessageContaining("'users'");
        load.letOut();
        assertThat(leader.value()).isEqualTo("v");
        assertThat(patient.value()).isEqualTo("v");
        assertThat(load.interrupted).isFalse();
    }

    @Test
    void a_deadline_that_has_passed_waits_for_nobody() throws Exception {
        Held<String> load = new Held<>(() -> "v");
        Flyer<String> leader = Flyers.fly(() -> flight.call("k", load));
        load.awaitIn();
        CallContext late = CallContext.root().within(Duration.ZERO);
        assertThatThrownBy(() -> flight.call(late, "k", SingleFlightTest::notWanted))
                .isInstanceOf(TimeoutExceededException.class);
        load.letOut();
        assertThat(leader.value()).isEqualTo("v");
    }

    /** cache.md 3.3, L8. */
    @Test
    void an_interrupted_caller_keeps_its_flag_and_leaves_the_load_to_the_others() throws Exception {
        Held<String> load = new Held<>(() -> "v");
        Flyer<String> leader = Flyers.fly(() -> flight.call("k", load));
        load.awaitIn();
        Flyer<String> follower = Flyers.fly(() -> flight.call("k", SingleFlightTest::notWanted));
        time.awaitParked(1);
        follower.interrupt();
        assertThat(follower.thrown()).isInstanceOf(CallInterruptedException.class);
        assertThat(follower.flagged()).isTrue();
        load.letOut();
        assertThat(leader.value()).isEqualTo("v");
        assertThat(leader.flagged()).isFalse();
    }

    /** cache.md 3.3: on the caller's thread the leader's interrupt is not the followers' failure. */
    @Test
    void when_the_leader_is_interrupted_a_follower_leads() throws Exception {
        Held<String> load = new Held<>(() -> "never");
        Flyer<String> leader = Flyers.fly(() -> flight.call("k", load));
        load.awaitIn();
        Flyer<String> one = Flyers.fly(() -> flight.call("k", () -> "again"));
        Flyer<String> two = Flyers.fly(() -> flight.call("k", () -> "again"));
        time.awaitParked(2);
        leader.interrupt();
        assertThat(leader.thrown())
                .isInstanceOf(CallInterruptedException.class)
                .hasCauseInstanceOf(InterruptedException.class);
        assertThat(leader.flagged()).isTrue();
        assertThat(one.value()).isEqualTo("again");
        assertThat(two.value()).isEqualTo("again");
        assertThat(load.runs).hasValue(1);
    }

    @Test
    void a_leader_that_is_interrupted_and_brings_a_value_all_the_same_shares_it() {
        Flyer<String> leader = Flyers.fly(() -> flight.call("k", () -> {
            Thread.currentThread().interrupt();
            return "v";
        }));
        assertThat(leader.value()).isEqualTo("v");
        assertThat(leader.flagged()).isTrue();
    }

    /** cache.md 3.3: the last one out cancels. */
    @Test
    void the_last_caller_to_leave_interrupts_the_load() throws Exception {
        Held<String> load = new Held<>(() -> "never");
        Flyer<String> one = Flyers.fly(() -> detached.call("k", load));
        load.awaitIn();
        Flyer<String> two = Flyers.fly(() -> detached.call("k", load));
        time.awaitParked(2);
        one.interrupt();
        assertThat(one.thrown()).isInstanceOf(CallInterruptedException.class);
        assertThat(load.interrupted).isFalse();
        assertThat(detached.snapshot().loading()).isEqualTo(1);
        two.interrupt();
        assertThat(two.thrown()).isInstanceOf(CallInterruptedException.class);
        Flyers.until(() -> load.interrupted && detached.snapshot().abandoned() == 0);
        assertThat(detached.snapshot().loading()).isZero();
        assertThat(detached.call("k", () -> "new")).isEqualTo("new");
    }

    @Test
    void the_opener_may_leave_a_detached_load_to_the_others() throws Exception {
        Held<String> load = new Held<>(() -> "v");
        CallContext soon = CallContext.root().within(Duration.ofMillis(10));
        Flyer<String> opener = Flyers.fly(() -> detached.call(soon, "k", load));
        load.awaitIn();
        Flyer<String> follower = Flyers.fly(() -> detached.call("k", SingleFlightTest::notWanted));
        time.awaitParked(2);
        time.advance(Duration.ofMillis(10));
        assertThat(opener.thrown()).isInstanceOf(TimeoutExceededException.class);
        load.letOut();
        assertThat(follower.value()).isEqualTo("v");
        assertThat(load.interrupted).isFalse();
    }

    /** S17: who was there gets the result, who comes later does not. */
    @Test
    void after_detach_a_new_load_begins_and_those_who_waited_get_the_old_one() throws Exception {
        Held<String> old = new Held<>(() -> "old");
        Flyer<String> leader = Flyers.fly(() -> flight.call("k", old));
        old.awaitIn();
        Flyer<String> follower = Flyers.fly(() -> flight.call("k", SingleFlightTest::notWanted));
        time.awaitParked(1);
        flight.detach("k");
        flight.detach("k");
        flight.detach("of nobody");
        assertThat(flight.snapshot().loading()).isZero();
        assertThat(flight.call("k", () -> "new")).isEqualTo("new");
        old.letOut();
        assertThat(leader.value()).isEqualTo("old");
        assertThat(follower.value()).isEqualTo("old");
    }

    /** cache.md 3.4. */
    @Test
    void a_load_that_asks_for_its_own_key_is_told_at_once() {
        for (SingleFlight<String, String> each : List.of(flight, detached)) {
            assertThatThrownBy(() -> each.call("k", () -> each.call("k", () -> "inner")))
                    .isInstanceOf(CacheLoadException.class)
                    .cause()
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("single flight 'users': the load of a key asked for that same key; it would wait for"
                            + " itself for ever");
            assertThat(each.call("k", () -> each.call("other", () -> "v"))).isEqualTo("v");
        }
    }

    /** Their owner does not see the key: an exception of the library's own never names it. */
    @Test
    void messages_name_no_key() {
        assertThat(flight.toString()).isEqualTo("single flight 'users' (loading 0, abandoned 0/64)");
        assertThat(flight.name()).isEqualTo("users");
        flight.call("k", () -> {
            time.advance(Duration.ofMillis(1200));
            assertThat(flight.snapshot()).hasToString("loading 1 (oldest 1.2 s), abandoned 0, loads 1, joined 0");
            return "v";
        });
    }

    @Test
    void an_executor_that_refuses_has_failed_the_load() {
        SingleFlight<String, String> full = SingleFlight.builder("full")
                .executor(task -> {
                    throw new RejectedExecutionException("full");
                })
                .timeSource(time)
                .build();
        assertThatThrownBy(() -> full.call("k", () -> "v"))
                .isInstanceOf(CacheLoadException.class)
                .hasCauseInstanceOf(RejectedExecutionException.class);
        assertThat(full.snapshot().loading()).isZero();
        assertThat(full.snapshot().abandoned()).isZero();
    }

    @Test
    void the_role_is_told() throws Exception {
        Held<String> load = new Held<>(() -> "v");
        Flyer<SingleFlight.Answer<String>> leader = Flyers.fly(() -> flight.answer("k", load));
        load.awaitIn();
        Flyer<SingleFlight.Answer<String>> follower = Flyers.fly(() -> flight.answer("k", SingleFlightTest::notWanted));
        time.awaitParked(1);
        load.letOut();
        assertThat(leader.value()).hasToString("LEADER, success");
        assertThat(follower.value().role()).isEqualTo(Role.FOLLOWER);
        assertThat(follower.value().outcome().orElseThrow()).isEqualTo("v");
        SingleFlight.Answer<String> failed = flight.answer("k", () -> {
            throw new IOException();
        });
        assertThat(failed).hasToString("LEADER, failure");
    }

    @Test
    void nothing_is_accepted_that_is_null() {
        assertThatThrownBy(() -> flight.call(null, () -> "v"))
                .isInstanceOf(NullPointerException.class)
                .hasMessage("key");
        assertThatThrownBy(() -> flight.call("k", null))
                .isInstanceOf(NullPointerException.class)
                .hasMessage("load");
        assertThatThrownBy(() -> flight.callAsync(null, () -> null)).hasMessage("key");
        assertThatThrownBy(() -> flight.detach(null)).hasMessage("key");
        assertThatThrownBy(() -> SingleFlight.builder(null)).hasMessage("name");
    }

    /** L11. */
    @Test
    void bad_settings_are_refused_in_one_message() {
        assertThatThrownBy(() -> SingleFlight.builder("users")
                        .loadDeadline(Duration.ZERO)
                        .maxAbandoned(0)
                        .build())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "single flight 'users': loadDeadline must be positive, was PT0S; leave it out for one minute,"
                                + " or give a very long one for none; maxAbandoned must be at least 1, was 0");
    }

    private record Collides(String name) {
        @Override
        public int hashCode() {
            return 7;
        }
    }

    /** cache.md 3.4: no user code runs inside the map. */
    @Test
    void keys_of_one_hash_never_block_each_other() throws Exception {
        SingleFlight<Collides, String> colliding =
                SingleFlight.builder("colliding").timeSource(time).build();
        Held<String> load = new Held<>(() -> "v");
        Flyer<String> leader = Flyers.fly(() -> colliding.call(new Collides("a"), load));
        load.awaitIn();
        assertThat(colliding.call(new Collides("b"), () -> "w")).isEqualTo("w");
        colliding.detach(new Collides("c"));
        colliding.detach(new Collides("a"));
        assertThat(colliding.call(new Collides("a"), () -> "x")).isEqualTo("x");
        load.letOut();
        assertThat(leader.value()).isEqualTo("v");
    }
}
