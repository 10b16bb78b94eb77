// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.ManualTime;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What is better than the stated bounds ask for, and must stay so. */
class TieredEdgesTest {
    private final Cluster cluster = new Cluster(ManualTime.create());
    private final Cluster.Node a = cluster.node();
    private final Cluster.Node b = cluster.node();

    @AfterEach
    void close() {
        a.close();
        b.close();
    }

    /** Own messages are ignored: who has put a value reads it from its own first level. */
    @Test
    void a_node_does_not_drop_its_copy_for_a_message_of_its_own() {
        a.put("k", "v1");
        assertThat(a.get("k")).isEqualTo("v1");
        assertThat(a.cache.snapshot().secondLevelHits()).isZero();
        assertThat(a.loads).isZero();
    }

    /** The second level decides which of two puts is the last, also when no message tells the other node. */
    @Test
    void a_put_that_the_second_level_refused_leaves_no_copy_although_the_message_is_lost() {
        a.level.afterNext(() -> {
            a.end.lose(1);
            b.put("k", "theirs");
        });
        a.cache.put("k", "mine");
        assertThat(a.get("k")).isEqualTo("theirs");
        assertThat(b.get("k")).isEqualTo("theirs");
    }

    /** A removal that could not be told voids no token: so what was loaded before it is not stored at all. */
    @Test
    void what_becomes_owed_during_a_load_is_not_stored_by_it() {
        cluster.source.put("k", "old");
        a.duringLoad(() -> {
            a.level.down();
            a.cache.invalidate("k");
            a.level.up();
        });
        assertThat(a.get("k")).as("began before").isEqualTo("old");
        assertThat(cluster.shared.read("things:k").toCompletableFuture().join().content())
                .isEmpty();
        cluster.source.put("k", "new");
        assertThat(a.get("k")).isEqualTo("new");
    }

    @Test
    void warming_does_not_load_nor_count_what_is_there() {
        LoadingCache<String, String> cache = LoadingCache.<String, String>builder("users", key -> key)
                .executor(Runnable::run)
                .timeSource(new DrainedTime(ManualTime.create()))
                .build();
        cache.put("a", "there");
        assertThat(cache.warm(List.of("a", "b")).join()).isEqualTo(1);
        assertThat(cache.get("a")).isEqualTo("there");
    }
}
