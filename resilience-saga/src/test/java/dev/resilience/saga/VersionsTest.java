// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Backoff;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** S47, T18: which definition runs a saga that another one began, and what happens where none can. */
class VersionsTest {
    private final Fleet fleet = new Fleet();
    private final List<String> calls = new CopyOnWriteArrayList<>();

    @AfterEach
    void close() {
        fleet.close();
    }

    /** Two naps with a step after each, so that another version may be there when it wakes. */
    private Saga<String, Void> version(int version, int since, String... steps) {
        SagaDefinition<String> s =
                Saga.define("evolving", version, String.class).since(since);
        for (String step : steps) {
            s.step(step, String.class)
                    .run((in, c) -> {
                        calls.add("v" + version + " " + step);
                        return "";
                    })
                    .harmless()
                    .add();
            s.delay("after-" + step, Duration.ofSeconds(30));
        }
        return s.build();
    }

    private SagaHandle<Void> startedAndLeft(Saga<String, Void> saga) {
        SagaEngine old = fleet.open("old", saga);
        SagaHandle<Void> handle = old.start(saga, "1", "x");
        fleet.until(() -> fleet.head(handle.ref()).owner() == null);
        fleet.close(old);
        return handle;
    }

    @Test
    void a_saga_goes_on_with_its_own_version_where_that_is_registered() {
        Saga<String, Void> one = version(1, 1, "a", "b");
        SagaHandle<Void> handle = startedAndLeft(one);
        fleet.open("new", version(2, 1, "a", "b", "c"), one);
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("v1 a", "v1 b");
        assertThat(fleet.head(handle.ref()).version()).isEqualTo(1);
    }

    @Test
    void else_with_the_lowest_newer_one_that_takes_it_on() {
        SagaHandle<Void> handle = startedAndLeft(version(1, 1, "a", "b"));
        fleet.open("new", version(4, 1, "a", "b", "d"), version(3, 1, "a", "b", "c"), version(2, 2, "z"));
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("v1 a", "v3 b", "v3 c");
        assertThat(fleet.head(handle.ref()).version()).isEqualTo(3);
    }

    @Test
    void a_saga_that_no_engine_has_a_definition_for_waits_and_is_counted() {
        SagaHandle<Void> handle = startedAndLeft(version(2, 2, "a", "b"));
        SagaEngine older = fleet.open("older", version(1, 1, "a", "b"));
        SagaEngine tooNew = fleet.open("too-new", version(3, 3, "a", "b"));
        fleet.pass(Duration.ofMinutes(3));
        assertThat(fleet.status(handle)).isEqualTo(SagaStatus.RUNNING);
        assertThat(calls).containsExactly("v2 a");
        assertThat(older.snapshot().unclaimable()).isEqualTo(1);
        assertThat(tooNew.snapshot().unclaimable()).isEqualTo(1);
        fleet.open("right", version(2, 2, "a", "b"));
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
    }

    @Test
    void a_definition_that_does_not_fit_the_journal_parks_that_saga_alone() {
        SagaHandle<Void> handle = startedAndLeft(version(1, 1, "a", "b"));
        Saga<String, Void> renamed = version(2, 1, "x", "b");
        SagaEngine engine = fleet.open("new", renamed);
        SagaHandle<Void> healthy = engine.start(renamed, "2", "x");
        fleet.untilStatus(handle, SagaStatus.NEEDS_ATTENTION);
        assertThat(fleet.head(handle.ref()).reason()).isEqualTo("DEFINITION_MISMATCH");
        fleet.untilStatus(healthy, SagaStatus.COMPLETED);
        // a definition that fits, and an operator's word, and it goes on
        fleet.close(engine);
        SagaEngine mended = fleet.open("mended", version(3, 1, "a", "b"));
        mended.admin().retry(handle.ref(), "ann", "deployed version 3");
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        assertThat(calls).contains("v3 b").doesNotContain("v3 a");
    }

    /** S47: what does not fit has written nothing that only its own version could read. */
    @Test
    void a_release_that_does_not_fit_can_be_rolled_back() {
        Saga<String, Void> one = version(1, 1, "a", "b");
        SagaHandle<Void> handle = startedAndLeft(one);
        SagaEngine misfit = fleet.open("misfit", version(2, 1, "x", "a", "b"));
        fleet.untilStatus(handle, SagaStatus.NEEDS_ATTENTION);
        assertThat(fleet.head(handle.ref()).reason()).isEqualTo("DEFINITION_MISMATCH");
        assertThat(fleet.head(handle.ref()).version()).isEqualTo(1);
        fleet.close(misfit);
        SagaEngine back = fleet.open("back", one);
        back.admin().retry(handle.ref(), "ann", "rolled back");
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("v1 a", "v1 b");
    }

    /** One step, tried again half a minute after it failed, which it does the first time. */
    private static <I> Saga<I, Void> failing(Class<I> input, int version, List<String> calls) {
        SagaDefinition<I> s = Saga.define("failing", version, input).since(1);
        s.step("only", String.class)
                .run((in, c) -> {
                    calls.add("v" + version + " " + in);
                    if (calls.size() == 1) throw new IllegalStateException("not yet");
                    return "";
                })
                .harmless()
                .retry(3, Backoff.constant(Duration.ofSeconds(30)))
                .add();
        return s.build();
    }

    /** S47: what could not be read has recorded nothing that only its own version could read. */
    @Test
    void a_release_that_cannot_read_an_input_can_be_rolled_back() {
        Saga<Narrow, Void> one = failing(Narrow.class, 1, calls);
        SagaEngine old = fleet.open("old", one);
        SagaHandle<Void> handle = old.start(one, "1", new Narrow("book"));
        fleet.until(() -> fleet.head(handle.ref()).owner() == null);
        fleet.close(old);
        SagaEngine release = fleet.open("release", failing(Counted.class, 2, calls));
        fleet.untilStatus(handle, SagaStatus.NEEDS_ATTENTION);
        assertThat(fleet.head(handle.ref()).reason()).isEqualTo("UNREADABLE");
        assertThat(fleet.head(handle.ref()).version()).isEqualTo(1);
        fleet.close(release);
        SagaEngine back = fleet.open("back", one);
        back.admin().retry(handle.ref(), "ann", "rolled back");
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("v1 Narrow[item=book]", "v1 Narrow[item=book]");
    }

    record Counted(int item) {}

    /** A nap, then a step that reads the input. */
    private static <I> Saga<I, Void> napping(Class<I> input, int version, List<String> calls, String... more) {
        SagaDefinition<I> s = Saga.define("napping", version, input).since(1);
        s.delay("nap", Duration.ofSeconds(30));
        s.step("only", String.class)
                .run((in, c) -> {
                    calls.add("v" + version + " " + in);
                    return "";
                })
                .harmless()
                .add();
        for (String step : more)
            s.step(step, String.class).run((in, c) -> "").harmless().add();
        return s.build();
    }

    private SagaHandle<Void> parkedAfterItsNap(Saga<Narrow, Void> one, Saga<?, Void> release) {
        SagaEngine old = fleet.open("old", one);
        SagaHandle<Void> handle = old.start(one, "1", new Narrow("book"));
        fleet.until(() -> fleet.head(handle.ref()).owner() == null);
        fleet.close(old);
        SagaEngine engine = fleet.open("release", release);
        fleet.untilStatus(handle, SagaStatus.NEEDS_ATTENTION);
        assertThat(fleet.head(handle.ref()).reason()).isEqualTo("UNREADABLE");
        assertThat(fleet.head(handle.ref()).version()).isEqualTo(2); // it has recorded the end of the nap
        fleet.close(engine);
        return handle;
    }

    /** S47: nor has one that recorded what the older one reads as well; an operator says so, nobody guesses. */
    @Test
    void a_release_that_ended_a_delay_before_it_could_not_read_on_can_be_rolled_back() {
        Saga<Narrow, Void> one = napping(Narrow.class, 1, calls);
        SagaHandle<Void> handle = parkedAfterItsNap(one, napping(Counted.class, 2, calls));
        SagaEngine back = fleet.open("back", one);
        fleet.pass(Duration.ofMinutes(2));
        assertThat(fleet.status(handle)).isEqualTo(SagaStatus.NEEDS_ATTENTION);
        back.admin().retry(handle.ref(), "ann", "rolled back");
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("v1 Narrow[item=book]");
        assertThat(fleet.head(handle.ref()).version()).isEqualTo(1);
    }

    /** Of an engine that has a definition for it, retry means that one; of one whose older ones do not fit, it waits. */
    @Test
    void a_retry_takes_no_older_definition_where_there_is_a_newer_one_or_where_it_does_not_fit() {
        Saga<Narrow, Void> one = napping(Narrow.class, 1, calls);
        SagaHandle<Void> handle = parkedAfterItsNap(one, napping(Counted.class, 2, calls));
        Saga<Narrow, Void> mended = napping(Narrow.class, 3, calls, "more");
        SagaDefinition<Narrow> renamed = Saga.define("napping", 1, Narrow.class);
        renamed.delay("sleep", Duration.ofSeconds(30));
        SagaEngine misfit = fleet.open("misfit", renamed.build());
        misfit.admin().retry(handle.ref(), "ann", "rolled back to what does not fit");
        assertThat(fleet.head(handle.ref()).version()).isEqualTo(2);
        fleet.close(misfit);
        fleet.open("both", one, mended);
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("v3 Narrow[item=book]");
    }

    @Test
    void a_verb_of_an_engine_without_the_definition_is_for_the_others() {
        Saga<String, Void> one = version(1, 1, "a", "b");
        SagaHandle<Void> handle = startedAndLeft(one);
        SagaEngine misfit = fleet.open("misfit", version(2, 1, "x"));
        fleet.untilStatus(handle, SagaStatus.NEEDS_ATTENTION);
        fleet.close(misfit);
        SagaEngine other = fleet.open("other", version(3, 3, "a", "b"));
        assertThatThrownBy(() -> other.admin().resolve(handle.ref(), "b", Resolution.done(""), "ann", ""))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("version 1 of its definition is not registered with this engine");
        assertThatThrownBy(() -> other.admin().skip(handle.ref(), "b", "", "ann", ""))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("version 1 of its definition is not registered with this engine");
        other.admin().retry(handle.ref(), "ann", "somebody has it");
        fleet.pass(Duration.ofMinutes(3));
        assertThat(fleet.status(handle)).isEqualTo(SagaStatus.RUNNING);
        assertThat(other.snapshot().unclaimable()).isEqualTo(1);
        fleet.open("right", one);
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("v1 a", "v1 b");
    }

    @Test
    void an_unreadable_payload_parks_that_saga_alone() {
        record Order(String item, int amount) {}
        SagaDefinition<Order> s = Saga.define("orders", 1, Order.class);
        s.step("read", String.class)
                .run((in, c) -> {
                    calls.add(in.item());
                    return "";
                })
                .harmless()
                .add();
        Saga<Order, Void> orders = s.build();
        byte[] rubbish = "{\"item\": 7".getBytes(StandardCharsets.UTF_8);
        SagaRef broken = new SagaRef("orders", "broken");
        SagaInstance head =
                SagaInstance.builder(broken).incarnation("i").fence(7).wakeMs(0).build();
        fleet.store.insert(new SagaStore.Start(head, rubbish, Fingerprint.of(rubbish), null, List.of()));
        SagaEngine engine = fleet.open("a", orders);
        SagaHandle<Void> healthy = engine.start(orders, "fine", new Order("book", 1));
        fleet.until(() -> fleet.head(broken).status() == SagaStatus.NEEDS_ATTENTION);
        assertThat(fleet.head(broken).reason()).isEqualTo("UNREADABLE");
        fleet.untilStatus(healthy, SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("book");
    }

    @Test
    void an_input_that_grew_a_component_is_the_same_input() {
        // G2 over versions: other bytes, the same meaning
        Saga<Narrow, Void> one = of(Narrow.class, 1);
        SagaEngine old = fleet.open("old", one);
        SagaHandle<Void> handle = old.start(one, "1", new Narrow("book"));
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        Saga<Wide, Void> two = of(Wide.class, 2);
        SagaEngine now = fleet.open("now", two);
        assertThat(now.start(two, "1", new Wide("book", null)).ref()).isEqualTo(handle.ref());
        assertThatThrownBy(() -> now.start(two, "1", new Wide("book", "blue")))
                .isInstanceOf(SagaIdConflictException.class);
    }

    record Narrow(String item) {}

    record Wide(String item, @Nullable String colour) {}

    private static <I> Saga<I, Void> of(Class<I> input, int version) {
        SagaDefinition<I> s = Saga.define("growing", version, input);
        s.step("only", String.class).run((in, c) -> "").harmless().add();
        return s.build();
    }
}
