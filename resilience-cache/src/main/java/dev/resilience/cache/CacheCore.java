// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.CallContext;
import dev.resilience.ContextCapture;
import dev.resilience.Op;
import dev.resilience.Policy;
import dev.resilience.TimeSource;
import dev.resilience.cache.Entry.Failed;
import dev.resilience.cache.Hooks.Reason;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** The verbs of a loading cache, for its face and for the parts around it. What they do to a key is {@link Protocol}. */
final class CacheCore<K, V extends @Nullable Object> {
    private static final int MOST_TAG_RECORDS = 1 << 18;

    final CacheEvents<K, V> hooks;
    final Protocol<K, V> protocol;
    final Executor executor;
    final TimeSource time;
    final Background<K, V> background;
    final String who;
    private final Freshness freshness;
    private final Entries<K, V> entries;
    private final Landed<K, V> landed;
    private final @Nullable Loader<K, V> own;
    private final @Nullable Refresher<? super K, V> refresher;
    private final @Nullable Policy through;
    private final List<ContextCapture> captures;
    private final long softNanos;
    private final Flight.Mode mode;

    CacheCore(CacheSettings<K, V> b, @Nullable Loader<K, V> own, CacheEvents<K, V> hooks) {
        this.who = b.who();
        this.hooks = hooks;
        this.time = b.time;
        this.executor = b.executor == null ? Hands.loads() : b.executor;
        this.own = own;
        this.refresher = b.refresher;
        this.through = b.through;
        this.captures = List.copyOf(b.captures);
        this.softNanos = b.softDeadline == null ? Entry.ETERNAL : Saturating.nanos(b.softDeadline);
        this.mode = b.softDeadline == null ? Flight.Mode.CALLER : Flight.Mode.WORKER;
        this.freshness = Freshness.of(b);
        this.entries = new Entries<>(b, freshness);
        this.landed = new Landed<>(b, entries, freshness, hooks);
        long hard = Saturating.nanos(b.hardDeadline);
        FlightRules rules = new FlightRules(
                new FlightRules.Owner(b.name, who, b.time), hard, b.maxAbandoned(), hard != Entry.ETERNAL);
        Flights<K, V> flights = new Flights<>(rules, b.time, landed);
        this.protocol = new Protocol<>(b.boundStore(hooks), flights, new Tags(MOST_TAG_RECORDS));
        landed.into(protocol);
        this.background = new Background<>(this, b.refreshesAtOnce, b.refreshesQueued);
    }

    // --- reading ---

    /**
     * A hit that needs neither clock nor tags is all that stands here. The smaller it is the more likely the JVM inlines
     * it where the type of the key is known, and {@code hashCode} and {@code equals} become direct calls.
     */
    @Nullable
    V get(K key, Loader<? super K, ? extends V> loader) {
        Entry<V> dirty = hooks.dirty(key);
        Entry<V> found = dirty != null ? dirty : protocol.store.get(key);
        if (found != null && !found.timed && (dirty != null || protocol.plainlyVisible(found))) {
            hooks.hit(key);
            return found.value;
        }
        return getFrom(key, loader, found);
    }

    private @Nullable V getFrom(K key, Loader<? super K, ? extends V> loader, @Nullable Entry<V> found) {
        Entry<V> entry = served(key, loader, found != null && protocol.visible(found) ? found : null);
        return entry != null ? entry.value : await(key, loader);
    }

    CompletableFuture<V> getAsync(K key, Loader<? super K, ? extends V> loader) {
        Entry<V> entry;
        try {
            entry = serve(key, loader);
            if (entry == null) return new AsyncGet<>(this, key, loader).start();
        } catch (CacheLoadException | IllegalStateException failed) {
            return CompletableFuture.failedFuture(failed);
        }
        return completed(entry.value);
    }

    @SuppressWarnings("NullAway") // null is an answer
    static <V extends @Nullable Object> CompletableFuture<V> completed(@Nullable V value) {
        return CompletableFuture.completedFuture(value);
    }

    /**
     * Step 1: the entry to serve without waiting, null to load.
     *
     * @throws CacheLoadException a failure that is still remembered
     */
    @Nullable
    Entry<V> serve(K key, Loader<? super K, ? extends V> loader) {
        return served(key, loader, known(key));
    }

    private @Nullable Entry<V> served(K key, Loader<? super K, ? extends V> loader, @Nullable Entry<V> entry) {
        if (entry != null) {
            if (!entry.timed) {
                hooks.hit(key);
                return entry;
            }
            if (judged(key, loader, entry, time.nanoTime())) return entry;
        }
        hooks.missed(key);
        return null;
    }

    private boolean judged(K key, Loader<? super K, ? extends V> loader, Entry<V> entry, long now) {
        switch (freshness.judge(entry, now)) {
            case FRESH -> hooks.hit(key);
            case REFRESH -> {
                hooks.hit(key);
                background.refresh(key, loader, entry);
            }
            case STALE -> {
                hooks.servedStale(key, null);
                if (!Freshness.holdsBack(entry, now)) background.refresh(key, loader, entry);
            }
            case ON_ERROR -> {
                Failed failed = landed.holdsBack(entry, now);
                if (failed == null) return false;
                hooks.servedStale(key, failed.cause());
            }
            case USELESS -> {
                Failed failed = landed.holdsBack(entry, now);
                if (failed == null) return false;
                throw CacheLoadException.remembered(
                        who, Duration.ofNanos(Math.max(0, now - failed.atNanos())), failed.cause());
            }
        }
        return true;
    }

    /** What has not been written yet comes before what is stored. */
    private @Nullable Entry<V> known(K key) {
        Entry<V> dirty = hooks.dirty(key);
        return dirty != null ? dirty : protocol.lookup(key);
    }

    /** The entry that a read would serve without waiting; starts nothing, counts nothing. */
    @Nullable
    Entry<V> visible(K key) {
        Entry<V> entry = known(key);
        if (entry == null || !entry.timed) return entry;
        long now = time.nanoTime();
        boolean served = servable(entry, now) || (landed.usable(entry, now) && landed.holdsBack(entry, now) != null);
        return served ? entry : null;
    }

    private boolean servable(Entry<V> entry, long now) {
        return switch (freshness.judge(entry, now)) {
            case FRESH, REFRESH, STALE -> true;
            case ON_ERROR, USELESS -> false;
        };
    }

    // --- loading ---

    private @Nullable V await(K key, Loader<? super K, ? extends V> loader) {
        for (; ; ) {
            Boarded<K, V> boarded;
            try {
                boarded = boardFor(key, mode);
            } catch (LoadRejectedException full) {
                return insteadOfLoading(key, full).value;
            }
            Flight<K, V> flight = boarded.flight;
            try {
                if (boarded.leads && mode == Flight.Mode.CALLER) return answer(boarded, lead(flight, loader));
                if (boarded.leads) launch(flight, loader);
                Entry<V> stale = softly(boarded);
                if (stale != null) return stale.value;
                if (!flight.await(Long.MAX_VALUE, CallContext.root()) || outdated(boarded)) continue;
                return answer(boarded, flight.result());
            } catch (CacheLoadException failed) {
                return instead(boarded, failed);
            }
        }
    }

    private @Nullable V lead(Flight<K, V> flight, Loader<? super K, ? extends V> loader) {
        Loading<V> loading = Loading.of(flight);
        return flight.lead(() -> load(flight.key, loader, loading));
    }

    void launch(Flight<K, V> flight, Loader<? super K, ? extends V> loader) {
        Loading<V> loading = Loading.of(flight);
        flight.launch(executor, carried().around(() -> load(flight.key, loader, loading)));
    }

    /** The flight of a key, with a seat in it. */
    static final class Boarded<K, V extends @Nullable Object> {
        final Flight<K, V> flight;
        final boolean leads;
        /** The sequence of tags before. */
        final long seq;

        Boarded(Flight<K, V> flight, boolean leads, long seq) {
            this.flight = flight;
            this.leads = leads;
            this.seq = seq;
        }
    }

    /**
     * Step 2.
     *
     * @throws LoadRejectedException when too many loads were given up and still run
     */
    Boarded<K, V> boardFor(K key, Flight.Mode how) {
        for (; ; ) {
            Boarded<K, V> boarded = board(key, how);
            if (boarded != null) return boarded;
        }
    }

    private @Nullable Boarded<K, V> board(K key, Flight.Mode how) {
        long seq = protocol.tags.seq();
        boolean displaced = protocol.displace(key);
        Flight<K, V> there = protocol.flights.board(key);
        if (there != null) return new Boarded<>(there, false, seq);
        Loading<V> loading = protocol.capture(displaced ? Loading.Kind.DISPLACING : Loading.Kind.NEEDED, null);
        Flight<K, V> opened = protocol.flights.open(key, loading, how);
        return opened == null ? null : new Boarded<>(opened, true, seq);
    }

    /** A tag of what it brought was invalidated after its load began and before this caller boarded. */
    boolean outdated(Boarded<K, V> boarded) {
        return !boarded.leads && protocol.outdated(Loading.of(boarded.flight), boarded.seq);
    }

    /** Steps 3 and 4, on the thread that runs the load. */
    @SuppressWarnings("NullAway") // null is an answer
    V load(K key, Loader<? super K, ? extends V> loader, Loading<V> loading) throws Exception {
        Entry<V> there = found(key, loading);
        if (loading.found) return there == null ? null : there.value;
        Policy policy = through;
        if (policy == null) return ask(key, loader, loading);
        return policy.<V, Exception>call(() -> ask(key, loader, loading));
    }

    private V ask(K key, Loader<? super K, ? extends V> loader, Loading<V> loading) throws Exception {
        Entry<V> stale = loading.stale();
        V value = stale == null ? null : stale.value;
        if (refresher == null || value == null || loader != own) return loader.load(key);
        return refresher.refresh(key, value);
    }

    /** Step 3: looks again, after the registration; what is there now ends the load. */
    private @Nullable Entry<V> found(K key, Loading<V> loading) {
        Entry<V> dirty = hooks.dirty(key);
        if (dirty != null) {
            loading.found = true;
            return dirty;
        }
        Entry<V> there = protocol.lookAgain(key, loading);
        if (there == null) return null;
        long now = time.nanoTime();
        Failed failed = there.failed == null ? null : landed.holdsBack(there, now);
        if (there != loading.refreshed && (servable(there, now) || (failed != null && landed.usable(there, now)))) {
            loading.answered = there.tagged;
            loading.found = true;
            return there;
        }
        if (failed != null) {
            loading.known = failed;
            loading.found = true;
        }
        return null;
    }

    /** The caller's time is up: a stale value, or null to go on waiting. The seat stays taken and the load goes on. */
    private @Nullable Entry<V> softly(Boarded<K, V> boarded) {
        if (softNanos == Entry.ETERNAL) return null;
        Flight.End end = boarded.flight.rest(softNanos, CallContext.root());
        return end == Flight.End.LATE ? staleFor(boarded, null) : null;
    }

    /** A value past its time that may be served to who has boarded; null for none. */
    @Nullable
    Entry<V> staleFor(Boarded<K, V> boarded, @Nullable Throwable why) {
        K key = boarded.flight.key;
        Entry<V> stale = protocol.lookup(key);
        if (stale == null || !stale.hasValue())
            stale = Loading.of(boarded.flight).stale();
        if (stale == null || !landed.usable(stale, time.nanoTime())) return null;
        boolean older = !boarded.leads && !protocol.tags.valid(stale.tagged);
        if (older) return null;
        hooks.servedStale(key, why);
        return stale;
    }

    /**
     * A load that is refused is one that failed: for those who may get a stale value.
     *
     * @throws LoadRejectedException when there is none
     */
    Entry<V> insteadOfLoading(K key, LoadRejectedException full) {
        Entry<V> stale = protocol.lookup(key);
        if (stale == null || !landed.usable(stale, time.nanoTime())) throw full;
        hooks.servedStale(key, full);
        return stale;
    }

    /** Counts what a caller got: the flight may have answered a failure with a stale value. */
    @Nullable
    V answer(Boarded<K, V> boarded, @Nullable V value) {
        Throwable failure = Loading.of(boarded.flight).failure;
        if (failure != null) hooks.servedStale(boarded.flight.key, failure);
        return value;
    }

    /** A load that has failed has answered already; one that was given up could not. */
    @Nullable
    V instead(Boarded<K, V> boarded, CacheLoadException failed) {
        Loading<V> loading = Loading.of(boarded.flight);
        if (loading.failure != null || loading.found) throw failed;
        landed.expired(boarded.flight, failed.getCause());
        Entry<V> stale = staleFor(boarded, failed.getCause());
        if (stale == null) throw failed;
        return stale.value;
    }

    /**
     * A load that somebody else runs, for several keys at once: ended by {@link Flight#land}. Null: the key is there, or
     * somebody loads it already; {@link #get} it.
     */
    @Nullable
    Flight<K, V> begin(K key, Loading.Kind kind) {
        protocol.displace(key);
        Loading<V> loading = protocol.capture(kind, null);
        Flight<K, V> flight = protocol.flights.open(key, loading, Flight.Mode.OUTSIDE);
        if (flight == null) return null;
        Entry<V> there;
        try {
            there = found(key, loading);
        } catch (Throwable broken) { // the store or the key: nobody else would end the flight
            flight.land(null, broken);
            flight.leave();
            throw broken;
        }
        if (!loading.found) return flight;
        flight.land(there == null ? null : there.value, null);
        return null;
    }

    /**
     * Waits for a load that this caller has {@linkplain #begin begun} and somebody else runs, as {@link #get} does.
     *
     * @param seq the sequence of tags before it was begun
     */
    @Nullable
    V await(Flight<K, V> begun, long seq, Loader<? super K, ? extends V> loader) {
        Boarded<K, V> boarded = new Boarded<>(begun, true, seq);
        try {
            Entry<V> stale = softly(boarded);
            if (stale != null) return stale.value;
            if (!begun.await(Long.MAX_VALUE, CallContext.root())) return get(begun.key, loader);
            return answer(boarded, begun.result());
        } catch (CacheLoadException failed) {
            return instead(boarded, failed);
        }
    }

    /** Runs a load for several keys through the policy that protects loads. */
    <M> M protect(Op<M, Exception> load) throws Exception {
        Policy policy = through;
        return policy == null ? load.call() : policy.<M, Exception>call(load);
    }

    Carried carried() {
        return Carried.take(who, captures);
    }

    long softNanos() {
        return softNanos;
    }

    // --- writing ---

    void put(K key, V value) {
        hooks.putting(key, value);
        publish(key, prepare(key, value));
    }

    /** As {@link #put} without asking the writer. */
    void place(K key, V value) {
        publish(key, prepare(key, value));
    }

    /** A live entry that nobody sees yet; null when it is not to be kept. */
    @Nullable
    Entry<V> prepare(K key, V value) {
        Loading<V> captured = protocol.capture(Loading.Kind.NEEDED, null);
        Entry<V> entry = captured.entry;
        entry.epoch = captured.epoch;
        boolean wanted = entries.fill(entry, key, value, time.nanoTime(), 0);
        wanted &= entries.tag(entry, key, value, captured.startSeq);
        if (!wanted) return null;
        entry.publish();
        return entry;
    }

    /** Null removes what is there. */
    void publish(K key, @Nullable Entry<V> entry) {
        protocol.put(key, entry);
    }

    void invalidate(K key, Reason reason) {
        protocol.invalidate(key);
        hooks.invalidated(key, reason);
    }

    void invalidateTag(String tag, Reason reason) {
        protocol.invalidateTag(tag, time);
        hooks.tagInvalidated(tag, reason);
    }

    void invalidateAll(Reason reason) {
        protocol.clear();
        hooks.allInvalidated(reason);
    }

    /** Removes an entry if it has this very value; loads under way go on. */
    boolean drop(K key, V seen) {
        return protocol.drop(key, seen);
    }

    /** How it stands, for a snapshot. */
    CacheSnapshot.Now now(int dirty, int late) {
        Flights<K, V> flights = protocol.flights;
        long entriesNow = protocol.store.estimatedSize();
        return new CacheSnapshot.Now(
                entriesNow, flights.size(), flights.abandoned(), flights.oldestNanos(), dirty, late);
    }

    /** Nothing is refreshed any more. */
    void close() {
        background.close();
        hooks.closed();
    }
}
