// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.cache.Writer.Change;
import dev.resilience.cache.WriterSnippets.User;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What the pages show does what they say. */
class WriterSnippetsTest implements WriterSnippets.Users {
    private final Map<String, User> table = new ConcurrentHashMap<>(Map.of("18", new User("Bob")));
    private final List<Change<String, User>> parked = new ArrayList<>();

    @Test
    void through_changes_source_and_cache() {
        LoadingCache<String, User> cache = WriterSnippets.through(this);
        assertThat(table).isEqualTo(Map.of("17", new User("Ada")));
        assertThat(cache.get("17")).isEqualTo(new User("Ada"));
        assertThat(cache.get("18")).isNull();
    }

    @Test
    void each_writer_writes() {
        List<Writer<String, User>> writers =
                List.of(WriterSnippets.conditional(this), WriterSnippets.async(this), WriterSnippets.batch(this));
        for (Writer<String, User> writer : writers) {
            table.clear();
            LoadingCache<String, User> cache =
                    LoadingCache.builder("users", this::find).writer(writer).build();
            cache.put("1", new User("Cy"));
            assertThat(table).containsOnlyKeys("1");
        }
    }

    @Test
    void behind_is_written_at_the_latest_when_the_cache_is_closed() {
        LoadingCache<String, User> cache = WriterSnippets.behind(this, WriterSnippets.async(this));
        WriterSnippets.shutDown(this, cache);
        assertThat(parked).isEmpty();
        assertThat(table).containsEntry("17", new User("Ada"));
        assertThat(cache.flush(Duration.ZERO)).isTrue();
    }

    @Override
    public @Nullable User find(String id) {
        return table.get(id);
    }

    @Override
    public void save(String id, User user) {
        table.put(id, user);
    }

    @Override
    public void saveIfNewer(String id, User user, long version) {
        assertThat(version).isPositive();
        table.put(id, user);
    }

    @Override
    public void delete(String id) {
        table.remove(id);
    }

    @Override
    public CompletableFuture<Void> saveAsync(List<Change<String, User>> changes) {
        changes.forEach(change -> table.put(change.key(), change.value()));
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public void park(Change<String, User> change) {
        parked.add(change);
    }
}
