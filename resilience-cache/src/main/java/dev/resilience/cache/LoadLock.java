// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/**
 * SPI: lets one of several processes load a missing value while the others wait for it. It saves loads and is not needed
 * for anything else: without the lock, or when it fails, everybody loads, and what is stored is decided by the tokens of
 * the {@link SecondLevel}. Inside one process a key is loaded once in any case.
 *
 * <p>Each holder has a lease, so that a process that dies or hangs delays the others for no longer than that. Any thread
 * may call it; it does not block, what waits completes the stage later. A stage that fails, or an exception, means that
 * the caller loads.
 */
public interface LoadLock {

    /**
     * Takes the lock of a key if nobody has it.
     *
     * @param key whose value is to be loaded
     * @param lease when the lock is free again by itself, positive
     * @return completes with a token to give it back with; empty when somebody else has it
     */
    CompletionStage<Optional<String>> tryLock(String key, Duration lease);

    /**
     * Gives the lock back if it is still that of the token. Else somebody else has it, and nothing happens.
     *
     * @param key whose value was loaded
     * @param token as {@link #tryLock} answered
     * @return completes when it is done
     */
    CompletionStage<Void> unlock(String key, String token);

    /**
     * A lock in this process, for tests. Its operations take a short lock and complete at once. A key costs memory for
     * the time of its lease at most.
     *
     * @param time its clock
     * @return a lock that nobody has
     */
    static LoadLock inProcess(TimeSource time) {
        return new MemoryLock(Objects.requireNonNull(time, "time"));
    }
}
