// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** T17, S11, G8: a saga that kills every engine it runs on is parked, and it alone. */
class PoisonTest {
    private static final int CLAIMS = 5;

    private final Fleet fleet = new Fleet();
    private final Map<String, AtomicInteger> runs = new ConcurrentHashMap<>();
    private volatile Link current = fleet.link();

    /** An input of "poison" kills the engine; one of "slow" is only slow, and dies with it. */
    private final Saga<String, Void> saga = saga();

    private Saga<String, Void> saga() {
        SagaDefinition<String> s = Saga.define("work", 1, String.class);
        s.step("work", String.class)
                .run((in, c) -> {
                    int run =
                            runs.computeIfAbsent(in, key -> new AtomicInteger()).incrementAndGet();
                    if (in.equals("poison")) {
                        current.cut();
                        fleet.hang();
                    }
                    if (in.startsWith("slow") && run < 3) fleet.hang(); // it was under way when its engine died
                    return "";
                })
                .harmless()
                .attemptTimeout(Duration.ofHours(1))
                .add();
        return s.build();
    }

    @AfterEach
    void close() {
        fleet.close();
    }

    private int runsOf(String input) {
        return runs.getOrDefault(input, new AtomicInteger()).get();
    }

    private SagaEngine next(int number) {
        current = fleet.link();
        return fleet.open(
                "e" + number, current, builder -> builder.register(saga).maxClaims(CLAIMS));
    }

    @Test
    void only_the_saga_that_kills_its_engines_is_parked() {
        SagaEngine first = next(0);
        List<SagaHandle<Void>> healthy = new ArrayList<>();
        for (int i = 0; i < 3; i++) healthy.add(first.start(saga, "slow" + i, "slow" + i));
        SagaHandle<Void> poison = first.start(saga, "poison", "poison");
        fleet.until(() -> runs.containsKey("poison"));
        int engines = 1;
        while (fleet.status(poison) != SagaStatus.NEEDS_ATTENTION) {
            assertThat(engines).isLessThanOrEqualTo(CLAIMS + 3);
            int before = runsOf("poison");
            next(engines++);
            fleet.until(() -> runsOf("poison") > before || fleet.status(poison) == SagaStatus.NEEDS_ATTENTION);
        }
        assertThat(fleet.head(poison.ref()).reason()).isEqualTo("POISON");
        assertThat(runsOf("poison")).isEqualTo(CLAIMS + 1); // its first run, and one for each claim
        for (SagaHandle<Void> one : healthy) fleet.untilStatus(one, SagaStatus.COMPLETED);
    }

    @Test
    void wake_ups_and_graceful_hand_overs_are_no_claims() {
        SagaDefinition<String> s = Saga.define("naps", 1, String.class);
        for (int i = 0; i < 3 * CLAIMS; i++) s.delay("nap" + i, Duration.ofSeconds(5));
        Saga<String, Void> naps = s.build();
        SagaHandle<Void> handle = null;
        for (int i = 0; i < 3; i++) {
            SagaEngine engine = fleet.open(
                    "n" + i, fleet.link(), builder -> builder.register(naps).maxClaims(CLAIMS));
            if (handle == null) handle = engine.start(naps, "1", "x");
            fleet.pass(Duration.ofSeconds(12));
            fleet.close(engine); // a rolling deploy
        }
        fleet.open("last", fleet.link(), builder -> builder.register(naps).maxClaims(CLAIMS));
        fleet.untilStatus(Fleet.there(handle), SagaStatus.COMPLETED);
        assertThat(fleet.head(Fleet.there(handle).ref()).claims()).isZero();
    }

    @Test
    void a_parked_poison_can_be_tried_again_by_an_operator() {
        SagaEngine first = next(0);
        SagaHandle<Void> poison = first.start(saga, "poison", "poison");
        fleet.until(() -> runs.containsKey("poison"));
        for (int engines = 1; fleet.status(poison) != SagaStatus.NEEDS_ATTENTION; engines++) {
            int before = runsOf("poison");
            next(engines);
            fleet.until(() -> runsOf("poison") > before || fleet.status(poison) == SagaStatus.NEEDS_ATTENTION);
        }
        int before = runsOf("poison");
        SagaEngine mended = fleet.open("mended", fleet.link(), builder -> builder.register(saga));
        mended.admin().retry(poison.ref(), "ann", "more memory");
        fleet.until(() -> runsOf("poison") > before);
        assertThat(fleet.head(poison.ref()).claims()).isLessThan(CLAIMS);
    }
}
