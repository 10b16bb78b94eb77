// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.Policy;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Set;

/** The snippets of the Javadoc and of docs/cache/tiered.md, compiled. */
@SuppressWarnings("unused")
final class TieredSnippets {
    record User(long id, String tenant) {}

    // @start region="codec"
    static final Codec<Long> LONGS = new Codec<>() {
        @Override
        public byte[] encode(Long value) {
            return ByteBuffer.allocate(Long.BYTES).putLong(value).array();
        }

        @Override
        public Long decode(byte[] bytes) {
            return ByteBuffer.wrap(bytes).getLong();
        }
    };
    // @end

    static void tiered(Loader<Long, User> users, Codec<User> json, SecondLevel redis, Backplane line) {
        // @start region="tiered"
        TieredCache<Long, User> cache = TieredCache.builder("users-v1", users)
                .keys(id -> Long.toString(id), Long::valueOf)
                .codec(json)
                .secondLevel(redis)
                .backplane(line)
                .ttl(Duration.ofHours(1))
                .l1Ttl(Duration.ofMinutes(2))
                .tags((id, user) -> Set.of(user.tenant()))
                .build();
        User user = cache.get(42L); // first level, second level, or loaded
        cache.invalidate(42L); // after the source has changed
        cache.invalidateTag("acme");
        // @end
    }

    static void policies(TieredCache.Builder<Long, User> builder, SecondLevel redis, Policy guarded, Policy loads) {
        // @start region="policies"
        builder.secondLevel(redis, guarded) // a deadline, a breaker, as you like them
                .through(loads); // protects the loader
        // @end
    }
}
