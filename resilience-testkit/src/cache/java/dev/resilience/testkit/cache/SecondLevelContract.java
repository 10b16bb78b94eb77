// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.resilience.cache.SecondLevel;
import dev.resilience.cache.SecondLevel.Content;
import dev.resilience.cache.SecondLevel.Read;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * What every {@link SecondLevel} keeps to. Extend it in the tests of yours and say how to make one and how to let time
 * pass; JUnit runs the rest.
 *
 * {@snippet class="dev.resilience.cache.MemoryLevelTest" region="contract"}
 *
 * <p>A second level with a clock of its own lets real time pass in {@link #pass}; the tests allow for any time that passes
 * besides. Each test takes keys and tags of its own, so one second level may serve them all.
 */
public abstract class SecondLevelContract {
    private static final Duration LONG = Duration.ofHours(1);
    private static final AtomicInteger RUN = new AtomicInteger();

    /** No other run's keys, in a second level that other processes use as well. */
    private final String prefix = "contract:" + UUID.randomUUID() + ":" + RUN.incrementAndGet() + ":";

    /** For subclasses. */
    protected SecondLevelContract() {}

    /**
     * The second level under test.
     *
     * @return always the same within one test
     */
    protected abstract SecondLevel level();

    /**
     * Lets at least this time pass for the second level.
     *
     * @param duration tens of milliseconds
     * @throws InterruptedException when interrupted
     */
    protected abstract void pass(Duration duration) throws InterruptedException;

    /**
     * How long a reply may take before a test gives up.
     *
     * @return a minute, unless overridden
     */
    protected Duration patience() {
        return Duration.ofMinutes(1);
    }

    /** What was stored is read again: bytes, tags, and a life that only falls. */
    @Test
    public void a_value_is_stored_with_the_token_of_a_miss() {
        String token = miss("a");
        assertTrue(put("a", content("v", "red", "green"), token));
        Content read = hit("a");
        assertEquals("v", text(read));
        assertEquals(Set.of(tag("red"), tag("green")), Set.copyOf(read.tags()));
        assertTrue(read.life().compareTo(LONG) <= 0, () -> "no longer than it was put for: " + read.life());
        assertTrue(read.life().compareTo(LONG.dividedBy(2)) > 0, () -> "not much less: " + read.life());
    }

    /** A value of no bytes is a value, and one of any bytes comes back as it was. */
    @Test
    public void bytes_come_back_as_they_were() {
        assertTrue(put("none", Content.of(new byte[0], LONG, List.of()), miss("none")));
        assertEquals(0, hit("none").bytes().length);
        byte[] all = new byte[256];
        for (int i = 0; i < all.length; i++) all[i] = (byte) i;
        assertTrue(put("all", Content.of(all, LONG, List.of()), miss("all")));
        assertArrayEquals(all, hit("all").bytes());
    }

    /** Keys have nothing to do with each other. */
    @Test
    public void keys_are_apart() {
        String token = miss("one");
        assertTrue(put("one", content("1"), token));
        miss("One");
        String other = miss("one ");
        remove("one ");
        assertEquals("1", text(hit("one")));
        assertFalse(put("one ", content("2"), other), "removed since");
    }

    /** What was removed is gone, also when nobody had it. */
    @Test
    public void a_removed_value_is_gone() {
        assertTrue(put("gone", content("v"), miss("gone")));
        remove("gone");
        miss("gone");
        remove("never there");
        miss("never there");
    }

    /** S21: a value that was loaded before a removal is not stored after it. */
    @Test
    public void a_removal_voids_the_tokens_before_it() {
        String token = miss("void");
        remove("void");
        assertFalse(put("void", content("old"), token), "the token was issued before the removal");
        assertTrue(put("void", content("new"), miss("void")));
        assertEquals("new", text(hit("void")));
    }

    /** S21: A loads v1; B writes v2, removes; A puts v1. The token is void although B's value came and went. */
    @Test
    public void a_token_stays_void_when_the_key_was_stored_and_removed_again() {
        String early = miss("again");
        assertTrue(put("again", content("2"), remove("again")));
        remove("again");
        assertFalse(put("again", content("1"), early));
        miss("again");
    }

    /**
     * Neither looking nor storing and ending revives a token: the removal is remembered, not the absence.
     *
     * @throws InterruptedException when interrupted
     */
    @Test
    public void a_token_stays_void_whatever_happens_to_the_key() throws InterruptedException {
        String early = miss("revived");
        remove("revived");
        String late = miss("revived");
        assertFalse(put("revived", content("1"), early), "looked at since");
        Duration life = Duration.ofMillis(40);
        assertTrue(put("revived", Content.of(bytes("2"), life, List.of()), late));
        pass(life);
        miss("revived");
        assertFalse(put("revived", content("1"), early), "stored and ended since");
    }

    /** A removal answers a token, which the next removal voids. */
    @Test
    public void the_token_of_a_removal_is_good_until_the_next() {
        String first = remove("put");
        String second = remove("put");
        assertFalse(put("put", content("1"), first));
        assertTrue(put("put", content("2"), second));
        assertEquals("2", text(hit("put")));
    }

    /** Two loads with good tokens: the first value stays, or copies of the two would differ for as long as they live. */
    @Test
    public void the_first_value_stays() {
        String one = miss("first");
        String two = miss("first");
        assertTrue(put("first", content("1"), one));
        assertFalse(put("first", content("2"), two));
        assertFalse(put("first", content("1"), one), "the same once more is stored already");
        assertEquals("1", text(hit("first")));
    }

    /** S18: what carries an invalidated tag is not read, what does not is. */
    @Test
    public void a_tag_takes_its_values_with_it() {
        assertTrue(put("r", content("r", "red"), miss("r")));
        assertTrue(put("rg", content("rg", "red", "green"), miss("rg")));
        assertTrue(put("g", content("g", "green"), miss("g")));
        invalidateTag("red");
        miss("r");
        miss("rg");
        assertEquals("g", text(hit("g")));
    }

    /** A load that began before a tag was invalidated may not know, whatever tags it finds out to have. */
    @Test
    public void a_tag_voids_the_tokens_before_it() {
        String token = miss("t");
        invalidateTag("blue");
        assertFalse(put("t", content("old", "blue"), token));
        assertTrue(put("t", content("other", "yellow"), token), "the tag is none of this value's");
        assertTrue(put("u", content("new", "blue"), miss("u")), "issued afterwards");
        assertEquals("new", text(hit("u")));
    }

    /** A tag that was invalidated twice is invalid for what came in between. */
    @Test
    public void each_invalidation_of_a_tag_counts() {
        invalidateTag("twice");
        assertTrue(put("between", content("v", "twice"), miss("between")));
        assertEquals("v", text(hit("between")));
        invalidateTag("twice");
        miss("between");
    }

    /** A key that was stored anew after its tag is valid, and its removal still counts. */
    @Test
    public void a_value_can_come_back_after_its_tag() {
        assertTrue(put("back", content("1", "home"), miss("back")));
        invalidateTag("home");
        String token = miss("back");
        assertTrue(put("back", content("2", "home"), token));
        assertEquals("2", text(hit("back")));
        remove("back");
        assertFalse(put("back", content("3", "home"), token));
    }

    /**
     * A value is not read after its life.
     *
     * @throws InterruptedException when interrupted
     */
    @Test
    public void a_value_ends_with_its_life() throws InterruptedException {
        Duration life = Duration.ofMillis(40);
        assertTrue(put("short", Content.of(bytes("v"), life, List.of()), miss("short")));
        pass(life);
        String token = miss("short");
        assertTrue(put("short", content("next"), token), "there is room for the next");
        assertEquals("next", text(hit("short")));
    }

    /**
     * The life that is left falls as time passes.
     *
     * @throws InterruptedException when interrupted
     */
    @Test
    public void the_life_that_is_left_falls() throws InterruptedException {
        assertTrue(put("falls", content("v"), miss("falls")));
        Duration before = hit("falls").life();
        Duration span = Duration.ofMillis(40);
        pass(span);
        Duration after = hit("falls").life();
        assertTrue(
                before.minus(after).compareTo(span.minusMillis(2)) >= 0,
                () -> "fell from " + before + " to " + after + " in at least " + span);
    }

    /** A text that nobody issued is no token, and no failure either. */
    @Test
    public void what_is_not_a_token_is_refused() {
        for (String token : List.of("", "1", "nonsense", "a/b/c", "99999999999999999999", "é:-1")) {
            assertFalse(put("token", content("v"), token), () -> "'" + token + "' is not a token");
        }
        miss("token");
    }

    /** A life of nothing stores nothing. */
    @Test
    public void a_value_without_a_life_is_refused() {
        assertFalse(put("dead", Content.of(bytes("v"), Duration.ZERO, List.of()), miss("dead")));
        miss("dead");
    }

    /**
     * Storing and removing at the same time: whichever is first, nothing is there afterwards. And of several that store at
     * the same time one does.
     *
     * @throws InterruptedException when interrupted
     */
    @Test
    public void of_two_at_the_same_time_both_see_one_order() throws InterruptedException {
        for (int round = 0; round < rounds(); round++) {
            String key = "race " + round;
            String token = miss(key);
            AtomicInteger stored = new AtomicInteger();
            together(() -> put(key, content("old"), token), () -> remove(key), () -> {
                if (put(key + " both", content("v"), token(key))) stored.incrementAndGet();
            }, () -> {
                if (put(key + " both", content("v"), token(key))) stored.incrementAndGet();
            });
            miss(key);
            assertEquals(1, stored.get(), "of two that store with good tokens");
        }
    }

    /**
     * How often the race is run.
     *
     * @return 200, unless overridden
     */
    protected int rounds() {
        return 200;
    }

    // --- how to ask ---

    /** Of a key that nobody removes: hit or not, its tokens are good. */
    private String token(String key) {
        Read read = reply(level().read(prefix + key + " both"));
        return read.token();
    }

    private String miss(String key) {
        Read read = reply(level().read(prefix + key));
        assertTrue(read.content().isEmpty(), () -> "'" + key + "' must be missing, was " + read);
        return read.token();
    }

    private Content hit(String key) {
        Read read = reply(level().read(prefix + key));
        return read.content().orElseGet(() -> fail("'" + key + "' must be there, was " + read));
    }

    private boolean put(String key, Content content, String token) {
        return reply(level().put(prefix + key, content, token));
    }

    private String remove(String key) {
        return reply(level().remove(prefix + key));
    }

    private void invalidateTag(String tag) {
        reply(level().invalidateTag(tag(tag)));
    }

    private Content content(String value, String... tags) {
        return Content.of(
                bytes(value), LONG, Arrays.stream(tags).map(this::tag).toList());
    }

    private String tag(String tag) {
        return prefix + "#" + tag;
    }

    private static byte[] bytes(String value) {
        return value.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(Content content) {
        return new String(content.bytes(), StandardCharsets.UTF_8);
    }

    private <T extends @Nullable Object> T reply(CompletionStage<T> stage) {
        try {
            return stage.toCompletableFuture().get(patience().toNanos(), TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            return fail("the second level failed", e.getCause());
        } catch (TimeoutException e) {
            return fail("no reply within " + patience(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return fail("interrupted", e);
        }
    }

    /** Each on a thread of its own, let go at once. */
    private void together(Runnable... all) throws InterruptedException {
        CountDownLatch go = new CountDownLatch(1);
        Queue<Throwable> thrown = new ConcurrentLinkedQueue<>();
        List<Thread> threads = Arrays.stream(all)
                .map(each -> new Thread(() -> {
                    try {
                        go.await();
                        each.run();
                    } catch (Throwable t) {
                        thrown.add(t);
                    }
                }))
                .toList();
        threads.forEach(Thread::start);
        go.countDown();
        for (Thread each : threads) {
            each.join(patience().toMillis());
            assertFalse(each.isAlive(), "a thread did not end");
        }
        if (!thrown.isEmpty()) fail("on another thread", thrown.peek());
    }
}
