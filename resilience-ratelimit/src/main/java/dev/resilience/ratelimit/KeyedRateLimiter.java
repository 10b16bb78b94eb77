// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.CallContext;
import dev.resilience.Gate;
import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A limit for each key: per user, per tenant, per endpoint. Bounded in memory whatever keys are sent, and no key is ever
 * forgiven what it owes.
 *
 * {@snippet class="dev.resilience.ratelimit.KeyedSnippets" region="keyed"}
 *
 * <p><b>Bound.</b> Each key has the bound of its {@link Limit}, always: also when its place is evicted, and when there is
 * none for it.
 *
 * <p><b>Eviction.</b> A key whose limit is full again is the same as one that was never seen, and only such are
 * forgotten: two are looked at whenever a new key comes, and no thread runs in the background. There is no LRU: an
 * attacker who sends a million keys would push out the debtors, and they would start afresh.
 *
 * <p><b>No room.</b> When {@code maxKeys} keys are in use and none of them is full, further keys are counted in a fixed
 * array of buckets, several keys in one where their (seeded) hashes meet. That restricts those too much rather than
 * forgiving anything; a key that gets a place later takes along what it owes. Kinds of limits that are not buckets are
 * kept by a stricter bucket there. Nobody can wait there.
 *
 * <p><b>Memory.</b> About 78 bytes per live key of a bucket, without the key object (a function of limits should return
 * the same object for the same plan, else each key costs about 100 bytes more); the overflow takes 12 bytes for each
 * of at most 65,536 slots. A key whose calls have had to wait takes about 200 bytes more until it is forgotten, a
 * {@linkplain Limit#slidingLog log} up to 16 bytes more for each permit of each key, and who sends the keys decides how
 * many there are.
 *
 * <p><b>Threads and cost.</b> Thread-safe, no locks for a known key: a look-up, a clock read and a CAS, nothing
 * allocated; a refusal writes nothing. A key's {@code hashCode}, {@code equals} and a function of limits run on the
 * caller's thread outside of locks of ours; what they throw reaches the caller. Memory effects as of {@link RateLimiter}.
 *
 * @param <K> the type of the keys; needs {@code equals} and {@code hashCode}, and must not change
 */
public final class KeyedRateLimiter<K> {
    private final String name;
    private final int maxKeys;
    private final TimeSource time;
    private final Settings settings;
    private final Counting counting;
    private final String shownLimit;
    private final Places<K> places;

    private KeyedRateLimiter(RateLimiter.Builder builder, int maxKeys, Function<? super K, Rule> rules) {
        this.name = builder.name;
        this.maxKeys = maxKeys;
        this.time = builder.time;
        this.settings = new Settings(builder.maxWait, builder.cost, builder.shadow);
        this.counting = new Counting(builder.shadow);
        this.shownLimit = builder.limit == null ? "per key" : builder.limit.toString();
        Spill spill = new Spill(maxKeys, time, ThreadLocalRandom.current().nextInt());
        this.places = new Places<>(maxKeys, time, spill, rules);
    }

    /** One limit for all keys. */
    static <K> KeyedRateLimiter<K> of(RateLimiter.Builder builder, int maxKeys) {
        List<String> problems = problems(maxKeys);
        Limit limit = builder.limit;
        if (limit != null) refuse(limit, problems);
        Rule rule = Rule.of(Settings.checked(builder, problems), builder.time);
        return new KeyedRateLimiter<>(builder, maxKeys, key -> rule);
    }

    /** A limit per key. */
    static <K> KeyedRateLimiter<K> of(
            RateLimiter.Builder builder, Function<? super K, ? extends Limit> perKey, int maxKeys) {
        Objects.requireNonNull(perKey, "perKey");
        List<String> problems = problems(maxKeys);
        if (builder.limit != null) problems.add("limit must not be set together with a function of limits");
        Settings.checked(builder.name, Limit.unlimited(), Settings.problems(builder, problems));
        return new KeyedRateLimiter<>(builder, maxKeys, new Rules<>(builder.name, builder.time, perKey));
    }

    /** What is made of the limits of keys. One for each of the first limits, so that equal keys share it. */
    private record Rules<K>(
            String name, TimeSource time, Function<? super K, ? extends Limit> perKey, Map<Limit, Rule> known)
            implements Function<K, Rule> {
        private static final int MOST = 64;

        Rules(String name, TimeSource time, Function<? super K, ? extends Limit> perKey) {
            this(name, time, perKey, new ConcurrentHashMap<>());
        }

        @Override
        public Rule apply(K key) {
            Limit limit = Objects.requireNonNull(perKey.apply(key), "the limit of a key");
            Rule rule = known.get(limit);
            if (rule != null) return rule;
            List<String> wrong = new ArrayList<>();
            refuse(limit, wrong);
            Rule made = Rule.of(Settings.checked(name, limit, wrong), time);
            if (known.size() < MOST) known.put(limit, made);
            return made;
        }
    }

    private static List<String> problems(int maxKeys) {
        List<String> problems = new ArrayList<>();
        if (maxKeys < 1) problems.add("maxKeys must be at least 1, was " + maxKeys);
        return problems;
    }

    /** S27 c: a key that is not there is full. */
    private static void refuse(Limit limit, List<String> problems) {
        if (limit.beginsBelowBurst()) {
            problems.add("initial must be the burst for keys, which are full when they are not there, was " + limit);
        }
    }

    /**
     * Takes one permit of a key now, or none. Never waits; allocates nothing for a known key, and a refusal writes
     * nothing.
     *
     * @param key the key
     * @return whether it was granted
     */
    public boolean tryAcquire(K key) {
        return tryAcquire(key, 1);
    }

    /**
     * Takes n permits of a key now, or none. Never waits; allocates nothing for a known key, and a refusal writes nothing.
     *
     * @param key the key
     * @param n at least 1
     * @return whether they were granted; more than the limit ever holds never are
     * @throws IllegalArgumentException when n is less than 1
     */
    public boolean tryAcquire(K key, long n) {
        long wait = take(Objects.requireNonNull(key, "key"), Settings.positive(n));
        return counting.granted(wait, n) || settings.shadow();
    }

    /**
     * Takes n permits of a key now, or none, and tells the numbers of that moment. Allocates two small objects.
     *
     * @param key the key
     * @param n at least 1
     * @return the decision; its {@link Decision#limit()} is the limit's name or this limiter's
     * @throws IllegalArgumentException when n is less than 1
     */
    public Decision decide(K key, long n) {
        Answer answer = new Answer();
        long wait = take(Objects.requireNonNull(key, "key"), Settings.positive(n), 0, answer);
        return new Decision(answer, counting.granted(wait, n), name, Decision.Source.LOCAL);
    }

    /**
     * What {@link #decide} would say, without taking anything. A key that is not known stays so; while no place is free,
     * it is told what the overflow has for it.
     *
     * @param key the key
     * @param n at least 1
     * @return a decision whose {@link Decision#remaining()} is what is there
     * @throws IllegalArgumentException when n is less than 1
     */
    public Decision peek(K key, long n) {
        Objects.requireNonNull(key, "key");
        Answer answer = new Answer();
        Meter meter = places.find(key);
        long wait = meter == null ? Meter.SEALED : meter.peek(Settings.positive(n), answer);
        if (wait == Meter.SEALED) wait = places.peek(key, Settings.positive(n), answer);
        return new Decision(answer, wait == Meter.GRANTED, name, Decision.Source.LOCAL);
    }

    /**
     * Takes n permits of a key although they may not be there, for what is known only afterwards: bytes sent, model
     * tokens used. Who asks later with that key pays the debt.
     *
     * @param key the key
     * @param n at least 1; may exceed the burst
     * @throws IllegalArgumentException when n is less than 1
     */
    public void charge(K key, long n) {
        Objects.requireNonNull(key, "key");
        Settings.positive(n);
        for (; ; ) {
            Meter meter = place(key);
            if (meter == null) {
                if (places.chargeSpill(key, n)) break;
            } else {
                if (meter.charge(n)) break;
                places.gone(key, meter);
            }
        }
        counting.charged(n);
    }

    /**
     * This limiter as a gate of a pipeline: the key is read from each call's context. The builder's {@code cost} and
     * {@code maxWait} apply; a key without a place of its own cannot wait.
     *
     * @param key must not return null; runs on the call's thread, again for a call that waits or is refused; what it
     *     throws reaches the caller
     * @return the gate; all of one limiter's gates share its keys
     */
    public Gate by(Function<? super CallContext, ? extends K> key) {
        return new KeyedGate<>(this, settings, Objects.requireNonNull(key, "key"));
    }

    /**
     * How many keys have a place of their own, among them those that are full again and not yet forgotten.
     *
     * @return 0 to the {@code maxKeys} of the builder
     */
    public int keys() {
        return places.size();
    }

    /**
     * What was granted, refused, charged and given back, over all keys: forgetting a key loses none of it. The first look
     * begins to count.
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
     * Name and fill.
     *
     * @return for example {@code keyed rate limiter 'tenant' (keys 17/10000)}
     */
    @Override
    public String toString() {
        return "keyed rate limiter '" + name + "' (keys " + places.size() + "/" + maxKeys + ")";
    }

    // --- inside ---

    long take(K key, long n) {
        for (; ; ) {
            Meter meter = place(key);
            long wait = meter == null ? places.spill(key, n, new Answer()) : meter.take(n);
            if (wait != Meter.SEALED) return wait;
            if (meter != null) places.gone(key, meter);
        }
    }

    long take(K key, long n, long maxWaitNanos, Answer answer) {
        for (; ; ) {
            Meter meter = place(key);
            long wait = meter == null ? places.spill(key, n, answer) : meter.take(n, maxWaitNanos, answer);
            if (wait != Meter.SEALED) return wait;
            if (meter != null) places.gone(key, meter);
        }
    }

    private @Nullable Meter place(K key) {
        Meter meter = places.find(key);
        return meter == null ? places.make(key) : meter;
    }

    /** The longest wait of a call with this key: none without a place. */
    long ownWait(K key) {
        Meter meter = places.find(key);
        if (meter == null) return 0;
        Duration given = settings.maxWait();
        if (given == null) return meter.waits() ? meter.longestWait() : 0;
        return Math.min(meter.longestWait(), TimeSource.nanos(given));
    }

    Limit limit(K key) {
        return places.rule(key).limit();
    }

    Counting counting() {
        return counting;
    }

    TimeSource clock() {
        return time;
    }

    String shownLimit() {
        return shownLimit;
    }
}
