// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/** The whole program, with real sockets, threads and time. */
class MainTest {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final ByteArrayOutputStream errors = new ByteArrayOutputStream();

    @Test
    void a_short_run_holds_every_invariant_and_shows_the_table() throws Exception {
        int code = run("--seconds", "4");
        List<String> lines = lines(bytes);
        assertThat(code).as(bytes.toString(StandardCharsets.UTF_8)).isZero();
        assertThat(lines)
                .anyMatch(l -> l.matches("host +client +calls +attempts +ok +error +broken +timed out +rejected"
                        + " +p50 +p90 +p99 +max"));
        assertThat(lines).filteredOn(l -> l.matches(" +[1-4] s \\| .*")).hasSize(4);
        assertThat(lines).containsSubsequence("What an operator sees:");
        assertThat(lines).last().asString().matches("(\\d+) of \\1 invariants held\\.");
        assertThat(errors.size()).isZero();
        if (steady(lines)) showsWhatHappens(lines);
    }

    /** A machine that stood still for a part of the four seconds may have slept through an outage. */
    private static boolean steady(List<String> lines) {
        return lines.stream().noneMatch(l -> l.startsWith("The machine stood still for "));
    }

    private static void showsWhatHappens(List<String> lines) {
        for (String host : List.of("orders", "stock", "mail", "all")) {
            for (String client : List.of("bare", "guarded")) {
                // calls, attempts and successes are all positive
                assertThat(lines)
                        .anyMatch(l -> l.matches(host + " +" + client + " +[1-9]\\d* +[1-9]\\d* +[1-9]\\d* .*"));
            }
        }
        assertThat(lines)
                .anyMatch(l -> l.matches("rejected by: CircuitBreaker 'mail' \\d+, CircuitBreaker 'orders' \\d+,"
                        + " CircuitBreaker 'stock' \\d+"));
        assertThat(lines).anyMatch(l -> l.matches("orders \\(hanging from 1\\.2 s\\): its breaker opened after .*"));
        for (String host : List.of("orders", "stock", "mail")) {
            // opened, refused and failed at least once
            assertThat(lines)
                    .anyMatch(
                            l -> l.matches(
                                    host
                                            + " +(closed|open|half-open) +[1-9]\\d* +[1-9]\\d* +[1-9]\\d* +\\d+ +\\d+ +\\d+ +\\d+ +\\d+"));
            assertThat(lines).anyMatch(l -> l.matches(" +[\\d.]+ m?s  " + host + " +open +.+"));
            assertThat(lines).anyMatch(l -> l.startsWith("last refusal: circuit breaker '" + host + "' "));
        }
    }

    @Test
    void a_stopped_run_drains_and_reports_what_happened_so_far() throws Exception {
        CountDownLatch firstLine = new CountDownLatch(1);
        PrintStream out = new PrintStream(new Watched(firstLine), true, StandardCharsets.UTF_8);
        int code;
        try (Experiment experiment = new Experiment(Options.parse("--seconds", "600"), out)) {
            Thread stopper = new Thread(() -> {
                try {
                    firstLine.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                experiment.stop();
            });
            stopper.setDaemon(true);
            stopper.start();
            code = experiment.run();
        }
        assertThat(code).as(bytes.toString(StandardCharsets.UTF_8)).isZero();
        assertThat(lines(bytes))
                .anyMatch(l -> l.matches("Stopped after \\d+(\\.\\d)? s; what happened until then:"))
                .anyMatch(l -> l.matches("all +guarded +[1-9].*"))
                .noneMatch(l -> l.startsWith("INVARIANT BROKEN"));
    }

    @Test
    void virtual_threads_hold_every_invariant_too_where_there_are_any() throws Exception {
        int code = run("--seconds", "4", "--virtual-threads");
        if (Runtime.version().feature() < Threads.VIRTUAL_SINCE) {
            assertThat(code).isEqualTo(2);
            assertThat(lines(errors).get(0)).startsWith("--virtual-threads needs Java 21 or newer, this is Java ");
            assertThat(bytes.size()).isZero();
        } else {
            assertThat(code).as(bytes.toString(StandardCharsets.UTF_8)).isZero();
            assertThat(lines(bytes)).anyMatch(l -> l.endsWith(", half of them; the blocking ones are virtual threads"));
        }
    }

    @Test
    void help_runs_nothing() throws Exception {
        assertThat(run("--help")).isZero();
        assertThat(bytes.toString(StandardCharsets.UTF_8)).contains("--seconds N         how long, 4 to 3600");
        assertThat(errors.size()).isZero();
    }

    @Test
    void wrong_arguments_run_nothing_and_say_what_is_right() throws Exception {
        assertThat(run("--minutes=1")).isEqualTo(2);
        assertThat(lines(errors).get(0))
                .isEqualTo("unknown argument '--minutes=1', expected --seconds, --virtual-threads or --help");
        assertThat(bytes.size()).isZero();
    }

    private int run(String... args) throws Exception {
        try (PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
                PrintStream err = new PrintStream(errors, true, StandardCharsets.UTF_8)) {
            return Main.run(out, err, args);
        }
    }

    private static List<String> lines(ByteArrayOutputStream bytes) {
        return bytes.toString(StandardCharsets.UTF_8).lines().toList();
    }

    /** Tells when the first line of progress is written. */
    private final class Watched extends OutputStream {
        private final CountDownLatch firstLine;

        Watched(CountDownLatch firstLine) {
            this.firstLine = firstLine;
        }

        @Override
        public void write(int b) {
            bytes.write(b);
            if (b == '|') firstLine.countDown();
        }
    }
}
