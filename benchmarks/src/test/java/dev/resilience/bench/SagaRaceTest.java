// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.saga.SagaEngine;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.Test;

/** The harness once around, on what needs no server. No number is looked at. */
class SagaRaceTest {
    private static JdbcDataSource h2() {
        JdbcDataSource h2 = new JdbcDataSource();
        h2.setURL("jdbc:h2:mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1");
        return h2;
    }

    @Test
    void each_runner_has_a_turn_in_each_round() throws Exception {
        try (OurSagas memory = new OurSagas("memory", SagaEngine.inMemory());
                OurSagas h2 = new OurSagas("h2", SagaEngine.jdbc(h2()))) {
            List<SagaRace.Score> scores = new SagaRace(List.of(memory, h2), 2, Duration.ofMillis(1), "t").run(2, null);
            assertThat(scores).extracting(SagaRace.Score::name).containsExactly("memory", "h2");
            assertThat(scores).allSatisfy(s -> {
                assertThat(s.turns()).hasSize(2);
                assertThat(s.turns()).allSatisfy(t -> assertThat(t.sagas()).isGreaterThanOrEqualTo(2));
            });
        }
    }

    @Test
    void a_runner_that_fails_fails_the_race() {
        SagaRunner broken = new SagaRunner() {
            @Override
            public String name() {
                return "broken";
            }

            @Override
            public SagaWork.Receipt run(String id) {
                throw new IllegalStateException("no");
            }

            @Override
            public long steps() {
                return 0;
            }

            @Override
            public void close() {}
        };
        SagaRace race = new SagaRace(List.of(broken), 2, Duration.ofMillis(1), "t");
        assertThatThrownBy(() -> race.run(1, null)).hasMessage("broken failed").hasRootCauseMessage("no");
    }

    @Test
    void a_crowd_waits_while_others_run() throws Exception {
        List<SagaCrowd.Point> points =
                new SagaCrowd(2, Duration.ofMillis(1), 1).measure(SagaEngine.inMemory(), null, List.of(0, 20));
        assertThat(points).extracting(SagaCrowd.Point::waiting).containsExactly(0, 20);
    }

    @Test
    void round_trips_are_executions_commits_and_rollbacks() throws Exception {
        Trips trips = new Trips(h2());
        try (var c = trips.getConnection();
                var s = c.createStatement()) {
            c.setAutoCommit(false);
            s.execute("CREATE TABLE t (a int)");
            try (var p = c.prepareStatement("INSERT INTO t VALUES (?)")) {
                p.setInt(1, 7);
                p.executeUpdate();
            }
            c.commit();
            c.rollback();
        }
        assertThat(trips.count()).isEqualTo(4);
    }
}
