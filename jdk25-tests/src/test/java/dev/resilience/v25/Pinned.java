// SPDX-License-Identifier: Apache-2.0
package dev.resilience.v25;

import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingStream;

/**
 * The carriers that were pinned while something went on. Not by the JVM itself: a thread that is the first to take a
 * branch loads and links its classes, others wait for it, and both pin. Which branches a race takes is chance.
 */
final class Pinned {
    private Pinned() {}

    /** A block of a test. */
    interface Block {
        void run() throws Exception;
    }

    /** The events, with their stacks. */
    static List<String> during(Block block) throws Exception {
        Queue<String> pinned = new ConcurrentLinkedQueue<>();
        try (RecordingStream stream = new RecordingStream()) {
            stream.enable("jdk.VirtualThreadPinned").withoutThreshold();
            stream.onEvent("jdk.VirtualThreadPinned", event -> {
                if (!byTheJvm(event)) pinned.add(event.toString());
            });
            stream.startAsync();
            block.run();
            stream.stop();
        }
        return List.copyOf(pinned);
    }

    private static boolean byTheJvm(RecordedEvent event) {
        String why = event.hasField("pinnedReason") ? String.valueOf(event.getString("pinnedReason")) : "";
        return why.startsWith("Waited for initialization of ") // of a class, by another thread
                || why.startsWith("VM call to java.lang.") // a class loader, or what links a lambda
                || why.startsWith("VM call to jdk.internal.");
    }
}
