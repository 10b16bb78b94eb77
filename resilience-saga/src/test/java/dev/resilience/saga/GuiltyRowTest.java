// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** G8, L3: a row that a database refuses for what is in it costs its own saga, and that one is left to a person. */
@Timeout(300)
class GuiltyRowTest {
    private final Fleet fleet = new Fleet();
    private final List<String> calls = new CopyOnWriteArrayList<>();
    private final AtomicBoolean mended = new AtomicBoolean();
    private final AtomicInteger refusals = new AtomicInteger();

    @AfterEach
    void close() {
        mended.set(true);
        fleet.close();
    }

    /** A store that refuses writes as a database does whose columns or constraints they do not fit. */
    private Link refusing(String state, Predicate<Checkpoint> guilty) {
        return new Link(fleet.store) {
            @Override
            public boolean write(Checkpoint checkpoint) {
                if (!mended.get() && guilty.test(checkpoint)) {
                    refusals.incrementAndGet();
                    throw new SagaStoreException("writing", new SQLException("refused by a constraint", state));
                }
                return super.write(checkpoint);
            }
        };
    }

    private static boolean tells(Checkpoint checkpoint, String result) {
        for (JournalEntry entry : checkpoint.entries())
            if (entry.payload() != null
                    && new String(entry.payload(), java.nio.charset.StandardCharsets.UTF_8).contains(result))
                return true;
        return false;
    }

    /** A step that is undone, then one whose result the input says. */
    private Saga<String, String> saga() {
        SagaDefinition<String> s = Saga.define("work", 1, String.class);
        s.step("before", String.class)
                .run((in, c) -> "b")
                .undo((in, r, c) -> calls.add("undo before"))
                .add();
        var step = s.step("step", String.class)
                .run((in, c) -> {
                    calls.add("step " + c.key());
                    return in;
                })
                .undo((in, r, c) -> calls.add("undo step"))
                .add();
        return s.returns(step, (in, r) -> r);
    }

    private SagaEngine open(Link link, Saga<?, ?> saga) {
        return fleet.open("a", link, b -> b.register(saga));
    }

    @ParameterizedTest
    @ValueSource(strings = {"22001", "23514", "44000"})
    void an_outcome_that_is_refused_parks_its_saga_which_goes_on_when_the_cause_is_mended(String state) {
        Saga<String, String> saga = saga();
        SagaEngine engine = open(refusing(state, c -> tells(c, "evil")), saga);
        SagaHandle<String> guilty = engine.start(saga, "guilty", "evil");
        SagaHandle<String> other = engine.start(saga, "other", "fine");
        fleet.untilStatus(guilty, SagaStatus.NEEDS_ATTENTION);
        SagaInstance parked = fleet.head(guilty.ref());
        assertThat(parked.reason()).isEqualTo("UNWRITABLE");
        assertThat(parked.reasonStep()).isEqualTo("step");
        assertThat(parked.reasonText()).contains("refused by a constraint");
        fleet.untilStatus(other, SagaStatus.COMPLETED);
        fleet.until(() -> engine.snapshot().running() == 0); // it holds neither a thread nor a place
        int before = refusals.get();
        fleet.pass(Duration.ofMinutes(2));
        assertThat(refusals).hasValue(before);
        assertThat(calls.stream().filter(c -> c.contains("guilty"))).hasSize(1);
        mended.set(true);
        engine.admin().retry(guilty.ref(), "ann", "the column is wider now");
        fleet.untilStatus(guilty, SagaStatus.COMPLETED);
        assertThat(calls.stream().filter(c -> c.contains("guilty")).distinct()).hasSize(1); // the same key
    }

    @Test
    void its_step_is_held_for_called_and_may_be_resolved() throws Exception { // S2
        Saga<String, String> saga = saga();
        SagaEngine engine = open(refusing("22001", c -> tells(c, "evil")), saga);
        SagaHandle<String> undone = engine.start(saga, "undone", "evil");
        SagaHandle<String> resolved = engine.start(saga, "resolved", "evil");
        for (SagaHandle<String> handle : List.of(undone, resolved))
            fleet.untilStatus(handle, SagaStatus.NEEDS_ATTENTION);
        engine.admin().resolve(resolved.ref(), "step", Resolution.done("small"), "ann", "one that fits");
        fleet.untilStatus(resolved, SagaStatus.COMPLETED);
        assertThat(resolved.await(Duration.ZERO).orElseThrow()).isEqualTo("small");
        mended.set(true);
        calls.clear();
        engine.admin().compensate(undone.ref(), "ann", "not worth it");
        fleet.untilStatus(undone, SagaStatus.COMPENSATED);
        assertThat(calls).hasSize(3); // found out by calling it again, then undone: its effect was made
        assertThat(calls.subList(1, 3)).containsExactly("undo step", "undo before");
    }

    /** A schema that does not fit is no row's guilt: everything waits until an operator has mended it. */
    @Test
    void what_every_saga_meets_parks_none() {
        Saga<String, String> saga = saga();
        SagaEngine engine = open(refusing("42P01", c -> true), saga);
        SagaHandle<String> handle = engine.start(saga, "1", "fine");
        fleet.pass(Duration.ofMinutes(3));
        assertThat(fleet.status(handle)).isEqualTo(SagaStatus.RUNNING);
        mended.set(true);
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        assertThat(calls).hasSize(1);
    }

    /** Not even its parking can be written: no thread and no place are held, and the others are not held up. */
    @Test
    void a_row_that_takes_no_write_at_all_is_tried_now_and_then_and_holds_up_no_other_stray() {
        Saga<String, String> saga = saga();
        Link link = refusing("23514", c -> c.ref().id().startsWith("guilty"));
        SagaEngine engine = open(link, saga);
        for (int i = 0; i < 4; i++) engine.start(saga, "guilty-" + i, "in");
        fleet.until(() -> engine.snapshot().running() == 0);
        fleet.pass(Fleet.LEASE.multipliedBy(3));
        SagaRef lost = new SagaRef("work", "lost");
        byte[] input = Fleet.there(SagaCodec.records().encode(Type.of(String.class), "in"));
        SagaInstance head = SagaInstance.builder(lost)
                .incarnation("i")
                .fence(7)
                .owner(engine.snapshot().owner())
                .build();
        fleet.store.insert(new SagaStore.Start(head, input, Fingerprint.of(input), null, List.of()));
        fleet.until(() -> fleet.head(lost).status() == SagaStatus.COMPLETED); // adopted, though others are stuck
        int before = refusals.get();
        fleet.pass(Duration.ofMinutes(5));
        assertThat(refusals.get() - before).isLessThanOrEqualTo(4 * 21); // once a lease each
        fleet.until(() -> engine.snapshot().running() == 0);
        mended.set(true);
        for (int i = 0; i < 4; i++) {
            SagaRef guilty = new SagaRef("work", "guilty-" + i);
            fleet.until(() -> fleet.head(guilty).status() == SagaStatus.COMPLETED);
        }
    }
}
