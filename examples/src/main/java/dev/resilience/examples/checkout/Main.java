// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples.checkout;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * Checks out orders as sagas over four HTTP services (order, inventory, payment, shipping), kills the process that runs
 * the sagas midway and starts it again, several times, and shows that the books are balanced at the end. Run it with
 * {@code --help} to see its arguments and exit codes.
 */
public final class Main {
    private Main() {}

    /**
     * Runs the example and ends the JVM with its exit code.
     *
     * @param args see {@code --help}
     * @throws IOException when a port on loopback or a process cannot be had
     * @throws InterruptedException when the main thread is interrupted
     */
    public static void main(String[] args) throws IOException, InterruptedException {
        System.exit(run(System.out, System.err, args));
    }

    static int run(PrintStream out, PrintStream err, String... args) throws IOException, InterruptedException {
        Options options;
        try {
            options = Options.parse(args);
        } catch (IllegalArgumentException e) {
            err.println(e.getMessage());
            err.println(Options.USAGE);
            return 2;
        }
        if (options.help()) {
            out.println(Options.USAGE);
            return 0;
        }
        if (options.jdbc() != null) return run(out, options, options.jdbc());
        Path directory = Files.createTempDirectory("checkout");
        try {
            // written to the file before a commit returns: the process may die at any moment
            return run(out, options, "jdbc:h2:file:" + directory.resolve("journal") + ";WRITE_DELAY=0");
        } finally {
            delete(directory);
        }
    }

    private static int run(PrintStream out, Options options, String jdbc) throws IOException, InterruptedException {
        String id = UUID.randomUUID().toString().substring(0, 8);
        List<Order> orders = Order.make(id, options.orders());
        long fine = orders.stream().filter(Order::fine).count();
        int effects = orders.stream().mapToInt(Order::effects).sum();
        Ledger ledger = new Ledger();
        try (Supervisor supervisor = new Supervisor(out, ledger, effects, options.kills());
                Service order = new Service("order", ledger, supervisor);
                Service inventory = new Service("inventory", ledger, supervisor);
                Service payment = new Service("payment", ledger, supervisor);
                Service shipping = new Service("shipping", ledger, supervisor)) {
            out.println(orders.size() + " orders: " + fine + " are fine, the bank or the stock refuses the others");
            List<String> arguments = new ArrayList<>(List.of(jdbc, id, String.valueOf(options.orders())));
            for (Service service : List.of(order, inventory, payment, shipping))
                arguments.add(service.uri().toString());
            Supervisor.End end = supervisor.run(arguments);
            out.println("The same orders once more, all of them known:");
            int made = ledger.effects();
            Supervisor.End again = supervisor.run(arguments);

            List<String> broken = new ArrayList<>(ledger.wrong(orders));
            String expected = "completed " + fine + ", compensated " + (orders.size() - fine) + ", other 0";
            if (!end.equals(new Supervisor.End(0, expected))) broken.add("the sagas say: " + end + ", not " + expected);
            if (!again.equals(end)) broken.add("asked again, the sagas say: " + again + ", not " + end);
            if (made != effects) broken.add(made + " effects were made, not " + effects);
            if (ledger.effects() != made) broken.add("asked again, the sagas made effects");
            if (supervisor.killed() != options.kills()) broken.add("killed " + supervisor.killed() + " times only");

            out.println(ledger.books());
            out.println(
                    made + " effects, each once; " + ledger.repeated() + " calls came again with a key that was known");
            broken.forEach(b -> out.println("BROKEN: " + b));
            if (broken.isEmpty()) out.println("all invariants held");
            return broken.isEmpty() ? 0 : 1;
        }
    }

    private static void delete(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            files.sorted(Comparator.reverseOrder()).forEach(Main::deleteOne);
        }
    }

    private static void deleteOne(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
