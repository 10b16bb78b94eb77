// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A store in which a test may do something at each write, and that has transactions for steps that want one. */
class SeamStore implements SagaStore {
    final SagaStore inner;
    Consumer<Checkpoint> before = checkpoint -> {};
    Consumer<Checkpoint> after = checkpoint -> {};
    int writes;
    int loads;
    int commits;
    int rollbacks;
    int opened;
    int closed;

    /** Before commit: what a commit that fails throws. */
    java.util.concurrent.Callable<Boolean> commit = () -> true;

    private @Nullable Checkpoint pending;

    @Nullable
    Checkpoint pending() {
        return pending;
    }

    SeamStore(SagaStore inner) {
        this.inner = inner;
    }

    @Override
    public boolean write(Checkpoint checkpoint) {
        before.accept(checkpoint);
        writes++;
        boolean written = inner.write(checkpoint);
        after.accept(checkpoint);
        return written;
    }

    /** Its writes take place at the commit; guards are looked at when it writes. */
    @Override
    public Connection connection() {
        opened++;
        return (Connection) Proxy.newProxyInstance(
                SeamStore.class.getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, args) -> {
                    switch (method.getName()) {
                        case "commit" -> {
                            boolean lands = commit.call();
                            Checkpoint written = pending;
                            pending = null;
                            if (written != null && lands) inner.write(written);
                            commits++;
                            if (!lands) throw new java.sql.SQLException("connection lost");
                        }
                        case "rollback" -> {
                            pending = null;
                            rollbacks++;
                        }
                        case "close" -> closed++;
                        case "toString" -> {
                            return "a transaction";
                        }
                        default -> throw new UnsupportedOperationException(method.getName());
                    }
                    return null;
                });
    }

    @Override
    public boolean write(Connection transaction, Checkpoint checkpoint) {
        before.accept(checkpoint);
        writes++;
        boolean accepted =
                checkpoint.accepts(inner.load(checkpoint.ref()).orElseThrow().head());
        pending = accepted ? checkpoint : null;
        return accepted;
    }

    @Override
    public Started insert(Start start) {
        return inner.insert(start);
    }

    @Override
    public Optional<Loaded> load(SagaRef ref) {
        loads++;
        return inner.load(ref);
    }

    @Override
    public List<SagaInstance> heads(Collection<SagaRef> refs) {
        return inner.heads(refs);
    }

    @Override
    public List<SagaInstance> owned(String owner) {
        return inner.owned(owner);
    }

    @Override
    public List<Loaded> claim(Claim claim) {
        return inner.claim(claim);
    }

    @Override
    public Beat beat(String owner, long beat, boolean orphans) {
        return inner.beat(owner, beat, orphans);
    }

    @Override
    public void forget(Collection<String> owners) {
        inner.forget(owners);
    }

    @Override
    public SagaReply signal(SagaRef ref, Signal signal) {
        return inner.signal(ref, signal);
    }

    @Override
    public SagaReply cancel(SagaRef ref, long nowMs) {
        return inner.cancel(ref, nowMs);
    }

    @Override
    public List<SagaInstance> list(SagaQuery query) {
        return inner.list(query);
    }

    @Override
    public long unclaimable(List<Supported> supported, long nowMs) {
        return inner.unclaimable(supported, nowMs);
    }

    @Override
    public int purge(long endedBeforeMs, int limit) {
        return inner.purge(endedBeforeMs, limit);
    }

    @Override
    public void close() {
        inner.close();
    }
}
