// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.locks.ReentrantLock;

/** The reference of the load lock. */
final class MemoryLock implements LoadLock {
    private final ReentrantLock lock = new ReentrantLock();
    private final Map<String, Lease> leases = new HashMap<>();
    private final TimeSource time;
    private long given;

    MemoryLock(TimeSource time) {
        this.time = time;
    }

    private record Lease(String token, long at, long nanos) {
        boolean over(long now) {
            return now - at >= nanos;
        }
    }

    @Override
    public CompletionStage<Optional<String>> tryLock(String key, Duration lease) {
        lock.lock();
        try {
            long now = time.nanoTime();
            leases.values().removeIf(l -> l.over(now));
            if (leases.containsKey(key)) return CompletableFuture.completedFuture(Optional.empty());
            String token = Long.toString(++given);
            leases.put(key, new Lease(token, now, TimeSource.nanos(lease)));
            return CompletableFuture.completedFuture(Optional.of(token));
        } finally {
            lock.unlock();
        }
    }

    @Override
    public CompletionStage<Void> unlock(String key, String token) {
        lock.lock();
        try {
            Lease held = leases.get(key);
            if (held != null && held.token.equals(token)) leases.remove(key);
            return CompletableFuture.completedFuture(null);
        } finally {
            lock.unlock();
        }
    }
}
