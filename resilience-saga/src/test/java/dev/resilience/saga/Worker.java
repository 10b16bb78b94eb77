// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import com.zaxxer.hikari.HikariDataSource;
import dev.resilience.TimeSource;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.postgresql.Driver;
import org.slf4j.Logger;
import org.slf4j.nop.NOPServiceProvider;

/** A {@link WorkerMain} in a JVM of its own, which ends with this one. */
final class Worker implements AutoCloseable {
    private final Path errors;
    private final Process process;
    private final PrintStream orders;
    private final CountDownLatch ready = new CountDownLatch(1);
    private volatile String owner = "";
    final Set<String> sent = ConcurrentHashMap.newKeySet();
    final Set<String> started = ConcurrentHashMap.newKeySet();
    final Set<String> odd = ConcurrentHashMap.newKeySet();
    final Queue<String> taken = new ConcurrentLinkedQueue<>();
    final AtomicInteger fenced = new AtomicInteger();

    Worker(String node, String journal, String participants, String schema, int maxClaims) throws IOException {
        errors = Files.createTempFile("worker", ".err");
        process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx192m",
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        classPath(),
                        WorkerMain.class.getName(),
                        node,
                        journal,
                        participants,
                        schema,
                        Integer.toString(maxClaims))
                .redirectError(errors.toFile())
                .start();
        orders = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
        Thread reader = new Thread(this::read, "worker " + node);
        reader.setDaemon(true);
        reader.start();
    }

    /** What it needs, from wherever this JVM has it: class path, module path, patched modules. */
    private static String classPath() {
        Set<String> all = new LinkedHashSet<>();
        for (Class<?> each : List.of(
                WorkerMain.class,
                SagaEngine.class,
                TimeSource.class,
                HikariDataSource.class,
                Driver.class,
                Logger.class,
                NOPServiceProvider.class)) all.add(root(each));
        return String.join(File.pathSeparator, all);
    }

    private static String root(Class<?> type) {
        String file = type.getName().replace('.', '/') + ".class";
        String url = type.getResource("/" + file).toString();
        String root = url.substring(0, url.length() - file.length());
        if (root.startsWith("jar:")) root = root.substring(4, root.length() - 2);
        try {
            return Path.of(new URI(root)).toString();
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    private void read() {
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] words = line.split(" ", 2);
                switch (words[0]) {
                    case "ready" -> {
                        owner = words[1];
                        ready.countDown();
                    }
                    case "started" -> started.add(words[1]);
                    case "taken" -> taken.add(words[1]);
                    case "fenced" -> fenced.incrementAndGet();
                    case "again" -> {}
                    default -> odd.add(line);
                }
            }
        } catch (IOException ended) {
            // it was killed
        } finally {
            ready.countDown();
        }
    }

    Worker awaitReady() throws InterruptedException {
        if (!ready.await(90, TimeUnit.SECONDS) || owner.isEmpty())
            throw new AssertionError(
                    "the process did not come up; " + (alive() ? "it runs: " : "it ended: ") + errors());
        return this;
    }

    private String errors() {
        try {
            return Files.readString(errors);
        } catch (IOException e) {
            return e.toString();
        }
    }

    /** For one that may be killed by what it claims as soon as it comes up. */
    Worker awaitReadyOrDeath() throws InterruptedException {
        if (!ready.await(90, TimeUnit.SECONDS)) throw new AssertionError("the process did not come up");
        return this;
    }

    /** {@code node#epoch} when it came up. */
    String owner() {
        return owner;
    }

    void start(String id, String kind, int millis) {
        sent.add(id);
        orders.println(id + " " + kind + " " + millis);
    }

    boolean alive() {
        return process.isAlive();
    }

    /** SIGKILL. */
    void kill() throws InterruptedException {
        process.destroyForcibly();
        if (!process.waitFor(60, TimeUnit.SECONDS)) throw new AssertionError("SIGKILL did not end it");
    }

    /** SIGSTOP, SIGCONT. */
    void signal(String name) throws IOException, InterruptedException {
        Process kill = new ProcessBuilder("sh", "-c", "kill -" + name + " " + process.pid()).start();
        if (!kill.waitFor(60, TimeUnit.SECONDS) || kill.exitValue() != 0) throw new AssertionError("kill -" + name);
    }

    @Override
    public void close() {
        process.destroyForcibly();
        try {
            process.waitFor(60, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        try {
            Files.deleteIfExists(errors);
        } catch (IOException leftover) {
            // a temporary file
        }
    }
}
