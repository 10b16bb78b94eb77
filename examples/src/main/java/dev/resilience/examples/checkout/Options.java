// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples.checkout;

import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The command line.
 *
 * @param orders how many
 * @param kills how often the worker is killed
 * @param jdbc the journal; null: a file of an embedded H2
 * @param help print {@link #USAGE} and nothing else
 */
record Options(int orders, int kills, @Nullable String jdbc, boolean help) {
    static final String USAGE = """
            Checks out orders as sagas over four HTTP services on this machine, kills the process that runs the sagas
            midway and starts it again, several times, and shows that the books are balanced at the end.

              --orders N    how many orders, 5 to 500 (default 40)
              --kills N     how often the process is killed, 0 to 5 (default 4)
              --jdbc URL    keep the journal there, such as jdbc:postgresql://localhost/shop?user=me&password=it;
                            without it: in a file of an embedded H2, deleted at the end
              --help        this text

            Exit code: 0 all invariants held, 1 one did not, 2 wrong arguments.""";

    /**
     * Reads the arguments.
     *
     * @throws IllegalArgumentException naming the argument that is wrong, and what was expected
     */
    static Options parse(String... args) {
        int orders = 40;
        int kills = 4;
        String jdbc = null;
        boolean help = false;
        Iterator<String> rest = List.of(args).iterator();
        while (rest.hasNext()) {
            String argument = rest.next();
            switch (argument) {
                case "--help", "-h" -> help = true;
                case "--orders" -> orders = number(argument, rest, 5, 500);
                case "--kills" -> kills = number(argument, rest, 0, 5);
                case "--jdbc" -> jdbc = url(rest);
                default ->
                    throw new IllegalArgumentException(
                            "unknown argument '" + argument + "', expected --orders, --kills, --jdbc or --help");
            }
        }
        return new Options(orders, kills, jdbc, help);
    }

    private static int number(String argument, Iterator<String> rest, int least, int most) {
        String text = rest.hasNext() ? rest.next() : "nothing";
        int number = text.matches("[0-9]{1,9}") ? Integer.parseInt(text) : -1;
        if (number < least || number > most)
            throw new IllegalArgumentException(
                    argument + " must be a whole number from " + least + " to " + most + ", was '" + text + "'");
        return number;
    }

    private static String url(Iterator<String> rest) {
        String url = rest.hasNext() ? rest.next() : "nothing";
        if (!url.startsWith("jdbc:"))
            throw new IllegalArgumentException("--jdbc must be a URL that starts with 'jdbc:', was '" + url + "'");
        return url;
    }
}
