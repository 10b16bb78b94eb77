// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.servers.TestDatabase;
import dev.resilience.servers.TestServer;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Pools and drivers that break in every way: sagas wait for them, and go on (L3, L8). */
@Timeout(300)
class HostileDatabaseTest {
    /** What a data source does instead of giving a connection. */
    enum Fault {
        THROWS,
        GIVES_NOTHING,
        GIVES_BROKEN
    }

    private static Saga<String, String> saga(AtomicInteger calls, Supplier<Boolean> after) {
        SagaDefinition<String> s = Saga.define("hostile", 1, String.class);
        s.step("first", String.class)
                .run((in, c) -> {
                    calls.incrementAndGet();
                    after.get();
                    return in;
                })
                .undo((in, r, c) -> calls.decrementAndGet())
                .add();
        var second =
                s.step("second", String.class).run((in, c) -> in).harmless().add();
        return s.returns(second, (in, r) -> r);
    }

    private static DataSource faulty(DataSource whole, AtomicReference<Fault> fault, CountDownLatch met) {
        return (DataSource) Proxy.newProxyInstance(
                HostileDatabaseTest.class.getClassLoader(),
                new Class<?>[] {DataSource.class},
                (proxy, method, arguments) -> {
                    Fault now = fault.get();
                    if (!method.getName().equals("getConnection") || now == null)
                        return method.invoke(whole, arguments);
                    met.countDown();
                    return switch (now) {
                        case THROWS -> throw new IllegalStateException("the pool could not be initialized");
                        case GIVES_NOTHING -> null;
                        case GIVES_BROKEN ->
                            Proxy.newProxyInstance(
                                    HostileDatabaseTest.class.getClassLoader(),
                                    new Class<?>[] {Connection.class},
                                    (connection, call, given) -> {
                                        throw new UnsupportedOperationException(call.getName());
                                    });
                    };
                });
    }

    @ParameterizedTest
    @EnumSource
    void a_saga_waits_for_a_pool_that_is_broken_in_any_way_and_goes_on(Fault fault) throws Exception {
        AtomicInteger calls = new AtomicInteger();
        AtomicReference<Fault> now = new AtomicReference<>();
        CountDownLatch met = new CountDownLatch(1);
        Saga<String, String> saga = saga(calls, () -> {
            now.set(fault);
            return true;
        });
        try (TestDatabase database = TestServer.h2().database();
                SagaEngine engine = SagaEngine.jdbc(faulty(database.pool(4), now, met))
                        .register(saga)
                        .open()) {
            SagaHandle<String> handle = engine.start(saga, "1", "in");
            Fleet.await(met);
            now.set(null);
            assertThat(handle.await(ofMinutes(1)).orElseThrow()).isEqualTo("in");
        }
        assertThat(calls).hasValue(1); // its outcome was not lost with the run
    }

    /** An interrupted thread closes the file of an embedded database for everybody, and gets no connection of a pool. */
    @Test
    void interrupts_of_callers_and_of_users_code_never_reach_the_database(@TempDir Path directory) throws Exception {
        AtomicInteger calls = new AtomicInteger();
        SagaDefinition<String> s = Saga.define("hostile", 1, String.class);
        var step = s.step("step", String.class)
                .run((in, c) -> {
                    calls.incrementAndGet();
                    Thread.currentThread().interrupt();
                    return in;
                })
                .harmless()
                .addWhen(in -> {
                    Thread.currentThread().interrupt();
                    return true;
                });
        Saga<String, String> saga = s.returns(step, (in, r) -> {
            Thread.currentThread().interrupt();
            return r.orElseThrow();
        });
        JdbcDataSource file = new JdbcDataSource();
        file.setURL("jdbc:h2:file:" + directory.resolve("sagas") + ";DB_CLOSE_ON_EXIT=FALSE");
        try (SagaEngine engine = SagaEngine.jdbc(file).register(saga).open()) {
            for (int i = 0; i < 5; i++) {
                String id = "s" + i;
                Thread.currentThread().interrupt();
                SagaHandle<String> handle = engine.start(saga, id, "in");
                engine.admin().list(SagaQuery.all());
                engine.cancel(new SagaRef("hostile", "nobody"));
                assertThat(handle.status()).isNotNull();
                assertThat(Thread.interrupted()).isTrue(); // L8: kept
                assertThat(handle.await(ofMinutes(1)).orElseThrow()).isEqualTo("in");
            }
            assertThat(calls).hasValue(5);
        }
    }

    @Test
    void transactional_steps_in_branches_end_with_a_pool_of_one_connection() throws Exception {
        SagaDefinition<String> s = Saga.define("hostile", 1, String.class);
        Fork<String> fork = s.fork("both");
        for (int i = 0; i < 3; i++) {
            Fork.Branch<String> branch = fork.branch("b" + i);
            branch.step("plain" + i, String.class).run((in, c) -> in).harmless().add();
            branch.txStep("tx" + i, Integer.class)
                    .run((in, connection, c) -> {
                        try (PreparedStatement insert = connection.prepareStatement("INSERT INTO effect VALUES (?)")) {
                            insert.setString(1, c.key());
                            return insert.executeUpdate();
                        }
                    })
                    .harmless()
                    .add();
        }
        fork.join();
        Saga<String, String> saga = s.returns(in -> in);
        try (TestDatabase database = TestServer.h2().database()) {
            database.execute("CREATE TABLE effect (id VARCHAR(200) PRIMARY KEY)");
            try (SagaEngine engine =
                    SagaEngine.jdbc(database.pool(1)).register(saga).open()) {
                for (int i = 0; i < 5; i++)
                    assertThat(engine.start(saga, "s" + i, "in")
                                    .await(ofMinutes(2))
                                    .orElseThrow())
                            .isEqualTo("in");
            }
        }
    }

    /** G2: the component that a newer definition's input has more is not another input. */
    @Test
    void the_same_input_of_a_newer_version_is_no_conflict() throws Exception {
        SagaDefinition<Old> first = Saga.define("evolves", 1, Old.class);
        Saga<Old, String> old = first.returns(
                first.step("step", String.class)
                        .run((in, c) -> in.id())
                        .harmless()
                        .add(),
                (in, r) -> r);
        SagaDefinition<New> second = Saga.define("evolves", 2, New.class);
        Saga<New, String> now = second.returns(
                second.step("step", String.class)
                        .run((in, c) -> in.id())
                        .harmless()
                        .add(),
                (in, r) -> r);
        try (TestDatabase database = TestServer.h2().database()) {
            try (SagaEngine engine =
                    SagaEngine.jdbc(database.pool(4)).register(old).open()) {
                engine.start(old, "1", new Old("x")).await(ofMinutes(1));
            }
            try (SagaEngine engine =
                    SagaEngine.jdbc(database.pool(4)).register(now).open()) {
                assertThat(engine.start(now, "1", new New("x", null))
                                .await(ofMinutes(1))
                                .orElseThrow())
                        .isEqualTo("x");
                org.assertj.core.api.Assertions.assertThatThrownBy(
                                () -> engine.start(now, "1", new New("x", "another")))
                        .isInstanceOf(SagaIdConflictException.class);
            }
        }
    }

    record Old(String id) {}

    record New(String id, @org.jspecify.annotations.Nullable String more) {}

    /** The engine may close while nobody can be asked. */
    @ParameterizedTest
    @EnumSource
    void an_engine_closes_while_its_pool_is_broken(Fault fault) throws Exception {
        AtomicReference<Fault> now = new AtomicReference<>();
        CountDownLatch met = new CountDownLatch(1);
        Saga<String, String> saga = saga(new AtomicInteger(), () -> {
            now.set(fault);
            return true;
        });
        try (TestDatabase database = TestServer.h2().database()) {
            SagaEngine engine = SagaEngine.jdbc(faulty(database.pool(4), now, met))
                    .register(saga)
                    .drainFor(ofMillis(10))
                    .open();
            engine.start(saga, "1", "in");
            Fleet.await(met);
            CountDownLatch closed = new CountDownLatch(1);
            Thread closing = new Thread(() -> {
                engine.close();
                closed.countDown();
            });
            closing.setDaemon(true);
            closing.start();
            Fleet.await(closed);
            now.set(null);
            AtomicInteger again = new AtomicInteger();
            Saga<String, String> same = saga(again, () -> true);
            try (SagaEngine other = SagaEngine.jdbc(database.pool(4))
                    .lease(ofMillis(500))
                    .register(same)
                    .open()) {
                assertThat(other.handle(same, "1").await(ofMinutes(1)).orElseThrow())
                        .isEqualTo("in"); // C3: its outcome was not written; whoever comes calls again
            }
        }
    }
}
