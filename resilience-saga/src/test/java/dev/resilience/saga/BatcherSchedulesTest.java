// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Outcome;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** The batcher under every schedule of those who join it (L3, L8, S5). */
class BatcherSchedulesTest {
    private record Entry(String saga, int n) {}

    /** What a batcher does with entries; never two batches at once. */
    private static final class Log {
        final List<List<Entry>> batches = new ArrayList<>();
        boolean writing;
    }

    private static Batcher<Entry, Integer> batcher(Schedules at, Log log, int most) {
        return new Batcher<>(
                new Batcher.Target<>(
                        batch -> {
                            assertThat(log.writing).isFalse();
                            log.writing = true;
                            at.point();
                            log.batches.add(batch);
                            log.writing = false;
                            List<Outcome<Integer>> answers = new ArrayList<>();
                            for (Entry entry : batch) answers.add(Outcome.success(entry.n));
                            return answers;
                        },
                        e -> new SagaRef("order", e.saga),
                        e -> e.n >= 100 ? 1000 : 1),
                new Batcher.Bounds(most, 100, 1, 1),
                at,
                new SagaListener() {});
    }

    private static Runnable writes(Batcher<Entry, Integer> batcher, Entry... entries) {
        return () -> {
            for (Entry entry : entries)
                assertThat(batcher.write(entry).orElseThrow()).isEqualTo(entry.n);
        };
    }

    private static void check(Log log, int expected, int most) {
        List<Entry> written = log.batches.stream().flatMap(List::stream).toList();
        assertThat(written).hasSize(expected).doesNotHaveDuplicates();
        for (List<Entry> batch : log.batches) {
            assertThat(batch).hasSizeBetween(1, most);
            assertThat(new HashSet<>(batch.stream().map(Entry::saga).toList())).hasSameSizeAs(batch);
        }
        for (Entry entry : written)
            for (Entry later : written.subList(written.indexOf(entry), written.size()))
                if (later.saga.equals(entry.saga)) assertThat(later.n).isGreaterThanOrEqualTo(entry.n);
    }

    @Test
    void everybody_is_answered_for_their_own_entry() throws InterruptedException {
        AtomicInteger most = new AtomicInteger();
        int schedules = Schedules.all(2_000_000, at -> {
            Log log = new Log();
            Batcher<Entry, Integer> batcher = batcher(at, log, 10);
            at.run(List.of(
                    writes(batcher, new Entry("a", 1)),
                    writes(batcher, new Entry("b", 2)),
                    writes(batcher, new Entry("c", 3))));
            check(log, 3, 10);
            log.batches.forEach(b -> most.set(Math.max(most.get(), b.size())));
        });
        assertThat(schedules).isGreaterThan(100);
        assertThat(most.get()).isEqualTo(2); // one leads, the two others go together
    }

    @Test
    void entries_of_one_saga_go_one_after_the_other() throws InterruptedException { // S5
        Schedules.all(2_000_000, at -> {
            Log log = new Log();
            Batcher<Entry, Integer> batcher = batcher(at, log, 10);
            at.run(List.of(
                    writes(batcher, new Entry("a", 1), new Entry("a", 2)),
                    writes(batcher, new Entry("b", 7)),
                    writes(batcher, new Entry("b", 8))));
            List<Entry> all = log.batches.stream().flatMap(List::stream).toList();
            assertThat(all).hasSize(4);
            for (List<Entry> batch : log.batches)
                assertThat(new HashSet<>(batch.stream().map(Entry::saga).toList()))
                        .hasSameSizeAs(batch);
            assertThat(all.indexOf(new Entry("a", 1))).isLessThan(all.indexOf(new Entry("a", 2)));
        });
    }

    @Test
    void a_batch_is_bounded_in_entries_and_bytes() throws InterruptedException {
        Schedules.all(2_000_000, at -> {
            Log log = new Log();
            Batcher<Entry, Integer> batcher = batcher(at, log, 1);
            at.run(List.of(
                    writes(batcher, new Entry("a", 1)),
                    writes(batcher, new Entry("b", 2)),
                    writes(batcher, new Entry("c", 3))));
            check(log, 3, 1);
        });
        Schedules.all(2_000_000, at -> {
            Log log = new Log();
            Batcher<Entry, Integer> batcher = batcher(at, log, 10);
            at.run(List.of(
                    writes(batcher, new Entry("a", 100)),
                    writes(batcher, new Entry("b", 200)),
                    writes(batcher, new Entry("c", 300))));
            check(log, 3, 1); // each is larger than a batch may be: it goes, but alone
        });
    }

    @Test
    void an_interrupt_is_kept_and_disturbs_nobody() throws InterruptedException { // L8
        Schedules.all(2_000_000, at -> {
            Log log = new Log();
            Batcher<Entry, Integer> batcher = batcher(at, log, 10);
            Thread[] victim = new Thread[1];
            AtomicInteger kept = new AtomicInteger();
            Runnable interrupted = () -> {
                victim[0] = Thread.currentThread();
                writes(batcher, new Entry("a", 1)).run();
                at.point();
                if (Thread.interrupted()) kept.incrementAndGet();
                victim[0] = null;
            };
            at.run(List.of(interrupted, writes(batcher, new Entry("b", 2)), () -> {
                if (victim[0] == null) {
                    kept.incrementAndGet(); // too early or too late: nothing to show
                } else {
                    at.interrupt(victim[0]);
                    at.point();
                }
            }));
            assertThat(kept.get()).isEqualTo(1);
            check(log, 2, 10);
        });
    }

    @Test
    void who_writes_for_others_may_die() throws InterruptedException { // L3
        Schedules.all(2_000_000, at -> {
            AtomicInteger calls = new AtomicInteger();
            AtomicInteger answered = new AtomicInteger();
            AtomicInteger unknown = new AtomicInteger();
            AtomicInteger died = new AtomicInteger();
            Batcher<Entry, Integer> batcher = new Batcher<>(
                    new Batcher.Target<>(
                            batch -> {
                                at.point();
                                if (calls.incrementAndGet() == 2) throw new StackOverflowError("seeded");
                                return batch.stream()
                                        .map(e -> Outcome.success(e.n))
                                        .toList();
                            },
                            e -> new SagaRef("order", e.saga),
                            e -> 1),
                    new Batcher.Bounds(10, 100, 1, 1),
                    at,
                    new SagaListener() {});
            List<Runnable> bodies = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                Entry entry = new Entry("s" + i, i);
                bodies.add(() -> {
                    try {
                        Outcome<Integer> answer = batcher.write(entry);
                        if (answer.succeeded()) answered.incrementAndGet();
                        else unknown.incrementAndGet();
                        if (!answer.succeeded())
                            assertThat(((Outcome.Failure<Integer>) answer).thrown())
                                    .isInstanceOf(SagaStoreException.class);
                    } catch (StackOverflowError seeded) {
                        died.incrementAndGet();
                    }
                });
            }
            at.run(bodies);
            assertThat(died.get()).isEqualTo(1);
            assertThat(answered.get() + unknown.get()).isEqualTo(2);
            assertThat(answered.get()).isPositive();
        });
    }

    @Test
    void a_mistake_of_one_entry_is_not_the_others() throws InterruptedException {
        Schedules.all(2_000_000, at -> {
            Batcher<Entry, Integer> batcher = new Batcher<>(
                    new Batcher.Target<>(
                            batch -> {
                                at.point();
                                if (batch.stream().anyMatch(e -> e.n == 2)) throw new IllegalStateException("seeded");
                                return batch.stream()
                                        .map(e -> Outcome.success(e.n))
                                        .toList();
                            },
                            e -> new SagaRef("order", e.saga),
                            e -> 1),
                    new Batcher.Bounds(10, 100, 1, 1),
                    at,
                    new SagaListener() {});
            at.run(List.of(
                    writes(batcher, new Entry("a", 1)),
                    () -> assertThat(batcher.write(new Entry("b", 2)).succeeded())
                            .isFalse(),
                    writes(batcher, new Entry("c", 3))));
        });
    }

    /** Two flights, the second with company; what is under way is counted, and whose it is. */
    private static final class Sky {
        final List<Entry> landed = new ArrayList<>();
        final List<List<Entry>> aloft = new ArrayList<>();
        int most;

        Batcher<Entry, Integer> batcher(Schedules at, int flights, int company) {
            return new Batcher<>(
                    new Batcher.Target<>(
                            batch -> {
                                aloft.add(batch);
                                most = Math.max(most, aloft.size());
                                List<String> sagas = aloft.stream()
                                        .flatMap(List::stream)
                                        .map(Entry::saga)
                                        .toList();
                                assertThat(sagas).doesNotHaveDuplicates(); // S5
                                at.point();
                                aloft.remove(batch);
                                landed.addAll(batch);
                                return batch.stream()
                                        .map(e -> Outcome.success(e.n))
                                        .toList();
                            },
                            e -> new SagaRef("order", e.saga),
                            e -> 1),
                    new Batcher.Bounds(10, 100, flights, company),
                    at,
                    new SagaListener() {});
        }
    }

    @Test
    void a_further_batch_leaves_before_the_first_has_landed() throws InterruptedException {
        AtomicInteger most = new AtomicInteger();
        Schedules.all(2_000_000, at -> {
            Sky sky = new Sky();
            Batcher<Entry, Integer> batcher = sky.batcher(at, 2, 1);
            at.run(List.of(
                    writes(batcher, new Entry("a", 1)),
                    writes(batcher, new Entry("b", 2)),
                    writes(batcher, new Entry("c", 3))));
            assertThat(sky.landed).hasSize(3).doesNotHaveDuplicates();
            most.set(Math.max(most.get(), sky.most));
        });
        assertThat(most.get()).isEqualTo(2); // and never the third
    }

    @Test
    void a_further_batch_waits_for_company() throws InterruptedException {
        AtomicInteger most = new AtomicInteger();
        Schedules.all(2_000_000, at -> {
            Sky sky = new Sky();
            Batcher<Entry, Integer> batcher = sky.batcher(at, 2, 3);
            at.run(List.of(
                    writes(batcher, new Entry("a", 1)),
                    writes(batcher, new Entry("b", 2)),
                    writes(batcher, new Entry("c", 3))));
            assertThat(sky.landed).hasSize(3);
            most.set(Math.max(most.get(), sky.most));
        });
        assertThat(most.get()).isEqualTo(1); // two at most wait while one flies
    }

    @Test
    void of_one_saga_one_entry_is_under_way() throws InterruptedException { // S5
        Schedules.all(2_000_000, at -> {
            Sky sky = new Sky();
            Batcher<Entry, Integer> batcher = sky.batcher(at, 2, 1);
            at.run(List.of(
                    writes(batcher, new Entry("a", 1), new Entry("a", 2)),
                    writes(batcher, new Entry("a", 7)),
                    writes(batcher, new Entry("b", 8))));
            assertThat(sky.landed).hasSize(4).doesNotHaveDuplicates();
            assertThat(sky.landed.indexOf(new Entry("a", 1))).isLessThan(sky.landed.indexOf(new Entry("a", 2)));
        });
    }
}
