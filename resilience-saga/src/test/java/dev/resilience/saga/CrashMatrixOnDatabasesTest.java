// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.servers.TestDatabase;
import dev.resilience.servers.TestServer;
import dev.resilience.servers.TestServer.Kind;
import dev.resilience.testkit.saga.Fault;
import dev.resilience.testkit.saga.SagaCrashMatrix;
import java.util.EnumMap;
import java.util.Map;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/**
 * The journal is in a database: sagas are killed there as in memory, G1 to G9. The clock is the run's, also that which
 * the database tells; nothing waits in real time. With {@code -Dcrash.matrix=full} every shape, every fault, pairs.
 */
class CrashMatrixOnDatabasesTest {
    private static final Map<Kind, TestDatabase> DATABASES = new EnumMap<>(Kind.class);
    private static final Map<Kind, DataSource> POOLS = new EnumMap<>(Kind.class);

    @AfterAll
    static void drop() {
        DATABASES.values().forEach(TestDatabase::close);
    }

    private static SagaCrashMatrix<CrashShape.Order> on(Kind kind, CrashShape shape) {
        DataSource pool = POOLS.computeIfAbsent(kind, k -> {
            TestDatabase database = TestServer.of(k).database();
            DATABASES.put(k, database);
            DataSource connections = database.pool(6);
            SagaSchema.createIfMissing(connections);
            return connections;
        });
        return shape.matrix().store(time -> SagaStore.jdbc(pool));
    }

    private static void pairs(Kind kind, CrashShape shape) {
        var played = on(kind, shape).killAtEveryBoundary().pairs().run();
        assertThat(played.runs()).isGreaterThan(played.boundaries() * played.boundaries() / 2);
    }

    @ParameterizedTest
    @EnumSource(names = {"IN_A_ROW", "TRANSACTIONAL_AND_REFUSED"})
    void two_deaths_at_every_pair_of_boundaries_on_h2(CrashShape shape) {
        pairs(Kind.H2, shape);
    }

    @ParameterizedTest
    @EnumSource(names = {"IN_A_ROW", "UNDONE_BLINDLY", "TRANSACTIONAL_AND_REFUSED"})
    void two_deaths_at_every_pair_of_boundaries_on_postgresql(CrashShape shape) {
        pairs(Kind.POSTGRES, shape);
    }

    @ParameterizedTest
    @EnumSource(names = {"IN_A_ROW", "REFUSED_AT_THE_PIVOT", "FOR_EACH_REFUSED", "AWAITING", "TRANSACTIONAL"})
    void a_death_at_every_boundary_on_mariadb(CrashShape shape) {
        on(Kind.MARIADB, shape).killAtEveryBoundary().run();
    }

    /** C5 with C14 and C15, on a real commit: its answer is lost, its writer frozen, a cancellation comes before it. */
    @ParameterizedTest
    @EnumSource(names = "IN_A_ROW")
    void lost_answers_frozen_owners_and_cancellations_on_postgresql(CrashShape shape) {
        on(Kind.POSTGRES, shape)
                .atEveryBoundary(Fault.FREEZE, Fault.FAIL, Fault.CANCEL)
                .run();
    }

    /** C17, S15: effect and outcome of a transactional step are there together or not at all. */
    @ParameterizedTest
    @EnumSource(mode = Mode.MATCH_ALL, names = "TRANSACTIONAL.*")
    void a_transactional_step_leaves_both_or_neither(CrashShape shape) {
        for (Kind kind : new Kind[] {Kind.H2, Kind.POSTGRES})
            on(kind, shape).atEveryBoundary(Fault.KILL, Fault.FAIL).run();
    }

    @ParameterizedTest
    @EnumSource
    @EnabledIfSystemProperty(named = "crash.matrix", matches = "full")
    void everything_everywhere(CrashShape shape) {
        for (Kind kind : Kind.values()) {
            on(kind, shape)
                    .atEveryBoundary(Fault.KILL, Fault.FREEZE, Fault.CLOSE, Fault.FAIL, Fault.REJECT, Fault.CANCEL)
                    .run();
            pairs(kind, shape);
        }
    }
}
