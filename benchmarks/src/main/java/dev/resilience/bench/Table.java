// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;

/** Turns JMH's JSON into the table of targets: to the console, and with a document named, into its section too. */
public final class Table {
    private static final String HEAD = """
            | row | path | ours, ns | best peer, ns | ratio | B/call | target | met |
            |---|---|---|---|---|---|---|---|
            """;
    private static final String ALL_HEAD = """
            | benchmark | threads | ns/call | least–most | B/call |
            |---|---|---|---|---|
            """;

    private Table() {}

    /**
     * {@code Table results.json [document.md commit]}.
     *
     * @param args the file that JMH wrote; for a document also its path and the commit that was measured
     * @throws IOException when a file cannot be read or written
     */
    public static void main(String... args) throws IOException {
        if (args.length != 1 && args.length != 3) {
            throw new IllegalArgumentException("expected: results.json [document.md commit], was " + List.of(args));
        }
        Results results = Results.of(Files.readString(Path.of(args[0])));
        new PrintStream(System.out, true, StandardCharsets.UTF_8)
                .println(targets(results) + "\n" + everything(results));
        if (args.length == 3) {
            Path document = Path.of(args[1]);
            String section = section(results, args[2], Runtime.getRuntime().availableProcessors());
            Files.writeString(document, replaced(Files.readString(document), major(results.jdk()), section));
        }
    }

    static String targets(Results results) {
        return targets(results, row -> true);
    }

    static String targets(Results results, Predicate<Row> which) {
        StringBuilder out = new StringBuilder(HEAD);
        for (Row row : Rows.ALL) {
            if (row.known(results) && which.test(row))
                out.append(row.markdown(results)).append('\n');
        }
        return out.toString();
    }

    static String everything(Results results) {
        StringBuilder out = new StringBuilder(ALL_HEAD);
        for (Results.Measured each : results.all()) {
            out.append(String.format(
                    Locale.ROOT,
                    "| %s | %d | %.1f | %.1f–%.1f | %s |%n",
                    each.name(),
                    each.threads(),
                    each.nanos(),
                    each.least(),
                    each.most(),
                    Row.bytes(each.bytes())));
        }
        return out.toString();
    }

    /** What stands between the two markers of a JDK. */
    static String section(Results results, String commit, int cores) {
        return "\nJDK " + results.jdk() + " (" + results.vm() + "), " + cores + " cores, "
                + System.getProperty("os.arch")
                + ", commit " + commit + ".\n\n" + targets(results) + "\nEverything that ran:\n\n" + everything(results)
                + "\n";
    }

    /** The document with another text between the markers of {@code jdk}. */
    static String replaced(String document, String jdk, String section) {
        String begin = "<!-- measured: JDK " + jdk + " -->";
        String end = "<!-- end: JDK " + jdk + " -->";
        int from = document.indexOf(begin);
        int to = document.indexOf(end);
        if (from < 0 || to < from) {
            throw new IllegalArgumentException("the document has no markers '" + begin + "' … '" + end + "'");
        }
        return document.substring(0, from + begin.length()) + "\n" + section.strip() + "\n" + document.substring(to);
    }

    static String major(String jdk) {
        return jdk.split("[.+-]", 2)[0];
    }
}
