// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.TimeSource;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.jspecify.annotations.Nullable;

/**
 * The bound of L16 over random schedules of three nodes: after a change is done no node answers what was there before for
 * longer than the larger of three beats and maxL1Staleness, whatever is lost, late, out of order, down, started anew or an
 * hour wrong; and the node that made the change does not answer it at all.
 */
class TieredBoundPropertyTest {
    private static final int NODES = 3;
    private static final String[] KEYS = {"x", "y"};

    @Property(tries = 200)
    void no_node_answers_a_changed_value_past_the_bound(
            @ForAll @Size(min = 1, max = 60) List<@IntRange(min = 0, max = 99_999) Integer> schedule,
            @ForAll @IntRange(min = 0, max = 12) int staleSeconds) {
        try (World world = new World(Duration.ofSeconds(staleSeconds))) {
            for (int step : schedule) world.step(step);
            world.settle();
        }
    }

    /** A change that is done: at a time, values below a version are out of date. */
    private record Done(long at, int version) {}

    private static final class World implements AutoCloseable {
        private final ManualTime time = ManualTime.create();
        private final Cluster cluster = new Cluster(time);
        private final long bound;
        private final Duration stale;
        private final List<Cluster.Node> nodes = new ArrayList<>();
        private final Map<String, List<Done>> done = new HashMap<>();
        /** By node and key: the newest version that the node itself has put or whose predecessor it has removed. */
        private final List<Map<String, Integer>> own = new ArrayList<>();

        private final Map<String, Integer> versions = new HashMap<>();

        World(Duration stale) {
            this.stale = stale;
            this.bound = Math.max(Link.SILENCE_NANOS, TimeSource.nanos(stale));
            for (int n = 0; n < NODES; n++) {
                nodes.add(node());
                own.add(new HashMap<>());
            }
            for (String key : KEYS) {
                versions.put(key, 0);
                next(key);
            }
        }

        private Cluster.Node node() {
            return cluster.node(s -> s.maxL1Staleness(stale).maxPending(3));
        }

        /** A new version in the source; every value carries the tag of its key and one that all have. */
        private int next(String key) {
            int version = versions.merge(key, 1, Integer::sum);
            cluster.source.put(key, version + "@" + key + ",all");
            return version;
        }

        private static int version(@Nullable String value) {
            return value == null ? 0 : Integer.parseInt(value.substring(0, value.indexOf('@')));
        }

        void step(int code) {
            int n = code % NODES;
            String key = KEYS[code / NODES % KEYS.length];
            int argument = code / 1000;
            switch (code / (NODES * KEYS.length) % 24) {
                case 0, 1, 2, 3 -> get(n, key);
                case 4 -> getWith(n, key, argument, true);
                case 5 -> getWith(n, key, argument, false);
                case 6, 7 -> change(n, key);
                case 8 -> put(n, key);
                case 9 -> invalidateTag(n, key);
                case 10 -> clear(n);
                case 11, 12 -> time.advance(Duration.ofMillis(100L * argument));
                case 13 -> nodes.get(n).end.lose(1 + argument % 3);
                case 14 -> nodes.get(n).end.hold();
                case 15 -> nodes.get(n).end.release();
                case 16 -> releaseOne(n, argument);
                case 17 -> nodes.get(n).end.disconnect();
                case 18 -> nodes.get(n).end.reconnect();
                case 19 -> nodes.get(n).end.reconnectAndTell();
                case 20 -> nodes.get(n).level.down();
                case 21 -> nodes.get(n).level.up();
                case 22 -> nodes.get(n).level.skew(Duration.ofHours(argument % 3 - 1L));
                default -> startAnew(n);
            }
        }

        private void releaseOne(int n, int argument) {
            int held = nodes.get(n).end.held();
            if (held > 0) nodes.get(n).end.release(argument % held);
        }

        private void startAnew(int n) {
            nodes.get(n).close();
            nodes.set(n, node());
            own.set(n, new HashMap<>());
        }

        private void get(int n, String key) {
            long begun = time.nanoTime();
            int mine = own.get(n).getOrDefault(key, 0);
            List<Done> before = List.copyOf(done.getOrDefault(key, List.of()));
            int got = version(nodes.get(n).get(key));
            assertThat(got)
                    .as("%s on node %s, which has changed it itself", key, n)
                    .isGreaterThanOrEqualTo(mine);
            for (Done each : before) {
                if (got < each.version) {
                    assertThat(begun - each.at)
                            .as("version %s of %s on node %s, changed to %s so long ago", got, key, n, each.version)
                            .isLessThan(bound);
                }
            }
        }

        /** Another node changes something while this one loads, or between its read and its answer. */
        private void getWith(int n, String key, int argument, boolean whileLoading) {
            int other = (n + 1) % NODES;
            Runnable step = switch (argument % 5) {
                case 0 -> () -> change(other, key);
                case 1 -> () -> put(other, key);
                case 2 -> () -> invalidateTag(other, key);
                case 3 -> () -> clear(other);
                default -> () -> time.advance(Duration.ofMillis(500));
            };
            if (whileLoading) nodes.get(n).duringLoad(step);
            else nodes.get(n).level.afterNext(step);
            get(n, key);
            nodes.get(n).duringLoad(() -> {});
            nodes.get(n).level.afterNext(() -> {});
        }

        private void change(int n, String key) {
            int version = next(key);
            own.get(n).put(key, version);
            ended(nodes.get(n).cache.invalidateAsync(key), List.of(key));
        }

        private void put(int n, String key) {
            int version = next(key);
            own.get(n).put(key, version);
            ended(nodes.get(n).cache.putAsync(key, version + "@" + key + ",all"), List.of(key));
        }

        private void invalidateTag(int n, String key) {
            own.get(n).put(key, next(key));
            ended(nodes.get(n).cache.invalidateTagAsync(key), List.of(key));
        }

        private void clear(int n) {
            for (String key : KEYS) own.get(n).put(key, next(key));
            ended(nodes.get(n).cache.clearAsync(), List.of(KEYS));
        }

        private void ended(CompletableFuture<Boolean> change, List<String> keys) {
            assertThat(change).as("nothing is slow here").isDone();
            if (!change.join()) return;
            for (String key : keys) {
                done.computeIfAbsent(key, k -> new ArrayList<>()).add(new Done(time.nanoTime(), versions.get(key)));
            }
        }

        /** Everything works again: after the bound all nodes answer what the source has, and nobody owes anything. */
        void settle() {
            for (Cluster.Node each : nodes) {
                each.level.up();
                each.level.skew(Duration.ZERO);
                each.end.release();
                each.end.reconnect();
            }
            time.advance(Duration.ofSeconds(10));
            time.advance(Duration.ofNanos(bound));
            for (int n = 0; n < NODES; n++) {
                assertThat(nodes.get(n).cache.snapshot().pending()).isZero();
                for (String key : KEYS) get(n, key);
            }
        }

        @Override
        public void close() {
            nodes.forEach(Cluster.Node::close);
        }
    }
}
