// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

/** What a listener got when it subscribed: ends it. */
public interface Subscription extends AutoCloseable {
    /** The listener is told of nothing that begins after this returns. May be called more than once, by any thread. */
    @Override
    void close();
}
