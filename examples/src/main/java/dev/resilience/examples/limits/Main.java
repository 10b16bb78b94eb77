// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples.limits;

import dev.resilience.Pipeline;
import dev.resilience.TimeSource;
import java.io.IOException;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Starts an HTTP API on loopback that limits each user and each endpoint. An obedient client is served every time, at
 * the second asking at the latest; a greedy one gets what it may have and no more, and takes nothing from the other.
 * Ends with 1 when one of that is not so. Takes some seconds.
 */
public final class Main {
    private static final int CALLS = 20;
    private static final long LONGEST = Duration.ofSeconds(30).toNanos();

    private Main() {}

    /**
     * Runs the example and ends the JVM with its exit code.
     *
     * @param args how many calls the obedient client makes; 20 when not given
     * @throws Exception when a port on loopback cannot be opened, or the main thread is interrupted
     */
    public static void main(String[] args) throws Exception {
        System.exit(run(System.out, args.length == 0 ? CALLS : Integer.parseInt(args[0])));
    }

    static int run(PrintStream out, int calls) throws Exception {
        TimeSource time = TimeSource.system();
        try (LimitedApi api = new LimitedApi(time)) {
            Client obedient = new Client(api, "obedient");
            Client greedy = new Client(api, "greedy");
            long start = time.nanoTime();
            Greed greed = new Greed(greedy);
            greed.thread.start();
            int refusedTwice = 0;
            Pipeline obedience = Client.obedience(time);
            for (int i = 0; i < calls && time.nanoTime() - start < LONGEST; i++) {
                if (!obedient.call(obedience, i % 4 == 3 ? "/report" : "/search")) refusedTwice++;
            }
            greed.stop();
            double seconds = (time.nanoTime() - start) / 1e9;
            out.printf(
                    "obedient: %d served, %d refused, %d twice in a row%n",
                    obedient.served(), obedient.refused(), refusedTwice);
            out.printf("greedy:   %d served, %d refused in %.1f s%n", greedy.served(), greedy.refused(), seconds);
            List<String> broken = broken(obedient, greedy, calls, refusedTwice, seconds);
            if (greed.thrown.get() != null) broken.add("the greedy client failed: " + greed.thrown.get());
            broken.forEach(b -> out.println("BROKEN: " + b));
            if (broken.isEmpty()) out.println("all invariants held");
            return broken.isEmpty() ? 0 : 1;
        }
    }

    static List<String> broken(Client obedient, Client greedy, int calls, int refusedTwice, double seconds) {
        List<String> broken = new ArrayList<>();
        if (refusedTwice > 0) broken.add("who obeyed was refused twice in a row, " + refusedTwice + " times");
        if (obedient.served() != calls) broken.add("who obeyed was served " + obedient.served() + " of " + calls);
        if (obedient.silent() + greedy.silent() > 0) broken.add("an answer did not tell its limits");
        double most = 5 + 5 * seconds; // the bound of Limit.of(5, 1 s)
        if (greedy.served() > most) broken.add("who did not obey was served " + greedy.served() + ", bound " + most);
        return broken;
    }

    /** Asks again at once, whatever it is told. */
    private static final class Greed {
        final AtomicReference<@Nullable Throwable> thrown = new AtomicReference<>();
        final Thread thread;
        private final AtomicBoolean stopped = new AtomicBoolean();

        Greed(Client client) {
            thread = new Thread(() -> run(client), "greedy");
            thread.setDaemon(true);
        }

        private void run(Client client) {
            try {
                while (!stopped.get()) client.send("/search");
            } catch (IOException | InterruptedException e) {
                if (!stopped.get()) thrown.set(e);
            }
        }

        void stop() throws InterruptedException {
            stopped.set(true);
            thread.join(Duration.ofSeconds(15).toMillis());
        }
    }
}
