// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Backoff;
import dev.resilience.TimeSource;
import dev.resilience.cache.WriteBehind.WhenFull;
import dev.resilience.cache.Writer.Change;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Real threads and the real clock: what holds under every schedule (cache.md 3.8, S20). */
class WriteBehindStormTest {
    private static final int KEYS = 8;
    private static final int ROUNDS = 400;
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Map<Integer, Integer> source = new ConcurrentHashMap<>();
    private final Map<Integer, Long> versions = new ConcurrentHashMap<>();
    private final Map<Integer, AtomicInteger> underWay = new ConcurrentHashMap<>();
    private final AtomicReference<@Nullable String> broken = new AtomicReference<>();
    private final AtomicInteger writes = new AtomicInteger();
    private final Map<Integer, Life> store = new ConcurrentHashMap<>();

    /** Every seventh write fails, with or without effect. */
    private void write(Change<Integer, Integer> change) {
        Integer key = change.key();
        AtomicInteger flying = underWay.computeIfAbsent(key, any -> new AtomicInteger());
        if (flying.incrementAndGet() != 1) broken.set("two writes of one key at once");
        int number = writes.incrementAndGet();
        Long before = versions.put(key, change.version());
        if (before != null && before > change.version()) broken.set("an older change after a newer");
        if (number % 7 != 0) apply(change);
        else if (number % 2 == 0) apply(change);
        flying.decrementAndGet();
        if (number % 7 == 0) throw new IllegalStateException("every seventh");
    }

    private void apply(Change<Integer, Integer> change) {
        if (change.isDelete()) source.remove(change.key());
        else source.put(change.key(), change.value());
    }

    private BehindWrites<Integer, Integer> behind(WhenFull whenFull) {
        DirectWrite<Integer, Integer> direct = new DirectWrite<>("storm", this::write, TimeSource.system());
        return new BehindWrites<>(
                direct,
                WriteBehind.after(Duration.ofMillis(1))
                        .maxDirty(KEYS / 2)
                        .whenFull(whenFull)
                        .maxWait(PATIENCE)
                        .backoff(Backoff.constant(Duration.ofMillis(1))),
                new Copies(),
                new Silent());
    }

    @ParameterizedTest
    @EnumSource(WhenFull.class)
    void the_source_ends_with_the_last_change_of_each_key(WhenFull whenFull) throws InterruptedException {
        BehindWrites<Integer, Integer> behind = behind(whenFull);
        List<Map<Integer, Integer>> accepted = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            Map<Integer, Integer> mine = new ConcurrentHashMap<>();
            accepted.add(mine);
            int first = t * KEYS;
            Thread thread = new Thread(() -> change(behind, first, mine));
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join(PATIENCE.toMillis());
            assertThat(thread.isAlive()).isFalse();
        }
        assertThat(behind.close(PATIENCE)).isEmpty();
        assertThat(broken.get()).isNull();
        Map<Integer, Integer> all = new ConcurrentHashMap<>();
        accepted.forEach(all::putAll);
        assertThat(source).isEqualTo(all);
        assertThat(behind.dirtyKeys()).isZero();
    }

    /** Each thread has keys of its own, so it knows what their last change was. */
    private static void change(BehindWrites<Integer, Integer> behind, int first, Map<Integer, Integer> mine) {
        for (int i = 1; i <= ROUNDS; i++) {
            int key = first + i % KEYS;
            try {
                if (i % 5 == 0) behind.remove(key);
                else behind.put(key, i);
            } catch (CacheWriteException rejected) {
                continue;
            } catch (IllegalStateException writtenThroughAndFailed) {
                mine.remove(key);
                behindAgain(behind, key, i, mine);
                continue;
            }
            if (i % 5 == 0) mine.remove(key);
            else mine.put(key, i);
        }
    }

    /** What the source holds is not known after such a failure: the caller tries until it is. */
    private static void behindAgain(
            BehindWrites<Integer, Integer> behind, int key, int value, Map<Integer, Integer> mine) {
        for (int tries = 0; tries < 1_000_000; tries++) {
            try {
                behind.put(key, value);
                mine.put(key, value);
                return;
            } catch (IllegalStateException again) {
                Thread.onSpinWait();
            }
        }
        throw new AssertionError("a million failures of which each seventh is meant");
    }

    @Test
    void all_threads_on_one_key_agree_with_source_and_store_in_the_end() throws InterruptedException {
        BehindWrites<Integer, Integer> behind = behind(WhenFull.BLOCK);
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            int number = t;
            Thread thread = new Thread(() -> {
                for (int i = 0; i < ROUNDS; i++) behind.put(1, number * ROUNDS + i);
            });
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join(PATIENCE.toMillis());
            assertThat(thread.isAlive()).isFalse();
        }
        assertThat(behind.close(PATIENCE)).isEmpty();
        assertThat(broken.get()).isNull();
        Copy copy = (Copy) store.get(1);
        if (copy != null && !copy.isDead())
            assertThat(copy.value).as("what is cached is what the source holds").isEqualTo(source.get(1));
    }

    private static final class Copy extends Life {
        final Integer value;

        Copy(Integer value) {
            this.value = value;
            publish();
        }
    }

    /** As the cache: stores unless dead, and takes out again what has died meanwhile. */
    private final class Copies implements Writes.Copies<Integer, Integer> {
        @Override
        public Object prepare(Integer key, Integer value) {
            return new Copy(value);
        }

        @Override
        public void publish(Integer key, @Nullable Object copy) {
            if (copy == null) {
                store.remove(key);
                return;
            }
            Copy mine = (Copy) copy;
            if (!mine.isDead()) store.put(key, mine);
            if (mine.isDead()) store.remove(key, mine);
        }

        @Override
        public void kill(Object copy) {
            ((Copy) copy).kill();
        }

        @Override
        public void drop(Integer key) {
            store.remove(key);
        }
    }

    private static final class Silent implements BehindWrites.Told<Integer, Integer> {
        @Override
        public void written(List<Change<Integer, Integer>> changes) {}

        @Override
        public void writeFailed(List<Change<Integer, Integer>> changes, Throwable thrown, int failures) {}

        @Override
        public void writeLate(List<Change<Integer, Integer>> changes, long ageNanos) {}
    }
}
