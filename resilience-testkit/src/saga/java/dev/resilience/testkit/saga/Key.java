// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.saga.SagaRef;

/**
 * An idempotency key taken apart: {@code name/id~incarnation/step[#n][/undo]}.
 *
 * @param action the key without {@code /undo}
 * @param step with its element: {@code step} or {@code step#n}
 * @param undo whether it is a compensation's
 */
record Key(String action, String step, boolean undo) {
    private static final String UNDO = "/undo";

    static boolean isOne(SagaRef saga, Object candidate) {
        return candidate instanceof String s && s.startsWith(saga + "~");
    }

    static Key of(SagaRef saga, String key) {
        boolean undo = key.endsWith(UNDO);
        String action = undo ? key.substring(0, key.length() - UNDO.length()) : key;
        String rest = action.startsWith(saga + "~") ? action.substring(saga.toString().length()) : "";
        int step = rest.indexOf('/');
        if (step < 0)
            throw new IllegalArgumentException("'" + key + "' is no key of saga " + saga
                    + ": participants get what StepContext.key() answers");
        return new Key(action, rest.substring(step + 1), undo);
    }

    /** The step that journals know. */
    String name() {
        int n = step.lastIndexOf('#');
        return n < 0 ? step : step.substring(0, n);
    }

    @Override
    public String toString() {
        return (undo ? "undo of " : "") + step;
    }
}
