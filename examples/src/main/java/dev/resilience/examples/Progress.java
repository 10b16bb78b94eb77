// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import dev.resilience.examples.Stats.Ending;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;

/** One line per second while it runs: what each host does, what its breaker says, and what callers get. */
final class Progress {
    private final List<Caller> callers;
    private final PrintStream out;
    private long bareOk;
    private long guardedOk;
    private long rejected;

    Progress(List<Caller> callers, PrintStream out) {
        this.callers = callers;
        this.out = out;
    }

    void print(long elapsed) {
        StringBuilder line = new StringBuilder(String.format(Locale.ROOT, "%4d s", Math.round(elapsed / 1e9)));
        for (Caller caller : callers) {
            if (caller instanceof Guarded guarded) line.append(" | ").append(state(guarded));
        }
        long bare = sum(false, Ending.OK);
        long guarded = sum(true, Ending.OK);
        long refused = sum(true, Ending.REJECTED);
        line.append(String.format(
                Locale.ROOT,
                " | ok/s %4d bare, %4d guarded, %4d refused",
                bare - bareOk,
                guarded - guardedOk,
                refused - rejected));
        bareOk = bare;
        guardedOk = guarded;
        rejected = refused;
        out.println(line);
    }

    private static String state(Guarded caller) {
        return String.format(
                Locale.ROOT,
                "%s %-9s %-9s",
                caller.host().name(),
                caller.host().service().phase().words,
                caller.breaker().snapshot().state());
    }

    private long sum(boolean guarded, Ending ending) {
        return callers.stream()
                .filter(c -> c instanceof Guarded == guarded)
                .mapToLong(c -> c.stats().count(ending))
                .sum();
    }
}
