// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.cache;

import static java.time.Duration.ofHours;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.TimeSource;
import dev.resilience.cache.Loader;
import dev.resilience.cache.LoadingCache;
import dev.resilience.cache.WriteBehind;
import dev.resilience.cache.Writer;
import dev.resilience.testkit.ManualTime;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** The code of "A cache" in {@code docs/testing.md}; it runs. */
class CacheTestingGuideTest {

    // @start region="production"
    static LoadingCache<Long, String> users(Loader<Long, String> database, TimeSource time) {
        return LoadingCache.builder("users", database)
                .ttl(ofMinutes(5))
                .staleWhileRevalidate(ofMinutes(1))
                .staleIfError(ofHours(1))
                .softDeadline(ofMillis(200))
                .timeSource(time)
                .build();
    }
    // @end

    // @start region="outage"
    @Test
    void an_old_value_is_better_than_an_outage() {
        ManualTime time = ManualTime.create();
        boolean[] down = {false};
        LoadingCache<Long, String> users = users(
                id -> {
                    if (down[0]) throw new IOException("connection refused");
                    return "Ann";
                },
                time);

        users.get(7L);
        down[0] = true;
        time.advance(ofMinutes(40)); // past ttl and staleWhileRevalidate

        assertThat(users.get(7L)).isEqualTo("Ann");
    }
    // @end

    // @start region="background"
    @Test
    void a_stale_value_is_answered_while_a_new_one_is_loaded() {
        ManualTime time = ManualTime.create();
        AtomicInteger version = new AtomicInteger();
        LoadingCache<Long, String> users = users(id -> "version " + version.incrementAndGet(), time);

        users.get(7L);
        time.advance(ofMinutes(5)); // jitter only shortens: after all of the ttl it is over

        assertThat(users.get(7L)).isEqualTo("version 1");
        time.advance(ofMillis(1)); // returns when the load in the background has ended
        assertThat(users.get(7L)).isEqualTo("version 2");
    }
    // @end

    // @start region="slow"
    static void takes(Duration duration, ManualTime time) {
        Duration end = time.elapsed().plus(duration);
        while (time.elapsed().compareTo(end) < 0) {
            time.park("database", end.minus(time.elapsed()).toNanos()); // may return early
        }
    }

    @Test
    void nobody_waits_longer_than_the_soft_deadline() {
        ManualTime time = ManualTime.create();
        AtomicInteger loads = new AtomicInteger();
        LoadingCache<Long, String> users = users(
                id -> {
                    if (loads.incrementAndGet() > 1) takes(ofSeconds(10), time);
                    return "version " + loads.get();
                },
                time);
        users.get(7L);
        time.advance(ofMinutes(40));

        CompletableFuture<String> answer = users.getAsync(7L); // get would hold the thread that moves the time

        time.advance(ofMillis(199));
        assertThat(answer).isNotDone();
        time.advance(ofMillis(1));
        assertThat(answer).isCompletedWithValue("version 1");
        time.advance(ofSeconds(10)); // the load went on
        assertThat(users.get(7L)).isEqualTo("version 2");
    }
    // @end

    // @start region="behind"
    @Test
    void the_newest_value_is_written_behind() {
        ManualTime time = ManualTime.create();
        List<String> written = new ArrayList<>();
        Writer<Long, String> writer = change -> written.add(change.value());
        LoadingCache<Long, String> users = LoadingCache.<Long, String>builder("users")
                .writer(writer)
                .writeBehind(WriteBehind.after(ofMillis(200)))
                .timeSource(time)
                .build();

        users.put(7L, "Ann");
        users.put(7L, "Anna");
        assertThat(written).isEmpty();
        time.advance(ofMillis(200)); // returns when it is written

        assertThat(written).containsExactly("Anna");
        assertThat(users.close(ofSeconds(1))).isEmpty();
    }
    // @end
}
