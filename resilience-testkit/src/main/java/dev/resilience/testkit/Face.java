// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit;

import java.util.Locale;

/** A way to make a call, as a {@link Scenario} plays it. What a policy promises holds on each of them. */
public enum Face {
    /** {@code policy.call(..)} on a platform thread: the call throws or returns. */
    CALL,
    /** {@code policy.outcome(..)} on a platform thread: nothing is thrown, rejections are made when asked for. */
    OUTCOME,
    /** {@code policy.call(..)} on a virtual thread; on a platform thread where the JDK has none. */
    VIRTUAL_THREAD,
    /** {@code policy.submit(..)}: blocking attempts on the threads of an executor, the caller gets a future. */
    SUBMIT,
    /** {@code policy.callAsync(..)} with attempts whose stage is complete when it is returned, unless they take time. */
    COMPLETE_STAGE,
    /** {@code policy.callAsync(..)} with attempts whose stage is completed by another thread. */
    LATER_STAGE;

    /**
     * Whether an attempt is a stage; otherwise it is blocking code.
     *
     * @return true for the two staged faces
     */
    public boolean staged() {
        return this == COMPLETE_STAGE || this == LATER_STAGE;
    }

    /**
     * Words instead of a constant, for the names of tests.
     *
     * @return the name in lower case with spaces
     */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
}
