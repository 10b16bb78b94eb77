// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import static dev.resilience.examples.Phase.DOWN;
import static dev.resilience.examples.Phase.FLAKY;
import static dev.resilience.examples.Phase.HANGING;
import static dev.resilience.examples.Phase.HEALTHY;
import static dev.resilience.examples.Phase.RESETTING;
import static dev.resilience.examples.Phase.SLOW;
import static dev.resilience.examples.Phase.THROTTLED;
import static dev.resilience.examples.Script.step;

import java.io.IOException;
import java.io.PrintStream;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** Three hosts, two clients for each, their traffic, and the verdict. Runs once. */
final class Experiment implements AutoCloseable {
    private static final int USERS = 6;
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private final Duration length;
    private final boolean virtualThreads;
    private final PrintStream out;
    private final Stopwatch watch = new Stopwatch();
    private final Stalls stalls = new Stalls();
    private final List<Host> hosts = new ArrayList<>();
    private final List<Caller> callers = new ArrayList<>();
    private final List<ExecutorService> executors = new ArrayList<>();
    private final OperatorView operator = new OperatorView();
    private final Load load;

    Experiment(Options options, PrintStream out) throws IOException {
        this.length = options.length();
        this.virtualThreads = options.virtualThreads();
        this.out = out;
        try {
            makeHosts();
            makeCallers();
        } catch (IOException | RuntimeException e) {
            closeHosts();
            throw e;
        }
        load = new Load(callers, USERS, virtualThreads ? Threads::virtual : Threads::named);
    }

    private void makeHosts() throws IOException {
        Script orders = script(step(HEALTHY, 0.2), step(SLOW, 0.1), step(HANGING, 0.3), step(HEALTHY, 0.4));
        Script stock = script(
                step(HEALTHY, 0.05),
                step(FLAKY, 0.15),
                step(DOWN, 0.2),
                step(HEALTHY, 0.15),
                step(THROTTLED, 0.15),
                step(HEALTHY, 0.3));
        Script mail = script(step(HEALTHY, 0.3), step(RESETTING, 0.25), step(HEALTHY, 0.45));
        host("orders", new HttpService("orders", orders, watch), false, Duration.ofMillis(1500));
        // long enough to come back when Retry-After says so; it waits without a thread
        host("stock", new HttpService("stock", stock, watch), true, Duration.ofMillis(2500));
        host("mail", new SocketService("mail", mail, watch), false, Duration.ofMillis(1500));
    }

    private void host(String name, FlakyService service, boolean staged, Duration total) {
        // a fortieth of the run, so that a short one sees every state too
        Duration openFor = Duration.ofMillis(Math.min(length.toMillis() / 40, 5000));
        hosts.add(new Host(name, service, staged, Duration.ofMillis(250), total, openFor));
    }

    private Script script(Script.Step... steps) {
        return Script.of(length, steps);
    }

    private void makeCallers() {
        HttpClient bare = client("http-bare");
        HttpClient guarded = client("http-guarded");
        for (Host host : hosts) {
            callers.add(new Bare(host, bare, watch));
            callers.add(new Guarded(host, guarded, watch));
        }
    }

    private HttpClient client(String name) {
        ExecutorService executor = Executors.newFixedThreadPool(4, Threads.named(name));
        executors.add(executor);
        return HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .executor(executor)
                .build();
    }

    /** Runs the script and reports. Returns the exit code: 0 when all invariants held, else 1. */
    int run() throws IOException, InterruptedException {
        for (Caller caller : callers) caller.warmUp();
        out.println(load.users() + " users call " + hosts.size() + " hosts for " + length.toSeconds()
                + " s, half of them" + (virtualThreads ? "; the blocking ones are virtual threads" : ""));
        out.println("bare:    a request timeout of " + Text.of(Bare.REQUEST_TIMEOUT.toNanos()));
        out.println("guarded: a pipeline per host: timeout( retry( circuit breaker( bulkhead( timeout( call )))))");
        for (Caller caller : callers) if (caller instanceof Guarded guarded) operator.watch(guarded, watch);
        watch.start();
        stalls.start();
        load.start();
        boolean complete = play();
        boolean drained = load.drained(Duration.ofMinutes(1)); // far longer than any timeout of ours
        return report(drained, complete);
    }

    /** Returns whether the script came to its end; false when somebody stopped it. */
    private boolean play() throws InterruptedException {
        Progress progress = new Progress(callers, out);
        for (long next = SECOND; ; next += SECOND) {
            long until = Math.min(next, length.toNanos());
            if (load.awaitStop(Duration.ofNanos(until - watch.elapsed()))) return false;
            progress.print(until);
            if (until == length.toNanos()) return true;
        }
    }

    private int report(boolean drained, boolean complete) {
        long now = watch.elapsed();
        out.println();
        if (!complete) out.println("Stopped after " + Text.of(now) + "; what happened until then:");
        Report.table(callers).forEach(out::println);
        out.println();
        new Story(callers, now).lines().forEach(out::println);
        out.println();
        operator.lines().forEach(out::println);
        out.println();
        Duration stalled = stalls.total();
        if (!Invariants.steady(stalled)) {
            out.println("The machine stood still for " + Text.of(stalled.toNanos())
                    + " in all: what depends on its pace is not judged.");
        }
        Invariants invariants = Invariants.of(callers, drained, complete, stalled);
        invariants.broken().forEach(what -> out.println("INVARIANT BROKEN: " + what));
        int held = invariants.checked() - invariants.broken().size();
        out.println(held + " of " + invariants.checked() + " invariants held.");
        out.flush();
        return invariants.broken().isEmpty() ? 0 : 1;
    }

    /** Nobody starts another call; {@link #run} drains, reports and returns. Callable from any thread. */
    void stop() {
        load.stop();
    }

    @Override
    public void close() {
        stalls.close();
        operator.close();
        load.close();
        closeHosts();
    }

    private void closeHosts() {
        for (Host host : hosts) {
            try {
                host.service().close();
            } catch (IOException e) {
                out.println("could not close " + host.name() + ": " + e);
            }
        }
        // before JDK 21 an HttpClient has no close: what is left of it goes with its threads
        executors.forEach(ExecutorService::shutdown);
    }
}
