// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.Outcome;
import dev.resilience.saga.Checkpoint;
import dev.resilience.saga.SagaInstance;
import dev.resilience.saga.SagaQuery;
import dev.resilience.saga.SagaRef;
import dev.resilience.saga.SagaReply;
import dev.resilience.saga.SagaStore;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/** The store as one {@link Life} sees it: on the run's clock, with boundaries, and out of reach for a dead one. */
final class CrashStore implements SagaStore {
    private final Trial trial;
    private final SagaStore store;
    private final Life life;

    CrashStore(Trial trial, SagaStore store, Life life) {
        this.trial = trial;
        this.store = store;
        this.life = life;
    }

    @Override
    public Started insert(Start start) {
        trial.at(life, Spot.START, "start", false);
        Started started = store.insert(start);
        if (started.created()) trial.record(new Event.Started(life, start.head(), start.entries()));
        trial.at(life, Spot.STARTED, "start", false);
        return started;
    }

    @Override
    public Started insert(Connection transaction, Start start) throws SQLException {
        life.enter();
        return store.insert(transaction, start);
    }

    @Override
    public boolean write(Checkpoint checkpoint) {
        trial.at(life, Spot.WRITE, checkpoint, false);
        boolean taken = store.write(checkpoint);
        if (taken) trial.record(new Event.Written(life, checkpoint));
        trial.at(life, Spot.WRITTEN, checkpoint, false);
        return taken;
    }

    @Override
    public boolean batches() {
        return store.batches();
    }

    @Override
    public List<Outcome<Started>> insertAll(List<Start> starts) {
        trial.at(life, Spot.START, "start", false);
        List<Outcome<Started>> answers = store.insertAll(starts);
        for (int i = 0; i < starts.size(); i++) {
            Start start = starts.get(i);
            if (answers.get(i) instanceof Outcome.Success<Started> told && told.value().created())
                trial.record(new Event.Started(life, start.head(), start.entries()));
        }
        trial.at(life, Spot.STARTED, "start", false);
        return answers;
    }

    @Override
    public List<Outcome<Boolean>> writeAll(List<Checkpoint> checkpoints) {
        trial.at(life, Spot.WRITE, checkpoints, false);
        List<Outcome<Boolean>> answers = store.writeAll(checkpoints);
        for (int i = 0; i < checkpoints.size(); i++)
            if (answers.get(i) instanceof Outcome.Success<Boolean> told && told.value())
                trial.record(new Event.Written(life, checkpoints.get(i)));
        trial.at(life, Spot.WRITTEN, checkpoints, false);
        return answers;
    }

    @Override
    public Connection connection() throws SQLException {
        life.enter();
        Connection real = store.connection();
        trial.connected(life, real);
        return CrashConnection.around(trial, real);
    }

    @Override
    public boolean write(Connection transaction, Checkpoint checkpoint) throws SQLException {
        trial.at(life, Spot.WRITE, checkpoint, false);
        CrashConnection crash = CrashConnection.of(transaction);
        boolean taken = store.write(crash.real(), checkpoint);
        if (taken) crash.onWritten(() -> trial.record(new Event.Written(life, checkpoint)));
        return taken;
    }

    @Override
    public Optional<Loaded> load(SagaRef ref) {
        life.enter();
        Optional<Loaded> loaded = store.load(ref);
        trial.at(life, Spot.LOADED, "load", false);
        return loaded;
    }

    @Override
    public Optional<Loaded> loadSettled(SagaRef ref) {
        life.enter();
        Optional<Loaded> loaded = store.loadSettled(ref);
        trial.at(life, Spot.LOADED, "load after a doubtful write", false);
        return loaded;
    }

    @Override
    public List<SagaInstance> heads(Collection<SagaRef> refs) {
        life.enter();
        return store.heads(refs);
    }

    @Override
    public List<SagaInstance> owned(String owner) {
        life.enter();
        return store.owned(owner);
    }

    @Override
    public List<Loaded> claim(Claim claim) {
        String work = claim.dead().isEmpty() ? "look" : "look for what dead ones left";
        trial.at(life, Spot.LOOK, work, false);
        List<Loaded> claimed = store.claim(claim);
        if (claimed.isEmpty()) {
            trial.at(life, Spot.LOOKED, work, false);
            return claimed;
        }
        for (Loaded one : claimed)
            if (trial.refs().contains(one.head().ref())) trial.record(new Event.Claimed(life, one.head()));
        trial.at(life, Spot.CLAIMED, "claim", false);
        return claimed;
    }

    @Override
    public Beat beat(String owner, long beat, boolean orphans) {
        trial.owner(owner);
        trial.at(life, Spot.BEAT, "beat", false);
        Beat now = store.beat(owner, beat, orphans);
        Beat seen = new Beat(trial.clockMs(), now.beats(), now.orphans());
        trial.at(life, Spot.BEATEN, "beat", false);
        return seen;
    }

    @Override
    public void forget(Collection<String> owners) {
        life.enter();
        store.forget(owners);
    }

    @Override
    public SagaReply signal(SagaRef ref, Signal signal) {
        life.enter();
        return store.signal(ref, signal);
    }

    @Override
    public SagaReply cancel(SagaRef ref, long nowMs) {
        life.enter();
        return store.cancel(ref, nowMs);
    }

    @Override
    public List<SagaInstance> list(SagaQuery query) {
        life.enter();
        return store.list(query);
    }

    @Override
    public long unclaimable(List<Supported> supported, long nowMs) {
        life.enter();
        return store.unclaimable(supported, nowMs);
    }

    @Override
    public int purge(long endedBeforeMs, int limit) {
        return 0; // other runs may look at theirs yet
    }

    @Override
    public void close() {
        // shared by the engines of the run
    }

    @Override
    public String toString() {
        return store + " as " + life + " sees it";
    }
}
