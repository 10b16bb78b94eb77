// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import java.time.Duration;
import java.util.Iterator;
import java.util.List;

/**
 * The command line.
 *
 * @param length how long the script of the hosts takes
 * @param virtualThreads blocking users are virtual threads
 * @param help print {@link #USAGE} and nothing else
 */
record Options(Duration length, boolean virtualThreads, boolean help) {
    static final int SHORTEST = 4;
    static final int LONGEST = 3600;
    static final String USAGE = """
            Calls three hosts on this machine that slow down, fail, throttle, hang and reset connections:
            once unprotected, once through a pipeline (timeout, retry, circuit breaker, timeout) per host.

              --seconds N         how long, %d to %d (default 20)
              --virtual-threads   blocking users are virtual threads; needs Java %d or newer
              --help              this text

            Exit code: 0 all invariants held, 1 one did not, 2 wrong arguments. Ctrl-C stops, drains and reports.""".formatted(SHORTEST, LONGEST, Threads.VIRTUAL_SINCE);

    /**
     * Reads the arguments.
     *
     * @throws IllegalArgumentException naming the argument that is wrong or not possible here, and what was expected
     */
    static Options parse(String... args) {
        int seconds = 20;
        boolean virtualThreads = false;
        boolean help = false;
        Iterator<String> rest = List.of(args).iterator();
        while (rest.hasNext()) {
            String argument = rest.next();
            if (argument.equals("--help") || argument.equals("-h")) {
                help = true;
            } else if (argument.equals("--virtual-threads")) {
                virtualThreads = true;
            } else if (argument.equals("--seconds")) {
                seconds = seconds(rest.hasNext() ? rest.next() : "nothing");
            } else if (argument.startsWith("--seconds=")) {
                seconds = seconds(argument.substring("--seconds=".length()));
            } else {
                throw new IllegalArgumentException(
                        "unknown argument '" + argument + "', expected --seconds, --virtual-threads or --help");
            }
        }
        if (virtualThreads && !help) Threads.requireVirtual(Runtime.version());
        return new Options(Duration.ofSeconds(seconds), virtualThreads, help);
    }

    private static int seconds(String text) {
        // nine digits fit into an int: what is longer is too large anyway
        int seconds = text.matches("[0-9]{1,9}") ? Integer.parseInt(text) : -1;
        if (seconds < SHORTEST || seconds > LONGEST) {
            throw new IllegalArgumentException(
                    "--seconds must be a whole number from " + SHORTEST + " to " + LONGEST + ", was '" + text + "'");
        }
        return seconds;
    }
}
