// SPDX-License-Identifier: Apache-2.0
package dev.resilience.servers;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A server's process, which does not outlive this JVM: between the two stands a shell that reads from this JVM, kills
 * the server and removes its directory as soon as there is nothing to read any more. That is so however this JVM ends.
 */
final class ServerProcess implements AutoCloseable {
    /** How long anything of it may take. */
    static final long PATIENCE_SECONDS = 120;

    private static final String KEEPER = """
            trap '' INT HUP TERM
            dir=$1; shift
            server() {
                rm -f "$dir/exited"
                { sh -c 'echo $$ > "$0/pid"; exec "$@"' "$dir" "$@" >> "$dir/log" 2>&1 < /dev/null; echo $? > "$dir/exited"; } &
            }
            end() { [ -f "$dir/exited" ] || kill -"$1" "$(cat "$dir/pid")" 2> /dev/null; wait; }
            server "$@"
            echo started
            while read -r order; do
                case $order in
                    start) server "$@"; echo started ;;
                    *) end "$order"; echo ended ;;
                esac
            done
            end KILL
            rm -rf "$dir"
            """;

    private final Path directory;
    private final Process keeper;
    private final BufferedWriter orders;
    private final BufferedReader answers;
    private final ReentrantLock lock = new ReentrantLock();

    private ServerProcess(Path directory, List<String> command) throws IOException {
        this.directory = directory;
        List<String> all = new ArrayList<>(List.of("sh", "-c", KEEPER, "keeper", directory.toString()));
        all.addAll(asSomebody(command));
        this.keeper = new ProcessBuilder(all)
                .directory(directory.toFile())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        this.orders = new BufferedWriter(new OutputStreamWriter(keeper.getOutputStream(), StandardCharsets.UTF_8));
        this.answers = new BufferedReader(new InputStreamReader(keeper.getInputStream(), StandardCharsets.UTF_8));
        answers.readLine();
    }

    static ServerProcess start(Path directory, List<String> command) {
        try {
            return new ServerProcess(directory, command);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot start " + command, e);
        }
    }

    /** A directory for one server's data. */
    static Path directory(String name) {
        try {
            Path directory = Files.createTempDirectory(Binaries.home(), name + "-");
            own(directory);
            return directory;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Servers refuse to run as root: what root starts runs as nobody. */
    private static List<String> asSomebody(List<String> command) {
        if (!root()) return command;
        List<String> all = new ArrayList<>(
                List.of("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", "--"));
        all.addAll(command);
        return all;
    }

    private static boolean root() {
        return System.getProperty("user.name").equals("root");
    }

    private static void own(Path directory) throws IOException {
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
        if (root()) Files.setAttribute(directory, "unix:uid", 65534);
    }

    /** Runs a program that ends, as the user that the server runs as. */
    static void run(Path directory, Path input, List<String> command) {
        try {
            Path log = Files.createTempFile("server", ".log");
            Process process = new ProcessBuilder(asSomebody(command))
                    .directory(directory.toFile())
                    .redirectInput(input.toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile())
                    .start();
            boolean ended = process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS);
            if (!ended) process.destroyForcibly();
            String said = Files.readString(log);
            Files.delete(log);
            if (!ended || process.exitValue() != 0)
                throw new IllegalStateException(command.get(0) + (ended ? " failed: " : " did not end: ") + said);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot run " + command, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while " + command.get(0) + " ran", e);
        }
    }

    /** Whether its process has ended by itself or by an order. */
    boolean ended() {
        return Files.exists(directory.resolve("exited"));
    }

    /** What it wrote. */
    String log() {
        try {
            return Files.readString(directory.resolve("log"));
        } catch (IOException e) {
            return "no log: " + e;
        }
    }

    /** Ends it by a signal, and returns when it has ended. */
    void signal(String signal) {
        order(signal);
    }

    /** Starts it again after a signal. */
    void start() {
        order("start");
    }

    private void order(String order) {
        lock.lock();
        try {
            orders.write(order);
            orders.newLine();
            orders.flush();
            if (answers.readLine() == null) throw new IOException("its keeper has ended");
        } catch (IOException e) {
            throw new UncheckedIOException("cannot " + order + " the server in " + directory, e);
        } finally {
            lock.unlock();
        }
    }

    /** A little pause between two looks at a server that is starting. */
    void pause() {
        try {
            if (keeper.waitFor(20, TimeUnit.MILLISECONDS))
                throw new IllegalStateException("the server's keeper ended: " + log());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while a server started", e);
        }
    }

    @Override
    public void close() {
        try {
            orders.close();
            keeper.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
