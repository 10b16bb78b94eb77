// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.Verdict;
import dev.resilience.Waiter;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Calls through the gate that have been granted a later time, by the number of their permit: a permit is a number, and
 * who leaves before the time gives back what its {@link Answer} knows. Each leaves it when its permit is settled, which
 * happens once (L1).
 */
final class Pending {
    /** Of a call that did not have to wait. */
    static final long NOT_PENDING = 0;

    private final AtomicLong number = new AtomicLong();
    private final ConcurrentHashMap<Long, Answer> answers = new ConcurrentHashMap<>();

    /** Lets the waiter in at its time; when it has gone, or would have by then, the permits go back. */
    void grant(Waiter waiter, Answer answer) {
        long permit = number.incrementAndGet();
        answers.put(permit, answer);
        if (waiter.grantAt(permit, answer.at)) return;
        answers.remove(permit);
        answer.giveBack();
    }

    /** {@code now} is the clock: who is ignored before its time has left, and the call has not begun. */
    void settle(long permit, Verdict verdict, long now) {
        Answer answer = answers.remove(permit);
        if (answer == null || verdict != Verdict.IGNORED) return;
        if (answer.at - now > 0) answer.giveBack();
    }

    int size() {
        return answers.size();
    }
}
