// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** A gate in its place in a pipeline: the one blocking and the one staged body that all gates share. */
final class GateNode extends Node {
    private final Gate gate;
    private final Node next;
    private final Link link;

    GateNode(Gate gate, Node next, Link link) {
        this.gate = gate;
        this.next = next;
        this.link = link;
    }

    @Override
    <T extends @Nullable Object> T call(ContextOp<T, ?> op, CallContext context) throws Exception {
        boolean timed = gate.timed();
        long at = now(timed);
        long permit = gate.tryAdmit(context, at);
        if (permit < 0) {
            if (permit != Gate.WAIT) throw gate.rejected(context, permit);
            permit = Admissions.notAtOnce(gate, context, permit);
            at = now(timed); // admitted after the wait
        }
        return proceed(op, context, permit, at, timed);
    }

    /**
     * {@link #call} for the face of a gate that stands alone. A method of its own, which compilers put into that face: a
     * refusal is then thrown where it is caught. Leaving a frame by an exception costs more than making the exception.
     */
    <T extends @Nullable Object> T enter(ContextOp<T, ?> op, CallContext context) throws Exception {
        boolean timed = gate.timed();
        long at = now(timed);
        long permit = gate.tryAdmit(context, at);
        if (permit < 0 && permit != Gate.WAIT) throw gate.rejected(context, permit);
        return admitted(op, context, permit, at, timed);
    }

    private <T extends @Nullable Object> T admitted(
            ContextOp<T, ?> op, CallContext context, long permit, long at, boolean timed) throws Exception {
        if (permit >= 0) return proceed(op, context, permit, at, timed);
        long granted = Admissions.notAtOnce(gate, context, permit);
        return proceed(op, context, granted, now(timed), timed);
    }

    /** Like {@link #call}, but a refusal makes no exception until somebody asks for it. */
    @Override
    <T extends @Nullable Object> Outcome<T> outcome(ContextOp<? extends T, ?> op, CallContext context) {
        boolean timed = gate.timed();
        try {
            long at = now(timed);
            long permit = gate.tryAdmit(context, at);
            if (permit < 0) {
                if (permit != Gate.WAIT) return gate.refusedOutcome(context, permit);
                permit = Admissions.notAtOnce(gate, context, permit);
                at = now(timed);
            }
            return Outcome.success(proceed(op, context, permit, at, timed));
        } catch (Throwable thrown) {
            return Outcome.failure(thrown);
        }
    }

    private long now(boolean timed) {
        return timed ? gate.time().nanoTime() : 0;
    }

    private <T extends @Nullable Object> T proceed(
            ContextOp<T, ?> op, CallContext context, long permit, long at, boolean timed) throws Exception {
        if (gate.abandonedLease() != 0 || context.scope() != null) {
            InterruptScope.OfWorker worker = InterruptScope.OfWorker.around(context.scope());
            if (gate.abandonedLease() != 0 || worker != null) {
                return held(op, context, new Permit.Admission(permit, at, timed), worker);
            }
        }
        T value;
        try {
            value = next.call(op, context);
        } catch (Throwable thrown) {
            settle(context, permit, at, timed, null, Handles.unwrap(thrown));
            throw thrown;
        }
        settle(context, permit, at, timed, value, null);
        return value;
    }

    private void settle(
            CallContext context,
            long permit,
            long at,
            boolean timed,
            @Nullable Object value,
            @Nullable Throwable thrown) {
        gate.settled(permit, at, now(timed), gate.verdict(link.failures(), context, value, thrown), value, thrown);
    }

    private <T extends @Nullable Object> T held(
            ContextOp<T, ?> op,
            CallContext context,
            Permit.Admission admission,
            InterruptScope.@Nullable OfWorker worker)
            throws Exception {
        Held held = new Held(context.scope(), gate, admission, worker);
        if (worker != null && worker.left()) held.leave(); // before it could be told
        T value;
        try {
            value = next.call(op, context.scoped(held));
        } catch (Throwable thrown) {
            end(held, context, null, Handles.unwrap(thrown));
            throw thrown;
        }
        end(held, context, value, null);
        return value;
    }

    private void end(Held held, CallContext context, @Nullable Object value, @Nullable Throwable thrown) {
        held.end(gate.verdict(link.failures(), context, value, thrown), value, thrown);
    }

    @Override
    <T extends @Nullable Object> CompletionStage<T> callAsync(
            ContextOp<? extends CompletionStage<T>, ?> op, CallContext context) {
        try {
            boolean timed = gate.timed();
            long at = now(timed);
            long permit = gate.tryAdmit(context, at);
            if (permit >= 0) return proceedAsync(op, context, permit, at, timed);
            if (permit != Gate.WAIT) return CompletableFuture.failedFuture(gate.rejected(context, permit));
            return waitAsync(op, context, timed);
        } catch (Throwable broken) {
            return CompletableFuture.failedFuture(broken);
        }
    }

    private <T extends @Nullable Object> CompletionStage<T> waitAsync(
            ContextOp<? extends CompletionStage<T>, ?> op, CallContext context, boolean timed) {
        return new Admissions.Queued(gate, context, link.workers())
                .enter()
                .thenCompose(permit -> proceedAsync(op, context, permit, now(timed), timed));
    }

    private <T extends @Nullable Object> CompletionStage<T> proceedAsync(
            ContextOp<? extends CompletionStage<T>, ?> op, CallContext context, long permit, long at, boolean timed) {
        if (gate.abandonedLease() != 0) return heldAsync(op, context, new Permit.Admission(permit, at, timed));
        CompletionStage<T> stage = next.callAsync(op, context);
        CompletableFuture<T> done = Stages.done(stage);
        if (done != null) {
            Throwable thrown = Stages.thrown(done);
            settle(context, permit, at, timed, thrown == null ? done.getNow(null) : null, thrown);
            return stage;
        }
        Settling<T> settling = new Settling<>(this, context, permit, at, timed);
        Stages.onEnd(stage, settling);
        return settling;
    }

    private <T extends @Nullable Object> CompletionStage<T> heldAsync(
            ContextOp<? extends CompletionStage<T>, ?> op, CallContext context, Permit.Admission admission) {
        Held held = new Held(context.scope(), gate, admission, null);
        CompletionStage<T> stage = next.callAsync(op, context.scoped(held));
        CompletableFuture<T> done = Stages.done(stage);
        if (done != null) {
            Throwable thrown = Stages.thrown(done);
            end(held, context, thrown == null ? done.getNow(null) : null, thrown);
            return stage;
        }
        CompletableFuture<T> settling = new CompletableFuture<>();
        Stages.onEnd(stage, (value, wrapped) -> {
            Throwable thrown = Handles.unwrapOrNull(wrapped);
            end(held, context, value, thrown);
            Stages.complete(settling, value, thrown);
        });
        return settling;
    }

    /** An admitted call under way: settles before anybody outside sees the outcome. */
    private static final class Settling<T extends @Nullable Object> extends CompletableFuture<T>
            implements BiConsumer<T, @Nullable Throwable> {
        private final GateNode node;
        private final CallContext context;
        private final long permit;
        private final long at;
        private final boolean timed;

        Settling(GateNode node, CallContext context, long permit, long at, boolean timed) {
            this.node = node;
            this.context = context;
            this.permit = permit;
            this.at = at;
            this.timed = timed;
        }

        @Override
        public void accept(T value, @Nullable Throwable wrapped) {
            Throwable thrown = Handles.unwrapOrNull(wrapped);
            node.settle(context, permit, at, timed, value, thrown);
            Stages.complete(this, value, thrown);
        }
    }
}
