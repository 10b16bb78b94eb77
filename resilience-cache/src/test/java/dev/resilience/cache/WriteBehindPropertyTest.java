// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.cache.WriteBehind.WhenFull;
import dev.resilience.cache.Writer.Change;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/**
 * Write-behind beside a naive reference, over random sequences of what callers, the clock, the executor and the source
 * may do. That no two writes of a key are under way at once, and that versions rise, is checked by the source of the rig
 * at each write.
 */
class WriteBehindPropertyTest {
    private static final List<String> KEYS = List.of("a", "b", "c", "d", "e");

    /** What was accepted, and nothing else. */
    private final Map<String, Integer> reference = new HashMap<>();

    private int value;

    @Property(tries = 300)
    void at_rest_the_source_holds_the_newest_of_each_key(
            @ForAll long seed,
            @ForAll @IntRange(min = 1, max = 5) int maxDirty,
            @ForAll @IntRange(min = 1, max = 3) int batch) {
        WriteRig rig = walked(seed, maxDirty, batch);
        for (int i = 0; i < 200 && rig.writes.dirtyKeys() > 0; i++) {
            rig.advance(WriteRig.PAUSE);
            for (WriteRig.Call call : new ArrayList<>(rig.calls)) call.succeed();
            rig.run();
        }
        assertThat(rig.writes.dirtyKeys()).isZero();
        assertThat(rig.source).isEqualTo(reference);
        for (String key : KEYS) assertThat(rig.writes.dirty(key)).isNull();
        assertThat(rig.time.pendingTimers()).as("L13").isZero();
    }

    @Property(tries = 300)
    void at_close_nothing_is_lost(
            @ForAll long seed,
            @ForAll @IntRange(min = 1, max = 5) int maxDirty,
            @ForAll @IntRange(min = 1, max = 3) int batch) {
        WriteRig rig = walked(seed, maxDirty, batch);
        List<Change<String, Integer>> left = rig.writes.close(Duration.ZERO);
        rig.run();
        assertThat(left).hasSize(rig.writes.dirtyKeys());
        Map<String, Integer> recovered = new HashMap<>(rig.source);
        for (Change<String, Integer> each : left) {
            if (each.isDelete()) recovered.remove(each.key());
            else recovered.put(each.key(), each.value());
        }
        assertThat(recovered).as("written and returned together are all").isEqualTo(reference);
        int before = rig.started.size();
        rig.advance(Duration.ofDays(1));
        assertThat(rig.started).as("no write after close").hasSize(before);
    }

    private WriteRig walked(long seed, int maxDirty, int batch) {
        reference.clear();
        Random random = new Random(seed);
        WriteRig rig = new WriteRig(WriteRig.settings()
                .maxDirty(maxDirty)
                .batch(batch)
                .concurrency(2)
                .whenFull(WhenFull.REJECT));
        for (int i = 0; i < 120; i++) {
            step(rig, random);
            for (String key : KEYS)
                assertThat(rig.readPastStore(key)).as("a read past the store").isEqualTo(reference.get(key));
            assertThat(rig.writes.dirtyKeys()).isLessThanOrEqualTo(maxDirty);
        }
        return rig;
    }

    private void step(WriteRig rig, Random random) {
        String key = KEYS.get(random.nextInt(KEYS.size()));
        switch (random.nextInt(9)) {
            case 0, 1 -> put(rig, key);
            case 2 -> remove(rig, key);
            case 3 -> rig.advance(WriteRig.DELAY.dividedBy(3));
            case 4 -> rig.time.advance(Duration.ofMillis(random.nextInt(3000)));
            case 5 -> rig.run();
            case 6 -> end(rig, random, true);
            case 7 -> end(rig, random, false);
            default -> rig.writes.flush(Duration.ZERO);
        }
    }

    private void put(WriteRig rig, String key) {
        value++;
        try {
            rig.writes.put(key, value);
        } catch (CacheWriteException full) {
            return;
        }
        reference.put(key, value);
    }

    private void remove(WriteRig rig, String key) {
        try {
            rig.writes.remove(key);
        } catch (CacheWriteException full) {
            return;
        }
        reference.remove(key);
    }

    /** In any order, also long after it was reported as late; a failure may have been done or not. */
    private static void end(WriteRig rig, Random random, boolean success) {
        if (rig.calls.isEmpty()) return;
        WriteRig.Call call = rig.calls.get(random.nextInt(rig.calls.size()));
        if (success) {
            call.succeed();
            return;
        }
        if (random.nextBoolean()) call.apply();
        call.fail();
    }
}
