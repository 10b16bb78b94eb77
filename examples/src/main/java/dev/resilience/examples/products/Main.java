// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples.products;

import dev.resilience.TimeSource;
import java.io.IOException;
import java.io.PrintStream;
import java.util.List;

/**
 * Starts a product service on loopback that answers from a {@code LoadingCache}, and takes its database away: for a
 * while it refuses, for a while it hangs. Every product goes on being answered, marked as stale; when the database is
 * back the new prices come. At the end prices change under load, and nobody gets one from before a change that is
 * done. Ends with 1 when one of that is not so. Takes some seconds.
 */
public final class Main {
    private static final int READS = 120;

    private Main() {}

    /**
     * Runs the example and ends the JVM with its exit code.
     *
     * @param args how many products are read in each part of the outage; 120 when not given
     * @throws Exception when a port on loopback cannot be opened, or the main thread is interrupted
     */
    public static void main(String[] args) throws Exception {
        System.exit(run(System.out, args.length == 0 ? READS : Integer.parseInt(args[0])));
    }

    static int run(PrintStream out, int reads) throws IOException, InterruptedException {
        TimeSource time = TimeSource.system();
        Database database = new Database(time);
        Ledger ledger = new Ledger();
        try (Shop shop = new Shop(database, time);
                OperatorView view = new OperatorView(shop, database, ledger);
                Day day = new Day(shop, database, ledger, time)) {
            out.println(OperatorView.head());
            day.open();
            out.println(view.row("opening"));
            day.outage(Database.Manner.REFUSES, reads);
            out.println(view.row("refuses"));
            day.outage(Database.Manner.HANGS, reads);
            out.println(view.row("hangs"));
            day.recover();
            out.println(view.row("recovery"));
            day.change(reads);
            out.println(view.row("changes"));
            view.lines().forEach(out::println);
        }
        List<String> broken = ledger.broken();
        broken.forEach(b -> out.println("BROKEN: " + b));
        if (broken.isEmpty()) out.println("all invariants held");
        return broken.isEmpty() ? 0 : 1;
    }
}
