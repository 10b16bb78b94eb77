// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What a store means, as plainly as it can be said: maps and one lock. Others are compared with it. With a {@link Flaw}
 * it makes a mistake that an author of a store may make.
 */
final class ModelStore implements SagaStore {
    /** Mistakes. */
    enum Flaw {
        IGNORES_THE_OWNER,
        IGNORES_THE_FENCE,
        IGNORES_SEQ,
        IGNORES_THE_STATUS,
        IGNORES_THE_INCARNATION,
        IGNORES_A_CANCELLATION,
        IGNORES_A_SIGNAL,
        WRITES_THE_WRITERS_SIG,
        WRITES_THE_WRITERS_CANCELLATION,
        RAISES_NO_SIG_OF_ITS_WRITER,
        NEVER_CLEARS_A_CANCELLATION,
        APPENDS_LINES_OF_WHAT_IT_REFUSES,
        KEEPS_ONE_LINE_OF_A_CHECKPOINT,
        SORTS_LINES_AS_TEXT,
        TAKES_NOTHING_FOR_NULL,
        CUTS_PAYLOADS,
        REFUSES_A_BATCH_FOR_ONE,
        STARTS_TWICE,
        STARTS_WITHOUT_LOOKING_FIRST,
        ANSWERS_A_LOCK_BEFORE_THE_SAGA,
        IGNORES_LOCKS,
        NEVER_FREES_A_LOCK,
        FOLDS_CASE,
        STRIPS_IDS,
        CLAIMS_WITHOUT_A_NEW_FENCE,
        CLAIMS_OF_THE_LIVING,
        CLAIMS_WHAT_RESTS,
        CLAIMS_WHAT_IS_PAUSED,
        CLAIMS_ANY_VERSION,
        CLAIMS_TOO_MANY,
        CLAIMS_ALL_SUSPECTS,
        CLAIMS_THE_WORST_SUSPECT_FIRST,
        CLAIMS_WITHOUT_COUNTING,
        COUNTS_A_WAKE_UP_AS_A_CLAIM,
        LEAVES_THE_WAKE_UP_TIME,
        CLAIMS_IN_TWO_STEPS,
        WRITES_IN_TWO_STEPS,
        PARKS_IN_TWO_STEPS,
        CANCELS_IN_TWO_STEPS,
        SIGNALS_IN_TWO_STEPS,
        PURGES_IN_TWO_STEPS,
        KEEPS_A_SIGNAL_TWICE,
        WAKES_NOBODY_BY_A_SIGNAL,
        WAKES_LATER_BY_A_SIGNAL,
        WAKES_WHAT_IS_RUN,
        RAISES_NO_SIG_BY_A_SIGNAL,
        RAISES_NO_SIG_BY_A_CANCELLATION,
        TAKES_SIGNALS_OF_THE_ENDED,
        MIXES_UP_SIGNALS,
        CANCELS_AFTER_THE_PIVOT,
        CANCELS_WHAT_IS_UNDONE,
        CANCELS_NOTHING_THAT_IS_PAUSED,
        OWNS_THE_ENDED,
        FORGETS_WHO_OWNS,
        REMEMBERS_WHO_OWNS_NOTHING,
        KNOWS_NO_ORPHANS,
        LISTS_AS_IT_COMES,
        LISTS_ANY_STATUS,
        LISTS_THE_LAST_OF_THE_PAGE_BEFORE,
        COUNTS_THE_CLAIMABLE,
        PURGES_THE_LIVE,
        PURGES_TOO_MANY,
        PURGES_THE_YOUNG,
        PURGES_HEADS_ONLY;

        /** Whether it takes two at the same time to see it. */
        boolean races() {
            return name().endsWith("_IN_TWO_STEPS") || this == STARTS_WITHOUT_LOOKING_FIRST;
        }
    }

    private static final class Row {
        SagaInstance head;
        final Start start;
        final List<JournalEntry> entries;
        final List<Signal> signals;

        Row(Start start, List<JournalEntry> entries, List<Signal> signals) {
            this.head = start.head();
            this.start = start;
            this.entries = entries;
            this.signals = signals;
            this.entries.addAll(start.entries());
        }
    }

    private final Set<Flaw> flaws;
    private final ReentrantLock lock = new ReentrantLock();
    private final Map<SagaRef, Row> rows = new TreeMap<>();
    private final Map<SagaRef, Row> purged = new HashMap<>(); // of a flaw
    private final Map<String, Long> beats = new HashMap<>();

    ModelStore(Flaw... flaws) {
        this.flaws = EnumSet.noneOf(Flaw.class);
        this.flaws.addAll(List.of(flaws));
    }

    private boolean is(Flaw flaw) {
        return flaws.contains(flaw);
    }

    private <T> T locked(Supplier<T> body) {
        lock.lock();
        try {
            return body.get();
        } finally {
            lock.unlock();
        }
    }

    /** A moment in which others may come between, of a store that does in two steps what is one. */
    private void gap(Flaw flaw) {
        if (!is(flaw) || !lock.isHeldByCurrentThread()) return;
        lock.unlock();
        try {
            for (int i = 0; i < 20; i++) Thread.yield();
            LockSupport.parkNanos(100_000); // a processor that is alone goes to somebody else now
        } finally {
            lock.lock();
        }
    }

    private SagaRef key(SagaRef ref) {
        if (is(Flaw.FOLDS_CASE)) return new SagaRef(ref.name(), ref.id().toLowerCase(Locale.ROOT));
        if (is(Flaw.STRIPS_IDS)) return new SagaRef(ref.name(), ref.id().strip());
        return ref;
    }

    private @Nullable Row row(SagaRef ref) {
        return rows.get(key(ref));
    }

    @Override
    public Started insert(Start start) {
        return locked(() -> {
            Row there = row(start.head().ref());
            Row holder = holder(start);
            gap(Flaw.STARTS_WITHOUT_LOOKING_FIRST);
            if (holder != null && (there == null || is(Flaw.ANSWERS_A_LOCK_BEFORE_THE_SAGA)))
                return new Started(null, "", false, holder.head.ref(), holder.head.startedMs());
            if (there != null && !is(Flaw.STARTS_TWICE))
                return new Started(there.head, there.start.inputHash(), false, null, 0);
            Row left = purged.get(key(start.head().ref()));
            rows.put(
                    key(start.head().ref()),
                    new Row(
                            start,
                            left == null ? new ArrayList<>() : left.entries,
                            left == null ? new ArrayList<>() : left.signals));
            return new Started(start.head(), start.inputHash(), true, null, 0);
        });
    }

    private @Nullable Row holder(Start start) {
        String key = start.head().lockKey();
        if (key == null || is(Flaw.IGNORES_LOCKS)) return null;
        for (Row row : rows.values())
            if (key.equals(is(Flaw.NEVER_FREES_A_LOCK) ? row.start.head().lockKey() : row.head.lockKey())
                    && (!row.head.status().ended() || is(Flaw.NEVER_FREES_A_LOCK))) return row;
        return null;
    }

    @Override
    public boolean write(Checkpoint checkpoint) {
        return locked(() -> {
            Row row = row(checkpoint.ref());
            if (row == null) return false;
            boolean accepted = accepts(checkpoint, row.head);
            if (accepted || is(Flaw.APPENDS_LINES_OF_WHAT_IT_REFUSES)) append(row, checkpoint.entries());
            if (!accepted) return false;
            gap(Flaw.WRITES_IN_TWO_STEPS);
            if (checkpoint.unlessSignalled()) gap(Flaw.PARKS_IN_TWO_STEPS);
            row.head = after(checkpoint, row.head);
            return true;
        });
    }

    private void append(Row row, List<JournalEntry> entries) {
        for (JournalEntry entry : entries) {
            byte[] payload = entry.payload();
            if (payload != null && payload.length == 0 && is(Flaw.TAKES_NOTHING_FOR_NULL)) payload = null;
            if (payload != null && payload.length > 65_535 && is(Flaw.CUTS_PAYLOADS))
                payload = java.util.Arrays.copyOf(payload, 65_535);
            row.entries.add(JournalEntry.of(entry.phase(), entry.step())
                    .index(entry.index())
                    .outcome(entry.outcome())
                    .kind(entry.kind())
                    .payload(payload)
                    .text(entry.text())
                    .note(entry.note())
                    .attempts(entry.attempts())
                    .dueMs(entry.dueMs())
                    .at(entry.seq(), entry.ord(), entry.fence(), entry.atMs()));
            if (is(Flaw.KEEPS_ONE_LINE_OF_A_CHECKPOINT)) return;
        }
    }

    /** {@link Checkpoint#accepts}, condition by condition. */
    private boolean accepts(Checkpoint checkpoint, SagaInstance now) {
        SagaInstance seen = checkpoint.seen();
        return (now.seq() == seen.seq() || is(Flaw.IGNORES_SEQ))
                && (now.fence() == seen.fence() || is(Flaw.IGNORES_THE_FENCE))
                && (now.status() == seen.status() || is(Flaw.IGNORES_THE_STATUS))
                && (Objects.equals(now.owner(), seen.owner()) || is(Flaw.IGNORES_THE_OWNER))
                && (now.incarnation().equals(seen.incarnation()) || is(Flaw.IGNORES_THE_INCARNATION))
                && !(checkpoint.unlessCancelled() && now.cancelRequested() && !is(Flaw.IGNORES_A_CANCELLATION))
                && !(checkpoint.unlessSignalled() && now.sig() != seen.sig() && !is(Flaw.IGNORES_A_SIGNAL));
    }

    private SagaInstance after(Checkpoint checkpoint, SagaInstance now) {
        SagaInstance.Builder next = checkpoint.after(now).but();
        if (is(Flaw.WRITES_THE_WRITERS_SIG)) next.sig(checkpoint.next().sig());
        if (is(Flaw.WRITES_THE_WRITERS_CANCELLATION))
            next.cancelRequested(checkpoint.next().cancelRequested());
        if (is(Flaw.RAISES_NO_SIG_OF_ITS_WRITER)) next.sig(now.sig());
        if (is(Flaw.NEVER_CLEARS_A_CANCELLATION)) next.cancelRequested(now.cancelRequested());
        return next.build();
    }

    @Override
    public List<dev.resilience.Outcome<Boolean>> writeAll(List<Checkpoint> checkpoints) {
        if (is(Flaw.REFUSES_A_BATCH_FOR_ONE)
                && !checkpoints.stream().allMatch(c -> {
                    Row row = row(c.ref());
                    return row != null && c.accepts(row.head);
                }))
            return checkpoints.stream()
                    .map(c -> dev.resilience.Outcome.success(false))
                    .toList();
        return SagaStore.super.writeAll(checkpoints);
    }

    @Override
    public Optional<Loaded> load(SagaRef ref) {
        return locked(() -> Optional.ofNullable(row(ref)).map(this::loaded));
    }

    private Loaded loaded(Row row) {
        Comparator<JournalEntry> order = is(Flaw.SORTS_LINES_AS_TEXT)
                ? Comparator.comparing(e -> e.seq() + "." + e.ord())
                : Comparator.comparingLong(JournalEntry::seq).thenComparingInt(JournalEntry::ord);
        List<Signal> signals = new ArrayList<>(row.signals);
        if (is(Flaw.MIXES_UP_SIGNALS)) signals.sort(Comparator.comparing(Signal::key));
        return new Loaded(
                row.head,
                row.start.input(),
                row.start.context(),
                row.entries.stream().sorted(order).toList(),
                signals);
    }

    @Override
    public List<SagaInstance> heads(Collection<SagaRef> refs) {
        return locked(() -> refs.stream()
                .map(this::row)
                .filter(Objects::nonNull)
                .map(r -> r.head)
                .toList());
    }

    @Override
    public List<SagaInstance> owned(String owner) {
        return locked(() -> rows.values().stream()
                .map(r -> r.head)
                .filter(h -> owner.equals(h.owner()) && (!h.status().ended() || is(Flaw.OWNS_THE_ENDED)))
                .toList());
    }

    @Override
    public List<Loaded> claim(Claim claim) {
        return locked(() -> {
            List<Row> orphans = rows.values().stream()
                    .filter(r -> able(r, claim))
                    .filter(r -> r.head.owner() != null)
                    .filter(r -> claim.dead().contains(r.head.owner())
                            || (is(Flaw.CLAIMS_OF_THE_LIVING) && !claim.owner().equals(r.head.owner())))
                    .sorted(
                            is(Flaw.CLAIMS_THE_WORST_SUSPECT_FIRST)
                                    ? Comparator.comparingInt((Row r) -> r.head.claims())
                                            .reversed()
                                    : Comparator.comparingInt(r -> r.head.claims()))
                    .toList();
            List<Row> taken = new ArrayList<>();
            int suspects = 0;
            for (Row row : orphans) {
                if (row.head.claims() >= claim.suspectFrom()
                        && ++suspects > claim.suspects()
                        && !is(Flaw.CLAIMS_ALL_SUSPECTS)) continue;
                taken.add(row);
            }
            rows.values().stream()
                    .filter(r -> able(r, claim) && r.head.owner() == null)
                    .filter(r -> r.head.wakeMs() <= claim.nowMs()
                            || (is(Flaw.CLAIMS_WHAT_RESTS) && r.head.wakeMs() != SagaInstance.NEVER))
                    .sorted(Comparator.comparingLong(r -> r.head.wakeMs()))
                    .forEach(taken::add);
            gap(Flaw.CLAIMS_IN_TWO_STEPS);
            return taken.stream()
                    .limit(is(Flaw.CLAIMS_TOO_MANY) ? claim.limit() + 1 : claim.limit())
                    .map(r -> take(r, claim))
                    .toList();
        });
    }

    private boolean able(Row row, Claim claim) {
        SagaStatus status = row.head.status();
        boolean runs = status == SagaStatus.RUNNING
                || status == SagaStatus.COMPENSATING
                || (status == SagaStatus.PAUSED && is(Flaw.CLAIMS_WHAT_IS_PAUSED));
        return runs && supported(row.head, claim.supported());
    }

    private boolean supported(SagaInstance head, List<Supported> supported) {
        return supported.stream()
                .anyMatch(s -> s.name().equals(head.ref().name())
                        && (is(Flaw.CLAIMS_ANY_VERSION) || (s.from() <= head.version() && head.version() <= s.to())));
    }

    private Loaded take(Row row, Claim claim) {
        boolean dead = row.head.owner() != null;
        boolean counts = dead ? !is(Flaw.CLAIMS_WITHOUT_COUNTING) : is(Flaw.COUNTS_A_WAKE_UP_AS_A_CLAIM);
        SagaInstance.Builder next = row.head
                .but()
                .owner(claim.owner())
                .fence(row.head.fence() + (is(Flaw.CLAIMS_WITHOUT_A_NEW_FENCE) ? 0 : 1))
                .claims(row.head.claims() + (counts ? 1 : 0));
        if (!is(Flaw.LEAVES_THE_WAKE_UP_TIME)) next.wakeMs(SagaInstance.NEVER);
        row.head = next.build();
        return loaded(row);
    }

    @Override
    public Beat beat(String owner, long beat, boolean orphans) {
        return locked(() -> {
            beats.put(owner, beat);
            Set<String> lost = new HashSet<>();
            if (orphans && !is(Flaw.KNOWS_NO_ORPHANS))
                for (Row row : rows.values())
                    if (row.head.owner() != null && !row.head.status().ended() && !beats.containsKey(row.head.owner()))
                        lost.add(row.head.owner());
            return new Beat(System.currentTimeMillis(), Map.copyOf(beats), lost);
        });
    }

    @Override
    public void forget(Collection<String> owners) {
        locked(() -> {
            for (String owner : owners) {
                boolean owns = rows.values().stream()
                        .anyMatch(r -> owner.equals(r.head.owner())
                                && (!r.head.status().ended() || is(Flaw.REMEMBERS_WHO_OWNS_NOTHING)));
                if (!owns || is(Flaw.FORGETS_WHO_OWNS)) beats.remove(owner);
            }
            return true;
        });
    }

    @Override
    public SagaReply signal(SagaRef ref, Signal signal) {
        return locked(() -> {
            Row row = row(ref);
            if (row == null) return SagaReply.UNKNOWN;
            if (row.head.status().ended() && !is(Flaw.TAKES_SIGNALS_OF_THE_ENDED)) return SagaReply.ENDED;
            boolean there = row.signals.stream()
                    .anyMatch(s -> s.name().equals(signal.name()) && s.key().equals(signal.key()));
            if (there && !is(Flaw.KEEPS_A_SIGNAL_TWICE)) return SagaReply.DUPLICATE;
            SagaInstance before = row.head;
            gap(Flaw.SIGNALS_IN_TWO_STEPS);
            row.signals.add(signal);
            nudge(
                    row,
                    is(Flaw.SIGNALS_IN_TWO_STEPS) ? before.sig() : row.head.sig(),
                    !is(Flaw.RAISES_NO_SIG_BY_A_SIGNAL),
                    signal.atMs());
            return SagaReply.ACCEPTED;
        });
    }

    private void nudge(Row row, int sig, boolean raises, long nowMs) {
        boolean wakes = (row.head.owner() == null || is(Flaw.WAKES_WHAT_IS_RUN)) && !is(Flaw.WAKES_NOBODY_BY_A_SIGNAL);
        long wake = is(Flaw.WAKES_LATER_BY_A_SIGNAL) ? nowMs : Math.min(row.head.wakeMs(), nowMs);
        row.head = row.head
                .but()
                .sig(raises ? sig + 1 : sig)
                .wakeMs(wakes ? wake : row.head.wakeMs())
                .build();
    }

    @Override
    public SagaReply cancel(SagaRef ref, long nowMs) {
        return locked(() -> {
            Row row = row(ref);
            if (row == null) return SagaReply.UNKNOWN;
            SagaInstance head = row.head;
            if (head.status().ended()) return SagaReply.ENDED;
            boolean forward = head.status() == SagaStatus.RUNNING
                    || (head.status() == SagaStatus.PAUSED
                            && head.heldFrom() == SagaStatus.RUNNING
                            && !is(Flaw.CANCELS_NOTHING_THAT_IS_PAUSED))
                    || (head.status() == SagaStatus.COMPENSATING && is(Flaw.CANCELS_WHAT_IS_UNDONE));
            if (!forward || (head.pivotPassed() && !is(Flaw.CANCELS_AFTER_THE_PIVOT))) return SagaReply.TOO_LATE;
            if (head.cancelRequested()) return SagaReply.DUPLICATE;
            gap(Flaw.CANCELS_IN_TWO_STEPS);
            row.head = row.head.but().cancelRequested(true).build();
            nudge(row, row.head.sig(), !is(Flaw.RAISES_NO_SIG_BY_A_CANCELLATION), nowMs);
            return SagaReply.ACCEPTED;
        });
    }

    @Override
    public List<SagaInstance> list(SagaQuery query) {
        return locked(() -> {
            List<SagaInstance> found = new ArrayList<>(rows.values().stream()
                    .map(r -> r.head)
                    .filter(h -> query.statuses().contains(h.status()) || is(Flaw.LISTS_ANY_STATUS))
                    .filter(h ->
                            query.name() == null || query.name().equals(h.ref().name()))
                    .filter(h -> h.updatedMs() < query.updatedBeforeMs())
                    .filter(h -> query.after() == null
                            || h.ref().compareTo(query.after()) > (is(Flaw.LISTS_THE_LAST_OF_THE_PAGE_BEFORE) ? -1 : 0))
                    .toList());
            if (is(Flaw.LISTS_AS_IT_COMES))
                found.sort(Comparator.comparingLong(SagaInstance::startedMs).reversed());
            return found.stream().limit(query.limit()).toList();
        });
    }

    @Override
    public long unclaimable(List<Supported> supported, long nowMs) {
        return locked(() -> rows.values().stream()
                .map(r -> r.head)
                .filter(h -> h.status() == SagaStatus.RUNNING || h.status() == SagaStatus.COMPENSATING)
                .filter(h -> h.owner() == null && h.wakeMs() <= nowMs)
                .filter(h -> is(Flaw.COUNTS_THE_CLAIMABLE) || !supported(h, supported))
                .count());
    }

    @Override
    public int purge(long endedBeforeMs, int limit) {
        return locked(() -> {
            List<SagaRef> gone = rows.entrySet().stream()
                    .filter(e -> e.getValue().head.status().ended()
                            || (is(Flaw.PURGES_THE_LIVE) && e.getValue().head.updatedMs() < endedBeforeMs))
                    .filter(e -> e.getValue().head.endedMs() < endedBeforeMs
                            || (is(Flaw.PURGES_THE_LIVE)
                                    && !e.getValue().head.status().ended())
                            || is(Flaw.PURGES_THE_YOUNG))
                    .map(Map.Entry::getKey)
                    .limit(is(Flaw.PURGES_TOO_MANY) ? limit + 1 : limit)
                    .toList();
            gap(Flaw.PURGES_IN_TWO_STEPS);
            int count = 0;
            for (SagaRef ref : gone) {
                Row row = rows.remove(ref);
                if (row == null) continue;
                count++;
                if (is(Flaw.PURGES_HEADS_ONLY)) purged.put(ref, row);
            }
            return is(Flaw.PURGES_IN_TWO_STEPS) ? gone.size() : count;
        });
    }

    @Override
    public void close() {}
}
