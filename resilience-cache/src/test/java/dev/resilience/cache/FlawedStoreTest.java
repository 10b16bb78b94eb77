// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.TimeSource;
import dev.resilience.testkit.cache.StoreContract;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The contract's tests fail for stores that break it: each mistake is one that a store's author may make. */
class FlawedStoreTest {
    enum Flaw {
        NONE,
        COMPARES_VALUES,
        REPLACES_WHATEVER_IS_THERE,
        PUTS_WHEN_REPLACE_FAILS,
        ABSENT_MATCHES_ANYTHING,
        REMOVES_WHATEVER_IS_THERE,
        ANSWERS_NO_PREVIOUS_ENTRY,
        REMOVE_KEEPS_IT,
        CLEAR_KEEPS_THE_NEWEST,
        CLEAR_TELLS_EVICTIONS,
        NO_BOUND,
        ONE_TOO_MANY,
        KEEPS_ONE_ONLY,
        TELLS_NOTHING,
        TELLS_TWICE,
        TELLS_REPLACEMENTS,
        TELLS_THE_WRONG_CAUSE,
        TELLS_BEFORE_IT_IS_GONE,
        NEVER_EXPIRES,
        EXPIRES_EVERYTHING,
        EXPIRES_BY_THE_FIRST_ENTRY,
        LISTENER_UNDER_THE_LOCK,
        LISTENER_BREAKS_THE_OPERATION,
        BINDS_AGAIN,
        NEEDS_A_BINDING,
        WALKS_UNDER_A_COPY_OF_YESTERDAY,
        SIZE_COUNTS_WHAT_CAME
    }

    /** Right but slow: a linked map in the order of insertion behind one lock. */
    private static final class FlawedStore implements Store<Integer, String> {
        private record Told(Integer key, Entry<String> entry, Cause cause) {}

        private final Flaw flaw;
        private final int max;
        private final ReentrantLock lock = new ReentrantLock();
        private final LinkedHashMap<Integer, Entry<String>> map = new LinkedHashMap<>();
        private final LinkedHashMap<Integer, Entry<String>> first = new LinkedHashMap<>();
        private final List<Told> toTell = new ArrayList<>();
        private long came;
        private @Nullable TimeSource time;
        private @Nullable EvictionListener<? super Integer, ? super String> listener;

        FlawedStore(Flaw flaw, int max) {
            this.flaw = flaw;
            this.max = flaw == Flaw.ONE_TOO_MANY ? max + 1 : flaw == Flaw.KEEPS_ONE_ONLY ? 1 : max;
        }

        @Override
        public @Nullable Entry<String> get(Integer key) {
            return peek(key);
        }

        @Override
        public @Nullable Entry<String> peek(Integer key) {
            lock.lock();
            try {
                return map.get(key);
            } finally {
                lock.unlock();
            }
        }

        @Override
        public @Nullable Entry<String> put(Integer key, Entry<String> entry) {
            lock.lock();
            Entry<String> had;
            try {
                had = set(key, entry);
            } finally {
                lock.unlock();
            }
            tell();
            return flaw == Flaw.ANSWERS_NO_PREVIOUS_ENTRY ? null : had;
        }

        private @Nullable Entry<String> set(Integer key, Entry<String> entry) {
            if (flaw == Flaw.NEEDS_A_BINDING) Objects.requireNonNull(time);
            came++;
            first.putIfAbsent(key, entry);
            Entry<String> had = map.put(key, entry);
            if (had != null && flaw == Flaw.TELLS_REPLACEMENTS) note(key, had, Cause.SIZE);
            while (map.size() > max && flaw != Flaw.NO_BOUND) {
                Integer oldest = map.keySet().iterator().next();
                Entry<String> gone = Objects.requireNonNull(map.get(oldest));
                if (flaw == Flaw.TELLS_BEFORE_IT_IS_GONE) tellNow(new Told(oldest, gone, Cause.SIZE));
                else note(oldest, gone, flaw == Flaw.TELLS_THE_WRONG_CAUSE ? Cause.EXPIRED : Cause.SIZE);
                map.remove(oldest);
            }
            return had;
        }

        private void note(Integer key, Entry<String> entry, Cause cause) {
            if (flaw == Flaw.TELLS_NOTHING) return;
            toTell.add(new Told(key, entry, cause));
            if (flaw == Flaw.TELLS_TWICE) toTell.add(new Told(key, entry, cause));
            if (flaw == Flaw.LISTENER_UNDER_THE_LOCK) tell();
        }

        private void tell() {
            while (true) {
                Told told;
                lock.lock();
                try {
                    if (toTell.isEmpty()) return;
                    told = toTell.remove(0);
                } finally {
                    lock.unlock();
                }
                tellNow(told);
            }
        }

        private void tellNow(Told told) {
            if (listener == null) return;
            try {
                listener.evicted(told.key, told.entry, told.cause);
            } catch (IllegalStateException thrown) {
                if (flaw == Flaw.LISTENER_BREAKS_THE_OPERATION) throw new AssertionError(thrown);
            }
        }

        @Override
        public boolean replace(Integer key, @Nullable Entry<String> seen, Entry<String> next) {
            lock.lock();
            boolean same;
            try {
                Entry<String> now = map.get(key);
                same = same(now, seen) || flaw == Flaw.REPLACES_WHATEVER_IS_THERE;
                if (seen == null && flaw == Flaw.ABSENT_MATCHES_ANYTHING) same = true;
                if (same || flaw == Flaw.PUTS_WHEN_REPLACE_FAILS) set(key, next);
            } finally {
                lock.unlock();
            }
            tell();
            return same;
        }

        private boolean same(@Nullable Entry<String> now, @Nullable Entry<String> seen) {
            boolean values = flaw == Flaw.COMPARES_VALUES && now != null && seen != null;
            return values ? Objects.equals(now.value, seen.value) : now == seen;
        }

        @Override
        public boolean remove(Integer key, Entry<String> seen) {
            lock.lock();
            try {
                Entry<String> now = map.get(key);
                if (now == null) return false;
                if (!same(now, seen) && flaw != Flaw.REMOVES_WHATEVER_IS_THERE) return false;
                map.remove(key);
                return true;
            } finally {
                lock.unlock();
            }
        }

        @Override
        public @Nullable Entry<String> remove(Integer key) {
            lock.lock();
            try {
                return flaw == Flaw.REMOVE_KEEPS_IT ? map.get(key) : map.remove(key);
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void clear() {
            lock.lock();
            try {
                if (flaw == Flaw.CLEAR_TELLS_EVICTIONS) map.forEach((key, entry) -> note(key, entry, Cause.SIZE));
                if (flaw == Flaw.CLEAR_KEEPS_THE_NEWEST) map.keySet().removeIf(key -> map.size() > 1);
                else map.clear();
            } finally {
                lock.unlock();
            }
            tell();
        }

        @Override
        public void forEach(BiConsumer<? super Integer, ? super Entry<String>> each) {
            Map<Integer, Entry<String>> copy;
            lock.lock();
            try {
                copy = new LinkedHashMap<>(flaw == Flaw.WALKS_UNDER_A_COPY_OF_YESTERDAY ? first : map);
            } finally {
                lock.unlock();
            }
            copy.forEach(each);
        }

        @Override
        public long estimatedSize() {
            lock.lock();
            try {
                return flaw == Flaw.SIZE_COUNTS_WHAT_CAME ? came : map.size();
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void cleanUp() {
            lock.lock();
            try {
                if (time == null || flaw == Flaw.NEVER_EXPIRES) return;
                long now = time.nanoTime();
                List.copyOf(map.entrySet()).forEach(held -> {
                    Map<Integer, Entry<String>> judged = flaw == Flaw.EXPIRES_BY_THE_FIRST_ENTRY ? first : map;
                    Entry<String> entry = Objects.requireNonNull(judged.get(held.getKey()));
                    if (entry.remainingNanos(now) > 0 && flaw != Flaw.EXPIRES_EVERYTHING) return;
                    map.remove(held.getKey());
                    note(held.getKey(), held.getValue(), Cause.EXPIRED);
                });
            } finally {
                lock.unlock();
            }
            tell();
        }

        @Override
        public void bind(TimeSource time, EvictionListener<? super Integer, ? super String> listener) {
            if (this.time != null && flaw != Flaw.BINDS_AGAIN) throw Evictions.boundAlready();
            this.time = time;
            this.listener = listener;
        }
    }

    private static final class Contract extends StoreContract {
        private final Flaw flaw;

        Contract(Flaw flaw) {
            this.flaw = flaw;
        }

        @Override
        protected Store<Integer, String> store(int maxEntries) {
            return new FlawedStore(flaw, maxEntries);
        }

        /** Only a listener under the lock makes anybody wait as long as that, and it is to be found. */
        @Override
        protected Duration patience() {
            return flaw == Flaw.LISTENER_UNDER_THE_LOCK ? Duration.ofMillis(100) : super.patience();
        }
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void each_mistake_is_caught(Flaw flaw) throws Exception {
        assertThat(failing(flaw))
                .as("tests of the contract that fail for %s", flaw)
                .isNotEmpty();
    }

    @Test
    void without_a_mistake_nothing_fails() throws Exception {
        assertThat(failing(Flaw.NONE)).isEmpty();
    }

    private static Set<String> failing(Flaw flaw) throws Exception {
        Set<String> failing = new TreeSet<>();
        for (Method test : StoreContract.class.getMethods()) {
            if (!test.isAnnotationPresent(Test.class)) continue;
            try {
                test.invoke(new Contract(flaw));
            } catch (InvocationTargetException thrown) {
                failing.add(test.getName());
            }
        }
        return failing;
    }
}
