// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Subscription;
import dev.resilience.cache.Backplane.Kind;
import dev.resilience.cache.Backplane.Listener;
import dev.resilience.cache.Backplane.Message;
import dev.resilience.testkit.ManualTime;
import dev.resilience.testkit.cache.BackplaneContract;
import dev.resilience.testkit.cache.SecondLevelContract;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The contracts fail for second levels and backplanes that break them: each mistake is one that an author may make. */
class FlawedLevelTest {
    enum Flaw {
        NONE,
        STORES_WITHOUT_A_TOKEN,
        FORGETS_REMOVALS,
        FORGETS_A_REMOVAL_WHEN_A_VALUE_IS_STORED,
        A_MISS_REVIVES_OLD_TOKENS,
        LAST_VALUE_WINS,
        THE_TOKEN_OF_A_REMOVAL_IS_OLD,
        TAGS_DO_NOT_VOID_TOKENS,
        TAGS_ONLY_VOID_TOKENS,
        A_TAG_COUNTS_ONCE,
        A_TAG_TAKES_EVERYTHING,
        FORGETS_TAGS_ON_READ,
        NEVER_EXPIRES,
        ANSWERS_THE_WHOLE_LIFE,
        FAILS_FOR_NONSENSE,
        KEEPS_EMPTY_LIVES
    }

    /** Naive, under one lock, with the token as a number. */
    private static final class Level implements SecondLevel {
        private record Kept(Content content, long at, long number) {}

        private final ReentrantLock lock = new ReentrantLock();
        private final Map<String, Kept> values = new HashMap<>();
        private final Map<String, Long> removals = new HashMap<>();
        private final Map<String, Long> tags = new HashMap<>();
        private final Flaw flaw;
        private final ManualTime time;
        private long number = 1000;

        Level(Flaw flaw, ManualTime time) {
            this.flaw = flaw;
            this.time = time;
        }

        @Override
        public CompletionStage<Read> read(String key) {
            return locked(() -> {
                Kept kept = values.get(key);
                if (kept == null || left(kept).isZero() || !allowed(kept.content, kept.number)) {
                    values.remove(key);
                    if (flaw == Flaw.A_MISS_REVIVES_OLD_TOKENS) removals.remove(key);
                    return Read.miss(Long.toString(number));
                }
                List<String> told = flaw == Flaw.FORGETS_TAGS_ON_READ ? List.of() : kept.content.tags();
                Duration life = flaw == Flaw.ANSWERS_THE_WHOLE_LIFE ? kept.content.life() : left(kept);
                return Read.hit(Content.of(kept.content.bytes(), life, told));
            });
        }

        private Duration left(Kept kept) {
            if (flaw == Flaw.NEVER_EXPIRES) return kept.content.life();
            Duration left = kept.content.life().minusNanos(time.nanoTime() - kept.at);
            return left.isNegative() ? Duration.ZERO : left;
        }

        private boolean allowed(Content content, long of) {
            return flaw == Flaw.TAGS_ONLY_VOID_TOKENS || tagsAllow(content, of);
        }

        private boolean tagsAllow(Content content, long of) {
            return content.tags().stream().allMatch(t -> tags.getOrDefault(t, 0L) <= of);
        }

        @Override
        public CompletionStage<Boolean> put(String key, Content content, String token) {
            return locked(() -> {
                long given = 0;
                try {
                    given = Long.parseLong(token);
                } catch (NumberFormatException e) {
                    if (flaw == Flaw.FAILS_FOR_NONSENSE) throw e;
                    if (flaw != Flaw.STORES_WITHOUT_A_TOKEN) return false;
                }
                if (given < 1000 && flaw != Flaw.STORES_WITHOUT_A_TOKEN || given > number) return false;
                if (flaw != Flaw.STORES_WITHOUT_A_TOKEN && removals.getOrDefault(key, 0L) > given) return false;
                if (flaw != Flaw.TAGS_DO_NOT_VOID_TOKENS && !tagsAllow(content, given)) return false;
                if (content.life().isZero() && flaw != Flaw.KEEPS_EMPTY_LIVES) return false;
                Kept old = values.get(key);
                boolean taken = old != null && !left(old).isZero() && allowed(old.content, old.number);
                if (taken && flaw != Flaw.LAST_VALUE_WINS) return false;
                values.put(key, new Kept(content, time.nanoTime(), given));
                if (flaw == Flaw.FORGETS_A_REMOVAL_WHEN_A_VALUE_IS_STORED) removals.remove(key);
                return true;
            });
        }

        @Override
        public CompletionStage<String> remove(String key) {
            return locked(() -> {
                long before = number++;
                values.remove(key);
                if (flaw != Flaw.FORGETS_REMOVALS) removals.put(key, number);
                return Long.toString(flaw == Flaw.THE_TOKEN_OF_A_REMOVAL_IS_OLD ? before : number);
            });
        }

        @Override
        public CompletionStage<Void> invalidateTag(String tag) {
            return locked(() -> {
                number++;
                if (flaw == Flaw.A_TAG_COUNTS_ONCE) tags.putIfAbsent(tag, number);
                else tags.put(tag, number);
                if (flaw == Flaw.A_TAG_TAKES_EVERYTHING) values.clear();
                return null;
            });
        }

        private <T> CompletionStage<T> locked(Supplier<T> operation) {
            lock.lock();
            try {
                return CompletableFuture.completedFuture(operation.get());
            } finally {
                lock.unlock();
            }
        }
    }

    private static final class LevelContract extends SecondLevelContract {
        private final ManualTime time = ManualTime.create();
        private final SecondLevel level;

        LevelContract(Flaw flaw) {
            this.level = new Level(flaw, time);
        }

        @Override
        protected SecondLevel level() {
            return level;
        }

        @Override
        protected void pass(Duration duration) {
            time.advance(duration);
        }

        @Override
        protected int rounds() {
            return 5;
        }
    }

    enum LineFlaw {
        NONE,
        NO_ECHO,
        A_HEARTBEAT_TAKES_A_NUMBER,
        A_CHANNEL_FOR_EACH_MESSAGE,
        NUMBERS_OF_EACH_SUBSCRIBER,
        ONE_LISTENER_THAT_THROWS_STOPS_ALL,
        NOBODY_LEAVES,
        LOSES_THE_TEXT
    }

    private static final class Line implements Backplane {
        private final List<Listener> listeners = new CopyOnWriteArrayList<>();
        private final Map<Listener, Long> numbers = new HashMap<>();
        private final ReentrantLock lock = new ReentrantLock();
        private final LineFlaw flaw;
        private long number;

        Line(LineFlaw flaw) {
            this.flaw = flaw;
        }

        @Override
        public CompletionStage<Void> publish(Message message) {
            lock.lock(); // held while telling: not to be imitated
            try {
                boolean counts = message.kind() != Kind.HEARTBEAT || flaw == LineFlaw.A_HEARTBEAT_TAKES_A_NUMBER;
                if (counts) number++;
                String channel = flaw == LineFlaw.A_CHANNEL_FOR_EACH_MESSAGE ? "ch" + number : "ch";
                String text = flaw == LineFlaw.LOSES_THE_TEXT ? "" : message.text();
                Message sent = Message.of(message.cache(), message.node(), message.kind(), text);
                boolean first = true;
                for (Listener each : listeners) {
                    if (flaw == LineFlaw.NO_ECHO && first) {
                        first = false;
                        continue;
                    }
                    long told = flaw == LineFlaw.NUMBERS_OF_EACH_SUBSCRIBER
                            ? numbers.merge(each, counts ? 1L : 0L, Long::sum)
                            : number;
                    try {
                        each.received(channel, told, sent);
                    } catch (IllegalStateException thrown) {
                        if (flaw == LineFlaw.ONE_LISTENER_THAT_THROWS_STOPS_ALL) break;
                    }
                }
                return CompletableFuture.completedFuture(null);
            } finally {
                lock.unlock();
            }
        }

        @Override
        public Subscription subscribe(Listener listener) {
            listeners.add(listener);
            return () -> {
                if (flaw != LineFlaw.NOBODY_LEAVES) listeners.remove(listener);
            };
        }
    }

    private static final class LineContract extends BackplaneContract {
        private final Backplane line;

        LineContract(LineFlaw flaw) {
            this.line = new Line(flaw);
        }

        @Override
        protected Backplane backplane() {
            return line;
        }

        @Override
        protected Duration patience() {
            return line instanceof Line own && own.flaw == LineFlaw.NONE
                    ? Duration.ofMinutes(1)
                    : Duration.ofMillis(20);
        }
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void each_mistake_of_a_second_level_is_caught(Flaw flaw) throws Exception {
        assertThat(failing(SecondLevelContract.class, () -> new LevelContract(flaw)))
                .isNotEmpty();
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void each_mistake_of_a_backplane_is_caught(LineFlaw flaw) throws Exception {
        assertThat(failing(BackplaneContract.class, () -> new LineContract(flaw)))
                .isNotEmpty();
    }

    @Test
    void without_a_mistake_nothing_fails() throws Exception {
        assertThat(failing(SecondLevelContract.class, () -> new LevelContract(Flaw.NONE)))
                .isEmpty();
        assertThat(failing(BackplaneContract.class, () -> new LineContract(LineFlaw.NONE)))
                .isEmpty();
    }

    private static Set<String> failing(Class<?> contract, Supplier<?> fresh) throws Exception {
        Set<String> failing = new TreeSet<>();
        List<Method> tests = new ArrayList<>();
        for (Method each : contract.getMethods()) {
            if (each.isAnnotationPresent(Test.class)) tests.add(each);
        }
        assertThat(tests).isNotEmpty();
        for (Method test : tests) {
            try {
                test.invoke(fresh.get());
            } catch (InvocationTargetException failed) {
                failing.add(test.getName());
            }
        }
        return failing;
    }
}
