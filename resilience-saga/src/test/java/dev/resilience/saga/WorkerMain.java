// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.resilience.Backoff;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.sql.DataSource;

/**
 * A service's process with an engine, for {@link SagaProcessTest}: takes orders from its input, one a line, tells on its
 * output what happens, and ends with its input. Arguments: node, URL of the journal, URL of the participants' database,
 * their schema, how often a saga may be claimed from the dead without progress.
 */
public final class WorkerMain {
    /** How one saga is to go: declined at its pivot or not; poisonous or not; how long each step takes. */
    public record Input(boolean declined, boolean poison, int millis) {}

    private static final String CALLED = "INSERT INTO %s.effect (key, saga, step, calls) VALUES (?, ?, ?, 1)"
            + " ON CONFLICT (key) DO UPDATE SET calls = effect.calls + 1";

    private final DataSource participants;
    private final String sql;

    private WorkerMain(DataSource participants, String schema) {
        this.participants = participants;
        this.sql = CALLED.formatted(schema);
    }

    /** What a participant does: makes its effect once per key, and counts how often it was called. */
    private String call(Input in, StepContext c, String step) throws SQLException {
        if (in.poison() && step.equals("charge")) Runtime.getRuntime().halt(3);
        try (Connection connection = participants.getConnection();
                PreparedStatement s = connection.prepareStatement(sql)) {
            if (in.millis() > 0) connection.createStatement().execute("SELECT pg_sleep(" + in.millis() / 1000.0 + ")");
            s.setString(1, c.key());
            s.setString(2, c.saga().id());
            s.setString(3, step);
            s.executeUpdate();
        }
        return step + " of " + c.saga().id();
    }

    private Saga<Input, String> saga() {
        Backoff soon = Backoff.exponential(Duration.ofMillis(20)).cap(Duration.ofMillis(200));
        SagaDefinition<Input> s = Saga.define("checkout", 1, Input.class);
        s.step("reserve", String.class)
                .run((in, c) -> call(in, c, "reserve"))
                .undo((in, r, c) -> call(in, c, "release"))
                .retry(50, soon)
                .add();
        s.step("charge", String.class)
                .run((in, c) -> call(in, c, "charge"))
                .undo((in, r, c) -> call(in, c, "refund"))
                .retry(50, soon)
                .add();
        Saga.Result<String> captured = s.pivot("capture", String.class)
                .run((in, c) -> {
                    if (in.declined()) throw new StepRejectedException("declined");
                    return call(in, c, "capture");
                })
                .add();
        s.retriable("ship", String.class).run((in, c) -> call(in, c, "ship")).add();
        return s.returns(captured, (in, r) -> r);
    }

    private static DataSource pool(String url, int size) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(url);
        config.setMaximumPoolSize(size);
        config.setMinimumIdle(1); // the server may be one that others use too
        config.setConnectionTimeout(2_000);
        config.setInitializationFailTimeout(-1);
        return new HikariDataSource(config);
    }

    private static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    /** See the class. */
    public static void main(String[] arguments) throws Exception {
        Saga<Input, String> saga = new WorkerMain(pool(arguments[2], 8), arguments[3]).saga();
        SagaListener told = new SagaListener() {
            @Override
            public void takenOver(SagaRef ref, String from, int claims) {
                say("taken " + ref.id() + " claims " + claims);
            }

            @Override
            public void fenced(SagaRef ref) {
                say("fenced " + ref.id());
            }

            @Override
            public void parked(SagaRef ref, String reason, String step, String text) {
                say("parked " + ref.id() + " " + reason);
            }
        };
        SagaEngine engine = open(SagaEngine.jdbc(pool(arguments[1], 8))
                .register(saga)
                .nodeName(arguments[0])
                .lease(Duration.ofSeconds(1))
                .inlineWait(Duration.ofMillis(400))
                .maxClaims(Integer.parseInt(arguments[4]))
                .listener(told));
        say("ready " + engine.snapshot().owner());
        ExecutorService starters = Executors.newFixedThreadPool(8);
        BufferedReader orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = orders.readLine(); line != null; line = orders.readLine()) {
            String[] order = line.split(" ");
            starters.execute(() -> start(engine, saga, order));
        }
        Runtime.getRuntime().halt(0); // nobody is there any more whom it could tell
    }

    /** A machine that is busy may not have a connection within the two seconds of the pool: once more then. */
    private static SagaEngine open(SagaEngine.Builder builder) {
        for (int tries = 1; ; tries++) {
            try {
                return builder.open();
            } catch (SagaStoreException busy) {
                if (tries == 30) throw busy;
            }
        }
    }

    /** Again until it is known: a start is idempotent (G2). */
    private static void start(SagaEngine engine, Saga<Input, String> saga, String[] order) {
        Input input = new Input(order[1].equals("declined"), order[1].equals("poison"), Integer.parseInt(order[2]));
        while (true) {
            try {
                engine.start(saga, order[0], input);
                say("started " + order[0]);
                return;
            } catch (SagaStoreException notKnown) {
                say("again " + order[0]);
            } catch (RuntimeException broken) {
                say("broken " + order[0] + " " + broken);
                return;
            }
        }
    }
}
