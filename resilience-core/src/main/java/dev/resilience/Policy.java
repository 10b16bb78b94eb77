// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.lang.invoke.MethodHandles;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One element that protects calls: a {@link Gate} admits or rejects, a {@link Driver} drives, a {@link Pipeline} is an
 * ordered composition of policies. A policy alone is a pipeline of one. The faces are final and written once, here.
 *
 * <table>
 * <caption>Which face</caption>
 * <tr><th>you have</th><th>use</th></tr>
 * <tr><td>blocking work that returns a value</td><td>{@link #call(Op) call}</td></tr>
 * <tr><td>blocking work without a value</td><td>{@link #run(Action) run}</td></tr>
 * <tr><td>blocking work, and no exceptions wanted</td><td>{@link #outcome(Op) outcome}</td></tr>
 * <tr><td>work that returns a stage</td><td>{@link #callAsync(Op) callAsync}</td></tr>
 * <tr><td>blocking work that should run elsewhere</td><td>{@link #submit submit}</td></tr>
 * <tr><td>an interface, every method of it</td><td>{@link #proxy(Class, Object) proxy}</td></tr>
 * <tr><td>a place that wants a function</td><td>{@link #wrap wrap}</td></tr>
 * </table>
 *
 * <p><b>Exceptions</b> come out as the work threw them: the same instance, no wrapper, checked ones typed by the
 * signature (L9). Beside those a face throws {@link RejectedException}, {@link TimeoutExceededException} and
 * {@link CallInterruptedException}, all unchecked. An {@link Error} is never retried and always comes out.
 *
 * <p><b>Threads.</b> All policies are thread-safe. The blocking faces run the work on the caller's thread, unless a
 * policy says otherwise (a detached timeout). The asynchronous faces start the first attempt on the caller's thread;
 * attempts after a delay or a queue start on the {@linkplain Pipeline.Builder#executor pipeline's executor}.
 *
 * <p><b>Memory.</b> What the caller did before the call happens-before the work; what the work did happens-before the
 * face returns or the future completes. A successful call through a gate's blocking face allocates nothing in the
 * library (L15).
 */
public abstract sealed class Policy permits Gate, Driver, Pipeline {
    private final String name;
    private final Origin origin;
    private final Node entry;

    /** {@code linker} must not look into the half-made policy, but for its name, only keep it. */
    Policy(String name, Function<Policy, Node> linker) {
        this.name = Objects.requireNonNull(name, "name");
        this.origin = new Origin(name, null, this);
        this.entry = linker.apply(this);
    }

    /**
     * The name, as it stands in messages, metrics and {@link #describe()}.
     *
     * @return as given to the factory or builder
     */
    public final String name() {
        return name;
    }

    /**
     * What this policy is and how it is set, at this moment.
     *
     * @return kind, name, settings and inner policies; prints as indented text
     */
    public final Description describe() {
        return new Description(
                kind(), name, settings(), inner().stream().map(Policy::describe).toList());
    }

    /**
     * Calls {@code op} on this thread, protected.
     *
     * @param <T> the type of the value
     * @param <X> the checked exception of the work, none if it is {@link RuntimeException}
     * @param op the work; may run several times, or not at all
     * @return what it returned
     * @throws X as the work does, the same instance
     * @throws RejectedException when a policy refused and nothing else had failed before
     * @throws TimeoutExceededException when a timeout policy's time passed
     * @throws CallInterruptedException when this thread was interrupted while the library waited; the flag is set again
     */
    public final <T extends @Nullable Object, X extends Exception> T call(Op<T, X> op) throws X {
        Objects.requireNonNull(op, "op");
        try {
            CallContext context = start();
            return entry instanceof GateNode gate ? gate.enter(op, context) : entry.call(op, context);
        } catch (Exception thrown) {
            throw Handles.<X>sneak(thrown);
        }
    }

    /**
     * {@link #call(Op)} with a context from the caller: attributes, a deadline, or an outer call's context, whose
     * deadline and cancellation it inherits.
     *
     * <p>The deadline bounds every wait of the library and is seen by the work. When it passes before an attempt begins,
     * the call ends with {@link TimeoutExceededException} or the last real failure. An attempt that runs is not
     * interrupted by it: that takes a timeout policy.
     *
     * @param <T> the type of the value
     * @param <X> the checked exception of the work, none if it is {@link RuntimeException}
     * @param context the context
     * @param op the work; it gets the context of its attempt
     * @return what it returned
     * @throws X as the work does, the same instance
     * @throws RejectedException when a policy refused and nothing else had failed before
     * @throws TimeoutExceededException when the deadline passed before the first attempt, or a timeout policy's time did
     * @throws CallInterruptedException when this thread was interrupted, or the call cancelled, while the library waited
     */
    public final <T extends @Nullable Object, X extends Exception> T call(CallContext context, ContextOp<T, X> op)
            throws X {
        Objects.requireNonNull(op, "op");
        CallContext entered = start(context);
        if (isLate(entered)) throw late(entered);
        try {
            return entry instanceof GateNode gate ? gate.enter(op, entered) : entry.call(op, entered);
        } catch (Exception thrown) {
            throw Handles.<X>sneak(thrown);
        }
    }

    /**
     * Runs {@code action} on this thread, protected: {@link #call(Op)} without a value.
     *
     * @param <X> the checked exception of the work, none if it is {@link RuntimeException}
     * @param action the work; may run several times, or not at all
     * @throws X as the work does, the same instance
     * @throws RejectedException as {@link #call(Op)}
     * @throws TimeoutExceededException as {@link #call(Op)}
     * @throws CallInterruptedException as {@link #call(Op)}
     */
    public final <X extends Exception> void run(Action<X> action) throws X {
        Objects.requireNonNull(action, "action");
        try {
            CallContext context = start();
            if (entry instanceof GateNode gate) gate.enter(action, context);
            else entry.call(action, context);
        } catch (Exception thrown) {
            throw Handles.<X>sneak(thrown);
        }
    }

    /**
     * {@link #call(Op)}, but whatever happens is returned and nothing thrown: the clean way for work that throws several
     * unrelated checked exceptions, and the cheapest way to be rejected. An {@link Error} is returned too.
     *
     * @param <T> the type of the value
     * @param op the work; may run several times, or not at all
     * @return the value or the exception
     */
    public final <T extends @Nullable Object> Outcome<T> outcome(Op<? extends T, ?> op) {
        Objects.requireNonNull(op, "op");
        return entry.outcome(op, start());
    }

    /**
     * {@link #outcome(Op)} with a context from the caller, as in {@link #call(CallContext, ContextOp)}.
     *
     * @param <T> the type of the value
     * @param context the context
     * @param op the work; it gets the context of its attempt
     * @return the value or the exception
     */
    public final <T extends @Nullable Object> Outcome<T> outcome(CallContext context, ContextOp<? extends T, ?> op) {
        Objects.requireNonNull(op, "op");
        return outcomeOf(start(context), op);
    }

    final <T extends @Nullable Object> Outcome<T> outcomeOf(CallContext entered, ContextOp<? extends T, ?> op) {
        return isLate(entered) ? Outcome.failure(late(entered)) : entry.outcome(op, entered);
    }

    /**
     * Calls work that returns a stage. Never blocks beyond what {@code start} itself does on this thread.
     *
     * <p>The future completes with what the last attempt's stage did, without wrappers: {@code get()} throws an
     * {@code ExecutionException} directly around the work's own exception. It always completes when a deadline is set,
     * even if a stage never does (L6). Cancelling or completing it from outside cancels the call: the attempt's stage,
     * the pending delay, the place in a queue (L7); nothing more is started. The future is this caller's own copy.
     *
     * <p>Dependents run on the thread that completes it: the one that completed the stage, or one of the library's.
     *
     * @param <T> the type of the value
     * @param start starts one attempt; the stage that it returns belongs to that attempt and is cancelled with it. What
     *     it throws counts as a failed stage
     * @return the future
     */
    public final <T extends @Nullable Object> CompletableFuture<T> callAsync(
            Op<? extends CompletionStage<T>, ?> start) {
        return async(start(), Objects.requireNonNull(start, "start"));
    }

    /**
     * {@link #callAsync(Op)} with a context from the caller. The future completes at the context's deadline with
     * {@link TimeoutExceededException} if it has not before.
     *
     * @param <T> the type of the value
     * @param context the context
     * @param start starts one attempt; it gets the context of that attempt
     * @return the future
     */
    public final <T extends @Nullable Object> CompletableFuture<T> callAsync(
            CallContext context, ContextOp<? extends CompletionStage<T>, ?> start) {
        return async(start(context), Objects.requireNonNull(start, "start"));
    }

    /**
     * Runs blocking work on an executor: each attempt is one task of it, and neither a delay nor a queue holds a thread.
     * The future completes like that of {@link #callAsync(Op)}, at a timeout's deadline even if the work ignores its
     * interrupt. Cancelling it interrupts the thread that runs the attempt, while it runs it and not later. An attempt
     * that the executor refuses is a {@link RejectedException} whose cause is the executor's exception.
     *
     * @param <T> the type of the value
     * @param executor runs the attempts
     * @param op the work; may run several times, or not at all
     * @return the future
     */
    public final <T extends @Nullable Object> CompletableFuture<T> submit(Executor executor, Op<? extends T, ?> op) {
        Objects.requireNonNull(executor, "executor");
        Objects.requireNonNull(op, "op");
        return submitted(start(), executor, op);
    }

    final <T extends @Nullable Object> CompletableFuture<T> submitted(
            CallContext entered, Executor executor, Op<? extends T, ?> op) {
        return async(entered, context -> Offload.start(this, clock().watched(executor), op, context));
    }

    /**
     * The work and its protection as one function, for places that want one: {@code policy.wrap(op)::call} is a
     * {@code Callable}. Each call of it is a {@link #call(Op)}.
     *
     * @param <T> the type of the value
     * @param <X> the checked exception of the work
     * @param op the work
     * @return the protected work
     */
    public final <T extends @Nullable Object, X extends Exception> Op<T, X> wrap(Op<T, X> op) {
        Objects.requireNonNull(op, "op");
        return () -> call(op);
    }

    /**
     * An implementation of an interface whose every call of a method goes through this policy to {@code target}:
     * through {@link #callAsync(Op)} where the method returns a {@link CompletionStage} or {@link CompletableFuture},
     * else through {@link #call(Op)}. Checked exceptions come out as the method throws them; default methods are the
     * target's. {@code toString}, {@code hashCode} and {@code equals} are not protected: two proxies are equal when
     * policy, interface and target are the same.
     *
     * <p>Reflection is done once, here; a call costs a method handle's and the policy's.
     *
     * @param <A> the interface
     * @param type the interface; public, or of the class path. For one that the library cannot see use
     *     {@link #proxy(MethodHandles.Lookup, Class, Object)}
     * @param target does the work
     * @return the protected target
     * @throws IllegalArgumentException when {@code type} is no interface, cannot be seen, is sealed, or has a method that
     *     returns another kind of stage
     */
    public final <A> A proxy(Class<A> type, A target) {
        return proxy(type).build(target);
    }

    /**
     * {@link #proxy(Class, Object)} for an interface that the library cannot see: in a package that its module neither
     * exports nor opens.
     *
     * @param <A> the interface
     * @param lookup from code that sees it: {@code MethodHandles.lookup()}
     * @param type the interface
     * @param target does the work
     * @return the protected target
     * @throws IllegalArgumentException as {@link #proxy(Class, Object)}
     */
    public final <A> A proxy(MethodHandles.Lookup lookup, Class<A> type, A target) {
        return proxy(type).lookup(lookup).build(target);
    }

    /**
     * {@link #proxy(Class, Object)} where not every method goes the same way: some through another policy, some straight
     * to the target.
     *
     * {@snippet class="dev.resilience.Snippets" region="proxy"}
     *
     * @param <A> the interface
     * @param type the interface
     * @return for the methods that go another way, and for a lookup
     */
    public final <A> ProxyBuilder<A> proxy(Class<A> type) {
        return new ProxyBuilder<>(this, Objects.requireNonNull(type, "type"));
    }

    /**
     * For implementers: user code (a predicate, a listener) threw where it must not change the call (L5). Goes to
     * {@link System.Logger} {@code dev.resilience} as a warning.
     *
     * @param what the user code, as in "an onRetry listener"
     * @param thrown what it threw
     */
    protected final void report(String what, Throwable thrown) {
        Reports.guest(title(), what, thrown);
    }

    /**
     * For implementers: the settings that {@link #describe()} shows.
     *
     * @return setting to readable value, in the order of the documentation; empty unless overridden
     */
    protected Map<String, String> settings() {
        return Map.of();
    }

    /**
     * For implementers: looks at what stands around and inside this policy when a pipeline is built, and warns of what is
     * possible but a mistake. Does nothing unless overridden; what it throws is reported.
     *
     * @param review the pipeline as seen from here
     */
    protected void review(Review review) {}

    /**
     * For implementers: how long this policy lets what is inside it run, for the reviews of others.
     *
     * @return null, unless overridden, for a policy that does not bound it; 146 years or more when each call decides
     */
    protected @Nullable Duration bound() {
        return null;
    }

    /**
     * For implementers: how often at most this policy runs what is inside it for one call, one after the other, because it
     * failed; for the reviews of others.
     *
     * @return 1 unless overridden
     */
    protected int attempts() {
        return 1;
    }

    /**
     * For logs.
     *
     * @return kind and name, as in {@code circuit breaker 'payments'}
     */
    @Override
    public final String toString() {
        return title();
    }

    // --- for the root package ---

    /** The simple name of the type; an anonymous one has none and goes by what it extends. */
    final String kind() {
        Class<?> type = getClass();
        while (type.isAnonymousClass()) type = type.getSuperclass();
        return type.getSimpleName();
    }

    /** {@code CircuitBreaker} named payments: circuit breaker 'payments'. */
    final String title() {
        return Text.words(kind()) + " '" + name + "'";
    }

    final Node entry() {
        return entry;
    }

    List<Policy> inner() {
        return List.of();
    }

    /** The clock of contexts that enter here. */
    abstract TimeSource clock();

    /** The context of a call that was handed none. */
    CallContext start() {
        return CallContext.root();
    }

    CallContext start(CallContext context) {
        return Objects.requireNonNull(context, "context").enter(clock());
    }

    private static boolean isLate(CallContext entered) {
        return entered.hasDeadline() && entered.remainingNanos() <= 0;
    }

    private TimeoutExceededException late(CallContext entered) {
        return new TimeoutExceededException(origin, Duration.ofNanos(entered.remainingNanos()), Duration.ZERO, null);
    }

    /** Whether {@link #start()} takes thread-bound state. */
    boolean capturing() {
        return false;
    }

    /** The asynchronous faces, after {@link #start()}. */
    final <T extends @Nullable Object> CompletableFuture<T> async(
            CallContext entered, ContextOp<? extends CompletionStage<T>, ?> start) {
        try {
            return begun(entered, start);
        } finally {
            if (capturing()) Captures.left(entered);
        }
    }

    private <T extends @Nullable Object> CompletableFuture<T> begun(
            CallContext entered, ContextOp<? extends CompletionStage<T>, ?> start) {
        CallFuture<T> out = new CallFuture<>();
        CallScope<T> scope = new CallScope<>(entered.scope(), out, origin, clock(), null, entered.sharedStage());
        out.follow(scope);
        if (!entered.hasDeadline()) {
            scope.follow(entry.callAsync(start, entered.scoped(scope)));
            return out;
        }
        long from = clock().nanoTime();
        long allowed = entered.deadlineOn(clock()) - from;
        if (allowed <= 0) return CompletableFuture.failedFuture(late(entered));
        CallContext timed = entered.scoped(scope, clock(), entered.deadlineOn(clock()), false);
        scope.endAfter(from, allowed);
        scope.follow(entry.callAsync(start, timed));
        return out;
    }
}
