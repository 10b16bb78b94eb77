// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples.checkout;

import dev.resilience.TimeSource;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Starts workers, one after the other, and kills them: when the services have made so and so many effects, alternately
 * right after an effect, before anybody hears of it, and right before one.
 */
final class Supervisor implements Service.Watcher, AutoCloseable {
    private static final long PATIENCE_SECONDS = 240;

    private final TimeSource time = TimeSource.system();
    private final long begun = time.nanoTime();
    private final ReentrantLock lock = new ReentrantLock();
    private final PrintStream out;
    private final Ledger ledger;
    private final int effects;
    private final int kills;
    private @Nullable Process worker;
    private int started;
    private int killed;

    /** How a worker ended by itself: its exit code and its last line. */
    record End(int code, String said) {}

    /** {@code effects} is how many there will be in all. */
    Supervisor(PrintStream out, Ledger ledger, int effects, int kills) {
        this.out = out;
        this.ledger = ledger;
        this.effects = effects;
        this.kills = kills;
    }

    int killed() {
        lock.lock();
        try {
            return killed;
        } finally {
            lock.unlock();
        }
    }

    /** Starts workers until one ends by itself. */
    End run(List<String> arguments) throws IOException, InterruptedException {
        while (true) {
            int before = killed();
            Process process = start(arguments);
            String last = follow(process);
            if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) process.destroyForcibly();
            int code = process.waitFor();
            if (killed() == before) return new End(code, last);
        }
    }

    private Process start(List<String> arguments) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", classPath(), Worker.class.getName()));
        command.addAll(arguments);
        lock.lock();
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            worker = process;
            say("worker " + ++started + " started");
            return process;
        } finally {
            lock.unlock();
        }
    }

    /** Passes on what the worker says until it is gone; returns the last line. */
    private String follow(Process process) throws IOException {
        String last = "";
        try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
            String line;
            while ((line = lines.readLine()) != null) {
                last = line;
                say("  " + line);
            }
        } catch (IOException killed) {
            // its end of the pipe went with it
        }
        return last;
    }

    private void say(String line) {
        out.printf(Locale.ROOT, "%5.1f s  %s%n", (time.nanoTime() - begun) / 1e9, line);
    }

    @Override
    public void before(String verb) {
        killAt(verb, false);
    }

    @Override
    public void after(String verb) {
        killAt(verb, true);
    }

    private void killAt(String verb, boolean after) {
        lock.lock();
        try {
            Process process = worker;
            if (process == null || !process.isAlive() || killed == kills || after != (killed % 2 == 0)) return;
            int made = ledger.effects();
            if (made < (long) effects * (killed + 1) / (kills + 1)) return;
            killed++;
            process.destroyForcibly();
            worker = null; // what it has asked for goes on, and must not be taken for another one's
            say("worker " + started + " killed " + (after ? "after " : "before ") + verb + ", " + made + " of "
                    + effects + " effects made");
        } finally {
            lock.unlock();
        }
    }

    /** What this process has on its class path; Maven's exec plugin and tests have loaders of their own. */
    private static String classPath() {
        ClassLoader loader = Supervisor.class.getClassLoader();
        if (!(loader instanceof URLClassLoader urls)) return System.getProperty("java.class.path");
        return Arrays.stream(urls.getURLs())
                .map(URL::getPath)
                .map(path -> new File(path).getPath())
                .collect(Collectors.joining(File.pathSeparator));
    }

    @Override
    public void close() {
        lock.lock();
        try {
            if (worker != null) worker.destroyForcibly();
        } finally {
            lock.unlock();
        }
    }
}
