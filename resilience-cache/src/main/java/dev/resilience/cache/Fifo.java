// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** One queue of the {@link S3Fifo}, linked through its nodes; guarded by the policy's lock. */
final class Fifo<K, V extends @Nullable Object> {
    private final byte name;
    private @Nullable Node<K, V> oldest;
    private @Nullable Node<K, V> newest;
    /** Where the next step of the sweep looks; walks from old to new. */
    private @Nullable Node<K, V> hand;

    long weight;
    long size;

    Fifo(byte name) {
        this.name = name;
    }

    /** Unlinked; only of a queue that is not empty. */
    Node<K, V> takeOldest() {
        Node<K, V> node = Objects.requireNonNull(oldest);
        unlink(node);
        return node;
    }

    /** The weight must be set. */
    void add(Node<K, V> node) {
        node.queue = name;
        Node<K, V> last = newest;
        node.older = last;
        node.newer = null;
        if (last == null) oldest = node;
        else last.newer = node;
        newest = node;
        weight += node.weight();
        size++;
    }

    void unlink(Node<K, V> node) {
        Node<K, V> older = node.older;
        Node<K, V> newer = node.newer;
        if (hand == node) hand = newer;
        if (older == null) oldest = newer;
        else older.newer = newer;
        if (newer == null) newest = older;
        else newer.older = older;
        node.older = null;
        node.newer = null;
        weight -= node.weight();
        size--;
    }

    /** Of a node in this queue. */
    void reweigh(Node<K, V> node, long now) {
        weight += now - node.weight();
        node.weigh(now);
    }

    /** Sends the hand to the oldest one. */
    void rewind() {
        hand = oldest;
    }

    /** What the hand points at, which it then leaves; null at the end. */
    @Nullable
    Node<K, V> next() {
        Node<K, V> node = hand;
        if (node != null) hand = node.newer;
        return node;
    }
}
