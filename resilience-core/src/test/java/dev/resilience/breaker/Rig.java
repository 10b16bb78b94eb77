// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import dev.resilience.Permit;
import dev.resilience.breaker.CircuitBreaker.State;
import dev.resilience.breaker.CircuitBreaker.Transition;
import dev.resilience.testkit.ManualTime;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.UnaryOperator;

/** A breaker on a clock that stands still, and short words for what happens to it. */
final class Rig {
    final ManualTime time;
    final CircuitBreaker breaker;
    final List<Transition> transitions = Collections.synchronizedList(new ArrayList<>());

    private Rig(ManualTime time, UnaryOperator<CircuitBreaker.Builder> settings) {
        this.time = time;
        breaker = settings.apply(CircuitBreaker.builder("payments").timeSource(time))
                .build();
        breaker.onTransition(transitions::add);
    }

    static Rig of(UnaryOperator<CircuitBreaker.Builder> settings) {
        return new Rig(ManualTime.create(), settings);
    }

    static Rig startingAt(long nanoTime, UnaryOperator<CircuitBreaker.Builder> settings) {
        return new Rig(ManualTime.startingAt(nanoTime), settings);
    }

    /** Opens after two failures of four calls; probes: two, one success is enough; open for five seconds. */
    static CircuitBreaker.Builder small(CircuitBreaker.Builder builder) {
        return builder.window(Window.calls(4).minimumCalls(2)).probes(2).requiredSuccesses(1);
    }

    State state() {
        return breaker.snapshot().state();
    }

    Rig succeed(int times) {
        for (int i = 0; i < times; i++) breaker.call(() -> "ok");
        return this;
    }

    Rig fail(int times) {
        for (int i = 0; i < times; i++) fail(new IOException("down " + i));
        return this;
    }

    <X extends Exception> Rig fail(X thrown) {
        try {
            breaker.run(() -> {
                throw thrown;
            });
        } catch (CircuitOpenException refused) {
            throw refused;
        } catch (Exception expected) {
            if (expected != thrown) throw new AssertionError("not as thrown", expected);
        }
        return this;
    }

    Rig after(Duration duration) {
        time.advance(duration);
        return this;
    }

    Permit admit() {
        return breaker.admit();
    }

    boolean refuses() {
        return !breaker.outcome(() -> "ok").succeeded();
    }

    CircuitOpenException refusal() {
        try {
            breaker.admit().ignore();
        } catch (CircuitOpenException refused) {
            return refused;
        }
        throw new AssertionError("admitted");
    }

    List<String> told() {
        return transitions.stream().map(t -> t.from() + "->" + t.to()).toList();
    }
}
