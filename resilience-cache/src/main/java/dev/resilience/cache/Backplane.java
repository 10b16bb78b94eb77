// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.Subscription;
import java.util.Objects;
import java.util.concurrent.CompletionStage;

/**
 * SPI: how the processes that share a {@link SecondLevel} tell each other which copies of their first level are out of
 * date. Users only choose one. A backplane is tested by {@code BackplaneContract} of the {@code resilience-testkit}.
 *
 * <p>It may lose messages, and need not know: the numbers tell. <b>Contract.</b>
 *
 * <ul>
 *   <li>All messages of one channel are numbered in the order in which they are published, from any start, each by one
 *       more than the one before; number and message are given out as one step. A {@link Kind#HEARTBEAT} takes no
 *       number, it carries that of the last message before it.
 *   <li>A channel has an id that is random and new whenever its numbering begins anew, for instance because the number
 *       was lost.
 *   <li>A subscriber is told in that order, one message at a time, also of what it published itself. A message that
 *       cannot be delivered in its place is dropped: the subscriber finds out at the next one.
 *   <li>A published message may be told before the stage completes. A heartbeat comes after all messages whose stage had
 *       completed before the heartbeat was published.
 *   <li>It does not block: what waits, completes the stage later, on any thread. A stage that fails, or an exception, is a
 *       failure; the message may have been sent nevertheless.
 * </ul>
 *
 * <p>Any thread may call it.
 */
public interface Backplane {

    /**
     * Sends a message to all subscribers.
     *
     * @param message what to tell
     * @return completes when it is sent, which need not mean that anybody got it
     */
    CompletionStage<Void> publish(Message message);

    /**
     * Tells a listener of every message from now on.
     *
     * @param listener is told by threads of the backplane, or by those that publish; does not block
     * @return ends the subscription; a message that is being told meanwhile may still arrive
     */
    Subscription subscribe(Listener listener);

    /**
     * A backplane in this process: for tests, and for several caches of one process. Tells on the threads that publish,
     * and loses nothing.
     *
     * @return a new backplane with a channel of its own
     */
    static Backplane inProcess() {
        return new MemoryBackplane();
    }

    /** Is told what others published. What it throws is the backplane's to report. */
    interface Listener {

        /**
         * A message has come.
         *
         * @param channel the id of the channel
         * @param number of the message in the channel, or of the last one before a heartbeat
         * @param message the message
         */
        void received(String channel, long number, Message message);

        /** The backplane knows that it may have missed messages, for instance because it was connected anew. */
        void gap();
    }

    /** What a message asks for. */
    enum Kind {
        /** A key has a new value in the second level. */
        SET,
        /** A key was removed. */
        REMOVE,
        /** A tag was invalidated. */
        TAG,
        /** The whole cache was cleared. */
        CLEAR,
        /** Nothing: shows how far the numbers are, and that the line is alive. */
        HEARTBEAT
    }

    /** One message. Immutable. */
    final class Message {
        private final String cache;
        private final String node;
        private final Kind kind;
        private final String text;

        private Message(String cache, String node, Kind kind, String text) {
            this.cache = Objects.requireNonNull(cache, "cache");
            this.node = Objects.requireNonNull(node, "node");
            this.kind = Objects.requireNonNull(kind, "kind");
            this.text = Objects.requireNonNull(text, "text");
        }

        /**
         * A message.
         *
         * @param cache the name of the cache that it is about
         * @param node who publishes it
         * @param kind what it asks for
         * @param text the key or the tag; of a heartbeat whatever its sender wants to see again; else empty
         * @return the message
         */
        public static Message of(String cache, String node, Kind kind, String text) {
            return new Message(cache, node, kind, text);
        }

        /**
         * The cache that it is about.
         *
         * @return its name
         */
        public String cache() {
            return cache;
        }

        /**
         * Who published it.
         *
         * @return random for each cache instance
         */
        public String node() {
            return node;
        }

        /**
         * What it asks for.
         *
         * @return the kind
         */
        public Kind kind() {
            return kind;
        }

        /**
         * What it is about.
         *
         * @return key or tag
         */
        public String text() {
            return text;
        }

        /**
         * For logs: neither key nor tag.
         *
         * @return for example {@code SET of cache 'users' from 3f2a}
         */
        @Override
        public String toString() {
            return kind + " of cache '" + cache + "' from " + node;
        }
    }
}
