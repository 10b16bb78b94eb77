// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.saga.JournalEntry;
import dev.resilience.saga.StepOutcome;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Finds steps that ask their participants without the key that they were given: a call that the matrix does not know is
 * one at which it kills nothing, and whose second effect it does not see.
 */
final class Keys {
    static final String ADVICE = "pass what StepContext.key() answers, for a participant knows a call that is repeated by"
            + " nothing else; name a call that only reads with reads(..), a step that does no more than read, or works in"
            + " its transaction, with harmless(..)";
    /** Letters of the journal's lines: what waits has no participant. */
    private static final String WAITS = "SD";

    private final Trial trial;
    /** Per step that is done, in order: where its outcome is among the events. */
    private final Map<String, Integer> done = new LinkedHashMap<>();

    private final Set<String> suspects = new LinkedHashSet<>();
    /** Those of them that made a call under their key, and on which threads. */
    private final Map<String, Set<Thread>> keyed = new HashMap<>();

    private Keys(Trial trial) {
        this.trial = trial;
        List<Event> events = trial.events();
        for (int at = 0; at < events.size(); at++) {
            Event event = events.get(at);
            if (!event.concerns(trial.ref())) continue;
            if (event instanceof Event.Call call)
                keyed.computeIfAbsent(call.key().step(), step -> new HashSet<>()).add(call.on());
            if (!(event instanceof Event.Written written)) continue;
            for (JournalEntry line : written.checkpoint().entries()) {
                if (line.phase() != JournalEntry.Phase.ACTION) continue;
                String step = Reference.step(line);
                done.put(step, at);
                if (line.outcome() == StepOutcome.COMPLETED
                        && WAITS.indexOf(line.kind()) < 0
                        && !trial.isHarmless(step)) suspects.add(step);
            }
        }
    }

    /** What is wrong with the runs without a crash of one saga, under several schedules; empty if nothing is. */
    static List<String> missing(List<Trial> calm) {
        List<Keys> runs = calm.stream().map(Keys::new).toList();
        List<String> missing = new ArrayList<>();
        for (String step : runs.get(0).suspects) {
            Set<String> before = new HashSet<>(runs.get(0).done.keySet());
            for (Keys run : runs) before.retainAll(run.before(step));
            Set<String> calls = new LinkedHashSet<>(runs.get(0).keyless(step, before));
            for (Keys run : runs) if (!run.suspects.contains(step)) calls.clear();
            for (Keys run : runs) calls.retainAll(run.keyless(step, before));
            if (calls.isEmpty()) continue;
            String without = String.join(", ", calls) + " was called without one: " + ADVICE;
            if (runs.get(0).keyed.containsKey(step))
                missing.add("G3: step '" + step + "' made a call under its key, but beside it " + without);
            else missing.add("G3: step '" + step + "' made no call under its key, but " + without);
        }
        return missing;
    }

    /** The steps that were done before that one was. */
    private Set<String> before(String step) {
        Integer end = done.get(step);
        Set<String> before = new HashSet<>();
        done.forEach((other, at) -> {
            if (end != null && at < end) before.add(other);
        });
        return before;
    }

    /** What was called without a key while that step may have gone on: since its predecessors were done. */
    private Set<String> keyless(String step, Set<String> predecessors) {
        Integer end = done.get(step);
        if (end == null) return Set.of();
        int begin = 0;
        for (String earlier : predecessors) begin = Math.max(begin, done.getOrDefault(earlier, 0));
        Set<String> calls = new LinkedHashSet<>();
        Set<Thread> on = keyed.get(step);
        for (Event event : trial.events().subList(begin, end))
            if (event instanceof Event.Keyless keyless
                    && !trial.isRead(keyless.call())
                    && (on == null || on.contains(keyless.on()))) calls.add(keyless.call());
        return calls;
    }
}
