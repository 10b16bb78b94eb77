// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.TimeSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** What a journal means (S2, S47, G6), against a second opinion that is written otherwise. */
class CourseTest {
    private final SagaCodec codec = SagaCodec.records();

    private static SagaDefinition<String> define() {
        return Saga.define("saga", 1, String.class);
    }

    /** A plan of random shape: steps, harmless ones, conditions, elements, delays, forks within forks. */
    private static Plan plan(Random random) {
        SagaDefinition<String> s = define();
        int[] names = {0};
        fill(s, random, names, 0);
        if (random.nextBoolean()) {
            s.pivot("pivot", String.class).run((in, c) -> "").add();
            for (int i = random.nextInt(3); i > 0; i--)
                s.retriable("r" + i, String.class).run((in, c) -> "").add();
        }
        return s.build().plan;
    }

    private static void fill(Steps<String> s, Random random, int[] names, int depth) {
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
            String name = "s" + names[0]++;
            switch (random.nextInt(depth < 2 ? 6 : 5)) {
                case 0 ->
                    s.step(name, String.class)
                            .run((in, c) -> "")
                            .undo((in, r, c) -> {})
                            .add();
                case 1 ->
                    s.step(name, String.class).run((in, c) -> "").harmless().add();
                case 2 ->
                    s.step(name, String.class)
                            .run((in, c) -> "")
                            .undo((in, r, c) -> {})
                            .addWhen(in -> true);
                case 3 ->
                    s.forEach(name, String.class, String.class)
                            .over(in -> List.of())
                            .run((in, e, c) -> "")
                            .undo((in, e, r, c) -> {})
                            .add();
                case 4 -> s.delay(name, java.time.Duration.ofSeconds(1));
                default -> {
                    Fork<String> fork = s.fork(name);
                    fill(fork.branch(name + "l"), random, names, depth + 1);
                    fill(fork.branch(name + "r"), random, names, depth + 1);
                    fork.join();
                }
            }
        }
    }

    private SagaStore.Loaded loaded(List<JournalEntry> lines) {
        SagaInstance head = SagaInstance.builder(new SagaRef("saga", "1")).build();
        byte[] input = codec.encode(Type.of(String.class), "in");
        return new SagaStore.Loaded(head, input, null, List.copyOf(lines), List.of());
    }

    /** A random walk: after each line both say the same; and who reads it from the start says the same too. */
    @Property(tries = 400)
    void says_what_the_naive_reading_says(@ForAll long seed) {
        Random random = new Random(seed);
        Plan plan = plan(random);
        Chart chart = new Chart(plan, TimeSource.system());
        List<JournalEntry> lines = new ArrayList<>();
        Course course = Course.of(chart, codec, loaded(lines));
        for (int seq = 1; seq < 60; seq++) {
            List<JournalEntry.Builder> next = next(course, random);
            if (next.isEmpty()) break;
            for (JournalEntry.Builder line : next) {
                JournalEntry entry = line.at(seq, lines.size(), 1, seq);
                lines.add(entry);
                course.apply(entry);
            }
            same(course, new NaiveCourse(plan, lines));
            same(Course.of(chart, codec, loaded(lines)), new NaiveCourse(plan, lines));
        }
    }

    private static void same(Course course, NaiveCourse naive) {
        assertThat(course.mismatch()).isNull();
        assertThat(course.turned()).isEqualTo(naive.turned());
        assertThat(course.open().stream().map(CourseTest::name).sorted().toList())
                .isEqualTo(naive.open());
        if (!course.turned()) assertThat(course.finished()).isEqualTo(naive.finished());
        Leg undoing = course.turned() ? course.undoing() : null;
        if (course.turned()) assertThat(undoing == null ? "" : name(undoing)).isEqualTo(naive.undoing());
    }

    private static String name(Leg leg) {
        return leg.name() + (leg.index < 0 ? "" : "#" + leg.index);
    }

    /** The lines of one checkpoint that could come next. */
    private static List<JournalEntry.Builder> next(Course course, Random random) {
        if (course.turned()) return undo(course, random);
        if (course.finished()) return List.of();
        if (random.nextInt(12) == 0) return turn(course, random);
        Leg leg = course.open().get(random.nextInt(course.open().size()));
        if (!leg.unprepared())
            return List.of(line(JournalEntry.Phase.ACTION, leg).outcome(StepOutcome.COMPLETED));
        if (leg.place.action == null)
            return List.of(line(JournalEntry.Phase.DUE, leg).dueMs(5));
        if (leg.place.each == null)
            return List.of(line(JournalEntry.Phase.DECISION, leg).payload(new byte[] {(byte) random.nextInt(2)}));
        return List.of(
                line(JournalEntry.Phase.ITEMS, leg).note(Course.counts(random.nextInt(5), 1 + random.nextInt(3))));
    }

    private static List<JournalEntry.Builder> turn(Course course, Random random) {
        List<JournalEntry.Builder> lines = new ArrayList<>();
        for (Leg leg : course.open()) {
            if (leg.place.action == null) continue;
            boolean doubt =
                    !leg.unprepared() && leg.place.action.kind() == Node.Kind.COMPENSATABLE && random.nextBoolean();
            lines.add(line(JournalEntry.Phase.ACTION, leg)
                    .outcome(doubt ? StepOutcome.IN_DOUBT : StepOutcome.SKIPPED)
                    .note(doubt ? null : Leg.UNTOUCHED));
        }
        lines.add(JournalEntry.of(JournalEntry.Phase.TURN, ""));
        return lines;
    }

    private static List<JournalEntry.Builder> undo(Course course, Random random) {
        Leg leg = course.undoing();
        if (leg == null) return List.of();
        if (!leg.inDoubt()) return List.of(line(JournalEntry.Phase.UNDO, leg).outcome(StepOutcome.COMPLETED));
        StepOutcome known = random.nextBoolean() ? StepOutcome.COMPLETED : StepOutcome.REJECTED;
        return List.of(line(JournalEntry.Phase.RESOLUTION, leg).outcome(known));
    }

    private static JournalEntry.Builder line(JournalEntry.Phase phase, Leg leg) {
        return JournalEntry.of(phase, leg.name()).index(leg.index).kind(leg.place.letter);
    }

    // --- S47 ---

    private Course read(Plan plan, JournalEntry.Builder... lines) {
        List<JournalEntry> numbered = new ArrayList<>();
        for (JournalEntry.Builder line : lines) numbered.add(line.at(numbered.size() + 1, 0, 1, 1));
        return Course.of(new Chart(plan, TimeSource.system()), codec, loaded(numbered));
    }

    private static JournalEntry.Builder done(String step, char kind) {
        return JournalEntry.of(JournalEntry.Phase.ACTION, step).kind(kind).outcome(StepOutcome.COMPLETED);
    }

    private static Plan steps(String... names) {
        SagaDefinition<String> s = define();
        for (String name : names) {
            if (name.equals("pivot"))
                s.pivot(name, String.class).run((in, c) -> "").add();
            else if (name.startsWith("r"))
                s.retriable(name, String.class).run((in, c) -> "").add();
            else s.step(name, String.class).run((in, c) -> "").harmless().add();
        }
        return s.build().plan;
    }

    @Test
    void a_step_that_is_gone_is_a_mismatch() {
        assertThat(read(steps("b"), done("a", 'C')).mismatch()).contains("'a'", "does not have");
    }

    @Test
    void a_step_of_another_kind_is_a_mismatch() {
        assertThat(read(steps("a", "pivot"), done("a", 'P')).mismatch()).contains("'a'", "kind");
    }

    @Test
    void a_new_step_before_one_that_is_done_is_a_mismatch() {
        assertThat(read(steps("new", "a"), done("a", 'C')).mismatch()).contains("'a'", "not done");
    }

    @Test
    void a_pivot_that_moved_below_the_cursor_is_a_mismatch() {
        assertThat(read(steps("a", "pivot", "r1"), done("a", 'C'), done("r1", 'R'))
                        .mismatch())
                .contains("'r1'");
    }

    @Test
    void a_new_step_after_all_that_is_done_fits() {
        Course course = read(steps("a", "new"), done("a", 'C'));
        assertThat(course.mismatch()).isNull();
        assertThat(course.open()).hasSize(1);
        assertThat(course.open().get(0).name()).isEqualTo("new");
    }

    /** An operator's retry begins the time anew in which a step must be resolved. */
    @Test
    void an_operators_retry_begins_anew() {
        Course course = read(
                steps("a"),
                JournalEntry.of(JournalEntry.Phase.DUE, "a")
                        .kind('C')
                        .attempts(3)
                        .dueMs(9),
                JournalEntry.of(JournalEntry.Phase.OPERATOR, "").note("retry"));
        Leg leg = course.open().get(0);
        assertThat(leg.due).isNull();
        assertThat(leg.attempts()).isZero();
        assertThat(leg.sinceMs(0)).isEqualTo(1);
    }

    /** What an operator did instead: later steps see its value, and nothing is undone. */
    @Test
    void a_skipped_step_passes_with_the_operators_value() {
        Course course = read(
                steps("a", "b"),
                JournalEntry.of(JournalEntry.Phase.ACTION, "a")
                        .kind('C')
                        .outcome(StepOutcome.SKIPPED)
                        .payload(codec.encode(Type.of(String.class), "by hand")));
        assertThat(course.open().get(0).name()).isEqualTo("b");
        assertThat(course.values().result("a")).isEqualTo("by hand");
    }
}
