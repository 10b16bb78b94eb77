// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.jspecify.annotations.Nullable;

/** The whole cache, one call after the other, beside thirty naive lines. */
class LoadingModelPropertyTest {
    private static final long TTL = 10;
    private static final long REVALIDATE = 5;
    private static final long ON_ERROR = 20;
    private static final long ABSENT = 3;

    /** One call. */
    enum Kind {
        GET,
        GET_ASYNC,
        PEEK,
        PUT,
        INVALIDATE,
        CLEAR,
        TAG,
        PASS,
        SOURCE_CHANGES,
        SOURCE_FAILS,
        SOURCE_EMPTIES
    }

    record Step(Kind kind, int key, int number) {}

    @Provide
    Arbitrary<List<Step>> steps() {
        return Combinators.combine(
                        Arbitraries.of(Kind.class),
                        Arbitraries.integers().between(0, 2),
                        Arbitraries.integers().between(0, 12))
                .as(Step::new)
                .list()
                .ofMaxSize(60);
    }

    /** What a naive cache has of a key: value (null: absent) and when it was loaded. */
    private record Known(@Nullable String value, long at) {}

    private final Map<Integer, Known> known = new HashMap<>();
    private int version;
    private boolean fails;
    private boolean empty;

    @SuppressWarnings("NullAway") // null: there is none
    private String load(int key) {
        if (fails) throw new IllegalStateException("down");
        return empty ? null : key + ":" + version;
    }

    @Property(tries = 400)
    void it_answers_as_a_naive_cache_does(@ForAll("steps") List<Step> steps) {
        known.clear();
        version = 0;
        fails = false;
        empty = false;
        ManualTime time = ManualTime.startingAt(Long.MAX_VALUE - 100);
        long[] now = {0};
        LoadingCache<Integer, String> cache = LoadingCache.builder("model", this::load)
                .timeSource(time)
                .executor(Runnable::run)
                .jitter(0)
                .ttl(Duration.ofNanos(TTL))
                .staleWhileRevalidate(Duration.ofNanos(REVALIDATE))
                .staleIfError(Duration.ofNanos(ON_ERROR))
                .absentFor(Duration.ofNanos(ABSENT))
                .failuresFor(Duration.ofNanos(1), dev.resilience.Backoff.none())
                .tags((key, value) -> List.of("parity" + key % 2))
                .build();
        for (Step step : steps) {
            int key = step.key();
            switch (step.kind()) {
                case GET -> assertThat(answer(() -> cache.get(key))).isEqualTo(read(key, now[0]));
                case GET_ASYNC ->
                    assertThat(answer(() -> cache.getAsync(key).join())).isEqualTo(read(key, now[0]));
                case PEEK -> assertThat(cache.peek(key).orElse(null)).isEqualTo(peeked(key, now[0]));
                case PUT -> {
                    cache.put(key, "put" + step.number());
                    known.put(key, new Known("put" + step.number(), now[0]));
                }
                case INVALIDATE -> {
                    cache.invalidate(key);
                    known.remove(key);
                }
                case CLEAR -> {
                    cache.invalidateAll();
                    known.clear();
                }
                case TAG -> {
                    cache.invalidateTag("parity" + key % 2);
                    known.entrySet().removeIf(each -> each.getValue().value() != null && each.getKey() % 2 == key % 2);
                }
                case PASS -> {
                    time.advance(Duration.ofNanos(step.number()));
                    now[0] += step.number();
                }
                case SOURCE_CHANGES -> {
                    version++;
                    fails = false;
                    empty = false;
                }
                case SOURCE_FAILS -> fails = true;
                case SOURCE_EMPTIES -> empty = true;
            }
        }
    }

    private static @Nullable String answer(java.util.function.Supplier<@Nullable String> call) {
        try {
            return call.get();
        } catch (CacheLoadException | java.util.concurrent.CompletionException failed) {
            return "failed";
        }
    }

    private @Nullable String peeked(int key, long now) {
        Known there = known.get(key);
        return there != null && now - there.at() < TTL + (there.value() == null ? ABSENT - TTL : REVALIDATE)
                ? there.value()
                : null;
    }

    /** With a direct executor a refresh has ended before the stale value is answered. */
    private @Nullable String read(int key, long now) {
        Known there = known.get(key);
        if (there != null && there.value() == null && now - there.at() < ABSENT) return null;
        String old = there == null ? null : there.value();
        long age = there == null ? 0 : now - there.at();
        if (old != null && age < TTL) return old;
        boolean useful = old != null && age < TTL + ON_ERROR;
        if (fails) return useful ? old : "failed";
        known.put(key, new Known(empty ? null : key + ":" + version, now));
        if (old != null && age < TTL + REVALIDATE) return old;
        return empty ? null : key + ":" + version;
    }
}
