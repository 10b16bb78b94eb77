// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.saga.SagaInstance;
import dev.resilience.saga.SagaRef;
import dev.resilience.saga.SagaStatus;
import dev.resilience.saga.SagaStore;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Holds a run to what lock keys promise: two live sagas of one key never overlap, and every end frees it. */
final class Locks {
    private final Map<SagaRef, SagaInstance> live = new HashMap<>();
    private final List<String> findings = new ArrayList<>();

    private Locks() {}

    static List<String> of(Trial trial) {
        Locks locks = new Locks();
        if (trial.refs().size() == 1 || trial.loses()) return List.of();
        for (Event event : trial.events()) locks.see(event);
        for (SagaRef ref : trial.refs()) if (trial.left(ref) == null) locks.neverStarted(trial, ref);
        return locks.findings;
    }

    private void see(Event event) {
        if (event instanceof Event.Started started) {
            SagaInstance head = started.head();
            for (SagaInstance other : live.values())
                if (head.lockKey() != null && head.lockKey().equals(other.lockKey()))
                    findings.add("S14: " + head.ref() + " was started while " + other.ref() + " holds its lock key");
            live.put(head.ref(), head);
        } else if (event instanceof Event.Written written) {
            SagaInstance next = written.checkpoint().next();
            SagaInstance before = live.get(next.ref());
            if (next.status().ended()) live.remove(next.ref());
            else if (before != null && before.lockKey() != null && next.lockKey() == null)
                findings.add("S14: it gave up its lock key before its end: " + written.checkpoint());
        }
    }

    /** Only because another one needs a person, and keeps its lock key until it got one. */
    private void neverStarted(Trial trial, SagaRef ref) {
        for (SagaRef other : trial.refs()) {
            SagaStore.Loaded left = trial.left(other);
            if (left != null && left.head().status() == SagaStatus.NEEDS_ATTENTION && left.head().lockKey() != null) return;
        }
        findings.add("S14: " + ref + " could not be started, though nobody holds its lock key");
    }
}
