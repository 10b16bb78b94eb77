// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit;

import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * What the user's code does in one attempt of a {@link Scenario}: the same description is blocking code on some
 * {@linkplain Face faces} and a stage on the others. Immutable.
 */
public final class Attempt {
    private static final Duration FOR_EVER = Duration.ofSeconds(Long.MAX_VALUE);

    private final @Nullable Object value;
    private final @Nullable Throwable thrown;
    private final Duration delay;

    private Attempt(@Nullable Object value, @Nullable Throwable thrown, Duration delay) {
        this.value = value;
        this.thrown = thrown;
        this.delay = delay;
    }

    /**
     * Returns a value.
     *
     * @param value any, null included
     * @return the attempt
     */
    public static Attempt returns(@Nullable Object value) {
        return new Attempt(value, null, Duration.ZERO);
    }

    /**
     * Throws, or ends its stage exceptionally.
     *
     * @param thrown what: an exception, checked or not, or an {@code Error}
     * @return the attempt
     */
    public static Attempt fails(Throwable thrown) {
        return new Attempt(null, Objects.requireNonNull(thrown, "thrown"), Duration.ZERO);
    }

    /**
     * Never ends by itself: blocking code waits until it is interrupted, and then throws
     * {@link InterruptedException}; a stage stays incomplete until somebody else completes or cancels it.
     *
     * @return the attempt
     */
    public static Attempt hangs() {
        return new Attempt(null, null, FOR_EVER);
    }

    /**
     * The same, but it takes so long. An interrupt ends blocking code earlier, with {@link InterruptedException}.
     *
     * @param duration how long, on the manual clock
     * @return a new attempt
     */
    public Attempt after(Duration duration) {
        return new Attempt(value, thrown, Objects.requireNonNull(duration, "duration"));
    }

    /**
     * The attempt in words.
     *
     * @return for instance {@code fails with java.io.IOException: x after PT1S}
     */
    @Override
    public String toString() {
        if (delay.equals(FOR_EVER)) {
            return "hangs";
        }
        String what = thrown == null ? "returns " + value : "fails with " + thrown;
        return delay.isZero() ? what : what + " after " + delay;
    }

    @Nullable
    Object block(ManualTime time) throws Exception {
        long nanos = TimeSource.nanos(delay);
        long start = time.nanoTime();
        for (long left = nanos; left > 0; left = nanos - (time.nanoTime() - start)) {
            time.park(this, nanos == Long.MAX_VALUE ? nanos : left);
            if (Thread.interrupted()) {
                throw new InterruptedException("interrupted: " + this);
            }
        }
        if (thrown != null) {
            throw Attempt.<RuntimeException>sneak(thrown);
        }
        return value;
    }

    /** A stage that ends on the thread that moves the clock, or on the executor's; or is complete, if there is neither. */
    @SuppressWarnings("FutureReturnValueIgnored") // the dependent that only cancels the timer
    CompletableFuture<@Nullable Object> stage(ManualTime time, @Nullable Executor other) {
        CompletableFuture<@Nullable Object> stage = new CompletableFuture<>();
        if (!delay.isZero()) {
            TimeSource.Timer timer = time.schedule(() -> end(stage), TimeSource.nanos(delay));
            stage.whenComplete((v, t) -> timer.cancel());
        } else if (other != null) {
            other.execute(() -> end(stage));
        } else {
            end(stage);
        }
        return stage;
    }

    private void end(CompletableFuture<@Nullable Object> stage) {
        if (thrown != null) {
            stage.completeExceptionally(thrown);
        } else {
            stage.complete(value);
        }
    }

    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    private static <X extends Throwable> X sneak(Throwable thrown) throws X {
        throw (X) thrown;
    }
}
