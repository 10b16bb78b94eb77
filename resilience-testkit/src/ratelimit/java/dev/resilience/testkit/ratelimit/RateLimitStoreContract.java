// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.ratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.resilience.TimeSource;
import dev.resilience.ratelimit.RateLimitStore;
import dev.resilience.ratelimit.RateLimitStore.Reply;
import dev.resilience.ratelimit.RateLimitStore.Request;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/**
 * What every {@link RateLimitStore} keeps to. Extend it in the tests of your store and say how to make one and how to
 * let time pass; JUnit runs the rest.
 *
 * {@snippet class="dev.resilience.ratelimit.MemoryStoreTest" region="contract"}
 *
 * <p>A store with a clock of its own lets real time pass in {@link #pass}; the tests allow for any time that passes
 * besides. Each test takes keys of its own, so one store may serve them all.
 */
public abstract class RateLimitStoreContract {
    private static final long SECOND = 1_000_000_000L;
    /** So slow that nothing comes back while a test runs: a permit in eleven days. */
    private static final long COST = 1_000_000 * SECOND;

    private static final AtomicInteger RUN = new AtomicInteger();

    /** No other run's keys, in a store that other processes use as well. */
    private final String prefix = "contract:" + UUID.randomUUID() + ":" + RUN.incrementAndGet() + ":";

    /** For subclasses. */
    protected RateLimitStoreContract() {}

    /**
     * The store under test.
     *
     * @return always the same within one test
     */
    protected abstract RateLimitStore store();

    /**
     * Lets at least this time pass for the store.
     *
     * @param duration tens of milliseconds
     * @throws InterruptedException when interrupted
     */
    protected abstract void pass(Duration duration) throws InterruptedException;

    /**
     * How much later than a second of ours a reply may be before a test gives up.
     *
     * @return a minute, unless overridden
     */
    protected Duration patience() {
        return Duration.ofMinutes(1);
    }

    /** A key that was never seen owes nothing, and may take all that is allowed at once. */
    @Test
    public void a_new_key_owes_nothing() {
        Reply reply = ask("new", 3 * COST, 3 * COST);
        assertTrue(reply.isGranted(), "all that is allowed, at once");
        assertTrue(reply.debtTicks() <= 3 * COST, () -> "owes the cost and no more: " + reply);
        assertTrue(reply.debtTicks() > 2 * COST, () -> "owes the cost: " + reply);
    }

    /** What is allowed is granted to the last tick, and a tick more is refused. */
    @Test
    public void a_grant_stays_within_what_is_allowed() {
        assertFalse(ask("tick", COST + 1, COST).isGranted(), "a tick too much");
        assertTrue(ask("tick", COST, COST).isGranted(), "exactly what is allowed");
        assertFalse(ask("tick", COST, COST).isGranted(), "once more");
    }

    /** Debts add up. */
    @Test
    public void each_grant_sees_those_before() {
        for (int i = 1; i <= 5; i++) {
            Reply reply = ask("sum", COST, 5 * COST);
            int n = i;
            assertTrue(reply.isGranted(), () -> "grant " + n + " of 5");
            assertTrue(reply.debtTicks() > (n - 1) * COST, () -> "owes all " + n + " grants: " + reply);
        }
        assertFalse(ask("sum", COST, 5 * COST).isGranted(), "a sixth");
    }

    /** A refusal costs nothing, however often. */
    @Test
    public void a_refusal_writes_nothing() {
        ask("refused", COST, 2 * COST);
        for (int i = 0; i < 5; i++) {
            Reply refused = ask("refused", 2 * COST, 2 * COST);
            assertFalse(refused.isGranted(), "two more are too much");
            assertTrue(refused.debtTicks() <= COST, () -> "owes what it owed: " + refused);
        }
        assertTrue(ask("refused", COST, 2 * COST).isGranted(), "what is left is still there");
    }

    /** Looking tells what is owed and takes nothing. */
    @Test
    public void a_look_writes_nothing() {
        assertEquals(0, ask("look", 0, COST).debtTicks(), "a new key");
        ask("look", COST, 2 * COST);
        for (int i = 0; i < 5; i++) assertTrue(ask("look", 0, 2 * COST).debtTicks() <= COST);
        assertFalse(ask("look", 0, 1).isGranted(), "more is owed than allowed");
        assertTrue(ask("look", COST, 2 * COST).isGranted(), "what is left is still there");
    }

    /** A forced request is granted beyond what is allowed, but its debt stops there. */
    @Test
    public void what_is_forced_is_granted_and_bounded() {
        Request forced = Request.of(key("forced"), 1, 10 * COST, 4 * COST).forced();
        assertTrue(reply(forced).isGranted());
        Reply again = reply(forced);
        assertTrue(again.isGranted());
        assertTrue(again.debtTicks() <= 4 * COST, () -> "no further than allowed: " + again);
        assertTrue(again.debtTicks() > 3 * COST, () -> "up to what is allowed: " + again);
        assertFalse(ask("forced", COST, 4 * COST).isGranted());
    }

    /** Keys have nothing to do with each other. */
    @Test
    public void keys_are_apart() {
        assertTrue(ask("one", COST, COST).isGranted());
        assertTrue(ask("other", COST, COST).isGranted());
        assertTrue(ask("One", COST, COST).isGranted());
        assertTrue(ask("one ", COST, COST).isGranted());
        assertFalse(ask("one", COST, COST).isGranted());
    }

    /**
     * A debt falls by the ticks of each nanosecond, down to nothing and no further.
     *
     * @throws InterruptedException when interrupted
     */
    @Test
    public void time_pays() throws InterruptedException {
        Duration span = Duration.ofMillis(40);
        long ticksPerNano = 3;
        long most = span.toNanos() * ticksPerNano;
        Request all = Request.of(key("time"), ticksPerNano, most, most);
        assertTrue(reply(all).isGranted());
        pass(span.dividedBy(2));
        long half = reply(Request.of(key("time"), ticksPerNano, 0, most)).debtTicks();
        assertTrue(half <= most / 2, () -> "half of " + most + " is paid, owes " + half);
        pass(span);
        Reply again = reply(all);
        assertTrue(again.isGranted(), "all is paid");
        assertTrue(again.debtTicks() > 0, () -> "more time than needed is no credit, owes " + again);
        pass(span.multipliedBy(4));
        assertEquals(0, reply(Request.of(key("time"), ticksPerNano, 0, most)).debtTicks());
        assertTrue(reply(all).isGranted());
        assertFalse(reply(Request.of(key("time"), 1, COST, COST - 1)).isGranted());
    }

    /**
     * Time pays no more than it should: at most by half more than has passed, which no clock is wrong by.
     *
     * @throws InterruptedException when interrupted
     */
    @Test
    public void time_pays_no_more_than_it_should() throws InterruptedException {
        Duration span = Duration.ofMillis(40);
        long from = TimeSource.system().nanoTime();
        long before = ask("slow", COST, COST).debtTicks();
        pass(span);
        long after = ask("slow", 0, COST).debtTicks();
        long passed = Math.max(span.toNanos(), TimeSource.system().nanoTime() - from);
        assertTrue(
                before - after <= passed + passed / 2,
                () -> "paid " + (before - after) + " ns in at most " + passed + " ns");
        assertFalse(ask("slow", COST / 2, COST).isGranted());
    }

    /** Processes that count in other ticks mean the same time. */
    @Test
    public void ticks_of_another_size_mean_the_same_time() {
        assertTrue(reply(Request.of(key("units"), 7, 7 * COST, 7 * COST)).isGranted());
        assertFalse(reply(Request.of(key("units"), 1, COST / 2, COST)).isGranted());
        long debt = reply(Request.of(key("units"), 2, 0, 0)).debtTicks();
        assertTrue(debt > COST && debt <= 2 * COST, () -> "twice " + COST + ", was " + debt);
    }

    /**
     * Of many at the same time exactly as many are granted as are allowed: a decision is atomic.
     *
     * @throws InterruptedException when interrupted
     */
    @Test
    public void many_at_once_get_what_one_would() throws InterruptedException {
        int threads = 4;
        int each = 50;
        int allowed = 60;
        AtomicInteger granted = new AtomicInteger();
        AtomicReference<Throwable> broken = new AtomicReference<>();
        CountDownLatch start = new CountDownLatch(1);
        List<Thread> all = new ArrayList<>();
        for (int t = 0; t < threads; t++) {
            Thread thread = new Thread(() -> {
                try {
                    start.await();
                    for (int i = 0; i < each; i++) {
                        if (ask("race", COST, allowed * COST).isGranted()) granted.incrementAndGet();
                    }
                } catch (Throwable thrown) {
                    broken.set(thrown);
                }
            });
            thread.start();
            all.add(thread);
        }
        start.countDown();
        for (Thread thread : all) thread.join(patience().toMillis());
        if (broken.get() != null) fail("a decision failed", broken.get());
        assertEquals(allowed, granted.get(), "of " + threads * each);
    }

    /** Requests that are sent without waiting for replies are decided one after the other. */
    @Test
    public void a_second_request_sees_the_first_one_although_its_reply_was_not_awaited() {
        List<CompletableFuture<Reply>> replies = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            replies.add(store().decide(Request.of(key("ahead"), 1, COST, 3 * COST)).toCompletableFuture());
        }
        long granted = replies.stream().filter(reply -> await(reply).isGranted()).count();
        assertEquals(3, granted);
    }

    private Reply ask(String key, long cost, long allowed) {
        return reply(Request.of(key(key), 1, cost, allowed));
    }

    private Reply reply(Request request) {
        return await(store().decide(request).toCompletableFuture());
    }

    private String key(String key) {
        return prefix + key;
    }

    private Reply await(CompletableFuture<Reply> reply) {
        try {
            return reply.get(patience().toNanos(), TimeUnit.NANOSECONDS);
        } catch (ExecutionException | TimeoutException | InterruptedException e) {
            throw new AssertionError("the store did not reply", e);
        }
    }
}
