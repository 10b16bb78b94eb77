// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.resilience.Outcome;
import dev.resilience.saga.Checkpoint;
import dev.resilience.saga.JournalEntry;
import dev.resilience.saga.SagaInstance;
import dev.resilience.saga.SagaQuery;
import dev.resilience.saga.SagaRef;
import dev.resilience.saga.SagaStatus;
import dev.resilience.saga.SagaStore;
import dev.resilience.saga.StepOutcome;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The sagas of one test of {@link SagaStoreContract}: under a name of their own, so that no other test's get mixed in. */
final class StoreSagas {
    static final long NOW = 1_700_000_000_000L;
    static final long FENCE = 4_000_000_000L;

    final String name = "contract " + UUID.randomUUID();
    private final SagaStore store;
    private final Duration patience;

    StoreSagas(SagaStore store, Duration patience) {
        this.store = store;
        this.patience = patience;
    }

    SagaRef ref(String id) {
        return new SagaRef(name, id);
    }

    /** An owner of this test's. */
    String node(String node) {
        return node + "#" + name.substring(name.length() - 12);
    }

    SagaInstance.Builder head(String id) {
        return SagaInstance.builder(ref(id))
                .incarnation("i")
                .fence(FENCE)
                .startedMs(NOW)
                .updatedMs(NOW);
    }

    static SagaStore.Start start(SagaInstance head, JournalEntry... lines) {
        return new SagaStore.Start(head, bytes("input"), "hash", null, List.of(lines));
    }

    /** Starts it; it was not there. */
    SagaInstance started(SagaInstance.Builder head, JournalEntry... lines) {
        SagaStore.Started started = store.insert(start(head.build(), lines));
        assertTrue(started.created(), "it was not there");
        return head(started);
    }

    static SagaInstance head(SagaStore.Started started) {
        SagaInstance head = started.head();
        if (head == null) return fail("is refused for its lock: " + started);
        return head;
    }

    /** One that nobody runs and that waits for nothing. */
    SagaInstance resting(String id) {
        return started(head(id));
    }

    SagaInstance ownedBy(String owner, String id) {
        return started(head(id).owner(owner));
    }

    SagaInstance due(String id, long wakeMs) {
        return started(head(id).wakeMs(wakeMs));
    }

    SagaStore.Loaded loaded(String id) {
        Optional<SagaStore.Loaded> loaded = store.load(ref(id));
        assertTrue(loaded.isPresent(), () -> ref(id) + " is there");
        return loaded.orElseThrow();
    }

    SagaInstance now(String id) {
        return loaded(id).head();
    }

    /** Writes it; the guard holds. */
    SagaInstance written(Checkpoint.Builder checkpoint) {
        Checkpoint built = checkpoint.build();
        assertTrue(store.write(built), () -> "the guard holds: " + built);
        return now(built.ref().id());
    }

    Checkpoint.Builder on(SagaInstance seen) {
        return Checkpoint.on(seen, NOW + 1);
    }

    /** The step {@code step} was done. */
    static JournalEntry.Builder done(String step) {
        return JournalEntry.of(JournalEntry.Phase.ACTION, step)
                .outcome(StepOutcome.COMPLETED)
                .kind('C')
                .payload(bytes(step));
    }

    /** It ends, as engines end it. */
    Checkpoint.Builder ending(SagaInstance seen, SagaStatus status, long endedMs) {
        Checkpoint.Builder ending = on(seen);
        ending.head().status(status).owner(null).wakeMs(SagaInstance.NEVER).lockKey(null).endedMs(endedMs);
        return ending;
    }

    SagaInstance ended(String id, long endedMs) {
        return written(ending(resting(id), SagaStatus.COMPLETED, endedMs).append(done("s")));
    }

    SagaStore.Claim claim(String owner, Set<String> dead, int limit) {
        return new SagaStore.Claim(owner, dead, List.of(runs(1, 9)), NOW, limit, 3, limit);
    }

    SagaStore.Supported runs(int from, int to) {
        return new SagaStore.Supported(name, from, to);
    }

    static SagaStore.Signal signal(String signal, String key) {
        return new SagaStore.Signal(signal, key, bytes(key), NOW);
    }

    SagaQuery all() {
        return SagaQuery.all().name(name).limit(10_000);
    }

    static List<String> ids(List<SagaInstance> heads) {
        return heads.stream().map(h -> h.ref().id()).toList();
    }

    static List<String> claimed(List<SagaStore.Loaded> loaded) {
        return loaded.stream().map(l -> l.head().ref().id()).toList();
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static <T> T value(Outcome<T> outcome) {
        return outcome.orElseThrow();
    }

    // ---- comparing

    static void same(SagaInstance expected, SagaInstance actual) {
        assertEquals(text(expected), text(actual));
    }

    static String text(SagaInstance h) {
        return h.ref() + "|incarnation " + h.incarnation() + "|version " + h.version() + "|" + h.status() + "|held "
                + h.heldFrom() + "|owner " + h.owner() + "|fence " + h.fence() + "|seq " + h.seq() + "|sig " + h.sig()
                + "|claims " + h.claims() + "|wake " + h.wakeMs() + "|deadline " + h.deadlineMs() + "|cancel "
                + h.cancelRequested() + "|in pivot " + h.inPivot() + "|passed " + h.pivotPassed() + "|lock "
                + h.lockKey() + "|" + h.reason() + "|" + h.reasonStep() + "|" + h.reasonText() + "|started "
                + h.startedMs() + "|updated " + h.updatedMs() + "|ended " + h.endedMs();
    }

    static List<String> lines(List<JournalEntry> entries) {
        return entries.stream().map(StoreSagas::text).toList();
    }

    private static String text(JournalEntry e) {
        return e.seq() + "." + e.ord() + "|" + e.step() + "#" + e.index() + "|" + e.phase() + "|" + e.outcome() + "|"
                + e.kind() + "|" + text(e.payload()) + "|" + e.text() + "|" + e.note() + "|" + e.attempts() + "|due "
                + e.dueMs() + "|fence " + e.fence() + "|at " + e.atMs();
    }

    static String text(byte @Nullable [] payload) {
        return payload == null ? "null" : payload.length + " bytes, hash " + Arrays.hashCode(payload);
    }

    // ---- at the same time

    /** Runs them on threads of their own, let go at once; answers what they answer, or fails as they fail. */
    @SafeVarargs
    final <T> List<T> together(Callable<? extends T>... bodies) throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        List<FutureTask<T>> tasks = new ArrayList<>();
        for (Callable<? extends T> body : bodies) {
            FutureTask<T> task = new FutureTask<>(() -> {
                go.await();
                return body.call();
            });
            Thread thread = new Thread(task, "contract");
            thread.setDaemon(true);
            thread.start();
            tasks.add(task);
        }
        go.countDown();
        List<T> answers = new ArrayList<>();
        for (FutureTask<T> task : tasks) answers.add(task.get(patience.toMillis(), TimeUnit.MILLISECONDS));
        return answers;
    }
}
