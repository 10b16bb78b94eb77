// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.time.Duration;
import java.util.List;
import java.util.Objects;

/** What a listener hears of a checkpoint, when it is durable. */
final class Story {
    private Story() {}

    static void tell(Berth berth, SagaInstance before, Checkpoint written, List<Done> dones) {
        SagaListener listener = berth.listener();
        if (listener instanceof Listeners all && !all.heard()) return;
        for (Done done : dones) {
            Duration lasted =
                    done.attempted ? Duration.ofNanos(berth.time().nanoTime() - done.startedNanos) : Duration.ZERO;
            listener.step(before.ref(), done.place.name(), done.phase, done.outcome, lasted);
        }
        SagaInstance head = written.next();
        if (head.status() == before.status()) return; // a turn always changes it
        String reason = Objects.requireNonNullElse(head.reason(), "");
        if (turned(written)) listener.turned(head.ref(), reason, head.reasonStep(), head.reasonText());
        if (head.status() == SagaStatus.NEEDS_ATTENTION)
            listener.parked(head.ref(), reason, head.reasonStep(), head.reasonText());
        if (head.status().ended())
            listener.ended(
                    head.ref(), head.status(), Duration.ofMillis(Math.max(0, head.endedMs() - head.startedMs())));
    }

    private static boolean turned(Checkpoint written) {
        for (JournalEntry entry : written.entries()) if (entry.phase() == JournalEntry.Phase.TURN) return true;
        return false;
    }
}
