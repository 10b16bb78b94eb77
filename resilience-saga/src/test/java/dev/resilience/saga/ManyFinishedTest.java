// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static dev.resilience.saga.JdbcFixture.NOW;
import static dev.resilience.saga.JdbcFixture.claim;
import static dev.resilience.saga.JdbcFixture.head;
import static dev.resilience.saga.JdbcFixture.ref;
import static dev.resilience.saga.JdbcFixture.start;
import static dev.resilience.saga.JdbcFixture.step;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Beside very many finished sagas everything goes by an index, in plans made for the moment and in plans that are kept.
 * {@code -Dsagas=1000000} fills in a million and prints plans and times: see docs/internals/saga-jdbc.md.
 */
class ManyFinishedTest {
    private static final int FINISHED = Integer.getInteger("sagas", 100_000);
    private static final boolean PRINT = Integer.getInteger("sagas") != null;

    private static JdbcFixture db;
    private static Explained explained;
    private static SagaStore store;

    @BeforeAll
    static void fill() throws Exception {
        db = new JdbcFixture();
        String columns =
                "saga_name, saga_id, incarnation, def_version, status, owner, fence, seq, sig, claims, wake_ms,"
                        + " cancel_requested, in_pivot, pivot_passed, started_ms, updated_ms, ended_ms, input_hash, input";
        db.database.execute(
                "INSERT INTO saga_instance (" + columns + ") SELECT 'order', 'old-' || g, 'inc', 1,"
                        + " CASE WHEN g % 50 = 0 THEN 11 ELSE 10 END, NULL, g, 3, 0, 0, NULL, false, false, true, g, g, g,"
                        + " 'hash', '\\x01020304' FROM generate_series(1, " + FINISHED + ") g",
                "INSERT INTO saga_step (saga_name, saga_id, seq, ord, step, idx, phase, outcome, kind, attempts, fence,"
                        + " at_ms) SELECT 'order', 'old-' || g, 1, 0, 's', -1, 'A', 1, 'C', 1, g, g"
                        + " FROM generate_series(1, " + FINISHED + ") g",
                "INSERT INTO saga_signal (saga_name, saga_id, signal_name, signal_key, sig, at_ms)"
                        + " SELECT 'order', 'old-' || g, 'paid', 'k', 1, g FROM generate_series(1, " + FINISHED
                        + ", 10) g",
                "INSERT INTO saga_instance (" + columns + ") SELECT 'order', 'live-' || g, 'inc', 1,"
                        + " CASE WHEN g % 10 = 9 THEN 3 ELSE 0 END,"
                        + " CASE WHEN g % 10 < 5 THEN 'dead#' || g % 3 END, g, 0, 0, 0,"
                        + " CASE WHEN g % 10 BETWEEN 5 AND 8 THEN g END, false, false, false, g, g, NULL, 'hash', '\\x01'"
                        + " FROM generate_series(1, 2000) g",
                "ANALYZE saga_instance",
                "ANALYZE saga_step",
                "ANALYZE saga_signal");
        Connection connection = db.database.connect();
        explained = new Explained(connection, PRINT);
        Connection through = explained.connection();
        Connection kept = (Connection) Proxy.newProxyInstance(
                Connection.class.getClassLoader(),
                new Class<?>[] {Connection.class},
                (proxy, method, arguments) ->
                        method.getName().equals("close") ? null : method.invoke(through, arguments));
        store = new JdbcStore(
                (DataSource) Proxy.newProxyInstance(
                        DataSource.class.getClassLoader(),
                        new Class<?>[] {DataSource.class},
                        (proxy, method, arguments) -> kept),
                new PostgresDialect());
    }

    @AfterAll
    static void close() {
        db.close();
    }

    /** What was explained since used these indexes, and read no table from its beginning to its end. */
    private static String check(String what, String... indexes) {
        List<String> plans = explained.plans();
        assertThat(plans).isNotEmpty();
        String all = String.join("\n", plans);
        if (PRINT) System.out.println("cost " + what + ": " + explained.measures());
        if (PRINT) System.out.println("== " + what + "\n" + plans.get(plans.size() - 1));
        for (String index : indexes) assertThat(all).as(what).contains(index);
        assertThat(all)
                .as(what)
                .doesNotContain("Seq Scan on saga_i", "Seq Scan on saga_s"); // saga_node is small, and read whole
        return all;
    }

    private static void timed(String what, Runnable run) {
        if (!PRINT) {
            run.run();
            return;
        }
        long[] micros = new long[5];
        for (int i = 0; i < micros.length; i++) {
            long began = System.nanoTime();
            run.run();
            micros[i] = TimeUnit.NANOSECONDS.toMicros(System.nanoTime() - began);
        }
        Arrays.sort(micros);
        System.out.println("took " + what + ": " + micros[2] + " us (of five: " + micros[0] + " to " + micros[4] + ")");
    }

    @Test
    void writing_looks_up_its_rows_by_key() {
        List<SagaStore.Start> starts = new ArrayList<>();
        List<Checkpoint> steps = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            SagaInstance h = head(ref()).build();
            starts.add(start(h));
            steps.add(step(h, "a").build());
        }
        store.insertAll(starts);
        check("starts");
        assertThat(store.writeAll(steps)).allMatch(o -> o.orElseThrow());
        check("checkpoints", "saga_instance_pkey");
        store.signal(steps.get(0).ref(), new SagaStore.Signal("s", "k", null, NOW));
        check("signal", "saga_instance_pkey");
        store.cancel(steps.get(0).ref(), NOW);
        check("cancel", "saga_instance_pkey");
        store.load(steps.get(0).ref());
        check("load", "saga_instance_pkey", "saga_step_pkey", "saga_signal_pkey");
        store.heads(steps.stream().map(Checkpoint::ref).toList());
        check("heads", "saga_instance_pkey");
        timed("50 checkpoints", () -> db.store.writeAll(steps));
    }

    @Test
    void claiming_goes_by_owner_and_by_wake_up_time() {
        timed("claim of nothing", () -> db.store.claim(claim("next#1", Set.of("nobody#1"), 0)));
        assertThat(store.claim(claim("next#1", Set.of("dead#1", "dead#2"), 500)))
                .isNotEmpty();
        check("claim of the dead owners'", "saga_instance_owner", "saga_step_pkey", "saga_signal_pkey");
        assertThat(store.claim(claim("next#1", Set.of(), 50))).isNotEmpty();
        check("claim of the due", "saga_instance_wake", "saga_step_pkey");
        SagaStore.Claim fifty = new SagaStore.Claim(
                "next#2", Set.of("dead#0"), claim("", Set.of(), 0).supported(), 0, 50, 3, 1);
        timed("claim of 50", () -> assertThat(db.store.claim(fifty)).hasSize(50));
        store.owned("next#1");
        check("owned", "saga_instance_owner");
        store.unclaimable(List.of(new SagaStore.Supported("other", 1, 1)), NOW);
        check("unclaimable", "saga_instance_wake");
        store.beat("me#77", 1, true);
        check("heartbeat", "saga_instance_owner");
        timed("heartbeat with orphans", () -> db.store.beat("me#77", 2, true));
        store.forget(List.of("me#77"));
    }

    @Test
    void listing_goes_by_status_or_by_key() {
        SagaQuery all = SagaQuery.all().limit(100);
        assertThat(store.list(all.status(SagaStatus.NEEDS_ATTENTION))).hasSize(100);
        assertThat(check("attention", "saga_instance_status")).doesNotContain("saga_instance_pkey");
        assertThat(store.list(all.status(SagaStatus.RUNNING, SagaStatus.COMPENSATING, SagaStatus.PAUSED)
                        .after(new SagaRef("order", "live-5"))))
                .isNotEmpty();
        assertThat(check("live", "saga_instance_status")).doesNotContain("saga_instance_pkey");
        assertThat(store.list(all.status(SagaStatus.COMPENSATED).name("order"))).hasSize(100);
        assertThat(check("compensated", "saga_instance_status")).doesNotContain("saga_instance_pkey");
        assertThat(store.list(all.status(SagaStatus.COMPLETED).after(new SagaRef("order", "old-5"))))
                .hasSize(100);
        check("completed", "saga_instance_pkey");
        assertThat(store.list(all.after(new SagaRef("order", "old-7")))).hasSize(100);
        check("all", "saga_instance_pkey");
        assertThat(store.count(SagaStatus.NEEDS_ATTENTION)).isEqualTo(200);
        assertThat(check("count of attention", "saga_instance_status")).doesNotContain("saga_instance_pkey");
        timed("count of attention", () -> db.store.count(SagaStatus.NEEDS_ATTENTION));
        timed("list attention", () -> db.store.list(all.status(SagaStatus.NEEDS_ATTENTION)));
        timed("list all, a page in the middle", () -> db.store.list(all.after(new SagaRef("order", "old-7"))));
    }

    @Test
    void purging_goes_by_end_and_takes_journals_by_key() {
        assertThat(store.purge(600, 500)).isEqualTo(500);
        check("purge", "saga_instance_ended", "saga_step_pkey", "saga_signal_pkey");
        timed(
                "purge of 1000",
                () -> assertThat(db.store.purge(FINISHED / 2, 1_000)).isEqualTo(1_000));
    }
}
