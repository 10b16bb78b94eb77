// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.resilience.cache.Entry;
import dev.resilience.cache.Store;
import dev.resilience.cache.Store.Cause;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * What every {@link Store} keeps to. Extend it in the tests of your store and say how to make one; JUnit runs the rest.
 *
 * {@snippet class="dev.resilience.cache.BoundedStoreContractTest" region="contract"}
 *
 * <p>It needs a store that is bounded by the number of entries, and that drops what is of no use any more.
 */
public abstract class StoreContract {
    private static final int ROOM = 100;
    private static final long FOREVER = Long.MAX_VALUE;

    private final ManualTime time = ManualTime.create();
    private final ConcurrentLinkedQueue<Evicted> evicted = new ConcurrentLinkedQueue<>();
    /** Told as evicted, and still there. */
    private final ConcurrentLinkedQueue<Integer> still = new ConcurrentLinkedQueue<>();

    private record Evicted(Integer key, Entry<?> entry, Cause cause) {}

    /** For subclasses. */
    protected StoreContract() {}

    /**
     * Makes the store under test.
     *
     * @param maxEntries its bound
     * @return a new, empty store that is not bound yet
     */
    protected abstract Store<Integer, String> store(int maxEntries);

    /**
     * How long a test waits for threads before it gives up.
     *
     * @return a minute, unless overridden
     */
    protected Duration patience() {
        return Duration.ofMinutes(1);
    }

    /** What was put is there, the same entry, until something else is put; the one before is answered. */
    @Test
    public void what_was_put_is_there() {
        Store<Integer, String> store = bound(ROOM);
        Entry<String> first = entry("a");
        Entry<String> second = entry("a");
        assertNull(store.get(1), "nothing was put");
        assertNull(store.peek(1), "nothing was put");
        assertNull(store.put(1, first), "nothing was there");
        assertSame(first, store.get(1));
        assertSame(first, store.peek(1));
        assertSame(first, store.put(1, second), "the one before");
        assertSame(second, store.get(1));
        assertSame(second, store.peek(1));
        assertNull(store.get(2), "another key");
    }

    /** {@code replace} with null for what was seen is for a key without an entry only. */
    @Test
    public void replace_of_nothing_needs_nothing_there() {
        Store<Integer, String> store = bound(ROOM);
        Entry<String> first = entry("a");
        assertTrue(store.replace(1, null, first), "nothing was there");
        assertSame(first, store.get(1));
        assertFalse(store.replace(1, null, entry("b")), "something is there");
        assertSame(first, store.get(1), "nothing has changed");
        assertTrue(store.remove(1, first));
        assertTrue(store.replace(1, null, first), "nothing is there again");
        assertSame(first, store.get(1));
    }

    /** {@code replace} and {@code remove} look for the very entry that was seen, not for one with the same value. */
    @Test
    public void steps_go_by_identity() {
        Store<Integer, String> store = bound(ROOM);
        Entry<String> there = entry("a");
        Entry<String> twin = entry("a");
        Entry<String> next = entry("b");
        store.put(1, there);
        assertFalse(store.replace(1, twin, next), "a twin is another entry");
        assertFalse(store.remove(1, twin), "a twin is another entry");
        assertSame(there, store.get(1), "nothing has changed");
        assertTrue(store.replace(1, there, next));
        assertSame(next, store.get(1));
        assertFalse(store.replace(1, there, twin), "it is gone");
        assertFalse(store.remove(1, there), "it is gone");
        assertSame(next, store.get(1), "nothing has changed");
        assertFalse(store.replace(2, next, there), "of another key");
        assertFalse(store.remove(2, next), "of another key");
        assertNull(store.get(2), "a step that failed puts nothing");
    }

    /** What was removed is gone, and removing it again changes nothing. */
    @Test
    public void what_was_removed_is_gone() {
        Store<Integer, String> store = bound(ROOM);
        Entry<String> one = entry("a");
        Entry<String> two = entry("b");
        store.put(1, one);
        store.put(2, two);
        assertSame(one, store.remove(1));
        assertNull(store.remove(1), "removed already");
        assertTrue(store.remove(2, two));
        assertFalse(store.remove(2, two), "removed already");
        assertNull(store.get(1));
        assertNull(store.get(2));
        store.cleanUp();
        assertEquals(0, store.estimatedSize());
        assertTrue(evicted.isEmpty(), "a removal is no eviction");
    }

    /** All that is there is shown, each once; what was cleared is gone and may come back. */
    @Test
    public void all_are_shown_and_cleared() {
        Store<Integer, String> store = bound(ROOM);
        Map<Integer, Entry<String>> model = new HashMap<>();
        for (int i = 0; i < ROOM / 2; i++) {
            Entry<String> entry = entry("v" + i);
            store.put(i, entry);
            model.put(i, entry);
        }
        assertEquals(model, content(store));
        store.cleanUp();
        assertEquals(ROOM / 2, store.estimatedSize(), "fewer than its bound all stay");
        store.clear();
        store.cleanUp();
        assertEquals(Map.of(), content(store));
        assertEquals(0, store.estimatedSize());
        assertNull(store.get(1));
        Entry<String> again = entry("again");
        store.put(1, again);
        assertEquals(Map.of(1, again), content(store));
        assertTrue(evicted.isEmpty(), "clearing is no eviction");
    }

    /** What a walk calls may use the store, and what it throws ends the walk and nothing else. */
    @Test
    public void a_walk_may_use_the_store_and_throw() {
        Store<Integer, String> store = bound(ROOM);
        for (int i = 0; i < 10; i++) store.put(i, entry("v"));
        store.forEach((key, entry) -> assertTrue(store.remove(key, entry), "shown, so it is there"));
        assertEquals(Map.of(), content(store));
        store.put(1, entry("a"));
        IllegalStateException ours = new IllegalStateException("ours");
        assertSame(
                ours,
                assertThrows(
                        IllegalStateException.class,
                        () -> store.forEach((key, entry) -> {
                            throw ours;
                        })));
        assertNotNull(store.get(1));
    }

    /** After a clean-up the store is within its bound, and each that came is there or was told once as evicted. */
    @Test
    public void the_bound_holds_and_each_eviction_is_told_once() {
        Store<Integer, String> store = bound(ROOM);
        Map<Integer, Entry<String>> put = new HashMap<>();
        for (int i = 0; i < 10 * ROOM; i++) {
            Entry<String> entry = entry("v");
            store.put(i, entry);
            put.put(i, entry);
            if (i % 7 == 0) store.get(i / 2);
        }
        store.cleanUp();
        Map<Integer, Entry<String>> left = content(store);
        assertTrue(left.size() <= ROOM, () -> "holds " + left.size() + " of at most " + ROOM);
        assertTrue(store.estimatedSize() <= ROOM, () -> "says " + store.estimatedSize());
        assertTrue(left.size() >= ROOM / 2, () -> "a store that is bounded by " + ROOM + " kept only " + left.size());
        Set<Integer> told = new HashSet<>();
        for (Evicted each : evicted) {
            assertTrue(told.add(each.key), "each entry came once and goes at most once");
            assertSame(put.get(each.key), each.entry, "the entry of the key");
            assertSame(Cause.SIZE, each.cause, "nothing of this ever expires");
        }
        assertTrue(told.stream().noneMatch(left::containsKey), "what is told as evicted is not there");
        assertTrue(still.isEmpty(), "nor was it when it was told");
        assertEquals(put.size(), told.size() + left.size(), "what is not there was told");
    }

    /** The smallest store holds one entry. */
    @Test
    public void a_store_of_one_holds_one() {
        Store<Integer, String> store = bound(1);
        for (int i = 0; i < 50; i++) {
            store.put(i, entry("v"));
            store.get(i);
            store.cleanUp();
            assertTrue(content(store).size() <= 1, "no more than one");
        }
        assertEquals(50, evicted.size() + content(store).size());
    }

    /** What was replaced is not told: its caller knows. A twin of an entry that was evicted is not removed with it. */
    @Test
    public void replacing_is_no_eviction() {
        Store<Integer, String> store = bound(ROOM);
        for (int i = 0; i < 5 * ROOM; i++) store.put(1, entry("v"));
        Entry<String> last = entry("last");
        store.put(1, last);
        store.cleanUp();
        assertTrue(evicted.isEmpty(), "there was one key only");
        assertEquals(Map.of(1, last), content(store));
        assertEquals(1, store.estimatedSize());
    }

    /** Entries of no use any more are dropped by a clean-up, and told; the others are not. */
    @Test
    public void what_is_of_no_use_is_dropped() {
        Store<Integer, String> store = bound(ROOM);
        Entry<String> brief = Entry.sample("brief", 1, time.nanoTime(), seconds(1));
        Entry<String> lasting = Entry.sample("lasting", 1, time.nanoTime(), seconds(3));
        Entry<String> eternal = entry("eternal");
        store.put(1, brief);
        store.put(2, lasting);
        store.put(3, eternal);
        store.put(4, Entry.sample("prolonged", 1, time.nanoTime(), seconds(1)));
        Entry<String> prolonged = Entry.sample("prolonged", 1, time.nanoTime(), seconds(10));
        store.put(4, prolonged);
        time.advance(Duration.ofMillis(1_500));
        store.cleanUp();
        assertEquals(Map.of(2, lasting, 3, eternal, 4, prolonged), content(store));
        assertEquals(List.of(new Evicted(1, brief, Cause.EXPIRED)), List.copyOf(evicted));
        time.advance(Duration.ofSeconds(5));
        store.cleanUp();
        assertEquals(Map.of(3, eternal, 4, prolonged), content(store));
        assertEquals(2, store.estimatedSize());
        time.advance(Duration.ofDays(365));
        store.cleanUp();
        assertEquals(Map.of(3, eternal), content(store));
        assertEquals(3, evicted.size());
    }

    /** A key is told of by its entry: one that came after the eviction stays. */
    @Test
    public void a_listener_may_put_another_entry_for_the_key() {
        Store<Integer, String> store = store(ROOM);
        Entry<String> next = entry("next");
        store.bind(time, (key, entry, cause) -> {
            assertNull(store.peek(key), "it is in the store no more");
            store.put(key, next);
        });
        store.put(1, Entry.sample("a", 1, time.nanoTime(), seconds(1)));
        time.advance(Duration.ofSeconds(2));
        store.cleanUp();
        assertSame(next, store.get(1));
    }

    /** What a listener throws changes nothing: the operation is done, and later ones are told as ever. */
    @Test
    public void a_listener_that_throws_changes_nothing() {
        Store<Integer, String> store = store(ROOM);
        List<Integer> told = new ArrayList<>();
        store.bind(time, (key, entry, cause) -> {
            told.add(key);
            throw new IllegalStateException("a listener's own");
        });
        for (int i = 0; i < 3 * ROOM; i++) store.put(i, entry("v"));
        store.cleanUp();
        assertEquals(3 * ROOM, told.size() + content(store).size());
    }

    /** A listener is called outside the locks: another thread gets on with the store while it takes its time. */
    @Test
    public void a_listener_holds_no_lock() {
        Store<Integer, String> store = store(ROOM);
        AtomicBoolean free = new AtomicBoolean();
        store.bind(time, (key, entry, cause) -> {
            Thread other = new Thread(() -> {
                store.put(key, entry("other"));
                store.remove(key);
                store.cleanUp();
            });
            other.setDaemon(true);
            other.start();
            free.set(joined(other));
        });
        store.put(1, Entry.sample("a", 1, time.nanoTime(), seconds(1)));
        time.advance(Duration.ofSeconds(2));
        store.cleanUp();
        assertTrue(free.get(), "another thread was done while the listener ran");
    }

    /** A store serves one cache. */
    @Test
    public void a_store_is_bound_once() {
        Store<Integer, String> store = bound(ROOM);
        assertThrows(IllegalStateException.class, () -> store.bind(time, (key, entry, cause) -> {}));
        store.put(1, Entry.sample("a", 1, time.nanoTime(), seconds(1)));
        time.advance(Duration.ofSeconds(2));
        store.cleanUp();
        assertEquals(1, evicted.size(), "the first one is told");
    }

    /** A store that nobody has bound works without a clock and a listener. */
    @Test
    public void an_unbound_store_works() {
        Store<Integer, String> store = store(ROOM);
        for (int i = 0; i < 3 * ROOM; i++) store.put(i, Entry.sample("v", 1, 0, 1));
        store.cleanUp();
        assertTrue(store.estimatedSize() <= ROOM);
    }

    /**
     * Of many that see the same entry, one replaces it: chains of replacements have as many links as there were
     * successes, and nothing is lost.
     *
     * @throws InterruptedException when interrupted
     */
    @Test
    public void of_many_at_once_one_replaces() throws InterruptedException {
        Store<Integer, String> store = bound(ROOM);
        ConcurrentLinkedQueue<Entry<String>> won = new ConcurrentLinkedQueue<>();
        together(4, thread -> {
            for (int i = 0; i < 500; i++) {
                Entry<String> seen = store.get(1);
                Entry<String> next = entry("t" + thread + "i" + i);
                if (store.replace(1, seen, next)) won.add(next);
                if (i % 10 == 0 && store.remove(1, next)) won.remove(next);
            }
        });
        Entry<String> last = store.get(1);
        assertTrue(last == null || won.contains(last), "the last entry is one that was put");
        assertTrue(content(store).size() <= 1);
    }

    /**
     * Each entry that many threads have put was answered as the one before, removed, told as evicted, or is there: once.
     *
     * @throws InterruptedException when interrupted
     */
    @Test
    public void nothing_is_lost_and_nothing_goes_twice() throws InterruptedException {
        Store<Integer, String> store = bound(ROOM);
        int threads = 4;
        int each = 2_000;
        ConcurrentLinkedQueue<Entry<?>> gone = new ConcurrentLinkedQueue<>();
        together(threads, thread -> {
            for (int i = 0; i < each; i++) {
                int key = (i * 31 + thread * 17) % (3 * ROOM);
                Entry<String> had = store.put(key, entry("v"));
                if (had != null) gone.add(had);
                store.get((i * 7) % (3 * ROOM));
                if (i % 5 == 0) {
                    Entry<String> removed = store.remove((i * 13) % (3 * ROOM));
                    if (removed != null) gone.add(removed);
                }
            }
        });
        store.cleanUp();
        Map<Integer, Entry<String>> left = content(store);
        assertTrue(left.size() <= ROOM, () -> "holds " + left.size());
        assertTrue(store.estimatedSize() <= ROOM, () -> "says " + store.estimatedSize());
        Set<Entry<?>> ended = new HashSet<>();
        for (Entry<?> entry : gone) assertTrue(ended.add(entry), "answered twice");
        for (Evicted told : evicted) assertTrue(ended.add(told.entry), "gone already, told as evicted");
        for (Entry<?> entry : left.values()) assertTrue(ended.add(entry), "gone, and there");
        assertEquals(threads * each, ended.size(), "every entry ended somewhere");
        assertTrue(still.isEmpty(), "told as evicted, and still there");
    }

    private interface Part {
        void run(int thread);
    }

    private void together(int threads, Part part) throws InterruptedException {
        CountDownLatch start = new CountDownLatch(1);
        AtomicReference<@Nullable Throwable> broken = new AtomicReference<>();
        List<Thread> all = new ArrayList<>();
        for (int t = 0; t < threads; t++) {
            int number = t;
            Thread thread = new Thread(() -> {
                try {
                    start.await();
                    part.run(number);
                } catch (Throwable thrown) {
                    broken.set(thrown);
                }
            });
            thread.setDaemon(true);
            thread.start();
            all.add(thread);
        }
        start.countDown();
        for (Thread thread : all) assertTrue(joined(thread), "a thread did not end");
        if (broken.get() != null) throw new AssertionError("an operation failed", broken.get());
    }

    private boolean joined(Thread thread) {
        try {
            thread.join(TimeUnit.NANOSECONDS.toMillis(patience().toNanos()));
            return !thread.isAlive();
        } catch (InterruptedException e) {
            throw new AssertionError("interrupted", e);
        }
    }

    private Store<Integer, String> bound(int maxEntries) {
        Store<Integer, String> store = store(maxEntries);
        store.bind(time, (key, entry, cause) -> {
            evicted.add(new Evicted(key, entry, cause));
            if (store.peek(key) == entry) still.add(key);
        });
        return store;
    }

    private static Map<Integer, Entry<String>> content(Store<Integer, String> store) {
        Map<Integer, Entry<String>> content = new HashMap<>();
        store.forEach((key, entry) -> assertNull(content.put(key, entry), "shown twice"));
        return content;
    }

    private static Entry<String> entry(String value) {
        return Entry.sample(value, 1, 0, FOREVER);
    }

    private static long seconds(int seconds) {
        return seconds * 1_000_000_000L;
    }
}
