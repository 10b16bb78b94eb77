// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

/** Where an engine can be told to die: on both sides of everything that somebody else sees. */
enum Spot {
    START("before the start is durable"),
    STARTED("started, its caller not told"),
    LOADED("read"),
    CLAIMED("taken over, nothing done"),
    WRITE("before the checkpoint is durable"),
    WRITTEN("checkpoint answered, its writer not told"),
    COMMIT("before the step's transaction is committed"),
    CALL("before the effect"),
    CALLED("after the effect, its caller not told"),
    BEAT("before the heartbeat"),
    BEATEN("heartbeat taken, its engine not told"),
    LOOK("before it looks for work"),
    LOOKED("found no work, its engine not told");

    private final String text;

    Spot(String text) {
        this.text = text;
    }

    /** Where nothing of the saga moves. */
    boolean quiet() {
        return compareTo(BEAT) >= 0;
    }

    @Override
    public String toString() {
        return text;
    }
}
