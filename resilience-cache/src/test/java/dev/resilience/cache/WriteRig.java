// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.Backoff;
import dev.resilience.cache.Writer.Change;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** Write-behind with a clock that stands still, an executor that the test drains, and a source whose writes the test ends. */
final class WriteRig implements BehindWrites.Told<String, Integer>, Writes.Copies<String, Integer> {
    static final Duration DELAY = Duration.ofMillis(100);
    static final Duration TIMEOUT = Duration.ofSeconds(10);
    static final Duration PAUSE = Duration.ofMillis(1000);

    final ManualTime time = ManualTime.create();
    final DrainedTime unwatched = new DrainedTime(time);

    final Deque<Runnable> tasks = new ConcurrentLinkedDeque<>();
    /** What the source holds. */
    final Map<String, Integer> source = new ConcurrentHashMap<>();
    /** Writes under way, in the order of their start. */
    final List<Call> calls = new CopyOnWriteArrayList<>();
    /** All writes that were ever started, as "key=value". */
    final List<String> started = new CopyOnWriteArrayList<>();

    final Map<String, Copy> store = new ConcurrentHashMap<>();
    final List<String> told = new CopyOnWriteArrayList<>();
    private final Map<String, Long> versions = new ConcurrentHashMap<>();
    final BehindWrites<String, Integer> writes;

    /** The cached copy of a value. */
    static final class Copy {
        final Integer value;
        volatile boolean dead;

        Copy(Integer value) {
            this.value = value;
        }
    }

    /** One write under way. */
    final class Call {
        final List<Change<String, Integer>> changes;
        final CompletableFuture<Void> stage = new CompletableFuture<>();

        Call(List<Change<String, Integer>> changes) {
            this.changes = changes;
        }

        void apply() {
            for (Change<String, Integer> each : changes) {
                if (each.isDelete()) source.remove(each.key());
                else source.put(each.key(), each.value());
            }
        }

        void succeed() {
            apply();
            end();
            stage.complete(null);
        }

        void fail() {
            end();
            stage.completeExceptionally(new IllegalStateException("down"));
        }

        private void end() {
            calls.remove(this);
        }
    }

    static WriteBehind settings() {
        return WriteBehind.after(DELAY).backoff(Backoff.constant(PAUSE)).timeout(TIMEOUT);
    }

    WriteRig(WriteBehind settings) {
        Writer<String, Integer> writer = Writer.async(this::write);
        this.writes = new BehindWrites<>(
                new DirectWrite<>("users", writer, unwatched), settings.executor(tasks::add), this, this);
    }

    WriteRig() {
        this(settings());
    }

    private CompletionStage<Void> write(List<Change<String, Integer>> changes) {
        Set<String> keys = new HashSet<>();
        for (Change<String, Integer> each : changes) {
            if (!keys.add(each.key())) throw new AssertionError("two changes of one key in a batch");
            for (Call other : calls)
                for (Change<String, Integer> flying : other.changes)
                    if (flying.key().equals(each.key())) throw new AssertionError("two writes of one key at once");
            Long before = versions.put(each.key(), each.version());
            if (before != null && before > each.version()) throw new AssertionError("an older change after a newer");
            started.add(each.key() + "=" + each.value());
        }
        Call call = new Call(changes);
        calls.add(call);
        return call.stage;
    }

    /** Runs what was handed over, and what that hands over. */
    void run() {
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) task.run();
    }

    void advance(Duration by) {
        time.advance(by);
        run();
    }

    Call call(String key) {
        for (Call each : calls) if (each.changes.get(0).key().equals(key)) return each;
        throw new AssertionError("no write of " + key + " under way");
    }

    /** What a read answers: the store's copy, else the dirty value, else what is in the source. */
    @Nullable
    Integer read(String key) {
        Copy copy = store.get(key);
        if (copy != null && !copy.dead) return copy.value;
        return readPastStore(key);
    }

    @Nullable
    Integer readPastStore(String key) {
        Change<String, Integer> dirty = writes.dirty(key);
        return dirty == null ? source.get(key) : dirty.value();
    }

    @Override
    public Object prepare(String key, Integer value) {
        return new Copy(value);
    }

    @Override
    public void publish(String key, @Nullable Object copy) {
        if (copy == null) store.remove(key);
        else if (!((Copy) copy).dead) store.put(key, (Copy) copy);
    }

    @Override
    public void kill(Object copy) {
        ((Copy) copy).dead = true;
    }

    @Override
    public void drop(String key) {
        store.remove(key);
        told.add("drop " + key);
    }

    @Override
    public void written(List<Change<String, Integer>> changes) {
        told.add("written " + keys(changes));
    }

    @Override
    public void writeFailed(List<Change<String, Integer>> changes, Throwable thrown, int failures) {
        told.add("failed " + keys(changes) + " " + failures + " " + thrown.getMessage());
    }

    @Override
    public void writeLate(List<Change<String, Integer>> changes, long ageNanos) {
        told.add("late " + keys(changes));
    }

    private static String keys(List<Change<String, Integer>> changes) {
        return String.join("+", changes.stream().map(Change::key).toList());
    }
}
