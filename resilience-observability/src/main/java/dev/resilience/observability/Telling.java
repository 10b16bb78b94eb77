// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

/** What is not only looked at when somebody scrapes, but tells meters of each event itself: for times. */
interface Telling {
    /** From now on into these, too. Not called twice for the same. */
    void into(Meters meters);

    /** Into these no more. */
    void noLongerInto(Meters meters);
}
