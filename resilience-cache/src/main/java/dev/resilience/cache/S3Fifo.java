// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import org.jspecify.annotations.Nullable;

/**
 * What a {@link BoundedStore} keeps and what it lets go: S3-FIFO (Yang et al., "FIFO Queues are All You Need for Cache
 * Eviction", SOSP 2023). Newcomers enter a small queue of a tenth; those used twice until they reach its end move to
 * the main queue, the others leave and are remembered as ghosts; whoever comes back as a ghost enters the main queue.
 * There, each turn costs one of at most three uses, and who has none left goes.
 *
 * <p>Guarded by the store's lock, ghosts apart. Runs no user code: neither {@code hashCode} of keys nor the clock.
 */
final class S3Fifo<K, V extends @Nullable Object> {
    /** So many steps without a victim, and the next one is taken whatever its uses: an eviction takes bounded time. */
    static final int MAX_STEPS = 128;
    /** Places looked at for expiry at each visit: a store of n is walked through in n/4 writes. */
    static final int SWEEP = 4;

    private static final int USES_TO_STAY = 2;

    private final long max;
    private final long smallMax;
    private final boolean weighed;
    private final int seed;
    private final Fifo<K, V> small = new Fifo<>(Node.SMALL);
    private final Fifo<K, V> main = new Fifo<>(Node.MAIN);
    private Fifo<K, V> swept = small;
    private @Nullable Victim<K, V> firstVictim;
    private @Nullable Victim<K, V> lastVictim;
    private boolean timed;
    private long now;
    private volatile @Nullable Ghosts ghosts;

    /** Retired here, but still in the map: what the thread that drained has to finish without the lock. */
    static final class Victim<K, V extends @Nullable Object> {
        final Node<K, V> node;
        final Entry<V> entry;
        final Store.Cause cause;
        /** It left from the small queue, and is remembered as a ghost. */
        final boolean early;

        @Nullable
        Victim<K, V> next;

        Victim(Node<K, V> node, Entry<V> entry, Store.Cause cause, boolean early) {
            this.node = node;
            this.entry = entry;
            this.cause = cause;
            this.early = early;
        }
    }

    S3Fifo(long max, boolean weighed, int seed) {
        this.max = max;
        this.seed = seed;
        this.smallMax = Math.max(1, max / 10);
        this.weighed = weighed;
    }

    boolean weighed() {
        return weighed;
    }

    /** Of all that are queued, those included whose removal is still to be visited. */
    long weight() {
        return small.weight + main.weight;
    }

    long size() {
        return small.size + main.size;
    }

    /** Whether the key left lately; asked once, by who makes its place. Takes no lock. */
    boolean wasHere(int hash) {
        Ghosts gone = ghosts;
        return gone != null && gone.take(hash);
    }

    /** Takes no lock. */
    void left(int hash) {
        Ghosts gone = ghosts;
        if (gone != null) gone.add(hash);
    }

    @Nullable
    Victim<K, V> takeVictims() {
        Victim<K, V> taken = firstVictim;
        firstVictim = null;
        lastVictim = null;
        return taken;
    }

    private void letGo(Victim<K, V> victim) {
        if (lastVictim == null) firstVictim = victim;
        else lastVictim.next = victim;
        lastVictim = victim;
    }

    /** Brings the place of a node in line with its entry. Right in any order and any number of times. */
    void visit(Node<K, V> node, boolean returning) {
        if (timed) sweep();
        Entry<V> entry = node.entry();
        if (entry == null) {
            bury(node);
            return;
        }
        long weight = weighed ? Math.max(0, entry.weight()) : 1;
        if (node.queue == Node.NEW) {
            if (weight <= max) {
                makeRoom(weight);
                node.weigh(weight);
                (returning ? main : small).add(node);
            } else {
                evict(node, false);
            }
        } else if (weight != node.weight()) {
            reweigh(node, weight);
        }
    }

    /** What time it is, for what follows; without a clock nothing expires. */
    void time(boolean timed, long now) {
        this.timed = timed;
        this.now = now;
    }

    /** Looks at some more places, in a circle, for what is of no use any more. */
    private void sweep() {
        for (int i = 0; i < SWEEP; i++) {
            Node<K, V> node = swept.next();
            if (node == null) {
                swept = swept == small ? main : small;
                swept.rewind();
            } else {
                Entry<V> entry = node.entry();
                if (entry != null && expired(entry) && node.retire(entry)) {
                    bury(node);
                    letGo(new Victim<>(node, entry, Store.Cause.EXPIRED, false));
                }
            }
        }
    }

    private void reweigh(Node<K, V> node, long weight) {
        of(node).reweigh(node, 0);
        if (weight > max) {
            of(node).unlink(node);
            evict(node, false);
            return;
        }
        makeRoom(weight); // it may move to the main queue, or go
        if (node.queue != Node.DEAD) of(node).reweigh(node, weight);
    }

    /** Afterwards so much can be added: sums never exceed the bound, so they never overflow. */
    private void makeRoom(long weight) {
        int steps = 0;
        while (small.weight + main.weight > max - weight) {
            boolean ofSmall = small.weight >= smallMax || main.weight == 0;
            boolean forced = steps >= MAX_STEPS;
            boolean evicted = ofSmall ? stepOfSmall(forced) : stepOfMain(forced);
            steps = evicted ? 0 : steps + 1;
        }
    }

    private boolean stepOfSmall(boolean forced) {
        Node<K, V> node = small.takeOldest();
        if (!forced && node.uses() >= USES_TO_STAY) {
            node.uses(0);
            main.add(node);
            return false;
        }
        evict(node, true);
        return true;
    }

    private boolean stepOfMain(boolean forced) {
        Node<K, V> node = main.takeOldest();
        int uses = node.uses();
        if (!forced && uses > 0) {
            node.uses(uses - 1);
            main.add(node);
            return false;
        }
        evict(node, false);
        return true;
    }

    /** It is in no queue. Whatever entry it has now goes. */
    private void evict(Node<K, V> node, boolean early) {
        node.queue = Node.DEAD;
        Entry<V> entry = node.retire();
        if (entry == null) return; // somebody removed it meanwhile
        Store.Cause cause = expired(entry) ? Store.Cause.EXPIRED : Store.Cause.SIZE;
        if (early && cause == Store.Cause.SIZE) remember();
        letGo(new Victim<>(node, entry, cause, early));
    }

    private void bury(Node<K, V> node) {
        if (node.queue == Node.SMALL || node.queue == Node.MAIN) of(node).unlink(node);
        node.queue = Node.DEAD;
    }

    /** There is a table of ghosts as large as the store. One that has grown (weights got smaller) starts anew. */
    private void remember() {
        long size = small.size + main.size + 1;
        Ghosts gone = ghosts;
        if (gone == null || (size > 2L * gone.size() && gone.size() < Ghosts.MAX_SIZE)) ghosts = new Ghosts(size, seed);
    }

    private boolean expired(Entry<V> entry) {
        return timed && entry.remainingNanos(now) <= 0;
    }

    private Fifo<K, V> of(Node<K, V> node) {
        return node.queue == Node.SMALL ? small : main;
    }
}
