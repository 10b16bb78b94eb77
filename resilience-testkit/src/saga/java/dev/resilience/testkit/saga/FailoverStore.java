// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.saga.Checkpoint;
import dev.resilience.saga.SagaInstance;
import dev.resilience.saga.SagaQuery;
import dev.resilience.saga.SagaRef;
import dev.resilience.saga.SagaReply;
import dev.resilience.saga.SagaStore;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * A journal that can go back by its newest commits while engines run, as by a failover to a replica that lags (C16):
 * what is left is made again, commit by commit, in an empty store.
 */
final class FailoverStore implements SagaStore {
    private final Supplier<SagaStore> empty;
    private final List<Commit> log = new ArrayList<>();
    private SagaStore store;
    private int commits;

    /** {@code counts}: it changed a saga; a heartbeat is lost with what came before it. */
    private record Commit(Consumer<SagaStore> again, boolean counts, boolean start) {}

    FailoverStore(Supplier<SagaStore> empty) {
        this.empty = empty;
        this.store = empty.get();
    }

    /** How many commits changed a saga. */
    int commits() {
        return commits;
    }

    /** Loses the newest commits, but no start and nothing before it. */
    void lose(int newest) {
        int cut = log.size();
        int lost = 0;
        for (int i = log.size() - 1; i >= 0 && lost < newest && !log.get(i).start; i--) {
            if (!log.get(i).counts) continue;
            lost++;
            cut = i;
        }
        if (lost == 0) return;
        commits -= lost;
        log.subList(cut, log.size()).clear();
        store = empty.get();
        for (Commit commit : log) commit.again.accept(store);
    }

    private void counted(Consumer<SagaStore> again, boolean start) {
        log.add(new Commit(again, true, start));
        commits++;
    }

    @Override
    public Started insert(Start start) {
        Started started = store.insert(start);
        if (started.created()) counted(s -> s.insert(start), true);
        return started;
    }

    @Override
    public boolean write(Checkpoint checkpoint) {
        boolean taken = store.write(checkpoint);
        if (taken) counted(s -> s.write(checkpoint), false);
        return taken;
    }

    @Override
    public List<Loaded> claim(Claim claim) {
        List<Loaded> claimed = store.claim(claim);
        if (!claimed.isEmpty()) counted(s -> s.claim(claim), false);
        return claimed;
    }

    @Override
    public SagaReply signal(SagaRef ref, Signal signal) {
        SagaReply reply = store.signal(ref, signal);
        if (reply == SagaReply.ACCEPTED) counted(s -> s.signal(ref, signal), false);
        return reply;
    }

    @Override
    public SagaReply cancel(SagaRef ref, long nowMs) {
        SagaReply reply = store.cancel(ref, nowMs);
        if (reply == SagaReply.ACCEPTED) counted(s -> s.cancel(ref, nowMs), false);
        return reply;
    }

    @Override
    public Beat beat(String owner, long beat, boolean orphans) {
        log.add(new Commit(s -> s.beat(owner, beat, false), false, false));
        return store.beat(owner, beat, orphans);
    }

    @Override
    public void forget(Collection<String> owners) {
        List<String> gone = List.copyOf(owners);
        log.add(new Commit(s -> s.forget(gone), false, false));
        store.forget(gone);
    }

    @Override
    public Optional<Loaded> load(SagaRef ref) {
        return store.load(ref);
    }

    @Override
    public List<SagaInstance> heads(Collection<SagaRef> refs) {
        return store.heads(refs);
    }

    @Override
    public List<SagaInstance> owned(String owner) {
        return store.owned(owner);
    }

    @Override
    public List<SagaInstance> list(SagaQuery query) {
        return store.list(query);
    }

    @Override
    public long unclaimable(List<Supported> supported, long nowMs) {
        return store.unclaimable(supported, nowMs);
    }

    @Override
    public int purge(long endedBeforeMs, int limit) {
        return 0; // nothing of a run is old
    }

    @Override
    public void close() {
        store.close();
    }

    @Override
    public String toString() {
        return "failover of " + store;
    }
}
