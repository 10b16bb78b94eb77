// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.Outcome;
import dev.resilience.TimeSource;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** One engine's worth of berth around a store in memory, without its background: a test does by hand what that does. */
class FakeBerth implements Berth {
    final ManualTime time;
    final SagaStore store;
    final String owner;
    final ExecutorService executor = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "branch");
        thread.setDaemon(true);
        return thread;
    });
    final AtomicInteger abandoned = new AtomicInteger();
    final AtomicInteger releases = new AtomicInteger();
    final CountDownLatch done = new CountDownLatch(1);
    final List<String> heard = java.util.Collections.synchronizedList(new ArrayList<>());
    volatile boolean mayAct = true;
    volatile boolean closing;
    volatile Duration inlineWait = Duration.ofSeconds(1);
    int cap = 256 * 1024;
    volatile @Nullable SagaInstance released;
    volatile @Nullable Outcome<@Nullable Object> output;
    SagaCodec codec = SagaCodec.records();
    private final long offsetMs;
    private final SagaListener listener = new SagaListener() {
        @Override
        public void step(SagaRef saga, String step, JournalEntry.Phase phase, StepOutcome outcome, Duration lasted) {
            heard.add(phase.code() + " " + step + " " + outcome);
        }

        @Override
        public void turned(SagaRef saga, String reason, @Nullable String step, @Nullable String text) {
            heard.add("turned " + reason + " " + step);
        }

        @Override
        public void parked(SagaRef saga, String reason, @Nullable String step, @Nullable String text) {
            heard.add("parked " + reason + " " + step);
        }

        @Override
        public void ended(SagaRef saga, SagaStatus status, Duration lasted) {
            heard.add("ended " + status);
        }

        @Override
        public void fenced(SagaRef saga) {
            heard.add("fenced");
        }

        @Override
        public void retried(SagaRef saga, String step, int attempt, Throwable thrown, Duration delay) {
            heard.add("retried " + step + " " + attempt);
        }

        @Override
        public void rejectedLocally(SagaRef saga, String step, Throwable thrown, Duration delay) {
            heard.add("rejectedLocally " + step);
        }
    };

    FakeBerth(ManualTime time, SagaStore store, String owner) {
        this.time = time;
        this.store = store;
        this.owner = owner;
        this.offsetMs = store.beat(owner, 1, false).clockMs() - time.elapsed().toMillis();
    }

    @Override
    public boolean write(Checkpoint checkpoint) {
        return store.write(checkpoint);
    }

    @Override
    public SagaStore.@Nullable Loaded reload(SagaRef ref, boolean settled) {
        return (settled ? store.loadSettled(ref) : store.load(ref)).orElse(null);
    }

    @Override
    public SagaStore store() {
        return store;
    }

    @Override
    public SagaCodec codec() {
        return codec;
    }

    @Override
    public TimeSource time() {
        return time;
    }

    @Override
    public long nowMs() {
        return offsetMs + time.elapsed().toMillis();
    }

    @Override
    public boolean mayAct() {
        return mayAct;
    }

    @Override
    public boolean closing() {
        return closing;
    }

    @Override
    public Duration inlineWait() {
        return inlineWait;
    }

    @Override
    public int payloadCap() {
        return cap;
    }

    @Override
    public int maxClaims() {
        return 10;
    }

    @Override
    public void execute(Runnable branch) {
        time.watched(executor).execute(branch);
    }

    @Override
    public void abandoned(int delta) {
        abandoned.addAndGet(delta);
    }

    @Override
    public SagaListener listener() {
        return listener;
    }

    @Override
    public void released(SagaInstance head, Outcome<@Nullable Object> output) {
        this.output = output;
        this.released = head;
        releases.incrementAndGet();
        done.countDown();
    }

    // --- what an engine does ---

    /** Starts a saga that this berth owns. */
    SagaStore.Loaded start(Chart chart, String id, Object input) {
        SagaInstance head = SagaInstance.builder(new SagaRef(chart.plan().name(), id))
                .incarnation("i")
                .version(chart.plan().version())
                .owner(owner)
                .fence(ThreadLocalRandom.current().nextLong(1000))
                .startedMs(nowMs())
                .updatedMs(nowMs())
                .deadlineMs(
                        chart.plan().rules().deadline() == null
                                ? SagaInstance.NEVER
                                : nowMs() + chart.plan().rules().deadline().toMillis())
                .build();
        @SuppressWarnings("unchecked")
        byte[] bytes = codec.encode((Type<Object>) chart.plan().input(), input);
        store.insert(new SagaStore.Start(head, bytes, "h", null, List.of()));
        return store.load(head.ref()).orElseThrow();
    }

    /** Takes over what is due, or was {@code dead}'s. */
    List<SagaStore.Loaded> claim(String... dead) {
        return store.claim(new SagaStore.Claim(
                owner, java.util.Set.of(dead), List.of(new SagaStore.Supported("saga", 1, 100)), nowMs(), 100, 3, 100));
    }
}
