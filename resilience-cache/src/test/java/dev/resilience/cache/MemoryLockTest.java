// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The reference of the load lock (cache.md 3.15: a lease, and release by token). */
class MemoryLockTest {
    private static final Duration LEASE = Duration.ofSeconds(5);

    private final ManualTime time = ManualTime.create();
    private final LoadLock lock = LoadLock.inProcess(time);

    @Test
    void one_has_it_until_he_gives_it_back() {
        String mine = tryLock("k").orElseThrow();
        assertThat(tryLock("k")).isEmpty();
        assertThat(tryLock("other")).isPresent();
        unlock("k", mine);
        assertThat(tryLock("k")).isPresent();
    }

    @Test
    void a_lease_ends_by_itself() {
        assertThat(tryLock("k")).isPresent();
        time.advance(LEASE.minusNanos(1));
        assertThat(tryLock("k")).isEmpty();
        time.advance(Duration.ofNanos(1));
        assertThat(tryLock("k")).isPresent();
    }

    /** Who comes late does not give back what is another's now. */
    @Test
    void a_token_of_before_gives_nothing_back() {
        String early = tryLock("k").orElseThrow();
        time.advance(LEASE);
        String theirs = tryLock("k").orElseThrow();
        assertThat(theirs).isNotEqualTo(early);
        unlock("k", early);
        assertThat(tryLock("k")).isEmpty();
        unlock("k", theirs);
        assertThat(tryLock("k")).isPresent();
    }

    private Optional<String> tryLock(String key) {
        return lock.tryLock(key, LEASE).toCompletableFuture().join();
    }

    private void unlock(String key, String token) {
        lock.unlock(key, token).toCompletableFuture().join();
    }
}
