// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.TimeSource;
import dev.resilience.ratelimit.RateLimiter.Carry;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The places of a keyed limiter: at most so many meters, each of one key; the rest spills. */
/* Implementation notes (docs/internals/ratelimit-keyed.md; enumerated by KeyedProtocolTest)
 *
 * K1 A key has at most one meter that grants. An evictor seals a full meter by CAS, counts the eviction of its slot, and
 *    only then removes it; who meets a sealed one does the last two as well and looks again (S27 a).
 * K2 A new place is published as a Claim, then its slot of the overflow is read, then the claim is replaced by a meter
 *    that owes what the slot owes. Whoever meets a claim does the same; a claim is one of its life, so a late one of an
 *    earlier life replaces nothing.
 * K3 A grant in the overflow counts only if the key had no place from before it until after: absent, absent again, and no
 *    eviction of the slot in between. Else the place decides, and the slot stays charged: too much, never too little.
 * K4 The clock is read after the place was looked up, in every turn. A reading from before an eviction would make a
 *    place that is full at an old time, and grant that time's permits once more.
 */
final class Places<K> {
    /** Answer of {@link #spill}: the key has a place now. */
    static final long AGAIN = Meter.SEALED;

    /** How many places are looked at for one that is made. */
    private static final int STEP = 2;

    /** And when there is no room. */
    private static final int STEP_FULL = 8;

    private static final class Claim {
        final Rule rule;

        Claim(Rule rule) {
            this.rule = rule;
        }
    }

    /** A {@link Meter}, or a {@link Claim} for a moment. */
    private final ConcurrentHashMap<K, Object> places = new ConcurrentHashMap<>();

    private final AtomicInteger size = new AtomicInteger();
    private final Ring<K> ring = new Ring<>();
    private final Spill spill;
    private final Function<? super K, Rule> rules;
    private final int maxKeys;
    private final TimeSource time;

    Places(int maxKeys, TimeSource time, Spill spill, Function<? super K, Rule> rules) {
        this.maxKeys = maxKeys;
        this.time = time;
        this.spill = spill;
        this.rules = rules;
    }

    int size() {
        return size.get();
    }

    Rule rule(K key) {
        return Objects.requireNonNull(rules.apply(key), "the limit of a key");
    }

    /** Null when the key has none. */
    @Nullable
    Meter find(K key) {
        Object place = places.get(key);
        if (place instanceof Meter meter) return meter;
        return place == null ? null : open(key, (Claim) place);
    }

    /** A new one; null when there is no room. */
    @Nullable
    Meter make(K key) {
        sweep(STEP);
        if (size.get() >= maxKeys) sweep(STEP_FULL);
        if (size.get() >= maxKeys) return null;
        Claim claim = new Claim(rule(key));
        if (!claim.rule.exact() && !quiet(key, claim.rule)) return null;
        if (size.incrementAndGet() > maxKeys) {
            size.decrementAndGet();
            return null;
        }
        Object first = publish(key, claim);
        if (first == null) return open(key, claim);
        return first instanceof Meter meter ? meter : open(key, (Claim) first);
    }

    /** What was there before the claim, or null. Gives the room back unless the claim is published, also when a key throws. */
    private @Nullable Object publish(K key, Claim claim) {
        boolean published = false;
        try {
            Object first = places.putIfAbsent(key, claim);
            published = first == null;
            if (published) ring.add(key); // not earlier: a sweep would drop a key that has no place
            return first;
        } finally {
            if (!published) size.decrementAndGet();
        }
    }

    private boolean quiet(K key, Rule rule) {
        return spill.fullAt(spill.slotOf(key)) + rule.quietNanos() - time.nanoTime() <= 0;
    }

    /** K2. */
    private @Nullable Meter open(K key, Claim claim) {
        Meter meter = fresh(key, claim.rule);
        if (meter == null) {
            if (places.remove(key, claim)) size.decrementAndGet();
            return null;
        }
        if (places.replace(key, claim, meter)) return meter;
        return places.get(key) instanceof Meter opened ? opened : null;
    }

    /** A place that owes what the slot of the overflow owes; null when it cannot take that over yet. */
    private @Nullable Meter fresh(K key, Rule rule) {
        long fullAt = spill.fullAt(spill.slotOf(key));
        Meter meter = rule.meter(time);
        long owes = fullAt - time.nanoTime();
        if (!rule.exact()) return owes + rule.quietNanos() > 0 ? null : meter;
        if (owes > 0 && rule.gcra() != null) meter.load(owing(meter, owes), Carry.KEEP_DEBT_TIME);
        return meter;
    }

    private static Carried owing(Meter meter, long nanos) {
        Carried carried = new Carried(meter);
        carried.busyNanos = nanos;
        return carried;
    }

    /** K1: what follows on sealing. */
    void gone(K key, Meter sealed) {
        spill.evicted(spill.slotOf(key));
        if (places.remove(key, sealed)) size.decrementAndGet();
    }

    private void sweep(int most) {
        for (int looked = 0; looked < most; looked++) {
            K key = ring.next();
            if (key == null) return;
            boolean keep = true;
            try {
                keep = keeps(key);
            } finally {
                if (keep) ring.add(key);
            }
        }
    }

    private boolean keeps(K key) {
        Object place = places.get(key);
        if (!(place instanceof Meter meter)) return place != null;
        if (!meter.sealIfFull()) return true;
        gone(key, meter);
        return false;
    }

    /** K3. Grants, refuses, or answers {@link #AGAIN}. */
    long spill(K key, long n, Answer answer) {
        int slot = spill.slotOf(key);
        Rule rule = rule(key);
        int evictions = spill.evictions(slot);
        if (places.containsKey(key)) return AGAIN;
        long wait = spill.take(slot, rule, n, answer, true);
        if (wait != Meter.GRANTED) return wait;
        return places.containsKey(key) || spill.evictions(slot) != evictions ? AGAIN : Meter.GRANTED;
    }

    /** Of a key without a place: what one would answer, if there is room for it. */
    long peek(K key, long n, Answer answer) {
        Rule rule = rule(key);
        Meter fresh = size.get() < maxKeys ? fresh(key, rule) : null;
        return fresh == null ? spill.take(spill.slotOf(key), rule, n, answer, false) : fresh.peek(n, answer);
    }

    /** False: the key has a place now, which has to be charged too. */
    boolean chargeSpill(K key, long n) {
        int slot = spill.slotOf(key);
        Rule rule = rule(key);
        int evictions = spill.evictions(slot);
        if (places.containsKey(key)) return false;
        spill.charge(slot, rule, n);
        return !places.containsKey(key) && spill.evictions(slot) == evictions;
    }
}
