// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.TimeSource;
import java.sql.SQLException;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The settings of an engine as they were written, and what can be wrong with them: all in one message (L11). */
final class EngineSettings {
    private static final Duration SHORTEST_LEASE = Duration.ofMillis(100);
    private static final Duration LONGEST_LEASE = Duration.ofHours(1);

    final String kind;
    final Function<EngineSettings, SagaStore> store;
    final List<Saga<?, ?>> sagas = new ArrayList<>();
    final List<SagaListener> listeners = new ArrayList<>();

    @Nullable
    SagaCodec codec;

    Duration lease = Duration.ofSeconds(15);
    int concurrency = 500;

    @Nullable
    Duration inlineWait;

    int maxPayload = 256 * 1024;
    int maxClaims = 10;
    TimeSource time = TimeSource.system();

    @Nullable
    String nodeName;

    @Nullable
    Executor executor;

    @Nullable
    Duration retention;

    Duration drainFor = Duration.ofSeconds(10);

    @Nullable
    Supplier<Map<String, String>> capture;

    @Nullable
    Function<Map<String, String>, Runnable> restore;

    EngineSettings(String kind, Function<EngineSettings, SagaStore> store) {
        this.kind = kind;
        this.store = store;
    }

    /** Of a builder that may be changed, and opened, again. */
    private EngineSettings(EngineSettings from) {
        this.kind = from.kind;
        this.store = from.store;
        this.sagas.addAll(from.sagas);
        this.listeners.addAll(from.listeners);
        this.codec = from.codec();
        this.lease = from.lease;
        this.concurrency = from.concurrency;
        this.inlineWait = from.inlineWait();
        this.maxPayload = from.maxPayload;
        this.maxClaims = from.maxClaims;
        this.time = from.time;
        this.nodeName = from.nodeName;
        this.executor = from.executor;
        this.retention = from.retention;
        this.drainFor = from.drainFor;
        this.capture = from.capture;
        this.restore = from.restore;
    }

    SagaCodec codec() {
        SagaCodec chosen = codec;
        return chosen == null ? SagaCodec.records() : chosen;
    }

    /** A second, and less where leases are short. */
    Duration inlineWait() {
        Duration chosen = inlineWait;
        if (chosen != null) return chosen;
        Duration some = lease.dividedBy(4);
        return some.compareTo(Duration.ofSeconds(1)) < 0 ? some : Duration.ofSeconds(1);
    }

    /** As people know this engine. */
    String node() {
        if (nodeName != null) return nodeName;
        String host = System.getenv("HOSTNAME"); // not asked of a name server, which may take its time
        if (host == null || host.isBlank() || host.indexOf('#') >= 0) return "engine";
        return host.length() <= 40 ? host : host.substring(0, 40);
    }

    SagaEngine open() {
        List<String> problems = new ArrayList<>();
        durations(problems);
        numbers(problems);
        definitions(problems);
        refuse(problems);
        EngineSettings mine = new EngineSettings(this); // the builder may go on
        SagaStore chosen = store.apply(mine);
        transactions(chosen, problems);
        refuse(problems);
        return new Engine(mine, chosen).open();
    }

    private void refuse(List<String> problems) {
        if (!problems.isEmpty())
            throw new IllegalArgumentException("saga engine (" + kind + "): " + String.join("; ", problems));
    }

    private void durations(List<String> problems) {
        if (lease.compareTo(SHORTEST_LEASE) < 0 || lease.compareTo(LONGEST_LEASE) > 0)
            problems.add("lease must be 100 ms to 1 h, was " + words(lease));
        Duration inline = inlineWait();
        if (inline.isNegative() || inline.compareTo(lease) >= 0)
            problems.add("inlineWait must be zero or more and less than the lease (" + words(lease) + "), was "
                    + words(inline));
        if (drainFor.isNegative()) problems.add("drainFor must be zero or more, was " + words(drainFor));
        if (retention != null && retention.compareTo(Duration.ofMinutes(1)) < 0)
            problems.add("retention must be at least a minute, and at least as long as participants remember keys, was "
                    + words(retention));
    }

    /** As the messages around it say durations: in seconds or milliseconds; odd ones as Java does. */
    static String words(Duration duration) {
        if (duration.equals(duration.truncatedTo(ChronoUnit.SECONDS))) return duration.toSeconds() + " s";
        boolean odd = !duration.equals(duration.truncatedTo(ChronoUnit.MILLIS));
        return odd || duration.compareTo(LONGEST_LEASE) > 0 || duration.isNegative()
                ? duration.toString()
                : duration.toMillis() + " ms";
    }

    private void numbers(List<String> problems) {
        between(problems, "concurrency", concurrency, 1, 1_000_000);
        between(problems, "maxPayload", maxPayload, 1_024, 64 * 1_024 * 1_024);
        between(problems, "maxClaims", maxClaims, Claims.SUSPECT_FROM + 2, 1_000); // a suspect has to be tried alone
        if (nodeName == null) return;
        if (nodeName.isBlank() || nodeName.length() > 40 || nodeName.indexOf('#') >= 0)
            problems.add("nodeName must have 1 to 40 characters and no '#', was '" + nodeName + "'");
    }

    private static void between(List<String> problems, String what, int value, int least, int most) {
        if (value < least || value > most) problems.add(what + " must be " + least + " to " + most + ", was " + value);
    }

    private void definitions(List<String> problems) {
        Map<String, Saga<?, ?>> seen = new HashMap<>();
        SagaCodec codec = codec();
        for (Saga<?, ?> saga : sagas) {
            Plan plan = saga.plan;
            Saga<?, ?> other = seen.putIfAbsent(plan.name() + "/" + plan.version(), saga);
            if (other == saga) continue;
            if (other != null)
                problems.add("saga '" + plan.name() + "' version " + plan.version()
                        + " is registered twice with different definitions; give a changed one another version");
            try {
                plan.check(codec);
            } catch (IllegalArgumentException refused) {
                problems.add(String.valueOf(refused.getMessage()));
            }
        }
    }

    private void transactions(SagaStore chosen, List<String> problems) {
        List<String> names = sagas.stream()
                .filter(saga -> saga.plan.transactional())
                .map(Saga::name)
                .distinct()
                .toList();
        if (names.isEmpty()) return;
        try {
            chosen.connection().close();
        } catch (UnsupportedOperationException noDatabase) {
            problems.add("sagas " + names + " have transactional steps, which need a journal in a database:"
                    + " SagaEngine.jdbc(dataSource), with the participant's tables in the same database");
        } catch (SQLException away) {
            throw new SagaStoreException("opening a saga engine (" + kind + ")", away);
        }
    }
}
