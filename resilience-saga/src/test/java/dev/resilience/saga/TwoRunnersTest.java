// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/**
 * C14, G3 to G9: two runners of one saga take turns step by step, and somebody cancels. Every order of their seams (the
 * claim, each effect, each write, each reading) of the smallest sagas; {@link RunnerModelTest} lets the second one run as
 * far as it gets before the first goes on. With {@code -Dcrash.matrix=full} somebody cancels each of them.
 */
class TwoRunnersTest {
    private static final SagaRef REF = new SagaRef("saga", "1");
    private static final int MOST = 200_000;
    private static final boolean FULL = "full".equals(System.getProperty("crash.matrix"));

    enum Shape {
        ONE_STEP(world -> {
            SagaDefinition<String> s = define();
            world.step(s, "one");
            return s.build();
        }),
        TWO_STEPS(world -> {
            SagaDefinition<String> s = define();
            world.step(s, "one");
            world.step(s, "two");
            return s.build();
        }),
        A_PIVOT(world -> {
            SagaDefinition<String> s = define();
            world.step(s, "one");
            s.pivot("pivot", String.class)
                    .run((in, c) -> world.call(c, "pivot"))
                    .add();
            return s.build();
        }),
        REFUSED(world -> {
            SagaDefinition<String> s = define();
            world.step(s, "one");
            s.pivot("pivot", String.class)
                    .run((in, c) -> {
                        throw new StepRejectedException("no");
                    })
                    .add();
            return s.build();
        });

        private final Function<World, Saga<String, ?>> definition;

        Shape(Function<World, Saga<String, ?>> definition) {
            this.definition = definition;
        }
    }

    /** What a journal or an engine could do wrongly. */
    enum Flaw {
        NONE,
        /** G9: who comes first writes, whoever owns it. */
        ONLY_THE_NUMBER_IS_GUARDED,
        /** C15: between its look and its write somebody else goes on. */
        LOOKS_THEN_WRITES,
        /** G9: who is refused reads the head and writes with it. */
        WRITES_WITH_THE_HEAD_IT_READ,
        /** G3. */
        KEY_OF_THE_OWNER
    }

    private static SagaDefinition<String> define() {
        return Saga.define("saga", 1, String.class);
    }

    @ParameterizedTest
    @EnumSource
    void every_order_of_two_runners_keeps_every_guarantee(Shape shape) throws InterruptedException {
        boolean cancels = FULL || shape == Shape.A_PIVOT;
        int orders = Schedules.all(MOST, at -> new World(shape, Flaw.NONE, at, cancels).play());
        assertThat(orders).isGreaterThan(50);
    }

    @ParameterizedTest
    @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
    void each_flaw_is_found(Flaw flaw) {
        assertThatThrownBy(() -> {
                    for (Shape shape : new Shape[] {Shape.A_PIVOT, Shape.REFUSED})
                        Schedules.all(MOST, at -> new World(shape, flaw, at, false).play());
                })
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("under the schedule");
    }

    /** One run. */
    private static final class World {
        private final ManualTime time = ManualTime.autoAdvancing();
        private final SagaStore store = SagaStore.inMemory(time);
        private final Flaw flaw;
        private final Schedules at;
        private final boolean cancels;
        private final Chart chart;
        private final List<String> made = new ArrayList<>();
        private final List<String> unmade = new ArrayList<>();
        private final Map<String, String> keys = new HashMap<>();
        private final List<String> wrong = new ArrayList<>();
        private boolean mustTurn;

        World(Shape shape, Flaw flaw, Schedules at, boolean cancels) {
            this.flaw = flaw;
            this.at = at;
            this.cancels = cancels;
            this.chart = new Chart(shape.definition.apply(this).plan, time);
        }

        void step(SagaDefinition<String> s, String name) {
            s.step(name, String.class)
                    .run((in, c) -> call(c, name))
                    .undo((in, r, c) -> call(c, name))
                    .add();
        }

        /** The participant: makes an effect once, and none that comes after its undoing. */
        private String call(StepContext c, String name) {
            at.point();
            boolean undo = c.key().endsWith(StepContext.UNDO);
            String key = flaw == Flaw.KEY_OF_THE_OWNER
                    ? c.key() + Thread.currentThread().getName()
                    : c.key();
            String before = keys.putIfAbsent(name + undo, key);
            if (before != null && !before.equals(key)) wrong.add("G3: called as " + before + " and as " + key);
            List<String> effects = undo ? unmade : made;
            if (!effects.contains(name) && (undo || !unmade.contains(name))) effects.add(name);
            return name;
        }

        void play() {
            Owner first = new Owner("first");
            SagaStore.Loaded started = first.start(chart, "1", "in");
            Consumer<Owner> takes = owner -> {
                at.point();
                String dead = store.load(REF).orElseThrow().head().owner();
                owner.claim(dead == null ? new String[0] : new String[] {dead}).forEach(owner::live);
            };
            List<Runnable> actors = new ArrayList<>();
            actors.add(() -> first.live(started));
            actors.add(() -> takes.accept(new Owner("second")));
            if (cancels) actors.add(this::cancel);
            at.run(actors);
            for (int i = 0; i < 5 && !head().status().ended(); i++) {
                time.advance(Duration.ofMinutes(1));
                takes.accept(new Owner("later" + i));
            }
            check();
        }

        private SagaInstance head() {
            return store.load(REF).orElseThrow().head();
        }

        private void cancel() {
            at.point();
            SagaInstance then = head();
            boolean accepted = store.cancel(REF, then.updatedMs()) == SagaReply.ACCEPTED;
            mustTurn = accepted && !then.inPivot();
        }

        private void check() {
            SagaStore.Loaded end = store.load(REF).orElseThrow();
            SagaStatus status = end.head().status();
            if (!status.ended()) wrong.add("G8: it has not ended: " + end.head());
            Set<String> outcomes = new HashSet<>();
            long fence = Long.MIN_VALUE;
            for (JournalEntry line : end.entries()) {
                if (line.outcome() != null && !outcomes.add(line.phase() + line.step())) wrong.add("G4: " + line);
                if (line.fence() < fence) wrong.add("G9: a stale owner recorded " + line);
                fence = line.fence();
            }
            if (mustTurn && status != SagaStatus.COMPENSATED) wrong.add("S3: a cancellation was not honoured");
            if (status == SagaStatus.COMPLETED && !unmade.isEmpty()) wrong.add("G6: completed, but undone: " + unmade);
            if (status == SagaStatus.COMPENSATED && !unmade.containsAll(made)) wrong.add("G6: not undone: " + made);
            if (wrong.isEmpty()) return;
            throw new AssertionError(wrong + " made " + made + ", unmade " + unmade + ", " + end.entries());
        }

        private final class Owner extends FakeBerth {
            Owner(String name) {
                super(World.this.time, World.this.store, name);
            }

            void live(SagaStore.Loaded loaded) {
                new Runner(chart, loaded, this).run();
            }

            @Override
            public boolean write(Checkpoint c) {
                at.point();
                SagaInstance now = head();
                boolean written = switch (flaw) {
                    case ONLY_THE_NUMBER_IS_GUARDED -> now.seq() == c.seen().seq() && anyhow(c, now);
                    case LOOKS_THEN_WRITES -> {
                        if (!c.accepts(now)) yield false;
                        at.point();
                        now = head();
                        yield anyhow(c, now);
                    }
                    case WRITES_WITH_THE_HEAD_IT_READ ->
                        store.write(c)
                                || (!now.status().ended()
                                        && now.seq() == c.seen().seq()
                                        && anyhow(c, now));
                    default -> store.write(c);
                };
                if (written && !owner.equals(now.owner())) wrong.add("G9: " + owner + " recorded " + c);
                return written;
            }

            private boolean anyhow(Checkpoint c, SagaInstance now) {
                Checkpoint.Builder again = Checkpoint.on(now, c.next().updatedMs());
                for (JournalEntry line : c.entries()) again.append(Mistake.copy(line));
                SagaInstance next = c.next();
                again.head()
                        .status(next.status())
                        .owner(next.owner() == null ? null : now.owner())
                        .inPivot(next.inPivot())
                        .pivotPassed(next.pivotPassed())
                        .wakeMs(next.wakeMs())
                        .endedMs(next.endedMs());
                return store.write(again.build());
            }

            @Override
            public SagaStore.@Nullable Loaded reload(SagaRef ref, boolean settled) {
                at.point();
                return super.reload(ref, settled);
            }
        }
    }
}
