// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What one policy sees of the pipeline around it while that is being built: who stands outside and inside of it, and what
 * they do with a call. For implementers: handed to {@link Policy#review}, and of no use after it. All policies are seen in
 * the order in which a call passes them, nested pipelines flattened.
 */
public final class Review {
    private final List<Policy> all;
    private final int at;
    private final Consumer<? super String> warnings;

    private Review(List<Policy> all, int at, Consumer<? super String> warnings) {
        this.all = all;
        this.at = at;
        this.warnings = warnings;
    }

    /** What a pipeline of these policies is warned of, in their order. */
    static List<String> of(List<Policy> policies) {
        List<Policy> flat = new ArrayList<>();
        flatten(policies, flat);
        List<String> warnings = new ArrayList<>();
        for (int i = 0; i < flat.size(); i++) {
            Policy policy = flat.get(i);
            try {
                policy.review(new Review(flat, i, warnings::add));
            } catch (Throwable broken) {
                policy.report("review", broken);
            }
        }
        return warnings;
    }

    private static void flatten(List<Policy> policies, List<Policy> flat) {
        for (Policy policy : policies) {
            if (policy instanceof Pipeline nested) flatten(nested.inner(), flat);
            else flat.add(policy);
        }
    }

    /**
     * The gates and drivers around this policy.
     *
     * @return outermost first, unmodifiable
     */
    public List<Policy> outside() {
        return List.copyOf(all.subList(0, at));
    }

    /**
     * The gates and drivers inside this policy.
     *
     * @return outermost first, unmodifiable
     */
    public List<Policy> inside() {
        return List.copyOf(all.subList(at + 1, all.size()));
    }

    /**
     * How long a policy lets what is inside it run.
     *
     * @param policy one of {@link #outside()} or {@link #inside()}
     * @return empty when it does not bound it; 146 years and more when each call decides
     */
    public Optional<Duration> bound(Policy policy) {
        return Optional.ofNullable(policy.bound());
    }

    /**
     * How often at most a policy runs what is inside it for one call, again and again, because it failed.
     *
     * @param policy one of {@link #outside()} or {@link #inside()}
     * @return 1 when it does not repeat
     */
    public int attempts(Policy policy) {
        return policy.attempts();
    }

    /**
     * Who allows the least time of those around this policy.
     *
     * @return empty when nobody bounds it
     */
    public Optional<Policy> boundedBy() {
        return outside().stream()
                .filter(policy -> bound(policy).isPresent())
                .min(Comparator.comparing(policy -> bound(policy).orElseThrow()));
    }

    /**
     * Whether a time is too long for what is around this policy.
     *
     * @param duration the time
     * @return who ends the call by then, empty when it fits
     */
    public Optional<Policy> endedBefore(Duration duration) {
        return boundedBy().filter(policy -> bound(policy).orElseThrow().compareTo(duration) <= 0);
    }

    /**
     * Warns the person who builds the pipeline, through {@link Pipeline.Builder#onWarning}.
     *
     * @param sentence what is wrong, why, and what to write instead; names the policies
     */
    public void warn(String sentence) {
        warnings.accept(Objects.requireNonNull(sentence, "sentence"));
    }
}
