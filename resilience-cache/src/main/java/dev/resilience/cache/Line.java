// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.Subscription;
import dev.resilience.TimeSource;
import dev.resilience.cache.Backplane.Kind;
import dev.resilience.cache.Backplane.Message;
import dev.resilience.cache.Held.Basis;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One node's end of the backplane. Without a backplane the line is dead for ever.
 *
 * <p>Events are numbered: the beginning of each load, and each message. Whether a copy is older than a gap is decided by
 * these numbers and not by the clock, whose readings may be equal.
 */
final class Line implements Backplane.Listener {
    private final String cache;
    private final String node = UUID.randomUUID().toString();
    private final TimeSource time;
    private final long maxStaleNanos;
    private final AtomicReference<Link> link = new AtomicReference<>(Link.unheard());
    private final AtomicLong stamps = new AtomicLong();
    private final LongAdder gaps = new LongAdder();
    private @Nullable Open open;

    /** What there is only with a backplane. */
    private record Open(
            Backplane backplane,
            Through through,
            Consumer<Message> apply,
            Executor executor,
            AtomicReference<@Nullable Subscription> subscription) {}

    private volatile boolean closed;
    private volatile TimeSource.@Nullable Timer beat;

    Line(String cache, TimeSource time, long maxStaleNanos) {
        this.cache = cache;
        this.time = time;
        this.maxStaleNanos = maxStaleNanos;
    }

    /** Subscribes and begins to beat; once, before the cache is handed out. */
    void open(Backplane backplane, Through through, Executor executor, Consumer<Message> apply) {
        Open opened = new Open(backplane, through, apply, time.watched(executor), new AtomicReference<>());
        this.open = opened;
        opened.subscription.set(backplane.subscribe(this));
        beat();
    }

    private Link link() {
        return Objects.requireNonNull(link.get());
    }

    long stamp() {
        return stamps.get();
    }

    /** For work that begins now. */
    Basis basis() {
        return new Basis(stamps.incrementAndGet(), time.nanoTime());
    }

    boolean trusts(Held<?> held) {
        long now = time.nanoTime();
        return held.isSure(now) && link().trusts(held.basis, now, maxStaleNanos);
    }

    boolean isUseful(Held<?> held) {
        return held.isUseful(time.nanoTime(), maxStaleNanos);
    }

    boolean alive() {
        return link().alive(time.nanoTime());
    }

    /** There is a backplane, and it is silent. */
    boolean lost() {
        return open != null && !alive();
    }

    long gaps() {
        return gaps.sum();
    }

    /** Completes when the others have been sent word; at once when there is nobody. */
    CompletableFuture<Void> publish(Kind kind, String text) {
        Open to = open;
        if (to == null) return CompletableFuture.completedFuture(null);
        return to.through.call(() -> to.backplane.publish(Message.of(cache, node, kind, text)));
    }

    private void beat() {
        if (closed) return;
        CompletableFuture<?> unused = publish(Kind.HEARTBEAT, Long.toString(time.nanoTime()));
        beat = time.schedule(this::handOver, Link.BEAT_NANOS);
        if (closed) stopBeating(); // close() may have come too early for this one
    }

    /** On the timer's thread (L6). */
    private void handOver() {
        Open to = open;
        if (to == null || closed) return;
        Hands.execute(to.executor, this::beat, refused -> {
            Guest.threw("tiered cache '" + cache + "'", "the executor", refused);
            beat = time.schedule(this::handOver, Link.BEAT_NANOS);
        });
    }

    @Override
    public void received(String channel, long number, Message message) {
        long stamp = stamps.incrementAndGet();
        boolean first = link().channel() == null;
        link.updateAndGet(l -> l.heard(channel, number, message.kind(), stamp));
        if (!first && link().trusted() == stamp) gaps.increment();
        if (message.node().equals(node)) {
            if (message.kind() == Kind.HEARTBEAT) echo(message.text(), stamp);
        } else if (message.kind() != Kind.HEARTBEAT && message.cache().equals(cache)) {
            apply(message);
        }
    }

    private void echo(String sentAt, long stamp) {
        long sent = Long.parseLong(sentAt);
        long now = time.nanoTime();
        link.updateAndGet(l -> l.echo(sent, now, stamp));
    }

    private void apply(Message message) {
        Open from = open;
        if (from == null || closed) return;
        try {
            from.apply.accept(message);
        } catch (Throwable thrown) {
            Guest.threw("tiered cache '" + cache + "'", "a message's key", thrown);
            gap(); // whatever it was about may be out of date
        }
    }

    @Override
    public void gap() {
        long stamp = stamps.incrementAndGet();
        gaps.increment();
        link.updateAndGet(l -> l.broken(stamp));
    }

    private void stopBeating() {
        TimeSource.Timer running = beat;
        if (running != null) running.cancel();
    }

    void close() {
        closed = true;
        stopBeating();
        Open opened = open;
        Subscription subscription = opened == null ? null : opened.subscription.getAndSet(null);
        if (subscription != null) subscription.close();
    }
}
