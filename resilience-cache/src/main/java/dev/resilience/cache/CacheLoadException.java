// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.Description;
import java.time.Duration;
import java.util.Objects;

/**
 * A load failed. Each caller that shared it gets an instance of its own, with its own stack trace, around the one cause:
 * what the loader threw, or a {@link dev.resilience.TimeoutExceededException} when the load did not end by its deadline.
 *
 * <p>Its message names the cache and the load's age, never a key or a value: those may be private. The cause's own
 * message is the loader's and is not repeated.
 */
public final class CacheLoadException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** As messages begin. */
    private final String who;

    /** From the load's start to its failure, or since that. */
    private final Duration age;

    /** Whether it is that of an earlier load, which the cache has kept. */
    private final boolean remembered;

    CacheLoadException(String who, Duration age, Throwable cause) {
        this(who, age, cause, false);
    }

    private CacheLoadException(String who, Duration age, Throwable cause, boolean remembered) {
        super(null, Objects.requireNonNull(cause, "cause"));
        this.who = who;
        this.age = age;
        this.remembered = remembered;
    }

    /** For a caller that comes after the failure, and before the load may be repeated. */
    static CacheLoadException remembered(String who, Duration since, Throwable cause) {
        return new CacheLoadException(who, since, cause, true);
    }

    /**
     * How long the load had taken when it failed. Of a failure that is {@linkplain LoadingCache.Builder#failuresFor
     * remembered}: how long ago it was.
     *
     * @return zero or more
     */
    public Duration age() {
        return age;
    }

    /**
     * Whose load failed, after how long or how long ago, and with which kind of exception.
     *
     * @return as in {@code single flight 'users': the load failed after 3.2 ms: java.io.IOException}, or {@code loading
     *     cache 'users': the load failed 1.5 s ago and is not repeated yet: java.io.IOException}
     */
    @Override
    public String getMessage() {
        Throwable cause = getCause();
        String kind = cause == null ? "" : ": " + cause.getClass().getName();
        String text = Description.text(age);
        return who + ": the load failed " + (remembered ? text + " ago and is not repeated yet" : "after " + text)
                + kind;
    }
}
