// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** A line of the table. The ratio is to the fastest of the peers; a row without targets is for information. */
record Row(String id, String path, String ours, List<String> peers, List<Target> targets) {

    boolean known(Results results) {
        return results.has(ours);
    }

    String markdown(Results results) {
        Results.Measured mine = results.get(ours);
        return String.format(
                Locale.ROOT,
                "| %s | %s | %.1f | %s | %s | %s | %s |",
                id,
                path,
                mine.nanos(),
                against(results, mine),
                bytes(mine.bytes()),
                targets.stream().map(Target::text).collect(Collectors.joining(", ")),
                verdict(results));
    }

    private String against(Results results, Results.Measured mine) {
        List<String> known = peers.stream().filter(results::has).toList();
        if (known.isEmpty()) return "– | –";
        Results.Measured peer = Target.fastest(results, known);
        String name = peer.name().substring(peer.name().indexOf('.') + 1);
        return String.format(Locale.ROOT, "%.1f (%s) | %.2f", peer.nanos(), name, mine.nanos() / peer.nanos());
    }

    /** Met, or which target is missed by how much; what was not measured is not called met. */
    String verdict(Results results) {
        if (targets.isEmpty()) return "–";
        List<String> said = targets.stream()
                .filter(t -> !t.known(results) || !t.met(results))
                .map(t -> t.known(results)
                        ? "**no**: " + t.text() + " (" + t.missedBy(results) + ")"
                        : "not measured: " + t.text())
                .toList();
        return said.isEmpty() ? "yes" : String.join("; ", said);
    }

    static String bytes(double bytes) {
        return Double.isNaN(bytes) ? "–" : String.format(Locale.ROOT, "%.0f", Math.max(0, bytes));
    }
}
