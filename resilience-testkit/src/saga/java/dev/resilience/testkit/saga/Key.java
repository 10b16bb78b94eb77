// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.saga.SagaRef;
import java.util.Collection;

/**
 * An idempotency key taken apart: {@code name/id~incarnation/step[#n][/undo]}.
 *
 * @param saga whose
 * @param action the key without {@code /undo}
 * @param step with its element: {@code step} or {@code step#n}
 * @param undo whether it is a compensation's
 */
record Key(SagaRef saga, String action, String step, boolean undo) {
    private static final String UNDO = "/undo";

    static boolean isOne(Collection<SagaRef> sagas, Object candidate) {
        return candidate instanceof String s && sagas.stream().anyMatch(saga -> s.startsWith(saga + "~"));
    }

    static Key of(Collection<SagaRef> sagas, String key) {
        boolean undo = key.endsWith(UNDO);
        String action = undo ? key.substring(0, key.length() - UNDO.length()) : key;
        for (SagaRef saga : sagas) {
            int step = action.startsWith(saga + "~") ? action.indexOf('/', saga.toString().length()) : -1;
            if (step >= 0) return new Key(saga, action, action.substring(step + 1), undo);
        }
        throw new IllegalArgumentException("'" + key + "' is no key of saga "
                + sagas.iterator().next() + ": participants get what StepContext.key() answers");
    }

    /** The step that journals know. */
    String name() {
        int n = step.lastIndexOf('#');
        return n < 0 ? step : step.substring(0, n);
    }

    /** Its text where that saga is the one that all is about. */
    String told(SagaRef main) {
        return saga.equals(main) ? toString() : this + " of " + saga.id();
    }

    @Override
    public String toString() {
        return (undo ? "undo of " : "") + step;
    }
}
