// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

/**
 * A place of a run at which something can happen.
 *
 * @param place its name within the run
 * @param life whose
 * @param spot which side of what
 * @param what the call: a checkpoint, a key; its text is what people read
 * @param fresh whether it is an action without an effect so far: only such a one may be refused
 * @param open whether its engine has opened: before that, nobody could close it, nor try again what fails
 * @param someoneFrozen whether another engine stands still meanwhile
 */
record Boundary(Place place, Life life, Spot spot, Object what, boolean fresh, boolean open, boolean someoneFrozen) {
    @Override
    public String toString() {
        return "@" + place + " " + life + ": " + what + ": " + spot;
    }
}
