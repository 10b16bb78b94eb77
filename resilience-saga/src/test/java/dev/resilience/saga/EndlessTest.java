// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** L3: code that decides has no timeout; one that never ends costs its own saga, and somebody is told which. */
@Timeout(300)
class EndlessTest {
    private final Fleet fleet = new Fleet();
    private final List<String> told = new CopyOnWriteArrayList<>();
    private final Logger logger = Logger.getLogger("dev.resilience");
    private final Handler handler = new Handler() {
        @Override
        public void publish(LogRecord logged) {
            if (logged.getMessage().startsWith("saga endless/")) told.add(logged.getMessage());
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    };

    @BeforeEach
    void listen() {
        logger.addHandler(handler);
    }

    @AfterEach
    void close() {
        fleet.close();
        logger.removeHandler(handler);
    }

    private boolean endless(String in, String where) {
        if (!in.equals(where)) return true;
        try {
            fleet.hang();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        return true;
    }

    /** Its input says where it never ends. */
    private Saga<String, String> saga() {
        SagaDefinition<String> s = Saga.define("endless", 1, String.class);
        s.step("first", String.class).run((in, c) -> in).harmless().add();
        s.step("maybe", String.class).run((in, c) -> in).harmless().addWhen(in -> endless(in, "when"));
        s.forEach("each", String.class, String.class)
                .over(in -> endless(in, "over") ? List.of() : List.of())
                .run((in, e, c) -> e)
                .harmless()
                .add();
        return s.returns(in -> endless(in, "returns") ? in : "");
    }

    private SagaEngine open(String node, Saga<?, ?> saga) {
        return fleet.open(node, fleet.link(), b -> b.register(saga).drainFor(Duration.ofSeconds(10)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"when", "over", "returns"})
    void code_that_decides_and_does_not_end_is_named_now_and_then(String where) {
        Saga<String, String> saga = saga();
        SagaEngine engine = open("a", saga);
        engine.start(saga, "1", where);
        fleet.until(() -> !told.isEmpty());
        String what = where.equals("returns")
                ? "the code that makes what it returns has not come back"
                : "the condition or the elements of step '" + (where.equals("when") ? "maybe" : "each")
                        + "' has not come back";
        assertThat(told.get(0)).startsWith("saga endless/1: " + what);
        fleet.pass(Duration.ofMinutes(9));
        assertThat(told).hasSizeBetween(2, 6); // after 30 s, and each time the time has doubled
        SagaHandle<String> other = engine.start(saga, "2", "fine");
        fleet.untilStatus(other, SagaStatus.COMPLETED); // its own saga only
        assertThat(told).allMatch(line -> line.startsWith("saga endless/1"));
    }

    @Test
    void it_can_be_paused_and_abandoned_although_it_never_lets_go() {
        Saga<String, String> saga = saga();
        SagaEngine engine = open("a", saga);
        SagaHandle<String> handle = engine.start(saga, "1", "when");
        fleet.until(() -> !told.isEmpty());
        engine.admin().pause(handle.ref(), "ann", "it never ends");
        engine.admin().abandon(handle.ref(), "ann", "by hand");
        assertThat(fleet.status(handle)).isEqualTo(SagaStatus.ABANDONED);
        fleet.end.countDown(); // what it brings at last meets the guard (T23)
        fleet.until(() -> engine.snapshot().running() == 0);
        assertThat(fleet.status(handle)).isEqualTo(SagaStatus.ABANDONED);
    }

    @Test
    void close_waits_for_it_no_longer_than_for_a_step_that_hangs_and_a_mended_definition_goes_on() {
        Saga<String, String> saga = saga();
        SagaEngine engine = open("a", saga);
        SagaHandle<String> handle = engine.start(saga, "1", "when");
        fleet.until(() -> !told.isEmpty());
        fleet.close(engine);
        assertThat(fleet.head(handle.ref()).owner()).isNull();
        SagaDefinition<String> s = Saga.define("endless", 2, String.class).since(1);
        s.step("first", String.class).run((in, c) -> in).harmless().add();
        s.step("maybe", String.class).run((in, c) -> in).harmless().addWhen(in -> false);
        s.forEach("each", String.class, String.class)
                .over(in -> List.of())
                .run((in, e, c) -> e)
                .harmless()
                .add();
        fleet.open("b", s.returns(in -> in));
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
    }

    /** L5: what one saga returns is made again by every engine that waits for it. */
    @Test
    void an_output_that_is_never_made_keeps_no_other_handle_waiting() {
        AtomicInteger made = new AtomicInteger();
        SagaDefinition<String> s = Saga.define("outputs", 1, String.class);
        s.step("only", String.class).run((in, c) -> in).harmless().add();
        Saga<String, String> saga = s.returns(in -> {
            // the engine that runs it makes it once, the one that waits for it makes it again
            if (in.equals("endless") && made.incrementAndGet() > 1) endless(in, "endless");
            return in;
        });
        SagaEngine runs = open("a", saga);
        SagaEngine other = fleet.open("b", saga);
        SagaHandle<String> endless = runs.start(saga, "1", "endless");
        fleet.untilStatus(endless, SagaStatus.COMPLETED);
        CompletableFuture<SagaOutcome<String>> never = other.handle(saga, "1").completion();
        fleet.until(() -> made.get() == 2);
        SagaHandle<String> fine = runs.start(saga, "2", "fine");
        CompletableFuture<SagaOutcome<String>> told = other.handle(saga, "2").completion();
        fleet.untilStatus(fine, SagaStatus.COMPLETED);
        fleet.until(told::isDone);
        assertThat(told.join().orElseThrow()).isEqualTo("fine");
        assertThat(never).isNotDone();
    }
}
