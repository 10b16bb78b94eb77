// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import dev.resilience.TimeSource;

/** The time since the run began, for everybody in it; 0 until then. */
final class Stopwatch {
    private final TimeSource time = TimeSource.system();
    private volatile boolean running;
    private long begin;

    void start() {
        begin = time.nanoTime();
        running = true;
    }

    long elapsed() {
        return running ? time.nanoTime() - begin : 0;
    }
}
