// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.IntSupplier;
import java.util.regex.Pattern;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * A JUnit extension that checks after each test what always has to hold, whatever the test was about: everything that
 * was taken has been given back (L1), no timer is armed and no thread is parked any more (L13), no thread of the
 * library is stuck, and the library has logged nothing that the test did not expect (L5).
 *
 * {@snippet class="dev.resilience.testkit.TestingGuideTest" region="laws"}
 *
 * <p>It must be an instance field: each test gets its own. All violations are reported in one error. Tests that run
 * in parallel in one JVM see each other's log and threads: run those that use this one after another.
 */
public final class Laws implements BeforeEachCallback, AfterEachCallback {
    private final List<ManualTime> times = new CopyOnWriteArrayList<>();
    private final List<CountingGate> gates = new CopyOnWriteArrayList<>();
    private final List<Returning> returning = new CopyOnWriteArrayList<>();
    private final List<Pattern> expected = new CopyOnWriteArrayList<>();
    private final LibraryLog log = new LibraryLog();
    /** In real time, for threads that are on their way back to their pool: on a busy machine that may take a while. */
    private final Duration patience;

    private record Returning(String what, IntSupplier level) {}

    /** An extension that has nothing to watch but the log and the threads. */
    public Laws() {
        this(Duration.ofMinutes(1));
    }

    Laws(Duration patience) {
        this.patience = patience;
    }

    /**
     * Makes a clock on which nothing may be left after the test.
     *
     * @return {@link ManualTime#create()}, watched
     */
    public ManualTime time() {
        return watch(ManualTime.create());
    }

    /**
     * Watches a clock: after the test no timer may be armed and no thread parked on it.
     *
     * @param time the clock
     * @return the same
     */
    public ManualTime watch(ManualTime time) {
        times.add(Objects.requireNonNull(time, "time"));
        return time;
    }

    /**
     * Makes a gate whose permits have to have been settled exactly once after the test.
     *
     * @param name its name
     * @param time its clock
     * @return a new gate, watched
     */
    public CountingGate gate(String name, ManualTime time) {
        CountingGate gate = new CountingGate(name, time);
        gates.add(gate);
        return gate;
    }

    /**
     * Watches a number that has to be zero after the test: calls in flight, waiting calls, attempts abandoned.
     *
     * @param what its name, for the message
     * @param level reads it
     */
    public void returnsToZero(String what, IntSupplier level) {
        returning.add(new Returning(Objects.requireNonNull(what, "what"), Objects.requireNonNull(level, "level")));
    }

    /**
     * Expects the library to log a warning whose text contains a match. It need not come; any other fails the test.
     *
     * @param regex for instance {@code "a listener threw"}
     */
    public void expectLog(String regex) {
        expected.add(Pattern.compile(regex));
    }

    /**
     * What the library has logged in this test so far, warnings and errors.
     *
     * @return the texts, oldest first
     */
    public List<String> logged() {
        return log.texts();
    }

    /** {@inheritDoc} Begins to listen to the library's log. */
    @Override
    public void beforeEach(ExtensionContext context) {
        log.open();
    }

    /**
     * {@inheritDoc}
     *
     * @throws AssertionError that lists all violations
     */
    @Override
    public void afterEach(ExtensionContext context) {
        log.close();
        List<String> violations = violations();
        if (!violations.isEmpty()) {
            throw new AssertionError("after the test: " + String.join("; ", violations));
        }
    }

    private List<String> violations() {
        List<String> found = new ArrayList<>();
        times.forEach(time -> collect(found, () -> checkRest(time)));
        gates.forEach(gate -> collect(found, gate::checkBalanced));
        returning.forEach(each -> collect(found, () -> checkZero(each)));
        collect(found, () -> LibraryThreads.checkNoneIsStuck(patience));
        log.texts().stream()
                .filter(text -> expected.stream().noneMatch(p -> p.matcher(text).find()))
                .forEach(text -> found.add("logged: " + text));
        return found;
    }

    private static void collect(List<String> found, Runnable check) {
        try {
            check.run();
        } catch (AssertionError e) {
            found.add(String.valueOf(e.getMessage()));
        }
    }

    private static void checkRest(ManualTime time) {
        time.awaitRest();
        if (time.pendingTimers() + time.parkedThreads() > 0) {
            throw new AssertionError("L13: left behind: " + time);
        }
    }

    private static void checkZero(Returning each) {
        int level = each.level.getAsInt();
        if (level != 0) {
            throw new AssertionError("L1: " + each.what + " should be back at 0, was " + level);
        }
    }
}
