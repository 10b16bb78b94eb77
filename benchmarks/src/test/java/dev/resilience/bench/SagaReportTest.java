// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.bench.SagaRace.Score;
import dev.resilience.bench.SagaRace.Turn;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class SagaReportTest {
    /** Turns of a second with so many sagas in each. */
    private static Score score(String name, long... sagas) {
        return new Score(
                name,
                java.util.Arrays.stream(sagas)
                        .mapToObj(n ->
                                new Turn(name, n, 1, n / 1e3, new SagaServer.Usage(4 * n, 10 * n, 9 * n, n / 500.0)))
                        .toList());
    }

    private static String race(long ours, long theirs) {
        return new SagaReport()
                .race(List.of(score("ours", ours), score("by hand", 250), score("them", theirs)), 3)
                .markdown();
    }

    @Test
    void a_score_is_the_median_of_its_turns() {
        Score score = score("ours", 900, 100, 300);
        assertThat(score.perSecond()).isEqualTo(300);
        assertThat(score.least()).isEqualTo(100);
        assertThat(score.most()).isEqualTo(900);
        assertThat(score.cpuMicros()).isEqualTo(1000);
        assertThat(score.serverMicros()).isEqualTo(2000);
        assertThat(score.commits()).isEqualTo(4);
        assertThat(score.hot()).isEqualTo(0.9);
    }

    @Test
    void ours_is_held_against_three_times_the_peer() {
        assertThat(race(300, 100))
                .contains(
                        "| P15 | saga of 3 steps on PostgreSQL, 32 at once | 300 | 100 (them) | 3.00 | ≥ 3 × peer | yes |")
                .contains("| by hand | 250 | 250–250 | 2.50 | 1000 | 2000 | 4.00 | 90 % |");
        assertThat(race(299, 100)).contains("| **no**: ≥ 3 × peer (299 < 300) |");
    }

    @Test
    void what_was_not_measured_is_a_dash() {
        Score unwatched = new Score("ours", List.of(new Turn("ours", 10, 1, Double.NaN, null)));
        String table = new SagaReport().race(List.of(unwatched, unwatched), 3).markdown();
        assertThat(table).contains("| ours | 10 | 10–10 | 1.00 | – | – | – | – |");
    }

    @Test
    void trips_are_shared_by_the_start_and_the_steps() {
        String table = new SagaReport()
                .trips(List.of(new SagaReport.Counted("one", 4)))
                .markdown();
        assertThat(table).contains("| one | 4.00 | 1.00 |");
    }

    @Test
    void a_crowd_is_held_against_nobody_waiting() {
        String table = new SagaReport()
                .crowd(
                        "in memory",
                        List.of(
                                new SagaCrowd.Point(0, score("ours", 200)),
                                new SagaCrowd.Point(50, score("ours", 100))))
                .markdown();
        assertThat(table).contains("| 0 | 600 | 600–600 | 1.00 | 333.3 |", "| 50 | 300 | 300–300 | 0.50 | 333.3 |");
    }

    @Test
    void a_takeover_is_held_against_the_lease() {
        String table = new SagaReport()
                .takeover(List.of(new SagaTakeover.Took(Duration.ofSeconds(2), 2.5, 3)))
                .markdown();
        assertThat(table).contains("| 2.0 | 2.50 | 3.00 | 1.50 |");
    }

    @Test
    void another_database_of_the_same_server_has_the_same_options() {
        assertThat(SagaServer.url("jdbc:postgresql://h:1/postgres?user=u&password=p", "b"))
                .isEqualTo("jdbc:postgresql://h:1/b?user=u&password=p");
        assertThat(SagaServer.url("jdbc:postgresql://h/postgres", "b")).isEqualTo("jdbc:postgresql://h/b");
    }
}
