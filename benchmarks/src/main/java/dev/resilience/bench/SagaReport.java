// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The tables of {@link SagaTable}: what was measured, in Markdown. */
final class SagaReport {
    private static final int STEPS = 3;
    private static final String HEAD = """
            | who | sagas/s | least–most | × peer | client, µs CPU/saga | server, µs CPU/saga | commits/saga | HOT |
            |---|---|---|---|---|---|---|---|
            """;

    private final StringBuilder out = new StringBuilder();

    /** P15: the first score is ours, the last the peer's, between them what there is to compare with. */
    SagaReport race(List<SagaRace.Score> scores, double target) {
        SagaRace.Score ours = scores.get(0);
        SagaRace.Score peer = scores.get(scores.size() - 1);
        double ratio = ours.perSecond() / peer.perSecond();
        out.append(String.format(
                Locale.ROOT,
                "| row | path | ours, sagas/s | peer, sagas/s | ratio | target | met |%n|---|---|---|---|---|---|---|%n"
                        + "| P15 | saga of 3 steps on PostgreSQL, 32 at once | %.0f | %.0f (%s) | %.2f | ≥ %.0f × peer | %s |%n%n",
                ours.perSecond(),
                peer.perSecond(),
                peer.name(),
                ratio,
                target,
                ratio >= target
                        ? "yes"
                        : String.format(
                                Locale.ROOT,
                                "**no**: ≥ %.0f × peer (%.0f < %.0f)",
                                target,
                                ours.perSecond(),
                                target * peer.perSecond())));
        out.append(HEAD);
        for (SagaRace.Score each : scores)
            out.append(String.format(
                    Locale.ROOT,
                    "| %s | %.0f | %.0f–%.0f | %.2f | %s | %s | %s | %s |%n",
                    each.name(),
                    each.perSecond(),
                    each.least(),
                    each.most(),
                    each.perSecond() / peer.perSecond(),
                    number("%.0f", each.cpuMicros()),
                    number("%.0f", each.serverMicros()),
                    number("%.2f", each.commits()),
                    number("%.0f %%", 100 * each.hot())));
        out.append('\n');
        return this;
    }

    /**
     * Waits for the server, counted.
     *
     * @param what was run
     * @param perSaga trips of one saga
     */
    record Counted(String what, double perSaga) {}

    SagaReport trips(List<Counted> counted) {
        return table(
                "| round trips | per saga | per start or step |\n|---|---|---|\n",
                counted,
                c -> String.format(
                        Locale.ROOT, "| %s | %.2f | %.2f |", c.what(), c.perSaga(), c.perSaga() / (STEPS + 1)));
    }

    SagaReport crowd(String where, List<SagaCrowd.Point> points) {
        double alone = points.get(0).score().perSecond();
        return table(
                "| live sagas (" + where + ") | steps/s | least–most | of the first | client, µs CPU/step |\n"
                        + "|---|---|---|---|---|\n",
                points,
                p -> String.format(
                        Locale.ROOT,
                        "| %d | %.0f | %.0f–%.0f | %.2f | %.1f |",
                        p.waiting(),
                        STEPS * p.score().perSecond(),
                        STEPS * p.score().least(),
                        STEPS * p.score().most(),
                        p.score().perSecond() / alone,
                        p.score().cpuMicros() / STEPS));
    }

    SagaReport takeover(List<SagaTakeover.Took> times) {
        return table(
                "| lease, s | first saga after, s | last after, s | last, in leases |\n|---|---|---|---|\n",
                times,
                t -> String.format(
                        Locale.ROOT,
                        "| %.1f | %.2f | %.2f | %.2f |",
                        t.lease().toMillis() / 1e3,
                        t.first(),
                        t.last(),
                        t.last() / (t.lease().toMillis() / 1e3)));
    }

    private <T> SagaReport table(String head, List<T> rows, Function<T, String> row) {
        out.append(head)
                .append(rows.stream().map(row).collect(Collectors.joining("\n")))
                .append("\n\n");
        return this;
    }

    private static String number(String format, double value) {
        return Double.isNaN(value) ? "–" : String.format(Locale.ROOT, format, value);
    }

    String markdown() {
        return out.toString();
    }
}
