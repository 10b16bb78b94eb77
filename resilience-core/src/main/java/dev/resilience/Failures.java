// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The classifier: which outcomes count as failures. Set once on a {@link Pipeline} it is the default of every policy in
 * it that has none of its own.
 *
 * {@snippet class="dev.resilience.Snippets" region="failures"}
 *
 * <p>Three verdicts. What matches {@link #on on} or {@link #when when} and not {@link #butNot butNot} is a
 * {@link Verdict#FAILURE}; every other exception is a {@link Verdict#SUCCESS} for gates, because the dependency
 * answered, and is not retried; what matches {@link #ignoring ignoring} is {@link Verdict#IGNORED}. Values are
 * successes unless {@link #orResult orResult} says otherwise.
 *
 * <p>What the policies inside say is a failure even where {@code on} or {@code when} does not name it. A
 * {@link TimeoutExceededException}: a gate with a timeout inside would otherwise take a dependency that hangs for a
 * healthy one. A {@link RejectedException}: a retry may repeat it, when its hint allows; gates ignore it before any
 * classifier is asked. {@code butNot} and {@code ignoring} may say otherwise.
 *
 * <p>Some things no classifier decides: an {@link Error} is always a failure, never retried and always rethrown; an
 * interruption or a cancellation is always ignored. The JDK's {@link CompletionException} and {@link ExecutionException}
 * are looked through to any depth, with or without a cause. {@code butNot} wins over everything that it is combined
 * with, in whatever order it is written.
 *
 * <p>Immutable and thread-safe: each method returns a new classifier. Predicates run on the thread that settles the
 * outcome, outside of locks; one that throws is reported and its outcome judged a failure when it is an exception and a
 * success when it is a value (L5).
 */
public final class Failures {
    private static final Failures STANDARD = new Failures(List.of(thrown -> true), List.of(), List.of(), List.of());

    private final List<Predicate<? super Throwable>> failing;
    private final List<Predicate<? super Throwable>> excluded;
    private final List<Predicate<? super Throwable>> ignored;
    private final List<Predicate<@Nullable Object>> failingResults;
    /** False when every value is a success: a field, because the path of each success asks. */
    private final boolean judgesValues;

    private Failures(
            List<Predicate<? super Throwable>> failing,
            List<Predicate<? super Throwable>> excluded,
            List<Predicate<? super Throwable>> ignored,
            List<Predicate<@Nullable Object>> failingResults) {
        this.failing = failing;
        this.excluded = excluded;
        this.ignored = ignored;
        this.failingResults = failingResults;
        this.judgesValues = !failingResults.isEmpty();
    }

    /**
     * The built-in default: every exception is a failure, every value a success.
     *
     * @return the one instance
     */
    public static Failures standard() {
        return STANDARD;
    }

    /**
     * Exceptions of these types, subtypes included, are failures, and so are timeouts and rejections; every other exception
     * is not.
     *
     * @param types at least one
     * @return the classifier
     * @throws IllegalArgumentException without types
     */
    @SafeVarargs
    @SuppressWarnings("varargs") // only read
    public static Failures on(Class<? extends Throwable>... types) {
        return new Failures(List.of(anyOf("on", types)), List.of(), List.of(), List.of());
    }

    /**
     * Exceptions that the test accepts are failures, and so are timeouts and rejections; every other exception is not.
     *
     * @param test gets the exception without the JDK's wrappers
     * @return the classifier
     */
    public static Failures when(Predicate<? super Throwable> test) {
        return new Failures(List.of(Objects.requireNonNull(test, "test")), List.of(), List.of(), List.of());
    }

    /**
     * Exceptions of these types, subtypes included, are no failures whatever else matches them: for gates they are
     * successes, a retry lets them pass.
     *
     * @param types at least one
     * @return a new classifier
     * @throws IllegalArgumentException without types
     */
    @SafeVarargs
    @SuppressWarnings("varargs") // only read
    public final Failures butNot(Class<? extends Throwable>... types) {
        return new Failures(failing, and(excluded, anyOf("butNot", types)), ignored, failingResults);
    }

    /**
     * Values of this type that the test accepts are failures too.
     *
     * @param <R> the type of the value
     * @param type values of other types, and null, are successes
     * @param test true for a failure
     * @return a new classifier
     */
    public <R> Failures orResult(Class<R> type, Predicate<? super R> test) {
        Objects.requireNonNull(type, "type");
        Objects.requireNonNull(test, "test");
        return new Failures(
                failing, excluded, ignored, and(failingResults, v -> type.isInstance(v) && test.test(type.cast(v))));
    }

    /**
     * Exceptions that the test accepts are {@link Verdict#IGNORED}: they say nothing about the dependency. Gates give
     * the permit back and count nothing, a retry lets them pass.
     *
     * @param test gets the exception without the JDK's wrappers
     * @return a new classifier
     */
    public Failures ignoring(Predicate<? super Throwable> test) {
        return new Failures(failing, excluded, and(ignored, Objects.requireNonNull(test, "test")), failingResults);
    }

    /**
     * Judges an outcome. Policies use it; call it to test a classifier.
     *
     * @param value the value, when {@code thrown} is null
     * @param thrown the exception, null for a value
     * @return the verdict
     * @throws RuntimeException as a predicate does; policies turn that into a verdict as described above
     */
    public Verdict judge(@Nullable Object value, @Nullable Throwable thrown) {
        if (thrown == null) return judgesValues() && anyFails(value) ? Verdict.FAILURE : Verdict.SUCCESS;
        Throwable real = Handles.unwrap(thrown);
        if (real instanceof Error) return Verdict.FAILURE;
        if (isCancellation(real)) return Verdict.IGNORED;
        if (any(excluded, real)) return Verdict.SUCCESS;
        if (any(ignored, real)) return Verdict.IGNORED;
        boolean ours = real instanceof TimeoutExceededException || real instanceof RejectedException;
        boolean fails = ours || any(failing, real);
        return fails ? Verdict.FAILURE : Verdict.SUCCESS;
    }

    /** False when every value is a success, so that the path of a success need not judge. */
    boolean judgesValues() {
        return judgesValues;
    }

    /** {@link #judge} for policies: what a predicate throws becomes the verdict that L5 gives it. */
    Verdict judge(@Nullable Object value, @Nullable Throwable thrown, Policy reporter) {
        try {
            return judge(value, thrown);
        } catch (Throwable broken) {
            reporter.report("a Failures predicate", broken);
            return thrown == null ? Verdict.SUCCESS : Verdict.FAILURE;
        }
    }

    /** Interruption and cancellation, however they are spelled: nobody's failure (L7, L8). */
    static boolean isCancellation(@Nullable Throwable thrown) {
        return thrown instanceof InterruptedException
                || thrown instanceof CancellationException
                || thrown instanceof CallInterruptedException;
    }

    private boolean anyFails(@Nullable Object value) {
        for (Predicate<@Nullable Object> test : failingResults) {
            if (test.test(value)) return true;
        }
        return false;
    }

    private static boolean any(List<Predicate<? super Throwable>> tests, Throwable thrown) {
        for (Predicate<? super Throwable> test : tests) {
            if (test.test(thrown)) return true;
        }
        return false;
    }

    private static <P> List<P> and(List<P> tests, P another) {
        List<P> all = new ArrayList<>(tests);
        all.add(another);
        return List.copyOf(all);
    }

    private static Predicate<Throwable> anyOf(String setting, Class<? extends Throwable>[] types) {
        for (Class<? extends Throwable> type : Objects.requireNonNull(types, "types")) {
            Objects.requireNonNull(type, "types");
        }
        if (types.length == 0) {
            throw new IllegalArgumentException("Failures." + setting + " needs at least one exception type, was none");
        }
        List<Class<? extends Throwable>> all = List.of(types);
        return thrown -> all.stream().anyMatch(type -> type.isInstance(thrown));
    }
}
