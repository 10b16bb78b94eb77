// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.sql.SQLException;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/** One engine's way to a store that others use too: may be cut, may lose answers, may tell another time. */
class Link implements SagaStore {
    private final SagaStore store;
    private volatile boolean down;
    private volatile boolean beatsDown;
    private final AtomicInteger lostWrites = new AtomicInteger();
    private final AtomicInteger lostStarts = new AtomicInteger();
    private final AtomicInteger lostClaims = new AtomicInteger();
    volatile long shiftMs;

    Link(SagaStore store) {
        this.store = store;
    }

    /** From here on no question reaches the store: the engine is dead, frozen or cut off for everybody else. */
    void cut() {
        down = true;
    }

    void mend() {
        down = false;
        beatsDown = false;
    }

    /** Only its heartbeats do not arrive. */
    void cutBeats() {
        beatsDown = true;
    }

    /** The next writes take place, but their acknowledgement is lost. */
    void loseWrites(int count) {
        lostWrites.set(count);
    }

    void loseStarts(int count) {
        lostStarts.set(count);
    }

    void loseClaims(int count) {
        lostClaims.set(count);
    }

    private <T> T asked(AtomicInteger lost, Supplier<T> question) {
        if (down) throw away("cut");
        T answer = question.get();
        if (lost.getAndUpdate(left -> Math.max(0, left - 1)) > 0) throw away("lost");
        if (down) throw away("cut");
        return answer;
    }

    private <T> T asked(Supplier<T> question) {
        return asked(new AtomicInteger(), question);
    }

    private static SagaStoreException away(String how) {
        return new SagaStoreException("link", new SQLException(how));
    }

    @Override
    public Started insert(Start start) {
        return asked(lostStarts, () -> store.insert(start));
    }

    @Override
    public boolean write(Checkpoint checkpoint) {
        return asked(lostWrites, () -> store.write(checkpoint));
    }

    @Override
    public Optional<Loaded> load(SagaRef ref) {
        return asked(() -> store.load(ref));
    }

    @Override
    public List<SagaInstance> heads(Collection<SagaRef> refs) {
        return asked(() -> store.heads(refs));
    }

    @Override
    public List<SagaInstance> owned(String owner) {
        return asked(() -> store.owned(owner));
    }

    @Override
    public List<Loaded> claim(Claim claim) {
        // an answer is only worth losing if it has something in it
        List<Loaded> taken = asked(() -> store.claim(claim));
        if (!taken.isEmpty() && lostClaims.getAndUpdate(left -> Math.max(0, left - 1)) > 0) throw away("lost");
        return taken;
    }

    @Override
    public Beat beat(String owner, long beat, boolean orphans) {
        if (beatsDown) throw away("beat");
        Beat seen = asked(() -> store.beat(owner, beat, orphans));
        return new Beat(seen.clockMs() + shiftMs, seen.beats(), seen.orphans());
    }

    @Override
    public void forget(Collection<String> owners) {
        asked(() -> {
            store.forget(owners);
            return true;
        });
    }

    @Override
    public SagaReply signal(SagaRef ref, Signal signal) {
        return asked(() -> store.signal(ref, signal));
    }

    @Override
    public SagaReply cancel(SagaRef ref, long nowMs) {
        return asked(() -> store.cancel(ref, nowMs));
    }

    @Override
    public List<SagaInstance> list(SagaQuery query) {
        return asked(() -> store.list(query));
    }

    @Override
    public long unclaimable(List<Supported> supported, long nowMs) {
        return asked(() -> store.unclaimable(supported, nowMs));
    }

    @Override
    public int purge(long endedBeforeMs, int limit) {
        return asked(() -> store.purge(endedBeforeMs, limit));
    }

    @Override
    public void close() {}
}
