// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.cache.SecondLevel.Content;
import dev.resilience.cache.SecondLevel.Read;
import dev.resilience.testkit.ManualTime;
import dev.resilience.testkit.cache.SecondLevelContract;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** The reference of the second level (cache.md 3.7, 3.10, S21). */
class MemoryLevelTest {

    @Nested
    // @start region="contract"
    class Contract extends SecondLevelContract {
        private final ManualTime time = ManualTime.create();
        private final SecondLevel level = SecondLevel.inProcess(10_000, time);

        @Override
        protected SecondLevel level() {
            return level;
        }

        @Override
        protected void pass(Duration duration) {
            time.advance(duration);
        }
    }
    // @end

    private final ManualTime time = ManualTime.create();

    @Test
    void a_size_of_nothing_is_refused() {
        assertThatThrownBy(() -> SecondLevel.inProcess(0, time))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("maxEntries must be at least 1, was 0");
    }

    @Test
    void the_oldest_value_goes_when_there_are_too_many() {
        SecondLevel level = SecondLevel.inProcess(2, time);
        for (String key : List.of("a", "b", "c")) put(level, key, Duration.ofHours(1));
        assertThat(read(level, "a").content()).isEmpty();
        assertThat(read(level, "b").content()).isPresent();
        assertThat(read(level, "c").content()).isPresent();
    }

    @Test
    void a_token_that_is_older_than_what_is_remembered_of_removals_is_refused() {
        SecondLevel level = SecondLevel.inProcess(2, time);
        String token = read(level, "k").token();
        time.advance(MemoryLevel.TOKEN_LIFE.minusNanos(1));
        assertThat(now(level.put("k", content(Duration.ofHours(1)), token))).isTrue();
        String late = now(level.remove("k"));
        time.advance(MemoryLevel.TOKEN_LIFE);
        assertThat(now(level.put("k", content(Duration.ofHours(1)), late))).isFalse();
    }

    @Test
    void a_removal_is_remembered_for_as_long_as_a_token_may_come() {
        SecondLevel level = SecondLevel.inProcess(2, time);
        String token = read(level, "k").token();
        now(level.remove("k"));
        for (int i = 0; i < 100; i++) {
            time.advance(MemoryLevel.TOKEN_LIFE.dividedBy(101));
            now(level.remove("other" + i)); // which forgets what is too old
            assertThat(now(level.put("k", content(Duration.ofHours(1)), token))).isFalse();
        }
    }

    @Test
    void a_tag_is_remembered_for_as_long_as_a_value_may_live() {
        SecondLevel level = SecondLevel.inProcess(8, time);
        Duration life = Duration.ofHours(3);
        String token = read(level, "k").token();
        now(level.put("k", Content.of(new byte[1], life, List.of("t")), token));
        now(level.invalidateTag("t"));
        time.advance(life.minusNanos(1));
        now(level.invalidateTag("other")); // which forgets what is too old
        assertThat(read(level, "k").content()).isEmpty();
    }

    @Test
    void too_many_removals_to_remember_void_everything() {
        SecondLevel level = SecondLevel.inProcess(2, time);
        put(level, "kept", Duration.ofHours(1));
        String before = read(level, "k").token();
        for (int i = 0; i <= 1024; i++) now(level.remove("x" + i));
        assertThat(read(level, "kept").content()).isEmpty();
        assertThat(now(level.put("k", content(Duration.ofHours(1)), before))).isFalse();
        put(level, "k", Duration.ofHours(1));
        assertThat(read(level, "k").content()).isPresent();
    }

    /** Or a token of before the loss would store what was removed since. */
    @Test
    void a_token_of_another_incarnation_is_refused() {
        SecondLevel lost = SecondLevel.inProcess(2, time);
        String token = read(lost, "k").token();
        SecondLevel empty = SecondLevel.inProcess(2, time);
        assertThat(now(empty.put("k", content(Duration.ofHours(1)), token))).isFalse();
    }

    @Test
    void a_life_of_any_length_is_kept_without_overflow() {
        SecondLevel level = SecondLevel.inProcess(2, ManualTime.startingAt(Long.MAX_VALUE - 5));
        put(level, "k", Duration.ofSeconds(Long.MAX_VALUE));
        assertThat(read(level, "k").content()).isPresent();
    }

    @Test
    void what_is_shown_names_no_bytes() {
        SecondLevel level = SecondLevel.inProcess(2, time);
        put(level, "k", Duration.ofMinutes(5));
        assertThat(read(level, "k")).hasToString("hit Content[1 bytes, life PT5M, 0 tags]");
        assertThat(read(level, "x").toString()).startsWith("miss, token ");
    }

    private static void put(SecondLevel level, String key, Duration life) {
        assertThat(now(level.put(key, content(life), read(level, key).token()))).isTrue();
    }

    private static Content content(Duration life) {
        return Content.of(new byte[1], life, List.of());
    }

    private static Read read(SecondLevel level, String key) {
        return now(level.read(key));
    }

    private static <T> T now(CompletionStage<T> stage) {
        return stage.toCompletableFuture().join();
    }
}
