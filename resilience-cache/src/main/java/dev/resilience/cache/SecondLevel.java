// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/**
 * SPI: where several processes keep the values of a {@link TieredCache} together, as bytes. Users only choose one. A
 * second level is tested by {@code SecondLevelContract} of the {@code resilience-testkit}.
 *
 * <p><b>Tokens.</b> A value that was loaded before a removal must not be stored after it, and the loading process may
 * not know of the removal. So who finds nothing gets a token, and a value is stored with a token only:
 *
 * <ul>
 *   <li>{@link #read} that finds nothing answers the token of that moment, and so does {@link #remove}.
 *   <li>{@link #put} stores nothing and answers {@code false} when, since its token was issued, the key was removed or
 *       one of the value's tags was invalidated; when the key holds a value; and for a token that it does not know or
 *       that is older than what it remembers of removals. It refuses when in doubt: a refusal costs one load.
 *   <li>A removal outlives the tokens that it voids: what it left behind is kept for at least the lifetime of a token.
 * </ul>
 *
 * <p><b>Tags.</b> A read never answers a value one of whose tags was invalidated after the token of the value was
 * issued. If what is known of a tag is lost, values with that tag are lost as well: versions of tags that are created
 * anew begin above all earlier ones, for instance with the time.
 *
 * <p><b>Time</b> is the second level's own: it answers how long a value has still to live, never a date, so the clocks
 * of its users need not agree. A value is not answered after its life, and stepping the clock of the second level back
 * must neither revive nor prolong a value.
 *
 * <p><b>Threads.</b> Any thread may call it. It does not block: what waits, completes the stage later, on any thread. A
 * stage that fails, or an exception, is a failure of the second level; the caller has its own deadline and may no longer
 * listen. Each of the four may arrive late or twice, and does no harm then.
 */
public interface SecondLevel {

    /**
     * Looks for a value.
     *
     * @param key of the value, unique among all that share the second level
     * @return completes with what is there
     */
    CompletionStage<Read> read(String key);

    /**
     * Stores a value if its token is still good. Of two values with one token the first one stays.
     *
     * @param key of the value
     * @param content bytes, tags, and for how long to keep them
     * @param token as answered by {@link #read} or {@link #remove} for this key
     * @return completes with whether it was stored
     */
    CompletionStage<Boolean> put(String key, Content content, String token);

    /**
     * Removes a value, also one that is not there: all tokens of the key that were issued before are void.
     *
     * @param key of the value
     * @return completes with a token of the moment after
     */
    CompletionStage<String> remove(String key);

    /**
     * Invalidates all values that carry a tag, and all that would with a token that was issued before.
     *
     * @param tag the tag, unique among all that share the second level
     * @return completes when no read answers such a value any more
     */
    CompletionStage<Void> invalidateTag(String tag);

    /**
     * A second level in this process: for tests, and for several caches of one process. Keeps the values in the order in
     * which they came and drops the oldest when there are too many. A token is good for ten minutes. When it would have
     * to remember more removals of the last ten minutes and more tags than values (1024 at least), it forgets everything
     * and voids all tokens instead. Its operations take a short lock and complete at once.
     *
     * @param maxEntries how many values it keeps, at least 1
     * @param time its clock
     * @return an empty second level
     * @throws IllegalArgumentException when maxEntries is less than 1
     */
    static SecondLevel inProcess(int maxEntries, TimeSource time) {
        if (maxEntries < 1) throw new IllegalArgumentException("maxEntries must be at least 1, was " + maxEntries);
        return new MemoryLevel(maxEntries, Objects.requireNonNull(time, "time"));
    }

    /** A value as bytes, with what belongs to it. Immutable: the bytes are copied in and out. */
    final class Content {
        private final byte[] bytes;
        private final Duration life;
        private final List<String> tags;

        private Content(byte[] bytes, Duration life, List<String> tags) {
            this.bytes = bytes;
            this.life = life;
            this.tags = tags;
        }

        /**
         * A value.
         *
         * @param bytes the value, encoded; any length
         * @param life for how long to keep it when it is put, for how long it is still kept when it is read
         * @param tags of the value, in any order
         * @return the content
         */
        public static Content of(byte[] bytes, Duration life, Collection<String> tags) {
            return new Content(bytes.clone(), Objects.requireNonNull(life, "life"), List.copyOf(tags));
        }

        /**
         * The value.
         *
         * @return a copy
         */
        public byte[] bytes() {
            return bytes.clone();
        }

        /**
         * For how long the value is kept, by the clock of the second level.
         *
         * @return put: the whole life; read: what is left of it
         */
        public Duration life() {
            return life;
        }

        /**
         * The tags of the value.
         *
         * @return unmodifiable
         */
        public List<String> tags() {
            return tags;
        }

        /**
         * The same value with another life.
         *
         * @param left how long it is still kept
         * @return a new content that shares the bytes
         */
        public Content withLife(Duration left) {
            return new Content(bytes, Objects.requireNonNull(left, "left"), tags);
        }

        /**
         * For logs: neither bytes nor tags.
         *
         * @return for example {@code Content[12 bytes, life PT5M, 1 tags]}
         */
        @Override
        public String toString() {
            return "Content[" + bytes.length + " bytes, life " + life + ", " + tags.size() + " tags]";
        }
    }

    /** What a second level answered: a value, or a token to store one with. Immutable. */
    final class Read {
        private final Optional<Content> content;
        private final String token;

        private Read(Optional<Content> content, String token) {
            this.content = content;
            this.token = token;
        }

        /**
         * There is a value.
         *
         * @param content the value, with the life that is left to it
         * @return the answer
         */
        public static Read hit(Content content) {
            return new Read(Optional.of(content), "");
        }

        /**
         * There is none.
         *
         * @param token to store one with
         * @return the answer
         */
        public static Read miss(String token) {
            return new Read(Optional.empty(), Objects.requireNonNull(token, "token"));
        }

        /**
         * The value.
         *
         * @return empty when there is none
         */
        public Optional<Content> content() {
            return content;
        }

        /**
         * What to store a value with.
         *
         * @return the token; of a hit an empty text, which is no token
         */
        public String token() {
            return token;
        }

        /**
         * For logs.
         *
         * @return {@code hit} or {@code miss}, with what belongs to it
         */
        @Override
        public String toString() {
            return content.map(c -> "hit " + c).orElse("miss, token " + token);
        }
    }
}
