// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.CallContext;
import dev.resilience.Gate;
import dev.resilience.TimeSource;
import dev.resilience.ratelimit.Decision.Source;
import dev.resilience.ratelimit.RateLimitStore.Reply;
import dev.resilience.ratelimit.RateLimitStore.Request;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A limit for each key that several processes keep together, in a {@link RateLimitStore}. For one process use
 * {@link KeyedRateLimiter}, which asks nobody.
 *
 * {@snippet class="dev.resilience.ratelimit.SharedSnippets" region="shared"}
 *
 * <p><b>Bound.</b> All processes together keep the bound of the {@link Limit}, while the store answers. What leasing, a
 * failing store, or one that forgets add to it stands in one table: {@code docs/policies/ratelimit-shared.md}. {@link
 * Decision#source()} tells which it was. Processes share a limit when store, limiter's name and key's
 * {@code toString} are the same.
 *
 * <p><b>A store that fails</b> is decided about by {@link Sharing.OnFailure}, at the latest when the {@linkplain
 * Sharing#deadline deadline} of the decision has passed. After five failures in a row it is not asked for a second;
 * then one look in the background, on no caller's account, finds out whether it is back.
 *
 * <p><b>Threads.</b> Thread-safe. {@link #decideAsync} and the {@linkplain #by gate} hold no thread meanwhile; {@link
 * #tryAcquire} and {@link #decide} wait for the store on the calling thread, for the deadline at most, and are not
 * interrupted: the flag stays set. A key's {@code toString}, {@code hashCode} and {@code equals} run on the caller's
 * thread.
 *
 * @param <K> the type of the keys; needs {@code equals}, {@code hashCode} and a {@code toString} that tells them apart
 */
public final class SharedRateLimiter<K> {
    private final String name;
    private final Gcra gcra;
    private final Sharing sharing;
    private final Settings settings;
    private final Counting counting;
    private final StoreCalls calls;
    private final Nears<K> nears;
    private final KeyedRateLimiter<K> local;
    private final long mostLeased;

    private SharedRateLimiter(RateLimiter.Builder builder, Limit.Bucket bucket, Sharing sharing, int maxKeys) {
        this.name = builder.name;
        this.gcra = bucket.gcra(builder.time);
        this.sharing = sharing;
        this.settings = new Settings(null, builder.cost, builder.shadow);
        this.counting = new Counting(builder.shadow);
        this.calls = new StoreCalls(name, sharing, builder.time);
        this.nears = new Nears<>(sharing.lease == null && sharing.negative.isZero() ? 0 : maxKeys);
        this.local = RateLimiter.builder(name)
                .limit(sharing.local(bucket))
                .timeSource(builder.time)
                .keyed(maxKeys);
        this.mostLeased = sharing.lease == null ? 0 : (long) (gcra.burst * sharing.share / 2);
    }

    static <K> SharedRateLimiter<K> of(RateLimiter.Builder builder, Sharing sharing, int maxKeys) {
        Objects.requireNonNull(sharing, "sharing");
        List<String> problems = new ArrayList<>();
        if (maxKeys < 1) problems.add("maxKeys must be at least 1, was " + maxKeys);
        if (builder.maxWait != null) problems.add("maxWait must not be set: a store grants now or not at all");
        sharing.check(problems);
        Limit limit = builder.limit;
        if (limit != null && !(limit instanceof Limit.Bucket)) {
            problems.add(
                    "limit must be a bucket (Limit.of or Limit.strict), which is all that a store keeps, was " + limit);
        }
        if (limit instanceof Limit.Bucket bucket && bucket.beginsBelowBurst()) {
            problems.add("initial must be the burst: what a store does not know is full, was " + limit);
        }
        Limit checked = Settings.checked(builder, problems);
        return new SharedRateLimiter<>(builder, (Limit.Bucket) checked, sharing, maxKeys);
    }

    /**
     * Takes one permit of a key now, or none.
     *
     * @param key the key
     * @return whether it was granted
     * @throws RuntimeException as {@link #decide}
     */
    public boolean tryAcquire(K key) {
        return tryAcquire(key, 1);
    }

    /**
     * Takes n permits of a key now, or none.
     *
     * @param key the key
     * @param n at least 1
     * @return whether they were granted; more than the limit ever holds never are, and the store is not asked
     * @throws IllegalArgumentException when n is less than 1
     * @throws RuntimeException as {@link #decide}
     */
    public boolean tryAcquire(K key, long n) {
        return decide(key, n).permitted() || settings.shadow();
    }

    /**
     * Takes n permits of a key now, or none, and tells the numbers of that moment.
     *
     * @param key the key
     * @param n at least 1
     * @return the decision, with who made it
     * @throws IllegalArgumentException when n is less than 1
     * @throws RuntimeException what the store failed with, and only with {@link Sharing.OnFailure#THROW}; a checked
     *     exception of its stage is the cause of a {@link CompletionException}
     */
    public Decision decide(K key, long n) {
        return Awaiting.result(decideAsync(key, n), gcra.time, this);
    }

    /**
     * Takes n permits of a key now, or none, without holding a thread while the store is asked.
     *
     * @param key the key
     * @param n at least 1
     * @return completes at once when it is known here, else when the store has answered or the deadline has passed;
     *     fails only with {@link Sharing.OnFailure#THROW}. Cancelling it leaves what the store has charged
     * @throws IllegalArgumentException when n is less than 1
     */
    public CompletableFuture<Decision> decideAsync(K key, long n) {
        Objects.requireNonNull(key, "key");
        Decision known = known(key, Settings.positive(n));
        if (known != null) return CompletableFuture.completedFuture(known);
        return calls.isDown() ? whileDown(key, n) : ask(key, n);
    }

    /**
     * This limiter as a gate of a pipeline: the key is read from each call's context, and the builder's {@code cost}
     * applies. A call that the store is asked for stands in the gate's queue meanwhile and holds no thread on the
     * asynchronous face.
     *
     * @param key must not return null; runs on the call's thread, and again for a call that the store is asked for or
     *     that is refused; what it throws reaches the caller
     * @return the gate
     */
    public Gate by(Function<? super CallContext, ? extends K> key) {
        return new SharedGate<>(this, Objects.requireNonNull(key, "key"));
    }

    /**
     * What was granted and refused, over all keys, and by whom. The first look begins to count.
     *
     * @return the numbers since then; of a limiter that only {@linkplain RateLimiter.Builder#shadow() shadows}, since it
     *     was built
     */
    public LimiterSnapshot snapshot() {
        return counting.look();
    }

    /**
     * The name, for metrics.
     *
     * @return as given to the builder
     */
    public String name() {
        return name;
    }

    /**
     * Name, limit and whether the store is thought to be up.
     *
     * @return for logs
     */
    @Override
    public String toString() {
        return "shared rate limiter '" + name + "' (" + gcra.limit + ", " + sharing
                + (calls.isDown() ? ", store down)" : ")");
    }

    // --- inside ---

    /** What needs no asking: null when the store has to be asked. */
    @Nullable
    Decision known(K key, long n) {
        Answer answer = new Answer();
        if (n > gcra.heaviest()) return decision(told(answer, n, 0, Meter.NEVER), Source.LOCAL);
        Near near = nears.find(key);
        if (near == null) return null;
        long now = gcra.time.nanoTime();
        if (near.spend(n, now)) {
            told(answer, n, 0, Meter.GRANTED);
            answer.remaining = near.leased(now);
            return decision(answer, Source.LEASE);
        }
        return near.refuses(n, now, answer) ? decision(answer, Source.NEGATIVE_CACHE) : null;
    }

    boolean isDown() {
        return calls.isDown();
    }

    private CompletableFuture<Decision> ask(K key, long n) {
        String id = id(key);
        long now = gcra.time.nanoTime();
        Near near = mostLeased > n ? nears.make(key) : null;
        long batch = near == null ? 0 : near.batch(n, now, sharing.leaseNanos(), mostLeased);
        CompletableFuture<Decision> decision = new CompletableFuture<>();
        CompletableFuture<?> unused = calls.ask(request(id, Math.max(n, batch)))
                .whenComplete(ending(decision, (reply, thrown) -> {
                    boolean leased = batch > 0 && reply != null && reply.isGranted();
                    if (near != null && batch > 0) near.leased(leased ? batch : 0, n, now, sharing.leaseNanos());
                    if (reply == null) failed(key, n, thrown, decision);
                    else if (batch > n && fits(reply, n)) exactly(key, n, decision);
                    else decision.complete(answered(key, n, now, reply));
                }));
        return decision;
    }

    /** A key that throws when it is compared ends the decision, too: somebody may wait for it (L6). */
    private static BiConsumer<@Nullable Reply, @Nullable Throwable> ending(
            CompletableFuture<Decision> decision, BiConsumer<@Nullable Reply, @Nullable Throwable> step) {
        return (reply, thrown) -> {
            try {
                step.accept(reply, thrown);
            } catch (Throwable broken) {
                decision.completeExceptionally(broken);
            }
        };
    }

    /** The batch was too much, but what is wanted is there. */
    private boolean fits(Reply reply, long n) {
        return !reply.isGranted() && reply.debtTicks() <= gcra.tau - n * gcra.c;
    }

    private void exactly(K key, long n, CompletableFuture<Decision> decision) {
        long now = gcra.time.nanoTime();
        CompletableFuture<?> unused = calls.ask(request(id(key), n)).whenComplete(ending(decision, (reply, thrown) -> {
            if (reply == null) failed(key, n, thrown, decision);
            else decision.complete(answered(key, n, now, reply));
        }));
    }

    private Request request(String id, long n) {
        return Request.of(id, gcra.p, n * gcra.c, gcra.tau);
    }

    private String id(K key) {
        return name + ":" + key;
    }

    /** When to try again after a failure of the store. */
    long failedNanos() {
        return calls.isDown() ? calls.downNanos() : 1;
    }

    private Decision answered(K key, long n, long asked, Reply reply) {
        long wait = reply.isGranted() ? Meter.GRANTED : Math.max(1, gcra.nanosUp(gcra.over(reply.debtTicks(), 0, n)));
        Answer answer = told(new Answer(), n, reply.debtTicks(), wait);
        if (!reply.isGranted()) {
            Near near = nears.make(key);
            if (near != null) near.refused(answer, asked, TimeSource.nanos(sharing.negative));
        }
        return decision(answer, Source.STORE);
    }

    private Answer told(Answer answer, long n, long debtTicks, long wait) {
        answer.n = n;
        answer.wait = wait;
        answer.limit = gcra.limit;
        answer.remaining = gcra.remaining(debtTicks, 0);
        answer.resetAfter = gcra.nanosUp(debtTicks);
        return answer;
    }

    private Decision decision(Answer answer, Source source) {
        counting.decided(source, answer.wait == Meter.GRANTED, answer.n);
        return new Decision(answer, answer.wait == Meter.GRANTED, name, source);
    }

    private CompletableFuture<Decision> whileDown(K key, long n) {
        calls.probeLater(request(id(key), 0));
        CompletableFuture<Decision> decision = new CompletableFuture<>();
        String message = "rate limiter '" + name + "': the store does not answer";
        failed(key, n, new IllegalStateException(message, calls.lastFailure()), decision);
        return decision;
    }

    /** {@code failure} is null when the store completed without a reply. */
    private void failed(K key, long n, @Nullable Throwable failure, CompletableFuture<Decision> decision) {
        Answer answer = new Answer();
        switch (sharing.onFailure) {
            case ALLOW -> told(answer, n, 0, Meter.GRANTED);
            case DENY -> told(answer, n, gcra.tau, failedNanos());
            case LOCAL -> local.take(key, n, 0, answer);
            case THROW -> {
                counting.decided(Source.FALLBACK, false, n);
                String message = "rate limiter '" + name + "': the store replied nothing";
                decision.completeExceptionally(
                        failure == null ? new IllegalStateException(message) : unwrapped(failure));
                return;
            }
        }
        decision.complete(decision(answer, Source.FALLBACK));
    }

    private static Throwable unwrapped(Throwable thrown) {
        Throwable cause = thrown.getCause();
        return thrown instanceof CompletionException && cause != null ? cause : thrown;
    }

    Limit limit() {
        return gcra.limit;
    }

    TimeSource clock() {
        return gcra.time;
    }

    Settings settings() {
        return settings;
    }

    Sharing sharing() {
        return sharing;
    }
}
