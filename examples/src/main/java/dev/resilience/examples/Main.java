// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import java.io.IOException;
import java.io.PrintStream;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Calls flaky HTTP hosts on this machine, unprotected and protected at the same time, and shows what the protection
 * does. Run it with {@code --help} to see its arguments and exit codes.
 */
public final class Main {
    /** Longer than a stopped run may take to drain. */
    private static final long PATIENCE_SECONDS = 15;

    private Main() {}

    /**
     * Runs the example and ends the JVM with its exit code.
     *
     * @param args see {@code --help}
     * @throws IOException when a port on loopback cannot be opened
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
        try (Experiment experiment = new Experiment(options, out)) {
            return runUnlessStopped(experiment);
        }
    }

    /** Ctrl-C stops the traffic; the JVM waits until the report has been printed. */
    private static int runUnlessStopped(Experiment experiment) throws IOException, InterruptedException {
        CompletableFuture<Integer> code = new CompletableFuture<>();
        Thread onExit = new Thread(() -> stopAndWait(experiment, code), "ctrl-c");
        Runtime.getRuntime().addShutdownHook(onExit);
        try {
            code.complete(experiment.run());
            return code.join();
        } finally {
            code.complete(1); // after an exception: the hook shall not wait
            removeHook(onExit);
        }
    }

    private static void stopAndWait(Experiment experiment, CompletableFuture<Integer> code) {
        experiment.stop();
        int reported =
                code.completeOnTimeout(1, PATIENCE_SECONDS, TimeUnit.SECONDS).join();
        // the JVM would say that a signal ended it, and nothing about the invariants
        if (reported != 0) Runtime.getRuntime().halt(reported);
    }

    private static void removeHook(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException goingDown) {
            // it was Ctrl-C: the hook has just seen the report
        }
    }
}
