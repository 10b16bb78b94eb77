// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

/** What a call for a key was to the value that it got. */
public enum Role {
    /** It started the load. */
    LEADER,
    /** It joined a load that another caller had started. */
    FOLLOWER,
    /** The value was there. Only of caches. */
    HIT
}
