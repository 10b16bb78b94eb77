// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.Backoff;
import dev.resilience.CallInterruptedException;
import dev.resilience.Policy;
import dev.resilience.RejectedException;
import dev.resilience.TimeoutExceededException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** A step while it is written, of any kind. */
final class StepDraft extends Part {
    static final Backoff ACTION_PAUSES = Backoff.exponential(Duration.ofMillis(200))
            .cap(Duration.ofSeconds(5))
            .fullJitter();
    static final Backoff PATIENT_PAUSES = Backoff.exponential(Duration.ofMillis(200))
            .cap(Duration.ofMinutes(5))
            .fullJitter();
    static final Duration ATTEMPT_TIMEOUT = Duration.ofSeconds(30);
    static final Duration RESOLVE_FOR = Duration.ofHours(24);

    final Node.Kind kind;
    private final Type<?> result;
    private final boolean transactional;
    private final Set<String> given = new LinkedHashSet<>();
    private final Set<String> twice = new LinkedHashSet<>();

    private Node.@Nullable Body body;
    private Node.@Nullable Undo undo;
    private Node.@Nullable Undo blind;
    private Node.@Nullable Probe probe;
    private @Nullable Predicate<Node.Values> when;
    private boolean harmless;
    private boolean atMostOnce;

    private @Nullable Integer attempts;
    private @Nullable Backoff backoff;
    private @Nullable Integer undoAttempts;
    private @Nullable Backoff undoBackoff;
    private @Nullable Duration attemptTimeout;
    private @Nullable Duration resolveFor;
    private final Set<Class<? extends Throwable>> rejectsOn = new LinkedHashSet<>();
    private final List<Policy> through = new ArrayList<>();

    /** Only of a for-each step. */
    private @Nullable Type<?> element;

    private @Nullable Function<Node.Values, List<?>> elements;
    private int concurrency = 1;

    StepDraft(String name, Node.Kind kind, Type<?> result, boolean transactional) {
        super(kind == Node.Kind.COMPENSATABLE ? "step" : kind == Node.Kind.PIVOT ? "pivot" : "retriable step", name);
        this.kind = kind;
        this.result = Objects.requireNonNull(result, "result");
        this.transactional = transactional;
    }

    StepDraft each(Type<?> of) {
        element = Objects.requireNonNull(of, "element");
        return this;
    }

    // ---- settings, as the builders hand them on

    private void once(String setting) {
        touch();
        if (!given.add(setting)) twice.add(setting);
    }

    void body(Node.Body code, Saga.Result<?>... taken) {
        once("run");
        body = code;
        uses.addAll(List.of(taken));
    }

    void undo(Node.Undo code) {
        once("undo");
        undo = code;
    }

    void blind(Node.Undo code) {
        once("undoInDoubt");
        blind = code;
    }

    void probe(Node.Probe code) {
        once("probe");
        probe = code;
    }

    void elements(Function<Node.Values, List<?>> code, Saga.Result<?>... taken) {
        once("over");
        elements = code;
        uses.addAll(List.of(taken));
    }

    void when(Predicate<Node.Values> code, Saga.Result<?>... taken) {
        when = code;
        uses.addAll(List.of(taken));
    }

    void harmless() {
        touch();
        harmless = true;
    }

    void atMostOnce() {
        touch();
        atMostOnce = true;
    }

    void retry(int maxAttempts, Backoff pauses) {
        touch();
        attempts = maxAttempts;
        backoff = Objects.requireNonNull(pauses, "backoff");
    }

    void undoRetry(int maxAttempts, Backoff pauses) {
        touch();
        undoAttempts = maxAttempts;
        undoBackoff = Objects.requireNonNull(pauses, "backoff");
    }

    void attemptTimeout(Duration most) {
        touch();
        attemptTimeout = Objects.requireNonNull(most, "attemptTimeout");
    }

    void resolveFor(Duration most) {
        touch();
        resolveFor = Objects.requireNonNull(most, "resolveFor");
    }

    void concurrency(int most) {
        touch();
        concurrency = most;
    }

    void rejectsOn(Class<? extends Throwable> type) {
        touch();
        rejectsOn.add(Objects.requireNonNull(type, "type"));
    }

    void through(Policy policy) {
        touch();
        through.add(Objects.requireNonNull(policy, "policy"));
    }

    // ---- what it is

    /** Whether it may stand in for a pivot: it takes place always, once. */
    boolean plain() {
        return element == null && when == null;
    }

    @Override
    void check(List<String> problems) {
        String who = who();
        for (String setting : twice) problems.add(who + ": " + setting + "(..) is given twice");
        if (body == null) problems.add(who + " has no run(..)");
        if (element != null && elements == null) problems.add(who + " has no over(..): of which elements?");
        if (concurrency < 1) problems.add(who + ": concurrency must be at least 1, was " + concurrency);
        if (attempts != null && attempts < 1)
            problems.add(who + ": retry must have at least 1 attempt, the first included, was " + attempts);
        if (undoAttempts != null && undoAttempts < 1)
            problems.add(who + ": undoRetry must have at least 1 attempt, the first included, was " + undoAttempts);
        positive(problems, who + ": attemptTimeout", attemptTimeout);
        positive(problems, who + ": resolveFor", resolveFor);
        for (Class<? extends Throwable> type : rejectsOn) checkRejection(problems, type);
        checkDoubt(problems);
    }

    private void checkDoubt(List<String> problems) {
        if (kind == Node.Kind.COMPENSATABLE && undo == null && blind == null && !harmless)
            problems.add(who() + " has neither undo(..) nor harmless(): say how it is undone, or that it need not be");
        if (harmless && (undo != null || undoAttempts != null))
            problems.add(who() + " is harmless() and has an undo; choose one");
        List<String> strategies = new ArrayList<>();
        if (probe != null) strategies.add("probe(..)");
        if (blind != null) strategies.add("undoInDoubt(..)");
        if (harmless) strategies.add("harmless()");
        if (atMostOnce) strategies.add("atMostOnce()");
        if (strategies.size() > 1)
            problems.add(who() + " has " + String.join(" and ", strategies) + " for a doubt; choose one");
        if (atMostOnce && attempts != null && attempts != 1)
            problems.add(who() + " is atMostOnce() and has " + attempts + " attempts; leave retry(..) out");
    }

    /** What the library itself throws says nothing of what a participant did (S1). */
    private void checkRejection(List<String> problems, Class<? extends Throwable> type) {
        boolean ours = List.of(
                        RejectedException.class,
                        TimeoutExceededException.class,
                        CallInterruptedException.class,
                        InterruptedException.class)
                .stream()
                .anyMatch(c -> type.isAssignableFrom(c) || c.isAssignableFrom(type));
        if (ours || Error.class.isAssignableFrom(type))
            problems.add(who() + ": rejectsOn(" + type.getSimpleName()
                    + ") would take a timeout, a full bulkhead or a failing JVM for the participant's no;"
                    + " name the exceptions by which it says that there is no effect");
    }

    @Override
    Node node(boolean asPivot) {
        Node.Kind as = asPivot ? Node.Kind.PIVOT : kind;
        Node.Action action = new Node.Action(name, as, result, code(), rules());
        if (element == null) return action;
        return new Node.Each(action, element, Objects.requireNonNull(elements), concurrency);
    }

    private Node.Code code() {
        Node.InDoubt inDoubt = Node.InDoubt.RETRY;
        if (harmless) inDoubt = Node.InDoubt.HARMLESS;
        if (probe != null) inDoubt = Node.InDoubt.PROBE;
        if (blind != null) inDoubt = Node.InDoubt.UNDO;
        if (atMostOnce) inDoubt = Node.InDoubt.PARK;
        return new Node.Code(Objects.requireNonNull(body), undo == null ? blind : undo, blind, probe, when, inDoubt);
    }

    private Node.Rules rules() {
        boolean patient = kind != Node.Kind.COMPENSATABLE;
        Backoff pauses = patient ? PATIENT_PAUSES : ACTION_PAUSES;
        int most = atMostOnce ? 1 : patient ? Integer.MAX_VALUE : 3;
        return new Node.Rules(
                new Node.Budget(attempts == null ? most : attempts, backoff == null ? pauses : backoff),
                new Node.Budget(
                        undoAttempts == null ? Integer.MAX_VALUE : undoAttempts,
                        undoBackoff == null ? PATIENT_PAUSES : undoBackoff),
                attemptTimeout == null ? ATTEMPT_TIMEOUT : attemptTimeout,
                resolveFor == null ? RESOLVE_FOR : resolveFor,
                List.copyOf(rejectsOn),
                List.copyOf(through),
                transactional);
    }
}
