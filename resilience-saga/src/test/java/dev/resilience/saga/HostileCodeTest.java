// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Backoff;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Users' code that throws anything anywhere: it costs its own saga at most (L5), and that one ends or is parked (L3). */
@Timeout(300)
class HostileCodeTest {
    /** An exception that does something of its own when it is asked what it is. */
    static final class Broken extends RuntimeException {
        private static final long serialVersionUID = 1L;
        private final How how;

        enum How {
            THROWS,
            OVERFLOWS,
            ASSERTS,
            IS_NULL,
            ENDLESS
        }

        Broken(How how) {
            super("broken");
            this.how = how;
        }

        @Override
        public String toString() {
            return switch (how) {
                case THROWS -> throw new IllegalStateException("in toString");
                case OVERFLOWS -> throw new StackOverflowError();
                case ASSERTS -> throw new AssertionError("in toString");
                case IS_NULL -> null;
                case ENDLESS -> "x".repeat(1_000_000);
            };
        }

        @Override
        public String getMessage() {
            return toString();
        }
    }

    /** No {@code VirtualMachineError}, and no exception either. */
    static final class OwnError extends Error {
        private static final long serialVersionUID = 1L;
    }

    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    private static <T extends Throwable> RuntimeException sneaky(Throwable thrown) throws T {
        throw (T) thrown;
    }

    private static SagaDefinition<String> define() {
        return Saga.define("hostile", 1, String.class);
    }

    private static SagaOutcome<?> run(Saga<String, ?> saga) throws InterruptedException {
        try (SagaEngine engine = SagaEngine.inMemory().register(saga).open()) {
            return engine.start(saga, "1", "in").await(ofMinutes(1));
        }
    }

    @ParameterizedTest
    @EnumSource
    void an_exception_that_does_not_say_what_it_is_is_one_like_any_other(Broken.How how) throws Exception {
        SagaDefinition<String> s = define();
        s.step("first", String.class)
                .run((in, c) -> in)
                .undo((in, r, c) -> {
                    if (c.attempt() == 1) throw new Broken(how);
                })
                .undoRetry(Integer.MAX_VALUE, Backoff.none())
                .add();
        var last = s.step("last", String.class)
                .run((in, c) -> {
                    throw new Broken(how);
                })
                .rejectsOn(Broken.class)
                .harmless()
                .add();
        assertThat(run(s.returns(last, (in, r) -> r))).isInstanceOf(SagaOutcome.Compensated.class);
    }

    @ParameterizedTest
    @EnumSource
    void listeners_that_throw_what_cannot_be_said_change_nothing(Broken.How how) throws Exception {
        SagaListener listener = (SagaListener) java.lang.reflect.Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {SagaListener.class}, (proxy, method, arguments) -> {
                    throw new Broken(how);
                });
        SagaDefinition<String> s = define();
        var step = s.step("step", String.class).run((in, c) -> in).harmless().add();
        Saga<String, String> saga = s.returns(step, (in, r) -> r);
        try (SagaEngine engine =
                SagaEngine.inMemory().register(saga).listener(listener).open()) {
            for (int i = 0; i < 5; i++) {
                SagaHandle<String> handle = engine.start(saga, "s" + i, "in");
                assertThat(handle.await(ofMinutes(1)).orElseThrow()).isEqualTo("in");
            }
            // the handle may be told before the run has left its place
            Fleet.eventually(() -> engine.snapshot().running() == 0);
        }
    }

    @Test
    void errors_of_conditions_elements_and_returns_are_told_and_park_or_turn() throws Exception {
        SagaDefinition<String> condition = define();
        condition.step("first", String.class).run((in, c) -> in).harmless().addWhen(in -> {
            throw new OwnError();
        });
        assertThat(run(condition.returns(in -> in)))
                .isInstanceOfSatisfying(
                        SagaOutcome.Compensated.class,
                        o -> assertThat(o.reason()).isEqualTo("CODE_FAILED"));

        SagaDefinition<String> elements = define();
        elements.forEach("each", String.class, String.class)
                .over(in -> {
                    throw sneaky(new java.io.IOException("sneaky"));
                })
                .run((in, e, c) -> in)
                .harmless()
                .add();
        assertThat(run(elements.returns(in -> in)))
                .isInstanceOfSatisfying(
                        SagaOutcome.Compensated.class,
                        o -> assertThat(o.reason()).isEqualTo("CODE_FAILED"));

        SagaDefinition<String> nothing = define();
        nothing.forEach("each", String.class, String.class)
                .over(in -> null)
                .run((in, e, c) -> in)
                .harmless()
                .add();
        assertThat(run(nothing.returns(in -> in))).isInstanceOf(SagaOutcome.Compensated.class);

        SagaDefinition<String> returns = define();
        returns.step("first", String.class).run((in, c) -> in).harmless().add();
        assertThat(run(returns.returns(in -> {
                    throw new OwnError();
                })))
                .isInstanceOfSatisfying(
                        SagaOutcome.NeedsAttention.class,
                        o -> assertThat(o.reason()).isEqualTo("RETURNS_FAILED"));
    }

    /** A codec of one's own whose results fail. */
    private static SagaCodec failing(Throwable thrown) {
        SagaCodec records = SagaCodec.records();
        return new SagaCodec() {
            @Override
            public void check(Type<?> type) {
                records.check(type);
            }

            @Override
            public <T extends @Nullable Object> byte @Nullable [] encode(Type<T> type, T value) {
                if (value instanceof String text && text.startsWith("result"))
                    throw HostileCodeTest.<RuntimeException>sneaky(thrown);
                return records.encode(type, value);
            }

            @Override
            public <T extends @Nullable Object> T decode(Type<T> type, byte @Nullable [] bytes) {
                return records.decode(type, bytes);
            }
        };
    }

    @Test
    void whatever_a_codec_throws_at_a_result_the_action_is_not_called_for_ever() throws Exception {
        List<Throwable> thrown = List.of(
                new java.io.IOException("x"), new AssertionError(), new OwnError(), new Broken(Broken.How.THROWS));
        for (Throwable each : thrown) {
            AtomicInteger calls = new AtomicInteger();
            SagaDefinition<String> s = define();
            var step = s.step("step", String.class)
                    .run((in, c) -> "result" + calls.incrementAndGet())
                    .harmless()
                    .add();
            Saga<String, String> saga = s.returns(step, (in, r) -> r);
            try (SagaEngine engine =
                    SagaEngine.inMemory().codec(failing(each)).register(saga).open()) {
                assertThat(engine.start(saga, "1", "in").await(ofMinutes(1)))
                        .isInstanceOfSatisfying(
                                SagaOutcome.Compensated.class,
                                o -> assertThat(o.reason()).isEqualTo("UNENCODABLE"));
            }
            assertThat(calls).hasValue(1);
        }
    }

    /** The JVM may be sick: the saga goes elsewhere, or on here a little later. */
    @Test
    void an_error_of_the_jvm_in_a_condition_or_in_returns_is_nobodys_verdict() {
        AtomicInteger conditions = new AtomicInteger();
        AtomicInteger outputs = new AtomicInteger();
        SagaDefinition<String> s = define();
        s.step("step", String.class).run((in, c) -> in).harmless().addWhen(in -> {
            if (conditions.incrementAndGet() == 1) throw new OutOfMemoryError("for a test");
            return true;
        });
        Saga<String, String> saga = s.returns(in -> {
            if (outputs.incrementAndGet() == 1) throw new OutOfMemoryError("for a test");
            return in;
        });
        try (Fleet fleet = new Fleet()) {
            SagaHandle<String> handle = fleet.open("a", saga).start(saga, "1", "in");
            fleet.untilStatus(handle, SagaStatus.COMPLETED);
        }
        assertThat(conditions).hasValue(2);
    }

    /** G8: also one whose every run breaks off, for a reason that no engine expects, is left to a person in the end. */
    @Test
    void a_saga_whose_runs_break_off_every_time_is_parked_as_poison() {
        SagaDefinition<String> s = define();
        var step = s.step("step", String.class).run((in, c) -> in).harmless().add();
        Saga<String, String> saga = s.returns(step, (in, r) -> r);
        try (Fleet fleet = new Fleet()) {
            Link link = new Link(fleet.store) {
                @Override
                public boolean write(Checkpoint checkpoint) {
                    for (JournalEntry entry : checkpoint.entries())
                        if (entry.step().equals("step")) throw new IllegalStateException("a bug of a store's own");
                    return super.write(checkpoint);
                }
            };
            SagaEngine engine =
                    fleet.open("a", link, builder -> builder.register(saga).maxClaims(5));
            SagaHandle<String> handle = engine.start(saga, "1", "in");
            fleet.untilStatus(handle, SagaStatus.NEEDS_ATTENTION);
            assertThat(fleet.head(handle.ref()).reason()).isEqualTo("POISON");
            assertThat(engine.snapshot().running()).isZero();
        }
    }

    @Test
    void bodies_that_interrupt_their_own_thread_leave_nothing_behind() throws Exception {
        SagaDefinition<String> s = define();
        s.step("when", String.class).run((in, c) -> in).harmless().addWhen(in -> {
            Thread.currentThread().interrupt();
            return true;
        });
        AtomicBoolean seen = new AtomicBoolean();
        var step = s.step("step", String.class)
                .run((in, c) -> {
                    seen.compareAndSet(false, Thread.currentThread().isInterrupted());
                    Thread.currentThread().interrupt();
                    return in;
                })
                .harmless()
                .add();
        Saga<String, String> saga = s.returns(step, (in, r) -> {
            seen.compareAndSet(false, Thread.currentThread().isInterrupted());
            Thread.currentThread().interrupt();
            return r;
        });
        assertThat(run(saga).orElseThrow()).isEqualTo("in");
        assertThat(seen).isFalse();
    }

    @Test
    void everything_may_be_asked_of_an_engine_from_within_its_own_steps_and_listeners() throws Exception {
        AtomicBoolean asked = new AtomicBoolean();
        SagaEngine[] engine = new SagaEngine[1];
        SagaDefinition<String> inner = Saga.define("inner", 1, String.class);
        Saga<String, String> other = inner.returns(
                inner.step("step", String.class).run((in, c) -> in).harmless().add(), (in, r) -> r);
        SagaDefinition<String> s = define();
        List<Saga<String, String>> self = new ArrayList<>();
        var step = s.step("step", String.class)
                .run((in, c) -> {
                    SagaHandle<String> mine =
                            engine[0].start(self.get(0), c.saga().id(), in);
                    assertThat(mine.await(java.time.Duration.ZERO)).isInstanceOf(SagaOutcome.StillRunning.class);
                    assertThatThrownBy(
                                    () -> engine[0].start(self.get(0), c.saga().id(), "another"))
                            .isInstanceOf(SagaIdConflictException.class);
                    return engine[0]
                            .start(other, "of-" + c.saga().id(), in)
                            .await(ofMinutes(1))
                            .orElseThrow();
                })
                .harmless()
                .add();
        self.add(s.returns(step, (in, r) -> r));
        SagaListener listener = new SagaListener() {
            @Override
            public void ended(SagaRef saga, SagaStatus status, java.time.Duration lasted) {
                if (!asked.compareAndSet(false, true)) return;
                engine[0].start(other, "listened", "in");
                engine[0].cancel(saga);
                engine[0].admin().list(SagaQuery.all());
            }
        };
        try (SagaEngine open = SagaEngine.inMemory()
                .register(self.get(0))
                .register(other)
                .listener(listener)
                .open()) {
            engine[0] = open;
            assertThat(open.start(self.get(0), "1", "in").await(ofMinutes(1)).orElseThrow())
                    .isEqualTo("in");
            assertThat(open.handle(other, "listened").await(ofMinutes(1)).orElseThrow())
                    .isEqualTo("in");
        }
    }

    @Test
    void a_saga_may_cancel_itself() throws Exception {
        SagaEngine[] engine = new SagaEngine[1];
        List<String> undone = new CopyOnWriteArrayList<>();
        SagaDefinition<String> s = define();
        var step = s.step("step", String.class)
                .run((in, c) -> {
                    assertThat(engine[0].cancel(c.saga())).isEqualTo(SagaReply.ACCEPTED);
                    return in;
                })
                .undo((in, r, c) -> undone.add(r))
                .add();
        Saga<String, String> saga = s.returns(step, (in, r) -> r);
        try (SagaEngine open = SagaEngine.inMemory().register(saga).open()) {
            engine[0] = open;
            assertThat(open.start(saga, "1", "in").await(ofMinutes(1))).isInstanceOf(SagaOutcome.Compensated.class);
        }
        assertThat(undone).containsExactly("in");
    }

    @Test
    void closing_from_several_threads_ends_for_all_of_them() throws Exception {
        CountDownLatch entered = new CountDownLatch(1);
        CountDownLatch free = new CountDownLatch(1);
        SagaDefinition<String> s = define();
        var step = s.step("step", String.class)
                .run((in, c) -> {
                    entered.countDown();
                    free.await();
                    return in;
                })
                .harmless()
                .add();
        Saga<String, String> saga = s.returns(step, (in, r) -> r);
        SagaEngine engine =
                SagaEngine.inMemory().register(saga).drainFor(ofSeconds(60)).open();
        engine.start(saga, "1", "in");
        Fleet.await(entered);
        CountDownLatch closed = new CountDownLatch(4);
        List<Thread> closing = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Thread thread = new Thread(() -> {
                engine.close();
                closed.countDown();
            });
            thread.setDaemon(true);
            thread.start();
            closing.add(thread);
        }
        for (Thread thread : closing) // all of them wait before the first one is through
        while (thread.getState() != Thread.State.WAITING && thread.getState() != Thread.State.TIMED_WAITING)
                Thread.onSpinWait();
        free.countDown();
        Fleet.await(closed);
    }

    /** L3: the thread that drove is lost, and nobody takes the rest. */
    @Test
    void an_executor_that_refuses_the_rest_of_a_saga_does_not_lose_it() {
        ExecutorService threads = Executors.newCachedThreadPool();
        AtomicInteger tasks = new AtomicInteger();
        Executor once = task -> {
            if (tasks.incrementAndGet() > 1) throw new RejectedExecutionException("full");
            threads.execute(task);
        };
        try (Fleet fleet = new Fleet()) {
            SagaDefinition<String> s = define();
            var step = s.step("step", String.class)
                    .run((in, c) -> {
                        while (c.attempt() == 1 && fleet.end.getCount() > 0) { // deaf to interrupts
                            try {
                                fleet.end.await();
                            } catch (InterruptedException deaf) {
                                continue;
                            }
                        }
                        return in;
                    })
                    .attemptTimeout(ofSeconds(5))
                    .harmless()
                    .add();
            Saga<String, String> saga = s.returns(step, (in, r) -> r);
            SagaEngine engine =
                    fleet.open("a", fleet.link(), b -> b.register(saga).executor(once));
            SagaHandle<String> handle = engine.start(saga, "1", "in");
            fleet.untilStatus(handle, SagaStatus.COMPLETED);
        } finally {
            threads.shutdownNow();
        }
    }

    /** L6: what one user hangs on a future is not another's matter. */
    @Test
    void what_hangs_on_one_future_holds_up_neither_another_one_nor_close() throws Exception {
        CountDownLatch never = new CountDownLatch(1);
        SagaDefinition<String> s = define();
        var signal = s.await("go", String.class).timeout(ofMinutes(10)).add();
        Saga<String, String> saga = s.returns(signal, (in, r) -> r);
        SagaEngine engine = SagaEngine.inMemory().register(saga).open();
        SagaHandle<String> ends = engine.start(saga, "ends", "in");
        SagaHandle<String> waits = engine.start(saga, "waits", "in");
        for (SagaHandle<String> handle : List.of(ends, waits)) {
            for (int i = 0; i < 3; i++) handle.completion().thenAccept(o -> Fleet.await(never));
            handle.completion().complete(new SagaOutcome.StillRunning<>(SagaStatus.PAUSED));
            handle.completion().cancel(true);
        }
        CompletableFuture<SagaOutcome<String>> ended = ends.completion();
        CompletableFuture<SagaOutcome<String>> waited = waits.completion();
        assertThat(engine.signal(ends.ref(), "go", "gone", "k")).isEqualTo(SagaReply.ACCEPTED);
        assertThat(ended.get(60, TimeUnit.SECONDS).orElseThrow()).isEqualTo("gone");
        engine.close();
        assertThat(waited.get(60, TimeUnit.SECONDS)).isInstanceOf(SagaOutcome.StillRunning.class);
        never.countDown();
    }

    /** L3: somebody asks while a start is under way that comes to nothing, because another engine was first. */
    @Test
    void who_waits_for_a_saga_that_seemed_to_begin_here_hears_of_its_end_elsewhere() throws Exception {
        CountDownLatch reached = new CountDownLatch(1);
        CountDownLatch free = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        SagaDefinition<String> s = define();
        var step = s.step("step", String.class)
                .run((in, c) -> {
                    end.await();
                    return in;
                })
                .harmless()
                .add();
        Saga<String, String> saga = s.returns(step, (in, r) -> r);
        SagaStore store = SagaStore.inMemory(dev.resilience.TimeSource.system());
        Link slow = new Link(store) {
            @Override
            public Started insert(Start start) {
                reached.countDown();
                Fleet.await(free);
                return super.insert(start);
            }
        };
        try (SagaEngine a = SagaEngine.on(slow).register(saga).open();
                SagaEngine b = SagaEngine.on(store).register(saga).open()) {
            Thread starter = new Thread(() -> a.start(saga, "1", "in"));
            starter.start();
            Fleet.await(reached);
            b.start(saga, "1", "in");
            CompletableFuture<SagaOutcome<String>> asked = a.handle(saga, "1").completion();
            free.countDown();
            starter.join(60_000);
            assertThat(starter.isAlive()).isFalse();
            end.countDown();
            assertThat(asked.get(60, TimeUnit.SECONDS).orElseThrow()).isEqualTo("in");
        }
    }
}
