// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static java.time.Duration.ofMinutes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Backoff;
import dev.resilience.TimeSource;
import dev.resilience.servers.TestDatabase;
import dev.resilience.servers.TestServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Values at and beyond every edge, in memory and in a database. */
@Timeout(300)
class HostileValuesTest {
    private static final Duration ENDLESS = Duration.ofSeconds(Long.MAX_VALUE);

    private static TestDatabase database;

    @BeforeAll
    static void open() {
        database = TestServer.h2().database();
        SagaSchema.createIfMissing(database.pool(1));
    }

    @AfterAll
    static void drop() {
        database.close();
    }

    static List<SagaStore> stores() {
        return List.of(SagaStore.inMemory(TimeSource.system()), SagaStore.jdbc(database.pool(4)));
    }

    private static Saga<String, String> echo(String name) {
        SagaDefinition<String> s = Saga.define(name, 1, String.class);
        var step = s.step("step", String.class).run((in, c) -> in).harmless().add();
        return s.returns(step, (in, r) -> r);
    }

    @ParameterizedTest
    @MethodSource("stores")
    void ids_are_equal_only_if_every_character_is(SagaStore store) throws Exception {
        Saga<String, String> saga = echo("ids");
        List<String> ids = List.of(
                "a",
                "a ",
                "A",
                " a",
                "a\t",
                "\u00e4",
                "a\u0308",
                "\ud83d\ude00".repeat(64),
                "\u20ac".repeat(128),
                "a/b",
                "%",
                "'");
        try (SagaEngine engine = SagaEngine.on(store).register(saga).open()) {
            for (String id : ids) engine.start(saga, id, id);
            for (String id : ids)
                assertThat(engine.handle(saga, id).await(ofMinutes(1)).orElseThrow())
                        .isEqualTo(id);
            assertThat(engine.admin().list(SagaQuery.all().name("ids"))).hasSize(ids.size());
            for (String id : List.of("", "x".repeat(129)))
                assertThatThrownBy(() -> engine.start(saga, id, id)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @ParameterizedTest
    @MethodSource("stores")
    void endless_durations_and_budgets_overflow_nothing(SagaStore store) throws Exception {
        AtomicInteger calls = new AtomicInteger();
        CountDownLatch called = new CountDownLatch(1);
        SagaDefinition<String> s = Saga.define("endless", 1, String.class);
        s.step("first", String.class)
                .run((in, c) -> {
                    called.countDown();
                    if (calls.incrementAndGet() < 3) throw new IllegalStateException("again");
                    return in;
                })
                .undo((in, r, c) -> calls.addAndGet(100))
                .retry(Integer.MAX_VALUE, Backoff.none())
                .attemptTimeout(ENDLESS)
                .resolveFor(ENDLESS)
                .add();
        s.await("go", String.class).timeout(ENDLESS).add();
        s.delay("for-ever", ENDLESS);
        Saga<String, String> saga = s.returns(in -> in);
        try (SagaEngine engine = SagaEngine.on(store).register(saga).open()) {
            SagaHandle<String> handle = engine.start(saga, "1", "in");
            assertThat(engine.signal(handle.ref(), "go", null, "k")).isEqualTo(SagaReply.ACCEPTED);
            assertThat(handle.await(Duration.ofSeconds(Long.MIN_VALUE))).isInstanceOf(SagaOutcome.StillRunning.class);
            assertThat(called.await(60, TimeUnit.SECONDS)).isTrue(); // a step that nobody called would not be undone
            assertThat(engine.cancel(handle.ref())).isEqualTo(SagaReply.ACCEPTED);
            assertThat(handle.await(ENDLESS)).isInstanceOf(SagaOutcome.Compensated.class);
            assertThat(calls).hasValue(103);
        }
    }

    @ParameterizedTest
    @MethodSource("stores")
    void payloads_up_to_the_cap_are_kept_and_one_byte_more_is_refused(SagaStore store) throws Exception {
        int cap = 4096;
        SagaDefinition<String> s = Saga.define("cap", 1, String.class);
        var step = s.step("step", String.class)
                .run((in, c) -> in.length() < 100 ? "x".repeat(cap) : in)
                .harmless()
                .add();
        var nothing =
                s.step("nothing", String.class).run((in, c) -> null).harmless().add();
        Saga<String, String> saga = s.returns(step, nothing, (in, r, none) -> r + none);
        try (SagaEngine engine =
                SagaEngine.on(store).register(saga).maxPayload(cap).open()) {
            String whole = "x".repeat(cap - 2); // in quotation marks
            assertThat(engine.start(saga, "whole", whole).await(ofMinutes(1)).orElseThrow())
                    .isEqualTo(whole + "null");
            assertThatThrownBy(() -> engine.start(saga, "more", whole + "x"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("4097 bytes");
            assertThat(engine.start(saga, "result", "in").await(ofMinutes(1)))
                    .isInstanceOfSatisfying(
                            SagaOutcome.Compensated.class,
                            o -> assertThat(o.reason()).isEqualTo("UNENCODABLE"));
        }
    }

    @Test
    void very_long_and_very_wide_definitions_end() throws Exception {
        SagaDefinition<Integer> s = Saga.define("long", 1, Integer.class);
        for (int i = 0; i < 300; i++)
            s.step("s" + i, Integer.class)
                    .run((in, c) -> in)
                    .undo((in, r, c) -> {})
                    .add();
        s.forEach("each", Integer.class, Integer.class)
                .over(in -> IntStream.range(0, in).boxed().toList())
                .run((in, e, c) -> e)
                .harmless()
                .concurrency(50)
                .add();
        s.forEach("none", Integer.class, Integer.class)
                .over(in -> List.of())
                .run((in, e, c) -> e)
                .harmless()
                .add();
        s.step("holes", Integer.class).run((in, c) -> in).harmless().addWhen(in -> in > 1);
        s.forEach("nulls", Integer.class, Integer.class)
                .over(in -> Collections.singletonList(in == 1 ? null : in))
                .run((in, e, c) -> e)
                .harmless()
                .add();
        Saga<Integer, Integer> saga = s.returns(in -> in);
        try (SagaEngine engine =
                SagaEngine.inMemory().register(saga).maxPayload(1 << 20).open()) {
            assertThat(engine.start(saga, "wide", 20_000).await(ofMinutes(4)).orElseThrow())
                    .isEqualTo(20_000);
            assertThat(engine.start(saga, "null", 1).await(ofMinutes(1)))
                    .isInstanceOfSatisfying(
                            SagaOutcome.Compensated.class,
                            o -> assertThat(o.reason()).isEqualTo("CODE_FAILED"));
        }
    }

    /** G2. */
    @ParameterizedTest
    @MethodSource("stores")
    void one_id_from_many_threads_of_two_engines_is_one_saga(SagaStore store) throws Exception {
        AtomicInteger calls = new AtomicInteger();
        SagaDefinition<String> s = Saga.define("one", 1, String.class);
        var step = s.step("step", String.class)
                .run((in, c) -> {
                    calls.incrementAndGet();
                    return in;
                })
                .harmless()
                .add();
        Saga<String, String> saga = s.returns(step, (in, r) -> r);
        try (SagaEngine a = SagaEngine.on(store).nodeName("same").register(saga).open();
                SagaEngine b =
                        SagaEngine.on(store).nodeName("same").register(saga).open()) {
            for (int round = 0; round < 5; round++) {
                String id = "r" + round;
                CountDownLatch go = new CountDownLatch(1);
                List<String> outcomes = Collections.synchronizedList(new ArrayList<>());
                List<Thread> threads = new ArrayList<>();
                for (int i = 0; i < 32; i++) {
                    SagaEngine engine = i % 2 == 0 ? a : b;
                    Thread thread = new Thread(() -> {
                        try {
                            go.await();
                            outcomes.add(engine.start(saga, id, "in")
                                    .await(ofMinutes(1))
                                    .orElseThrow());
                        } catch (InterruptedException e) {
                            throw new AssertionError(e);
                        }
                    });
                    thread.start();
                    threads.add(thread);
                }
                go.countDown();
                for (Thread thread : threads) thread.join();
                assertThat(outcomes).hasSize(32).containsOnly("in");
                assertThat(calls).hasValue(round + 1);
            }
        }
    }
}
