// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * An immutable, ordered composition of policies: first = outermost. {@code Pipeline.of(retry, breaker, timeout)} is
 * {@code retry(breaker(timeout(work)))}: each attempt of the retry asks the breaker and gets a timeout of its own.
 *
 * {@snippet class="dev.resilience.Snippets" region="pipeline"}
 *
 * <p>Linked once when it is built and called many times; thread-safe; owns nothing that needs closing. The policies in
 * it keep their state, and may be in other pipelines too. Pipelines nest; a nested one keeps its own classifier and
 * executor, and takes the outer ones where it has none.
 *
 * <p>All gates of a pipeline share one {@link TimeSource}; two different ones are refused when it is built.
 */
public final class Pipeline extends Policy {
    private final Plan plan;
    /** Calls begin with the root context: a field, because each call asks. */
    private final boolean plain;

    private Pipeline(String name, Plan plan) {
        super(name, self -> plan.link(new Link(name, plan.judge(), plan.time(), plan.workers()), Node.END));
        this.plan = plan;
        this.plain = plan.plain();
    }

    /**
     * A pipeline of these policies, named {@code pipeline}. Without policies it only calls.
     *
     * @param outermostFirst the policies
     * @return the pipeline
     * @throws IllegalArgumentException when they do not fit together
     */
    public static Pipeline of(Policy... outermostFirst) {
        return builder("pipeline").policies(outermostFirst).build();
    }

    /**
     * For a name, a classifier, an executor, a clock, context capture.
     *
     * @param name names the pipeline in messages and metrics
     * @return the builder
     */
    public static Builder builder(String name) {
        return new Builder(Objects.requireNonNull(name, "name"));
    }

    /**
     * This pipeline with a value for when it fails: for every failure and every rejection, never for interruption,
     * cancellation or an {@link Error}. Typed: a value of the wrong type does not compile.
     *
     * @param <T> the type of the calls' values
     * @param value returned instead
     * @return the typed pipeline
     */
    public <T extends @Nullable Object> TypedPipeline<T> orElse(T value) {
        return fallback(Fallback.of(value));
    }

    /**
     * This pipeline with a fallback outermost.
     *
     * @param <T> the type of the calls' values
     * @param fallback answers for failures
     * @return the typed pipeline
     */
    public <T extends @Nullable Object> TypedPipeline<T> fallback(Fallback<T> fallback) {
        return new TypedPipeline<>(this, plan.judge(), Objects.requireNonNull(fallback, "fallback"));
    }

    /**
     * What it is composed of, for those who look after policies: metrics, logs, tests.
     *
     * @return the policies as they were given, outermost first, nested pipelines not flattened; cannot be changed
     */
    public List<Policy> policies() {
        return plan.policies();
    }

    @Override
    List<Policy> inner() {
        return plan.policies();
    }

    @Override
    TimeSource clock() {
        return plan.time();
    }

    @Override
    CallContext start() {
        return plain ? CallContext.root() : dressed(CallContext.root());
    }

    @Override
    CallContext start(CallContext context) {
        CallContext entered = super.start(context);
        return plain ? entered : dressed(entered);
    }

    @Override
    boolean capturing() {
        return !plan.captures().isEmpty();
    }

    private CallContext dressed(CallContext context) {
        CallContext dressed = plan.cancelStage() ? context : context.withSharedStage();
        return plan.captures().isEmpty()
                ? dressed
                : dressed.captured(Captures.take(plan.captures(), dressed.captured()));
    }

    @Override
    protected Map<String, String> settings() {
        Map<String, String> settings = new LinkedHashMap<>();
        if (plan.failures() != null) settings.put("failures", "own");
        if (!plan.cancelStage()) settings.put("cancelStage", "false");
        if (plan.executor() != null) settings.put("executor", plan.executor().toString());
        return settings;
    }

    /** What was built: the policies and what they take from their pipeline. */
    private record Plan(
            List<Policy> policies,
            @Nullable Failures failures,
            @Nullable Executor executor,
            @Nullable TimeSource clock,
            List<ContextCapture> captures,
            boolean cancelStage,
            List<String> warnings) {

        /** Nothing to add to a call's context. */
        boolean plain() {
            return cancelStage && captures.isEmpty();
        }

        TimeSource time() {
            return clock == null ? TimeSource.system() : clock;
        }

        Failures judge() {
            return failures == null ? Failures.standard() : failures;
        }

        Executor workers() {
            return executor == null ? Workers.DEFAULT : Workers.neverRefusing(executor);
        }

        /** Links from the innermost outwards. */
        Node link(Link link, Node innermost) {
            Node node = innermost;
            for (int i = policies.size() - 1; i >= 0; i--) node = link(policies.get(i), link, node);
            return node;
        }

        private static Node link(Policy policy, Link link, Node inner) {
            if (policy instanceof Gate gate) return new GateNode(gate, inner, link);
            if (policy instanceof Driver driver) return new Node.DriverNode(driver, inner, link);
            Plan nested = ((Pipeline) policy).plan;
            Failures judge = nested.failures == null ? link.failures() : nested.failures;
            Executor workers = nested.executor == null ? link.workers() : nested.workers();
            return nested.link(new Link(policy.name(), judge, link.time(), workers), inner);
        }
    }

    /** Builds a {@link Pipeline}. Not thread-safe. */
    public static final class Builder {
        private final String name;
        private final List<ContextCapture> captures = new ArrayList<>();
        private List<Policy> policies = List.of();
        private @Nullable Failures failures;
        private @Nullable Executor executor;
        private @Nullable TimeSource time;
        private boolean cancelStage = true;
        private Consumer<? super String> onWarning = Reports::warning;

        private Builder(String name) {
            this.name = name;
        }

        /**
         * The policies. Default: none.
         *
         * @param outermostFirst in this order; replaces earlier ones
         * @return this
         */
        public Builder policies(Policy... outermostFirst) {
            for (Policy policy : Objects.requireNonNull(outermostFirst, "policies")) {
                Objects.requireNonNull(policy, () -> "a policy, in " + Arrays.toString(outermostFirst));
            }
            this.policies = List.of(outermostFirst);
            return this;
        }

        /**
         * The classifier of every policy in this pipeline that has none of its own. Default:
         * {@link Failures#standard()}, or that of the pipeline around it.
         *
         * @param failures the classifier
         * @return this
         */
        public Builder failures(Failures failures) {
            this.failures = Objects.requireNonNull(failures, "failures");
            return this;
        }

        /**
         * Where attempts run that must leave the caller's thread: after a delay or a queue on the asynchronous face, and
         * detached ones. Default: a virtual thread each where the JDK has them, else daemon threads of the library.
         * What it refuses runs on a thread of the library; nothing is dropped. Timeouts never wait for it.
         *
         * @param executor the executor; not shut down by the library
         * @return this
         */
        public Builder executor(Executor executor) {
            this.executor = Objects.requireNonNull(executor, "executor");
            return this;
        }

        /**
         * The clock. Default: that of the gates, else {@link TimeSource#system()}. Tests give a manual one.
         *
         * @param time the same that the gates have
         * @return this
         */
        public Builder timeSource(TimeSource time) {
            this.time = Objects.requireNonNull(time, "time");
            return this;
        }

        /**
         * Carries thread-bound state to the threads that work for a call. May be given several times; put in place in
         * that order, restored in reverse. Default: none.
         *
         * @param capture what to carry
         * @return this
         */
        public Builder capture(ContextCapture capture) {
            captures.add(Objects.requireNonNull(capture, "capture"));
            return this;
        }

        /**
         * Whether the stage that an attempt returned is cancelled when its call is cancelled, and a value that it gives
         * later closed. Default: true, since the stage is made for the attempt. False is for work that hands out stages
         * shared with others; returning a copy of the shared stage is better.
         *
         * @param on false for shared stages
         * @return this
         */
        public Builder cancelStage(boolean on) {
            this.cancelStage = on;
            return this;
        }

        /**
         * Gets what {@link #build()} finds possible but a mistake: orders in which a policy can never do its work, or
         * undoes that of another. Each warning says what is wrong, why, and what to write instead; what a nested pipeline
         * was warned of is not told again. Default: a warning to {@link System.Logger} {@code dev.resilience}.
         *
         * @param listener runs within {@code build()}; {@code warning -> {}} for an order that is meant
         * @return this
         */
        public Builder onWarning(Consumer<? super String> listener) {
            this.onWarning = Objects.requireNonNull(listener, "listener");
            return this;
        }

        /**
         * Links the pipeline.
         *
         * @return the pipeline
         * @throws IllegalArgumentException when gates have different clocks
         */
        public Pipeline build() {
            List<ContextCapture> all = new ArrayList<>(captures);
            boolean cancel = cancelStage;
            for (Policy policy : policies) {
                if (!(policy instanceof Pipeline nested)) continue;
                all.addAll(nested.plan.captures());
                cancel &= nested.plan.cancelStage();
            }
            TimeSource clock = oneClock();
            List<String> warnings = warnings();
            warnings.stream().filter(text -> !alreadyTold(text)).forEach(this::warn);
            return new Pipeline(
                    name, new Plan(policies, failures, executor, clock, List.copyOf(all), cancel, warnings));
        }

        /** Null when nobody has said. */
        private @Nullable TimeSource oneClock() {
            IdentityHashMap<TimeSource, List<String>> clocks = new IdentityHashMap<>();
            if (time != null)
                clocks.computeIfAbsent(time, t -> new ArrayList<>()).add("the builder's timeSource");
            collectClocks(policies, clocks);
            if (clocks.size() > 1) {
                throw new IllegalArgumentException("pipeline '" + name
                        + "': all gates must have one TimeSource, was " + clocks.size() + " different: "
                        + clocks.values() + "; give each builder the same timeSource");
            }
            return clocks.isEmpty() ? null : clocks.keySet().iterator().next();
        }

        private static void collectClocks(List<Policy> policies, IdentityHashMap<TimeSource, List<String>> clocks) {
            for (Policy policy : policies) {
                if (policy instanceof Gate gate) {
                    clocks.computeIfAbsent(gate.time(), t -> new ArrayList<>()).add(gate.title());
                } else if (policy instanceof Pipeline nested && nested.plan.clock() != null) {
                    clocks.computeIfAbsent(nested.plan.clock(), t -> new ArrayList<>())
                            .add(nested.title());
                }
            }
        }

        private List<String> warnings() {
            List<String> found = new ArrayList<>();
            IdentityHashMap<Policy, Integer> seen = new IdentityHashMap<>();
            count(policies, seen);
            seen.forEach((policy, times) -> {
                if (times > 1)
                    found.add(policy.title() + " stands in it " + times + " times; each call asks it each time; make"
                            + " one policy for each place");
            });
            found.addAll(Review.of(policies));
            return List.copyOf(found);
        }

        /** When the nested pipeline was built. */
        private boolean alreadyTold(String text) {
            return policies.stream()
                    .anyMatch(policy -> policy instanceof Pipeline nested && nested.plan.warnings.contains(text));
        }

        private static void count(List<Policy> policies, IdentityHashMap<Policy, Integer> seen) {
            for (Policy policy : policies) {
                seen.merge(policy, 1, Integer::sum);
                count(policy.inner(), seen);
            }
        }

        private void warn(String text) {
            String warning = "pipeline '" + name + "': " + text;
            try {
                onWarning.accept(warning);
            } catch (Throwable broken) {
                Reports.guest("pipeline '" + name + "'", "an onWarning listener", broken);
            }
        }
    }
}
