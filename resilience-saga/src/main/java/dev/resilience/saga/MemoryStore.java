// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.TimeSource;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A journal in memory with the meaning of one in a database. Writes replace a saga's state by compare-and-set: no lock,
 * but the one of lock keys where there are any. Those that wait are kept in the order of their wake-up, so that asking
 * for what is due costs nothing for those that are not.
 */
final class MemoryStore implements SagaStore {
    private final TimeSource time;
    private final long originMs;
    private final long originNanos;
    private final Map<SagaRef, MemorySaga> all = new ConcurrentHashMap<>();
    private final Map<SagaRef, MemorySaga> live = new ConcurrentHashMap<>();
    private final NavigableSet<Due> due = new ConcurrentSkipListSet<>();
    private final Map<String, Long> beats = new ConcurrentHashMap<>();
    private final Map<String, SagaRef> locks = new ConcurrentHashMap<>();
    private final ReentrantLock locking = new ReentrantLock();

    MemoryStore(TimeSource time) {
        this.time = time;
        // the calendar, read once: for people who read times of sagas; what decides is the monotonic distance from here
        this.originMs = InstantSource.system().millis();
        this.originNanos = time.nanoTime();
    }

    /** When to look at which saga; unique for each state of a head, so that removing an old one never removes a new one. */
    private record Due(long wakeMs, SagaRef ref, long fence, long seq, int sig) implements Comparable<Due> {
        private static final Comparator<Due> ORDER = Comparator.comparingLong(Due::wakeMs)
                .thenComparing(Due::ref)
                .thenComparingLong(Due::fence)
                .thenComparingLong(Due::seq)
                .thenComparingInt(Due::sig);

        static @Nullable Due of(SagaInstance head) {
            if (head.wakeMs() == SagaInstance.NEVER || head.owner() != null || !runs(head)) return null;
            return new Due(head.wakeMs(), head.ref(), head.fence(), head.seq(), head.sig());
        }

        @Override
        public int compareTo(Due other) {
            return ORDER.compare(this, other);
        }
    }

    private static boolean runs(SagaInstance head) {
        return head.status() == SagaStatus.RUNNING || head.status() == SagaStatus.COMPENSATING;
    }

    long nowMs() {
        return originMs + (time.nanoTime() - originNanos) / 1_000_000;
    }

    @Override
    public Started insert(Start start) {
        String lockKey = start.head().lockKey();
        if (lockKey == null) return insertUnlocked(start);
        locking.lock();
        try {
            MemorySaga there = all.get(start.head().ref());
            if (there != null) return thereAlready(there);
            SagaRef holder = locks.get(lockKey);
            MemorySaga held = holder == null ? null : live.get(holder);
            if (held != null && holds(held.head(), lockKey))
                return new Started(
                        null, start.inputHash(), false, holder, held.head().startedMs());
            Started started = insertUnlocked(start);
            if (started.created()) locks.put(lockKey, start.head().ref());
            return started;
        } finally {
            locking.unlock();
        }
    }

    private static boolean holds(SagaInstance head, String lockKey) {
        return !head.status().ended() && lockKey.equals(head.lockKey());
    }

    private Started insertUnlocked(Start start) {
        SagaInstance head = start.head();
        MemorySaga made = new MemorySaga(start);
        MemorySaga there = all.putIfAbsent(head.ref(), made);
        if (there != null) return thereAlready(there);
        live.put(head.ref(), made);
        if (made.head().status().ended()) live.remove(head.ref(), made);
        moved(made, null, made.head());
        return new Started(head, start.inputHash(), true, null, 0);
    }

    private static Started thereAlready(MemorySaga there) {
        return new Started(there.head(), there.inputHash, false, null, 0);
    }

    @Override
    public boolean write(Checkpoint checkpoint) {
        MemorySaga saga = all.get(checkpoint.ref());
        if (saga == null) return false;
        for (; ; ) {
            MemorySaga.State seen = saga.state();
            if (!checkpoint.accepts(seen.head())) return false;
            MemorySaga.State next = MemorySaga.written(seen, checkpoint);
            if (!saga.replace(seen, next)) continue;
            moved(saga, seen.head(), next.head());
            return true;
        }
    }

    /** Keeps the lists of those that wait, live and lock in step with a head that has just changed. */
    private void moved(MemorySaga saga, @Nullable SagaInstance before, SagaInstance now) {
        Due was = before == null ? null : Due.of(before);
        Due is = Due.of(now);
        if (is != null) due.add(is);
        if (was != null && !was.equals(is)) due.remove(was);
        if (is != null && saga.head() != now && !is.equals(Due.of(saga.head()))) due.remove(is);
        if (before == null || !now.status().ended()) return;
        live.remove(now.ref(), saga);
        if (before.lockKey() != null) unlock(before.lockKey());
    }

    private void unlock(String lockKey) {
        locking.lock();
        try {
            SagaRef holder = locks.get(lockKey);
            MemorySaga saga = holder == null ? null : all.get(holder);
            if (holder != null && (saga == null || !holds(saga.head(), lockKey))) locks.remove(lockKey, holder);
        } finally {
            locking.unlock();
        }
    }

    @Override
    public Optional<Loaded> load(SagaRef ref) {
        MemorySaga saga = all.get(ref);
        return saga == null ? Optional.empty() : Optional.of(saga.loaded(saga.state()));
    }

    @Override
    public List<SagaInstance> heads(Collection<SagaRef> refs) {
        List<SagaInstance> heads = new ArrayList<>(refs.size());
        for (SagaRef ref : refs) {
            MemorySaga saga = all.get(ref);
            if (saga != null) heads.add(saga.head());
        }
        return heads;
    }

    @Override
    public List<SagaInstance> owned(String owner) {
        List<SagaInstance> heads = new ArrayList<>();
        for (MemorySaga saga : live.values()) {
            SagaInstance head = saga.head();
            if (!head.status().ended() && owner.equals(head.owner())) heads.add(head);
        }
        return heads;
    }

    @Override
    public List<Loaded> claim(Claim claim) {
        List<Loaded> taken = new ArrayList<>();
        if (!claim.dead().isEmpty()) claimOfDead(claim, taken);
        for (Iterator<Due> it = due.iterator(); it.hasNext() && taken.size() < claim.limit(); ) {
            Due next = it.next();
            if (next.wakeMs() > claim.nowMs()) break;
            MemorySaga saga = all.get(next.ref());
            if (saga == null || !next.equals(Due.of(saga.head()))) {
                it.remove(); // its saga has moved on since
            } else if (supports(claim.supported(), saga.head())) {
                take(saga, claim, head -> next.equals(Due.of(head)), 0, taken);
            }
        }
        return taken;
    }

    private void claimOfDead(Claim claim, List<Loaded> taken) {
        List<MemorySaga> found = new ArrayList<>();
        for (MemorySaga saga : live.values()) if (isOfDead(saga.head(), claim)) found.add(saga);
        found.sort(Comparator.<MemorySaga>comparingInt(saga -> saga.head().claims())
                .thenComparing(saga -> saga.head().ref()));
        int suspects = 0;
        for (MemorySaga saga : found) {
            if (taken.size() >= claim.limit()) return;
            boolean suspect = saga.head().claims() >= claim.suspectFrom();
            if (suspect && suspects >= claim.suspects()) return;
            if (take(saga, claim, head -> isOfDead(head, claim), 1, taken) && suspect) suspects++;
        }
    }

    private static boolean isOfDead(SagaInstance head, Claim claim) {
        return runs(head)
                && head.owner() != null
                && claim.dead().contains(head.owner())
                && supports(claim.supported(), head);
    }

    private boolean take(MemorySaga saga, Claim claim, Predicate<SagaInstance> still, int claims, List<Loaded> taken) {
        MemorySaga.Change change = saga.change(seen -> {
            SagaInstance head = seen.head();
            if (!still.test(head)) return seen;
            return seen.with(head.but()
                    .owner(claim.owner())
                    .fence(head.fence() + 1)
                    .wakeMs(SagaInstance.NEVER)
                    .claims(head.claims() + claims)
                    .sealed());
        });
        if (!change.made()) return false;
        moved(saga, change.before().head(), change.after().head());
        taken.add(saga.loaded(change.after()));
        return true;
    }

    private static boolean supports(List<Supported> supported, SagaInstance head) {
        for (Supported one : supported)
            if (one.name().equals(head.ref().name()) && one.from() <= head.version() && head.version() <= one.to())
                return true;
        return false;
    }

    @Override
    public Beat beat(String owner, long beat, boolean orphans) {
        beats.put(owner, beat);
        Set<String> without = new HashSet<>();
        if (orphans) {
            for (MemorySaga saga : live.values()) {
                String of = saga.head().owner();
                if (of != null && !beats.containsKey(of)) without.add(of);
            }
        }
        return new Beat(nowMs(), Map.copyOf(beats), without);
    }

    @Override
    public void forget(Collection<String> owners) {
        for (String owner : owners) if (owned(owner).isEmpty()) beats.remove(owner);
    }

    @Override
    public SagaReply signal(SagaRef ref, Signal signal) {
        MemorySaga saga = all.get(ref);
        if (saga == null) return SagaReply.UNKNOWN;
        MemorySaga.Change change =
                saga.change(seen -> seen.head().status().ended() ? seen : MemorySaga.signalled(seen, signal));
        if (change.made()) moved(saga, change.before().head(), change.after().head());
        else if (change.after().head().status().ended()) return SagaReply.ENDED;
        else return SagaReply.DUPLICATE;
        return SagaReply.ACCEPTED;
    }

    @Override
    public SagaReply cancel(SagaRef ref, long nowMs) {
        MemorySaga saga = all.get(ref);
        if (saga == null) return SagaReply.UNKNOWN;
        MemorySaga.Change change = saga.change(seen -> cancellable(seen.head()) != SagaReply.ACCEPTED
                ? seen
                : seen.with(MemorySaga.woken(seen.head(), nowMs)
                        .cancelRequested(true)
                        .sealed()));
        if (!change.made()) return cancellable(change.after().head());
        moved(saga, change.before().head(), change.after().head());
        return SagaReply.ACCEPTED;
    }

    private static SagaReply cancellable(SagaInstance head) {
        if (head.status().ended()) return SagaReply.ENDED;
        SagaStatus as = head.status() == SagaStatus.PAUSED ? head.heldFrom() : head.status();
        if (as != SagaStatus.RUNNING || head.pivotPassed()) return SagaReply.TOO_LATE;
        return head.cancelRequested() ? SagaReply.DUPLICATE : SagaReply.ACCEPTED;
    }

    @Override
    public List<SagaInstance> list(SagaQuery query) {
        boolean ended = query.statuses().stream().anyMatch(SagaStatus::ended);
        List<SagaInstance> found = new ArrayList<>();
        for (MemorySaga saga : (ended ? all : live).values()) {
            SagaInstance head = saga.head();
            if (matches(head, query)) found.add(head);
        }
        found.sort(Comparator.comparing(SagaInstance::ref));
        return found.size() <= query.limit() ? found : List.copyOf(found.subList(0, query.limit()));
    }

    private static boolean matches(SagaInstance head, SagaQuery query) {
        SagaRef after = query.after();
        return query.statuses().contains(head.status())
                && (query.name() == null || query.name().equals(head.ref().name()))
                && (query.updatedBeforeMs() == SagaInstance.NEVER || head.updatedMs() < query.updatedBeforeMs())
                && (after == null || head.ref().compareTo(after) > 0);
    }

    @Override
    public long count(SagaStatus status) {
        long count = 0;
        for (MemorySaga saga : (status.ended() ? all : live).values())
            if (saga.head().status() == status) count++;
        return count;
    }

    @Override
    public long unclaimable(List<Supported> supported, long nowMs) {
        long count = 0;
        for (Due next : due) {
            if (next.wakeMs() > nowMs) break;
            MemorySaga saga = all.get(next.ref());
            if (saga != null && next.equals(Due.of(saga.head())) && !supports(supported, saga.head())) count++;
        }
        return count;
    }

    @Override
    public int purge(long endedBeforeMs, int limit) {
        int purged = 0;
        for (Iterator<MemorySaga> it = all.values().iterator(); it.hasNext() && purged < limit; ) {
            MemorySaga saga = it.next();
            SagaInstance head = saga.head();
            if (!head.status().ended() || head.endedMs() >= endedBeforeMs) continue;
            // who has ended stays so, but its id may be another saga's by now
            if (all.remove(head.ref(), saga)) purged++;
        }
        return purged;
    }

    @Override
    public void close() {} // shared by engines, and gone with the last of them

    @Override
    public String toString() {
        return "memory store of " + all.size() + " sagas";
    }
}
