// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

/**
 * What every seam throws at an engine that was killed: its threads unwind, and nothing that they do on the way has an
 * effect any more. An {@code Error}, so that no retry takes it for a failure of the store.
 */
final class Killed extends Error {
    private static final long serialVersionUID = 1L;

    Killed() {
        super("this engine was killed by the crash matrix", null, false, false);
    }
}
