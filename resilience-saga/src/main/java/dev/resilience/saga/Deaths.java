// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Who is dead, told by an observer's own monotonic clock alone (S13): an owner whose beat has not changed for a lease of
 * time that the observer was looking, over at least three looks. A gap in which it could not look, because the store did
 * not answer or it stood still itself, does not count; so a store that is away makes nobody dead. One thread observes,
 * any may ask.
 */
final class Deaths {
    static final int LOOKS = 3;
    private static final int FORGET = 20;

    private final String me;
    private final long period;
    private final Map<String, Silence> others = new HashMap<>();
    private final Map<String, Silence> orphans = new HashMap<>();
    private long lastLook;
    private boolean looked;
    private volatile Set<String> dead = Set.of();
    private volatile List<String> forgettable = List.of();

    private static final class Silence {
        long beat;
        long nanos;
        int looks;

        Silence(long beat) {
            this.beat = beat;
        }
    }

    /** {@code period}: between two looks; three of them are a lease. */
    Deaths(String me, long period) {
        this.me = me;
        this.period = period;
    }

    /** A look that failed: the time around it counts for nobody. */
    void missed() {
        looked = false;
    }

    /** A look. {@code ownerless}: owners of live sagas that have no beat, null if it was not asked for them. */
    void observe(long now, SagaStore.Beat seen, boolean withOrphans) {
        long gap = looked && now - lastLook <= 2 * period ? now - lastLook : 0;
        looked = true;
        lastLook = now;
        others.keySet().retainAll(seen.beats().keySet());
        seen.beats().forEach((owner, beat) -> {
            if (owner.equals(me)) return;
            Silence silence = others.get(owner);
            if (silence == null || silence.beat != beat) others.put(owner, new Silence(beat));
            else count(silence, gap);
        });
        orphans.values().forEach(silence -> count(silence, gap));
        orphans.keySet().removeAll(seen.beats().keySet());
        if (withOrphans) {
            orphans.keySet().retainAll(seen.orphans());
            for (String owner : seen.orphans()) if (!owner.equals(me)) orphans.putIfAbsent(owner, new Silence(0));
        }
        Set<String> found = new HashSet<>();
        others.forEach((owner, silence) -> {
            if (isDead(silence)) found.add(owner);
        });
        orphans.forEach((owner, silence) -> {
            if (isDead(silence)) found.add(owner);
        });
        dead = Set.copyOf(found);
        forgettable = old();
    }

    private static void count(Silence silence, long gap) {
        if (gap == 0) return;
        silence.nanos += gap;
        silence.looks++;
    }

    private boolean isDead(Silence silence) {
        return silence.looks >= LOOKS && silence.nanos >= LOOKS * period;
    }

    /** Those that are dead as of the last look. */
    Set<String> dead() {
        return dead;
    }

    /** Those that are dead for so long that their rows can go if they own nothing. */
    List<String> forgettable() {
        return forgettable;
    }

    private List<String> old() {
        List<String> old = new ArrayList<>();
        others.forEach((owner, silence) -> {
            if (silence.nanos >= FORGET * LOOKS * period) old.add(owner);
        });
        return old;
    }
}
