// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import dev.resilience.Outcome;
import dev.resilience.RejectedException;
import dev.resilience.TimeoutExceededException;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The books of one caller. Every call that begins is to end in exactly one {@link Ending}. */
final class Stats {
    enum Ending {
        OK("ok"),
        ERROR("error"),
        BROKEN("broken"),
        TIMED_OUT("timed out"),
        REJECTED("rejected"),
        UNEXPECTED("unexpected");

        /** The heading of its column. */
        final String words;

        Ending(String words) {
            this.words = words;
        }
    }

    private final LongAdder started = new LongAdder();
    private final LongAdder attempts = new LongAdder();
    private final LongAdder repeats = new LongAdder();
    private final Map<Phase, Tally> tallies = each(Phase.values(), Tally::new);
    private final Map<String, LongAdder> rejections = new ConcurrentHashMap<>();
    private final AtomicReference<@Nullable Object> surprise = new AtomicReference<>();

    /** The calls that began in one phase of their host. */
    private static final class Tally {
        final Histogram latencies = new Histogram();
        final LongAdder waited = new LongAdder();
        final Map<Ending, LongAdder> endings = each(Ending.values(), LongAdder::new);
    }

    void started() {
        started.increment();
    }

    /** One run of the code that sends a request; numbers count from 1. */
    void attempt(int number) {
        attempts.increment();
        if (number > 1) repeats.increment();
    }

    /** Those of the warm-up do not count. */
    void forgetAttempts() {
        attempts.reset();
        repeats.reset();
    }

    /** The end of a call that began in this phase of its host. */
    void ended(Phase phase, long nanos, Outcome<HttpResponse<Void>> outcome) {
        Ending ending = ending(outcome);
        if (ending == Ending.UNEXPECTED) surprise.compareAndSet(null, outcome);
        if (ending == Ending.REJECTED) rejected(outcome);
        Tally tally = of(tallies, phase);
        tally.waited.add(nanos);
        tally.latencies.add(nanos);
        of(tally.endings, ending).increment();
    }

    private void rejected(Outcome<?> outcome) {
        String policy = outcome.as(RejectedException.class)
                .orElseThrow()
                .policy()
                .describe()
                .kind();
        rejections.computeIfAbsent(policy, name -> new LongAdder()).increment();
    }

    private static Ending ending(Outcome<HttpResponse<Void>> outcome) {
        return outcome.fold(Stats::ending, Stats::ending);
    }

    private static Ending ending(HttpResponse<Void> response) {
        if (response.statusCode() == 200) return Ending.OK;
        return Guarded.isFailure(response) ? Ending.ERROR : Ending.UNEXPECTED;
    }

    private static Ending ending(Throwable thrown) {
        // the JDK's own stages wrap what they throw, the library's do not
        Throwable real =
                thrown instanceof CompletionException && thrown.getCause() != null ? thrown.getCause() : thrown;
        if (real instanceof RejectedException) return Ending.REJECTED;
        if (real instanceof TimeoutExceededException || real instanceof HttpTimeoutException) return Ending.TIMED_OUT;
        return real instanceof IOException ? Ending.BROKEN : Ending.UNEXPECTED;
    }

    long calls() {
        return started.sum();
    }

    long attempts() {
        return attempts.sum();
    }

    long repeats() {
        return repeats.sum();
    }

    long count(Ending ending) {
        return Stream.of(Phase.values())
                .mapToLong(phase -> count(phase, ending))
                .sum();
    }

    long count(Phase phase, Ending ending) {
        return of(of(tallies, phase).endings, ending).sum();
    }

    long ended(Phase phase) {
        return Stream.of(Ending.values())
                .mapToLong(ending -> count(phase, ending))
                .sum();
    }

    long ended() {
        return Stream.of(Phase.values()).mapToLong(this::ended).sum();
    }

    /** How long callers have waited for calls that began in this phase, all together. */
    long waitedNanos(Phase phase) {
        return of(tallies, phase).waited.sum();
    }

    Map<String, Long> rejections() {
        Map<String, Long> sums = new TreeMap<>();
        rejections.forEach((policy, count) -> sums.put(policy, count.sum()));
        return sums;
    }

    Histogram latencies(Phase phase) {
        return of(tallies, phase).latencies;
    }

    Histogram latencies() {
        Histogram all = new Histogram();
        tallies.values().forEach(tally -> all.addAll(tally.latencies));
        return all;
    }

    /** The first outcome that no column was made for. */
    @Nullable
    Object surprise() {
        return surprise.get();
    }

    private static <K extends Enum<K>, V> Map<K, V> each(K[] keys, Supplier<V> value) {
        return Stream.of(keys).collect(Collectors.toUnmodifiableMap(key -> key, key -> value.get()));
    }

    private static <K, V> V of(Map<K, V> complete, K key) {
        return Objects.requireNonNull(complete.get(key));
    }
}
