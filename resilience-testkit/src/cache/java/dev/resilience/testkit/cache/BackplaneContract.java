// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.fail;

import dev.resilience.Subscription;
import dev.resilience.TimeSource;
import dev.resilience.cache.Backplane;
import dev.resilience.cache.Backplane.Kind;
import dev.resilience.cache.Backplane.Message;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/**
 * What every {@link Backplane} keeps to while nothing is lost. Extend it in the tests of yours and say how to make one;
 * JUnit runs the rest. Nobody else may publish on its channel meanwhile.
 *
 * {@snippet class="dev.resilience.cache.MemoryBackplaneTest" region="contract"}
 */
public abstract class BackplaneContract {
    private static final List<Kind> KINDS = List.of(Kind.values());

    private final String cache = "contract-" + UUID.randomUUID();

    /** For subclasses. */
    protected BackplaneContract() {}

    /**
     * One end of the backplane under test.
     *
     * @return an end of the same channel within one test; may be always the same object
     */
    protected abstract Backplane backplane();

    /**
     * How long a message may take before a test gives up.
     *
     * @return a minute, unless overridden
     */
    protected Duration patience() {
        return Duration.ofMinutes(1);
    }

    /** Everybody is told everything, also who published it. */
    @Test
    public void all_are_told() {
        try (Ear one = new Ear().listening();
                Ear two = new Ear().listening()) {
            for (Kind kind : KINDS) publish(kind, "text of " + kind);
            for (Ear ear : List.of(one, two)) {
                List<Heard> heard = ear.await(KINDS.size());
                for (int i = 0; i < heard.size(); i++) {
                    Message message = heard.get(i).message;
                    assertEquals(KINDS.get(i), message.kind());
                    assertEquals("text of " + message.kind(), message.text());
                    assertEquals(cache, message.cache());
                    assertEquals("node", message.node());
                }
            }
        }
    }

    /** S21: messages are numbered one by one, in one channel, and all see the same numbers. */
    @Test
    public void messages_are_numbered_one_by_one() {
        try (Ear one = new Ear().listening();
                Ear two = new Ear().listening()) {
            for (int i = 0; i < 5; i++) publish(Kind.SET, "key " + i);
            List<Heard> heard = one.await(5);
            assertConsecutive(heard);
            assertEquals(heard.stream().map(Heard::place).toList(), two.await(5).stream().map(Heard::place).toList());
        }
    }

    /** A heartbeat carries the number of the last message and takes none: else those who are not told of it see a gap. */
    @Test
    public void a_heartbeat_takes_no_number() {
        try (Ear ear = new Ear().listening()) {
            publish(Kind.SET, "1");
            publish(Kind.HEARTBEAT, "2");
            publish(Kind.HEARTBEAT, "3");
            publish(Kind.REMOVE, "4");
            List<Heard> heard = ear.await(4);
            long first = heard.get(0).number;
            assertEquals(List.of(first, first, first, first + 1), heard.stream().map(Heard::number).toList());
        }
    }

    /** Who comes later is told what is published then, with the numbers going on. */
    @Test
    public void who_comes_later_hears_what_comes_later() {
        try (Ear early = new Ear().listening()) {
            publish(Kind.SET, "before");
            early.await(1);
            try (Ear late = new Ear().listening()) {
                publish(Kind.SET, "after");
                assertEquals("after", late.await(1).get(0).message.text());
                assertConsecutive(early.await(2));
                assertEquals(early.await(2).get(1).place(), late.await(1).get(0).place());
            }
        }
    }

    /** A subscription that was ended ends, and only that one; ending it once more does nothing. */
    @Test
    public void who_has_left_is_told_nothing() {
        Ear leaves = new Ear().listening();
        try (Ear stays = new Ear().listening()) {
            publish(Kind.SET, "1");
            leaves.await(1);
            stays.await(1);
            leaves.close();
            leaves.close();
            publish(Kind.SET, "2");
            stays.await(2);
            assertEquals(1, leaves.heard().size());
        }
    }

    /** One listener that throws keeps neither the others nor itself from the next message. */
    @Test
    public void a_listener_that_throws_changes_nothing() {
        class Broken extends Ear {
            @Override
            public void received(String channel, long number, Message message) {
                super.received(channel, number, message);
                throw new IllegalStateException("thrown by a test");
            }
        }
        try (Ear broken = new Broken().listening();
                Ear ear = new Ear().listening()) {
            publish(Kind.SET, "1");
            publish(Kind.SET, "2");
            assertConsecutive(ear.await(2));
            assertConsecutive(broken.await(2));
        }
    }

    /**
     * Several publish at the same time: everybody is told all of it, in the order of the numbers, one at a time.
     *
     * @throws InterruptedException when interrupted
     */
    @Test
    public void numbers_are_in_order_when_many_publish() throws InterruptedException {
        int each = 50;
        try (Ear one = new Ear().listening();
                Ear two = new Ear().listening()) {
            CountDownLatch go = new CountDownLatch(1);
            List<Thread> threads = new ArrayList<>();
            AtomicInteger published = new AtomicInteger();
            for (int t = 0; t < 4; t++) {
                threads.add(new Thread(() -> {
                    try {
                        go.await();
                    } catch (InterruptedException e) {
                        return;
                    }
                    for (int i = 0; i < each; i++) {
                        publish(Kind.SET, "x");
                        published.incrementAndGet();
                    }
                }));
            }
            threads.forEach(Thread::start);
            go.countDown();
            for (Thread thread : threads) thread.join(patience().toMillis());
            assertEquals(4 * each, published.get());
            for (Ear ear : List.of(one, two)) {
                assertConsecutive(ear.await(4 * each));
                assertFalse(ear.met, "two messages were told at the same time");
            }
        }
    }

    private static void assertConsecutive(List<Heard> heard) {
        for (int i = 1; i < heard.size(); i++) {
            Heard before = heard.get(i - 1);
            assertEquals(before.channel, heard.get(i).channel, "one channel");
            assertEquals(before.number + 1, heard.get(i).number, "after " + before.number);
        }
    }

    private void publish(Kind kind, String text) {
        CompletionStage<Void> sent = backplane().publish(Message.of(cache, "node", kind, text));
        try {
            sent.toCompletableFuture().get(patience().toNanos(), TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            fail("the backplane failed", e.getCause());
        } catch (TimeoutException e) {
            fail("not sent within " + patience(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            fail("interrupted", e);
        }
    }

    private record Heard(String channel, long number, Message message) {
        String place() {
            return channel + " " + number;
        }
    }

    /** Remembers what it was told. */
    private class Ear implements Backplane.Listener, AutoCloseable {
        private Subscription subscription = () -> {};
        private final ReentrantLock lock = new ReentrantLock();
        private final List<Heard> all = new ArrayList<>();
        private final AtomicInteger inside = new AtomicInteger();
        volatile boolean met;

        @Override
        public void received(String channel, long number, Message message) {
            if (inside.incrementAndGet() > 1) met = true;
            lock.lock();
            try {
                if (message.cache().equals(cache)) all.add(new Heard(channel, number, message));
            } finally {
                lock.unlock();
            }
            inside.decrementAndGet();
        }

        @Override
        public void gap() {}

        Ear listening() {
            subscription = backplane().subscribe(this);
            return this;
        }

        @Override
        public void close() {
            subscription.close();
        }

        List<Heard> heard() {
            lock.lock();
            try {
                return List.copyOf(all);
            } finally {
                lock.unlock();
            }
        }

        List<Heard> await(int messages) {
            until(() -> heard().size() >= messages, () -> "told " + heard().size() + " of " + messages);
            List<Heard> heard = heard();
            assertEquals(messages, heard.size(), "told more than was published");
            return heard;
        }
    }

    private void until(BooleanSupplier condition, Supplier<String> otherwise) {
        long deadline = TimeSource.system().nanoTime() + patience().toNanos();
        while (!condition.getAsBoolean()) {
            if (TimeSource.system().nanoTime() - deadline > 0) fail(otherwise.get());
            TimeSource.system().park(this, 100_000);
        }
    }
}
