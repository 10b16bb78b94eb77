// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The listeners of a policy, for those who write policies: told one after the other on the thread that has something to
 * tell, outside of locks; what one throws is reported and keeps nothing from the others (L5).
 *
 * {@snippet class="dev.resilience.ListenersTest" region="listeners"}
 *
 * <p>Thread-safe. Asking whether anybody listens is one volatile read, so that nothing need be made for nobody.
 *
 * @param <L> the type of the listeners
 */
public final class Listeners<L> {
    private static final VarHandle ALL = Handles.field(MethodHandles.lookup(), Listeners.class, "all", Object[].class);

    private final Policy owner;
    private final String what;
    /** Each one in a subscription of its own; null for none. */
    private volatile Object @Nullable [] all;

    /**
     * Without a listener yet.
     *
     * @param owner in whose name an exception is reported
     * @param what the listeners, for that report, as in "a rejection listener"
     */
    public Listeners(Policy owner, String what) {
        this.owner = Objects.requireNonNull(owner, "owner");
        this.what = Objects.requireNonNull(what, "what");
    }

    /** An identity of its own: the same listener may subscribe twice and leave once. */
    private final class Listening implements Subscription {
        private final L listener;

        Listening(L listener) {
            this.listener = listener;
        }

        @Override
        public void close() {
            for (; ; ) {
                Object[] seen = all;
                int at = seen == null ? -1 : Arrays.asList(seen).indexOf(this);
                if (seen == null || at < 0 || ALL.compareAndSet(Listeners.this, seen, without(seen, at))) return;
            }
        }
    }

    private static Object @Nullable [] without(Object[] seen, int at) {
        if (seen.length == 1) return null;
        Object[] fewer = Arrays.copyOf(seen, seen.length - 1);
        System.arraycopy(seen, at + 1, fewer, at, fewer.length - at);
        return fewer;
    }

    /**
     * One listener more, told after those before it. Costs the length of the list.
     *
     * @param listener may be in the list already, and is told once more then
     * @return ends this subscription and no other
     */
    public Subscription add(L listener) {
        Listening listening = new Listening(Objects.requireNonNull(listener, "listener"));
        for (; ; ) {
            Object[] seen = all;
            Object[] more = seen == null ? new Object[1] : Arrays.copyOf(seen, seen.length + 1);
            more[more.length - 1] = listening;
            if (ALL.compareAndSet(this, seen, more)) return listening;
        }
    }

    /**
     * Whether there is nobody to tell.
     *
     * @return true when no listener is subscribed at this moment
     */
    public boolean isEmpty() {
        return all == null;
    }

    /**
     * Whether one of them wants to hear what is yet to be made. A listener that throws does not.
     *
     * @param interested asks one of them; when it captures nothing, nothing is allocated
     * @return false when nobody listens
     */
    public boolean any(Predicate<? super L> interested) {
        Object[] seen = all;
        if (seen == null) return false;
        for (Object each : seen) {
            if (interested(interested, each)) return true;
        }
        return false;
    }

    @SuppressWarnings("unchecked") // nothing else is ever put into the list
    private boolean interested(Predicate<? super L> interested, Object listening) {
        try {
            return interested.test(((Listening) listening).listener);
        } catch (Throwable thrown) {
            owner.report(what, thrown);
            return false;
        }
    }

    /**
     * Tells all who are subscribed at this moment.
     *
     * @param call tells one of them
     */
    public void tell(Consumer<? super L> call) {
        Object[] seen = all;
        if (seen == null) return;
        for (Object each : seen) tell(call, each);
    }

    @SuppressWarnings("unchecked") // nothing else is ever put into the list
    private void tell(Consumer<? super L> call, Object listening) {
        try {
            call.accept(((Listening) listening).listener);
        } catch (Throwable thrown) {
            owner.report(what, thrown);
        }
    }
}
