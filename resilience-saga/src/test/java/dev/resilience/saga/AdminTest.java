// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Backoff;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.assertj.core.api.AbstractThrowableAssert;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** T19, T20, T21, S12, S14: what an operator can do, what it leaves in the journal, and what is refused. */
class AdminTest {
    private final Fleet fleet = new Fleet();
    private final List<String> calls = new CopyOnWriteArrayList<>();
    private final List<String> told = new CopyOnWriteArrayList<>();
    private final List<String> broken = new CopyOnWriteArrayList<>();
    private final Saga<String, String> saga = saga();
    private SagaEngine engine;
    private SagaAdmin admin;

    /** reserve (undone by release), the pivot pay, then ship; each fails while it is called broken. */
    private Saga<String, String> saga() {
        Backoff soon = Backoff.constant(Duration.ofMillis(10));
        SagaDefinition<String> s = Saga.define("shop", 1, String.class).lockKey(in -> "lock-" + in);
        Saga.Result<String> reserved = s.step("reserve", String.class)
                .run((in, c) -> act("reserve"))
                .undo((in, r, c) -> act("release " + r))
                .retry(2, soon)
                .undoRetry(2, soon)
                .add();
        Saga.Result<String> paid = s.pivot("pay", String.class)
                .run(reserved, (in, r, c) -> act("pay"))
                .rejectsOn(UnsupportedOperationException.class)
                .retry(2, soon)
                .resolveFor(Duration.ofSeconds(5))
                .add();
        Saga.Result<String> shipped = s.retriable("ship", String.class)
                .run(paid, (in, p, c) -> act("ship after " + p))
                .retry(2, soon)
                .resolveFor(Duration.ofSeconds(5))
                .add();
        return s.returns(reserved, paid, shipped, (in, r, p, sh) -> r + "," + p + "," + sh);
    }

    private String act(String call) {
        calls.add(call);
        int blank = call.indexOf(' ');
        String step = blank < 0 ? call : call.substring(0, blank);
        if (broken.contains("rejected " + step)) throw new StepRejectedException("no");
        if (broken.contains(step)) throw new IllegalStateException(step + " is broken");
        return step + "ed";
    }

    @BeforeEach
    void open() {
        engine = fleet.open(
                "a",
                fleet.link(),
                builder -> builder.register(saga).listener(new SagaListener() {
                    @Override
                    public void operated(SagaRef ref, String verb, String actor, String note) {
                        told.add(verb + " by " + actor + ": " + note);
                    }

                    @Override
                    public void ended(SagaRef ref, SagaStatus status, Duration lasted) {
                        told.add("ended " + status);
                    }
                }));
        admin = engine.admin();
    }

    @AfterEach
    void close() {
        fleet.close();
    }

    private SagaHandle<String> parked(String... brokenSteps) {
        broken.addAll(List.of(brokenSteps));
        SagaHandle<String> handle = engine.start(saga, "1", "x");
        fleet.untilStatus(handle, SagaStatus.NEEDS_ATTENTION);
        broken.clear();
        calls.clear();
        return handle;
    }

    /** By its undo, after the pivot was refused. */
    private SagaHandle<String> parkedUndoing() {
        return parked("rejected pay", "release");
    }

    private List<String> operatorLines(SagaRef ref) {
        return admin.journal(ref).stream()
                .filter(line -> line.phase() == JournalEntry.Phase.OPERATOR)
                .map(line -> line.note() + " " + line.step() + " " + line.text())
                .toList();
    }

    private static AbstractThrowableAssert<?, ?> assertRefused(ThrowingCallable verb) {
        return assertThatThrownBy(verb).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void retry_goes_on_where_it_stands_and_says_who_and_why() throws Exception {
        SagaHandle<String> handle = parked("ship");
        assertThat(handle.await(Duration.ZERO)).isInstanceOfSatisfying(SagaOutcome.NeedsAttention.class, parked -> {
            assertThat(parked.step()).isEqualTo("ship");
            assertThat(parked.text()).contains("ship is broken");
            assertThat(parked.abandoned()).isFalse();
        });
        admin.retry(handle.ref(), "ann", "ticket 42");
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("ship after payed");
        assertThat(operatorLines(handle.ref())).containsExactly("retry  ann: ticket 42");
        assertThat(told).containsExactly("retry by ann: ticket 42", "ended COMPLETED");
        assertThat(handle.await(Duration.ZERO).orElseThrow()).isEqualTo("reserveed,payed,shiped");
    }

    @Test
    void a_resolution_is_the_recorded_outcome_and_the_step_is_not_called_again() throws Exception {
        SagaHandle<String> handle = parked("pay"); // the pivot, in doubt (T9)
        assertThat(fleet.head(handle.ref()).inPivot()).isTrue();
        admin.resolve(handle.ref(), "pay", Resolution.done("receipt-7"), "ann", "seen at the bank");
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("ship after receipt-7");
        assertThat(fleet.head(handle.ref()).pivotPassed()).isTrue();
        assertThat(handle.await(Duration.ZERO).orElseThrow()).isEqualTo("reserveed,receipt-7,shiped");
        assertThat(operatorLines(handle.ref())).containsExactly("resolve pay ann: seen at the bank");
    }

    @Test
    void a_step_that_is_done_has_the_result_that_later_steps_see() {
        SagaHandle<String> handle = parked("pay");
        long seq = fleet.head(handle.ref()).seq();
        assertRefused(() -> admin.resolve(handle.ref(), "pay", Resolution.done(), "ann", "seen at the bank"))
                .hasMessageContaining("resolve pay")
                .hasMessageContaining("say done(..) with the String that it answered");
        assertThat(fleet.head(handle.ref()).seq()).isEqualTo(seq);
        admin.resolve(handle.ref(), "pay", Resolution.done("receipt-7"), "ann", "seen at the bank");
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
    }

    @Test
    void a_pivot_that_is_found_not_done_turns_the_saga() {
        SagaHandle<String> handle = parked("pay");
        admin.resolve(handle.ref(), "pay", Resolution.notDone(), "ann", "the bank has none"); // T8
        fleet.untilStatus(handle, SagaStatus.COMPENSATED);
        assertThat(calls).containsExactly("release reserveed");
    }

    @Test
    void an_undo_that_was_made_by_hand_is_not_made_again() {
        SagaHandle<String> handle = parkedUndoing();
        admin.resolve(handle.ref(), "reserve", Resolution.done(), "ann", "released by hand");
        fleet.untilStatus(handle, SagaStatus.COMPENSATED);
        assertThat(calls).isEmpty();
    }

    @Test
    void a_step_that_is_skipped_has_the_result_that_the_operator_gave() throws Exception {
        SagaHandle<String> handle = parked("ship");
        admin.skip(handle.ref(), "ship", "by taxi", "ann", "carrier is on strike");
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        assertThat(calls).isEmpty();
        assertThat(handle.await(Duration.ZERO).orElseThrow()).isEqualTo("reserveed,payed,by taxi");
    }

    @Test
    void an_undo_that_is_skipped_is_not_made() {
        SagaHandle<String> handle = parkedUndoing();
        admin.skip(handle.ref(), "reserve", null, "ann", "it expires by itself");
        fleet.untilStatus(handle, SagaStatus.COMPENSATED);
        assertThat(calls).isEmpty();
    }

    @Test
    void retry_of_a_saga_that_is_being_undone_undoes_it_further() {
        SagaHandle<String> handle = parkedUndoing();
        admin.retry(handle.ref(), "ann", "release is back");
        fleet.untilStatus(handle, SagaStatus.COMPENSATED);
        assertThat(calls).containsExactly("release reserveed");
    }

    @Test
    void abandon_ends_it_as_it_is_and_frees_its_lock() throws Exception {
        SagaHandle<String> handle = parked("ship");
        assertThatThrownBy(() -> engine.start(saga, "2", "x")).isInstanceOf(SagaLockedException.class); // S14
        admin.abandon(handle.ref(), "ann", "customer is gone"); // T20
        assertThat(fleet.status(handle)).isEqualTo(SagaStatus.ABANDONED);
        assertThat(handle.await(Duration.ZERO))
                .isInstanceOfSatisfying(
                        SagaOutcome.NeedsAttention.class,
                        given -> assertThat(given.abandoned()).isTrue());
        assertThat(told).containsExactly("abandon by ann: customer is gone", "ended ABANDONED");
        fleet.untilStatus(engine.start(saga, "2", "x"), SagaStatus.COMPLETED);
        assertThat(calls).doesNotContain("release reserveed");
        assertRefused(() -> admin.retry(handle.ref(), "ann", "oh")).hasMessageContaining("ABANDONED");
    }

    @Test
    void one_that_is_abandoned_out_of_a_pause_says_who_gave_it_up_and_why() throws Exception {
        SagaDefinition<String> s = Saga.define("nap", 1, String.class);
        s.delay("nap", Duration.ofMinutes(1));
        Saga<String, Void> nap = s.build();
        SagaHandle<Void> handle = fleet.open("b", nap).start(nap, "1", "x");
        admin.pause(handle.ref(), "ann", "wait");
        admin.abandon(handle.ref(), "ann", "the shop is closed");
        assertThat(handle.await(Duration.ZERO)).asString().isEqualTo("ABANDONED OPERATOR: ann: the shop is closed");
    }

    @Test
    void nothing_is_compensated_after_the_pivot_nor_while_it_may_be_done() {
        SagaHandle<String> handle = parked("ship");
        assertRefused(() -> admin.compensate(handle.ref(), "ann", "please"))
                .hasMessageContaining("its pivot is done")
                .hasMessageContaining("G7");
        admin.abandon(handle.ref(), "ann", "next");
        broken.add("pay");
        SagaHandle<String> doubtful = engine.start(saga, "2", "x");
        fleet.untilStatus(doubtful, SagaStatus.NEEDS_ATTENTION);
        assertRefused(() -> admin.compensate(doubtful.ref(), "ann", "please"))
                .hasMessageContaining("its pivot may be done")
                .hasMessageContaining("resolve");
        assertThat(operatorLines(doubtful.ref())).isEmpty();
    }

    @Test
    void a_saga_that_was_parked_before_its_pivot_can_be_compensated() {
        // at most once: possibly called by an engine that died, and never called again
        SagaDefinition<String> s = Saga.define("once", 1, String.class);
        s.step("first", String.class)
                .run((in, c) -> act("first"))
                .undo((in, r, c) -> act("unfirst"))
                .add();
        s.step("second", String.class)
                .run((in, c) -> act("second"))
                .undo((in, r, c) -> act("unsecond"))
                .atMostOnce()
                .add();
        Saga<String, Void> once = s.build();
        SagaEngine other = fleet.open("b", once);
        broken.add("second");
        SagaHandle<Void> handle = other.start(once, "1", "x");
        fleet.until(() -> fleet.status(handle) == SagaStatus.NEEDS_ATTENTION
                || fleet.status(handle).ended());
        assertThat(fleet.status(handle)).isEqualTo(SagaStatus.NEEDS_ATTENTION);
        SagaInstance head = fleet.head(handle.ref());
        if (head.heldFrom() == SagaStatus.RUNNING) {
            other.admin().compensate(handle.ref(), "ann", "give up");
            fleet.until(() -> fleet.status(handle) != SagaStatus.RUNNING);
            fleet.until(() -> fleet.status(handle) == SagaStatus.NEEDS_ATTENTION
                    || fleet.status(handle).ended());
        }
        if (!fleet.status(handle).ended())
            other.admin().resolve(handle.ref(), "second", Resolution.notDone(), "ann", "looked");
        fleet.untilStatus(handle, SagaStatus.COMPENSATED);
        assertThat(calls).contains("unfirst").doesNotContain("unsecond");
    }

    @Test
    void a_paused_saga_records_what_is_under_way_and_begins_nothing_until_it_is_resumed() {
        Booking booking = new Booking();
        SagaEngine b = fleet.open("b", booking.saga);
        Booking.Held held = booking.hold("flight", Booking.At.AFTER);
        SagaHandle<String> handle = b.start(booking.saga, "1", "x");
        held.reach();
        b.admin().pause(handle.ref(), "ann", "wait"); // T21
        assertThat(fleet.status(handle)).isEqualTo(SagaStatus.PAUSED);
        held.go();
        fleet.until(() -> fleet.head(handle.ref()).owner() == null);
        fleet.pass(Duration.ofMinutes(2));
        assertThat(fleet.status(handle)).isEqualTo(SagaStatus.PAUSED);
        assertThat(fleet.head(handle.ref()).heldFrom()).isEqualTo(SagaStatus.RUNNING);
        assertThat(booking.calls).containsExactly("flight"); // S12: recorded, not lost, nothing more begun
        b.admin().resume(handle.ref(), "ann", "go");
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        booking.assertBooked();
        assertThat(booking.calls).hasSize(3);
        assertThat(operatorLines(handle.ref())).containsExactly("pause  ann: wait", "resume  ann: go");
    }

    @Test
    void a_saga_that_is_resumed_before_its_owner_looked_goes_on_with_it() {
        Booking booking = new Booking();
        SagaEngine b = fleet.open("b", booking.saga);
        Booking.Held held = booking.hold("flight", Booking.At.AFTER);
        SagaHandle<String> handle = b.start(booking.saga, "1", "x");
        held.reach();
        b.admin().pause(handle.ref(), "ann", "wait");
        b.admin().resume(handle.ref(), "ann", "go");
        held.go();
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        assertThat(booking.calls).hasSize(3);
    }

    @Test
    void verbs_that_the_state_does_not_allow_say_what_it_is_and_change_nothing() {
        SagaHandle<String> handle = engine.start(saga, "1", "x");
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        SagaRef ref = handle.ref();
        List<ThrowingCallable> verbs = List.of(
                () -> admin.retry(ref, "ann", ""),
                () -> admin.resolve(ref, "ship", Resolution.done("x"), "ann", ""),
                () -> admin.skip(ref, "ship", "x", "ann", ""),
                () -> admin.compensate(ref, "ann", ""),
                () -> admin.abandon(ref, "ann", ""),
                () -> admin.pause(ref, "ann", ""),
                () -> admin.resume(ref, "ann", ""));
        for (ThrowingCallable verb : verbs)
            assertRefused(verb).hasMessageContaining("shop/1 is COMPLETED").hasMessageContaining("cannot be told to");
        assertThat(operatorLines(ref)).isEmpty();
        assertThat(told).containsExactly("ended COMPLETED");
    }

    /** S47: its journal would fit no definition any more, whatever an operator said then. */
    @Test
    void findings_of_steps_whose_turn_it_is_not_are_refused() throws Exception {
        SagaHandle<String> handle = parked("pay");
        SagaRef ref = handle.ref();
        assertRefused(() -> admin.resolve(ref, "ship", Resolution.done("x"), "ann", ""))
                .hasMessageContaining("not its turn")
                .hasMessageContaining("pay");
        assertRefused(() -> admin.skip(ref, "ship", "x", "ann", "")).hasMessageContaining("not its turn");
        assertThat(operatorLines(ref)).isEmpty();
        admin.resolve(ref, "pay", Resolution.done("receipt"), "ann", "seen at the bank");
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
    }

    @Test
    void findings_that_do_not_fit_the_journal_are_refused() {
        SagaRef ref = parked("ship").ref();
        assertRefused(() -> admin.resolve(ref, "reserve", Resolution.done("x"), "ann", ""))
                .hasMessageContaining("G4"); // it has its one outcome
        assertRefused(() -> admin.skip(ref, "pay", "x", "ann", "")).hasMessageContaining("G4");
        assertRefused(() -> admin.resolve(ref, "ship", Resolution.notDone(), "ann", ""))
                .hasMessageContaining("the pivot is done");
        assertThatThrownBy(() -> admin.resolve(ref, "sail", Resolution.done("x"), "ann", ""))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no step 'sail'")
                .hasMessageContaining("reserve");
        assertThatThrownBy(() -> admin.resolve(ref, "ship", Resolution.done(7), "ann", ""))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("must be a String, was a java.lang.Integer");
        assertThatThrownBy(() -> admin.skip(ref, "ship#0", "x", "ann", ""))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("has no elements");
        assertThatThrownBy(() -> admin.retry(ref, " ", "x")).hasMessageContaining("actor");
        assertThatThrownBy(() -> admin.retry(new SagaRef("shop", "none"), "ann", "x"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("there is none");
        assertThat(operatorLines(ref)).isEmpty();
    }

    @Test
    void sagas_are_listed_and_purged_by_age() {
        SagaHandle<String> first = engine.start(saga, "1", "x");
        fleet.untilStatus(first, SagaStatus.COMPLETED);
        SagaRef ref = parked2();
        assertThat(admin.list(SagaQuery.all().status(SagaStatus.NEEDS_ATTENTION)))
                .extracting(SagaInstance::ref)
                .containsExactly(ref);
        assertThat(admin.get(ref)).map(SagaInstance::lockKey).contains("lock-y");
        assertThat(admin.get(new SagaRef("shop", "none"))).isEmpty();
        fleet.pass(Duration.ofMinutes(2));
        assertThat(engine.snapshot().attention()).isEqualTo(1);
        assertThat(admin.purge(Duration.ofHours(1))).isZero();
        assertThat(admin.purge(Duration.ofMinutes(1))).isEqualTo(1);
        assertThat(admin.list(SagaQuery.all())).extracting(SagaInstance::ref).containsExactly(ref);
    }

    private SagaRef parked2() {
        broken.add("ship");
        SagaHandle<String> handle = engine.start(saga, "2", "y");
        fleet.untilStatus(handle, SagaStatus.NEEDS_ATTENTION);
        return handle.ref();
    }
}
