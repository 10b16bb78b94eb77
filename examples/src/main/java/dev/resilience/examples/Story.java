// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import dev.resilience.breaker.CircuitBreaker.State;
import dev.resilience.examples.Guarded.Change;
import dev.resilience.examples.Stats.Ending;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/** What the table means, in a few sentences. */
final class Story {
    private final List<Caller> callers;
    private final long now;

    Story(List<Caller> callers, long now) {
        this.callers = callers;
        this.now = now;
    }

    List<String> lines() {
        List<String> lines = new ArrayList<>();
        guarded().filter(c -> now > begins(c)).map(Story::outage).forEach(lines::add);
        guarded().flatMap(c -> hanging(c).stream()).forEach(lines::add);
        guarded().flatMap(c -> hiccups(c).stream()).forEach(lines::add);
        if (waited("bare") + waited("guarded") > 0) lines.add(threads());
        return lines;
    }

    private static String outage(Guarded caller) {
        Script script = caller.host().service().script();
        Stats stats = caller.stats();
        Optional<Change> opened = first(caller, State.OPEN, script.outageBegins());
        String what = String.format(
                Locale.ROOT,
                "%s (%s from %s): ",
                caller.host().name(),
                script.outage().words,
                Text.of(script.outageBegins()));
        if (opened.isEmpty()) return what + "its breaker did not open before the end.";
        long openings =
                caller.changes().stream().filter(c -> c.to() == State.OPEN).count();
        return what
                + String.format(
                        Locale.ROOT,
                        "its breaker opened after %s, refused %d of %d calls, opened %d times in all",
                        Text.of(opened.get().at() - script.outageBegins()),
                        stats.count(script.outage(), Ending.REJECTED),
                        stats.ended(script.outage()),
                        openings)
                + first(caller, State.CLOSED, script.outageEnds())
                        .map(c -> ", and closed " + Text.of(c.at() - script.outageEnds()) + " after the host was back.")
                        .orElse(".");
    }

    private Optional<String> hanging(Guarded caller) {
        Phase hanging = Phase.HANGING;
        if (caller.stats().ended(hanging) == 0) return Optional.empty();
        return Optional.of(String.format(
                Locale.ROOT,
                "While %s hung, half of the bare calls took %s or more, half of the guarded ones %s or less.",
                caller.host().name(),
                Text.of(bare(caller).stats().latencies(hanging).percentile(0.5)),
                Text.of(caller.stats().latencies(hanging).percentile(0.5))));
    }

    /** Where some calls fail and others do not, retries are what helps. */
    private Optional<String> hiccups(Guarded caller) {
        long calls = hiccups(caller, false);
        if (calls == 0) return Optional.empty();
        Caller bare = bare(caller);
        return Optional.of(String.format(
                Locale.ROOT,
                "While %s failed or throttled some calls, %s of the bare and %s of the guarded ones succeeded.",
                caller.host().name(),
                Text.percent(hiccups(bare, true), hiccups(bare, false)),
                Text.percent(hiccups(caller, true), calls)));
    }

    private static long hiccups(Caller caller, boolean succeeded) {
        return Stream.of(Phase.FLAKY, Phase.THROTTLED)
                .mapToLong(p -> succeeded
                        ? caller.stats().count(p, Ending.OK)
                        : caller.stats().ended(p))
                .sum();
    }

    private String threads() {
        return String.format(
                Locale.ROOT,
                "In the outages of the blocking hosts, threads stood waiting for %s bare and for %s guarded.",
                Text.of(waited("bare")),
                Text.of(waited("guarded")));
    }

    private long waited(String client) {
        return callers.stream()
                .filter(c -> c.client().equals(client) && !c.host().staged())
                .mapToLong(
                        c -> c.stats().waitedNanos(c.host().service().script().outage()))
                .sum();
    }

    private static long begins(Guarded caller) {
        return caller.host().service().script().outageBegins();
    }

    private static Optional<Change> first(Guarded caller, State to, long from) {
        return caller.changes().stream()
                .filter(c -> c.to() == to && c.at() >= from)
                .findFirst();
    }

    private Stream<Guarded> guarded() {
        return callers.stream().filter(Guarded.class::isInstance).map(Guarded.class::cast);
    }

    private Caller bare(Guarded caller) {
        return callers.stream()
                .filter(c -> c instanceof Bare && c.host().equals(caller.host()))
                .findFirst()
                .orElseThrow();
    }
}
