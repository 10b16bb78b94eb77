// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.ManualTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** C16: a journal that forgets what it acknowledged while attempts are under way that it then knows nothing of. */
@Timeout(300)
class WentBackTest {
    private static final SagaRef REF = new SagaRef("saga", "1");

    private final ManualTime time = ManualTime.create();
    private final Forgetful store = new Forgetful();
    /** As many as branches have ended and told the driver so. */
    private final Semaphore told = new Semaphore(0);

    private final FakeBerth berth = new FakeBerth(time, store, "a#1") {
        @Override
        public void execute(Runnable branch) {
            super.execute(() -> {
                branch.run();
                told.release();
            });
        }
    };
    private final CountDownLatch under = new CountDownLatch(1);
    private final CountDownLatch forgotten = new CountDownLatch(1);
    private final CountDownLatch recorded = new CountDownLatch(1);
    private final CountDownLatch end = new CountDownLatch(1);
    private final List<String> calls = Collections.synchronizedList(new ArrayList<>());
    private final AtomicInteger inside = new AtomicInteger();
    private final AtomicInteger most = new AtomicInteger();

    @AfterEach
    void stop() {
        berth.executor.shutdownNow();
    }

    /** What is left of it is made again in an empty store. */
    private final class Forgetful extends SeamStore {
        private final List<Checkpoint> log = new ArrayList<>();
        private @Nullable Start start;
        private volatile SagaStore left;

        Forgetful() {
            super(SagaStore.inMemory(time));
            left = inner;
        }

        @Override
        public Started insert(Start begun) {
            start = begun;
            return left.insert(begun);
        }

        @Override
        public boolean write(Checkpoint checkpoint) {
            boolean taken = left.write(checkpoint);
            if (taken) log.add(checkpoint);
            after.accept(checkpoint);
            return taken;
        }

        @Override
        public Optional<Loaded> load(SagaRef ref) {
            return left.load(ref);
        }

        void forgetNewest() {
            SagaStore again = SagaStore.inMemory(time);
            again.insert(Objects.requireNonNull(start));
            log.remove(log.size() - 1);
            for (Checkpoint checkpoint : log) again.write(checkpoint);
            left = again;
        }
    }

    private String second(int call) throws InterruptedException {
        most.accumulateAndGet(inside.incrementAndGet(), Math::max);
        if (call == 1) {
            under.countDown();
            await(end);
        } else {
            end.countDown();
            assertThat(told.tryAcquire(2, 60, TimeUnit.SECONDS)).isTrue();
        }
        inside.decrementAndGet();
        return "second";
    }

    /** G4: its outcome is one, and it is never called beside itself. */
    @Test
    void a_step_that_runs_while_the_journal_forgets_what_opened_it_has_one_outcome() throws Exception {
        AtomicInteger seconds = new AtomicInteger();
        SagaDefinition<String> s = Saga.define("saga", 1, String.class);
        Fork<String> fork = s.fork("both");
        Fork.Branch<String> left = fork.branch("left");
        left.step("first", String.class)
                .run((in, c) -> called("first", c))
                .harmless()
                .add();
        left.step("second", String.class)
                .run((in, c) -> {
                    called("second", c);
                    return second(seconds.incrementAndGet());
                })
                .harmless()
                .add();
        fork.branch("right")
                .step("beside", String.class)
                .run((in, c) -> {
                    await(forgotten);
                    return called("beside", c);
                })
                .harmless()
                .add();
        fork.join();
        store.after = checkpoint -> {
            if (lines().contains("beside")) recorded.countDown();
        };
        Chart chart = new Chart(s.build().plan, time);
        Thread driver = new Thread(new Runner(chart, berth.start(chart, "1", "in"), berth), "driver");
        driver.setDaemon(true);
        driver.start();
        await(under);
        time.awaitParked(1); // the driver: what "first" came to is in the journal
        told.drainPermits();
        store.forgetNewest();
        forgotten.countDown();
        await(recorded);
        if (seconds.get() == 1) time.awaitParked(1);
        end.countDown();
        await(berth.done);
        assertThat(lines()).containsExactlyInAnyOrder("first", "second", "beside");
        assertThat(Objects.requireNonNull(berth.released).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(most).hasValue(1);
        assertThat(calls.stream().distinct()).hasSize(3); // made again under the same keys
    }

    private String called(String name, StepContext context) {
        calls.add(context.key());
        return name;
    }

    private List<String> lines() {
        return store.load(REF).orElseThrow().entries().stream()
                .map(JournalEntry::step)
                .toList();
    }

    private static void await(CountDownLatch latch) throws InterruptedException {
        assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
    }
}
