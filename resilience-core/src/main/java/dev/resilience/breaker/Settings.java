// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import dev.resilience.Backoff;
import dev.resilience.Description;
import dev.resilience.Failures;
import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The settings of a breaker, complete and immutable: what a builder was told, over what held before. */
final class Settings {
    /** Counters that threads are spread over; more would help only breakers that see mostly failures. */
    static final int STRIPES = stripes(Runtime.getRuntime().availableProcessors());

    /** A number that was not given, or a rule that is switched off: no number that a user may give. */
    static final int OFF = Integer.MIN_VALUE;

    /** A duration that the user may switch off again. */
    record Slow(@Nullable Duration slowerThan, double rate) {
        static final Slow OFF = new Slow(null, Rules.OFF);
    }

    final Window window;
    final double failureRate;
    final int consecutiveFailures;
    final Slow slow;
    final long slowNanos;
    final @Nullable Duration openFor;
    final @Nullable Backoff openBackoff;
    final Duration maxOpen;
    final int probes;
    final int requiredSuccesses;
    final Duration probeLease;
    final long leaseNanos;
    final double[] ramp;
    final @Nullable Failures failures;
    final @Nullable Failures tripOn;
    final List<Hint<?>> hints;
    final TimeSource time;
    final Rules rules;
    private final int requiredGiven;

    private Settings() {
        window = Window.calls(100);
        failureRate = 0.5;
        consecutiveFailures = OFF;
        slow = Slow.OFF;
        slowNanos = Long.MAX_VALUE;
        openFor = Duration.ofSeconds(5);
        openBackoff = null;
        maxOpen = Duration.ofMinutes(10);
        probes = 5;
        requiredGiven = OFF;
        requiredSuccesses = 3;
        probeLease = Duration.ofSeconds(30);
        leaseNanos = TimeSource.nanos(probeLease);
        ramp = new double[0];
        failures = null;
        tripOn = null;
        hints = List.of();
        time = TimeSource.system();
        rules = new Rules(failureRate, Rules.OFF, window.minimumCalls());
    }

    static Settings defaults() {
        return new Settings();
    }

    Settings(Told told, Settings base) {
        window = or(told.window, base.window);
        failureRate = or(told.failureRate, base.failureRate);
        consecutiveFailures = or(told.consecutiveFailures, base.consecutiveFailures);
        slow = or(told.slow, base.slow);
        slowNanos = slow.slowerThan() == null ? Long.MAX_VALUE : TimeSource.nanos(slow.slowerThan());
        boolean toldOpen = told.openFor != null || told.openBackoff != null;
        openFor = toldOpen ? told.openFor : base.openFor;
        openBackoff = toldOpen ? told.openBackoff : base.openBackoff;
        maxOpen = or(told.maxOpen, base.maxOpen);
        probes = or(told.probes, base.probes);
        requiredGiven = or(told.requiredSuccesses, base.requiredGiven);
        requiredSuccesses = requiredGiven == OFF ? probes / 2 + 1 : requiredGiven;
        probeLease = or(told.probeLease, base.probeLease);
        leaseNanos = TimeSource.nanos(probeLease);
        ramp = or(told.ramp, base.ramp);
        failures = told.failures == null ? base.failures : told.failures;
        tripOn = told.tripOn == null ? base.tripOn : told.tripOn;
        hints = told.hints.isEmpty() ? base.hints : List.copyOf(told.hints);
        time = or(told.time, base.time);
        rules = new Rules(failureRate, slow.rate(), window.minimumCalls());
    }

    private static <T> T or(@Nullable T told, T base) {
        return told == null ? base : told;
    }

    private static int stripes(int processors) {
        return processors <= 1 ? 1 : processors == 2 ? 2 : 4;
    }

    boolean slow() {
        return slow.slowerThan() != null;
    }

    /** Refuses what makes no sense, all of it in one message (L11). */
    Settings checked(String name) {
        List<String> problems = new ArrayList<>();
        window.check(problems);
        checkRules(problems);
        checkTimes(problems);
        checkProbes(problems);
        checkRamp(problems);
        if (!problems.isEmpty()) {
            throw new IllegalArgumentException("circuit breaker '" + name + "': " + String.join("; ", problems));
        }
        return this;
    }

    private void checkRules(List<String> problems) {
        checkRatio(problems, "failureRate", failureRate);
        if (consecutiveFailures < 1 && consecutiveFailures != OFF) {
            problems.add("consecutiveFailures must be at least 1, was " + consecutiveFailures);
        }
        if (slow()) {
            checkPositive(problems, "slowCalls' duration", slow.slowerThan());
            checkRatio(problems, "slowCalls' rate", slow.rate());
        }
    }

    private void checkTimes(List<String> problems) {
        checkPositive(problems, "openFor", openFor);
        checkPositive(problems, "maxOpen", maxOpen);
        checkPositive(problems, "probeLease", probeLease);
    }

    private void checkProbes(List<String> problems) {
        boolean valid = probes >= 1 && probes <= HalfOpen.MAX_PROBES;
        if (!valid) {
            problems.add(
                    probes < 1
                            ? "probes must be at least 1, was " + probes
                            : "probes must be at most " + HalfOpen.MAX_PROBES + ", was " + probes);
        }
        if (requiredSuccesses < 1 && valid) {
            problems.add("requiredSuccesses must be at least 1, was " + requiredSuccesses);
        } else if (requiredSuccesses > probes && valid) {
            problems.add("requiredSuccesses must be at most the " + probes + " probes, was " + requiredSuccesses);
        }
    }

    private void checkRamp(List<String> problems) {
        double last = 0;
        for (double share : ramp) {
            if (!(share > last && share < 1)) {
                problems.add("ramp must be growing shares between 0 and 1, was " + Arrays.toString(ramp));
                return;
            }
            last = share;
        }
    }

    private static void checkRatio(List<String> problems, String setting, double value) {
        if (!(value > 0 && value <= 1)) {
            problems.add(setting + " must be in (0, 1], was " + value);
        }
    }

    private static void checkPositive(List<String> problems, String setting, @Nullable Duration value) {
        if (value != null && (value.isNegative() || value.isZero())) {
            problems.add(setting + " must be positive, was " + value);
        }
    }

    Map<String, String> describe() {
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put("window", window.toString());
        settings.put("failureRate", Text.percent(failureRate));
        settings.put("consecutiveFailures", consecutiveFailures == OFF ? "off" : Integer.toString(consecutiveFailures));
        settings.put(
                "slowCalls",
                slow()
                        ? Description.text(Objects.requireNonNull(slow.slowerThan())) + ", " + Text.percent(slow.rate())
                        : "off");
        settings.put("tripOn", tripOn == null ? "off" : "on");
        settings.put(
                "openFor",
                openBackoff == null ? Description.text(Objects.requireNonNull(openFor)) : openBackoff.toString());
        settings.put("maxOpen", Description.text(maxOpen));
        settings.put("probes", Integer.toString(probes));
        settings.put("requiredSuccesses", Integer.toString(requiredSuccesses));
        settings.put("probeLease", Description.text(probeLease));
        settings.put("ramp", ramp.length == 0 ? "off" : Text.percents(ramp));
        settings.put("failures", failures == null ? "the pipeline's" : "own");
        return settings;
    }
}
