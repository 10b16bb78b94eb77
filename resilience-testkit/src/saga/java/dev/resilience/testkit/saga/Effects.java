// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.Op;
import dev.resilience.saga.SagaRef;
import dev.resilience.saga.StepRejectedException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The participants of a saga in a {@link SagaCrashMatrix}: what they did, by idempotency key. They live on when an
 * engine dies, as services elsewhere do. One object for each run.
 *
 * <p>They are what the saga's contract asks of participants: a key that was seen before answers what it answered then
 * and does nothing (G3); an undo of a key that was never seen does nothing and bars the key, so that an action that
 * comes late does nothing either.
 */
public final class Effects {
    private static final Op<String, RuntimeException> NOTHING = () -> "";

    private final Trial trial;
    private final Map<String, Entry> entries = new HashMap<>();

    Effects(Trial trial) {
        this.trial = trial;
    }

    /** Which saga: what engines of one's own need to know. */
    SagaRef saga() {
        return trial.ref();
    }

    /** The definition is there, and says its name. */
    void of(String name) {
        trial.named(name);
    }

    private static final class Entry {
        int made;
        int unmade;
        boolean barred;
        @Nullable Object result;
    }

    /**
     * Makes the effect of a key, once; the crash matrix may let the engine die before it, and after it.
     *
     * @param key as the step's context has it
     * @param effect what is done, and answers the step's result; called once for each key
     * @param <R> the result
     * @param <X> what it throws; then there is no effect
     * @return what the first call answered
     * @throws X as the effect does
     */
    @SuppressWarnings({"unchecked", "NullAway"}) // the result is what an effect of this key has answered
    public <R extends @Nullable Object, X extends Exception> R make(String key, Op<R, X> effect) throws X {
        return (R) call(Key.of(trial.refs(), key), key, effect);
    }

    /**
     * Unmakes the effect of a compensation's key, once.
     *
     * @param key as the compensation's context has it: it ends with {@code /undo}
     */
    public void unmake(String key) {
        Key parsed = Key.of(trial.refs(), key);
        if (!parsed.undo()) throw new IllegalArgumentException("'" + key + "' is no key of a compensation");
        call(parsed, key, NOTHING);
    }

    /**
     * What became of a key, for probes; if nothing did, nothing will: it is barred.
     *
     * @param key an action's
     * @return the result of its effect; empty if there is none
     */
    public Optional<Object> find(String key) {
        Entry entry = entry(Key.of(trial.refs(), key));
        if (entry.made > 0) return Optional.of(entry.result == null ? "" : entry.result);
        entry.barred = true;
        return Optional.empty();
    }

    /**
     * Makes the effect of a transactional step: it is there when the transaction commits. Not idempotent: a transaction
     * that commits twice has made it twice.
     *
     * @param transaction the connection that the step was given
     * @param key as the step's or the compensation's context has it
     * @param effect what is done
     * @param <R> the result
     * @param <X> what it throws
     * @return what the effect answers
     * @throws X as the effect does
     */
    public <R extends @Nullable Object, X extends Exception> R make(Connection transaction, String key, Op<R, X> effect)
            throws X {
        Key parsed = Key.of(trial.refs(), key);
        trial.called(parsed);
        trial.at(trial.life(), Spot.CALL, parsed, false);
        R result = effect.call();
        CrashConnection.of(transaction).onCommit(() -> done(parsed, entry(parsed), result));
        trial.at(trial.life(), Spot.CALLED, parsed, false);
        return result;
    }

    /**
     * A participant of your own behind its interface: every call that has a key among its arguments goes through
     * {@link #make} or, if it is a compensation's key, {@link #unmake}; the implementation need not know about keys.
     * A call without one, or with a key that the saga made up, goes straight to the implementation, and the matrix
     * refuses a saga that makes it: an effect without a key is made again after a crash. A call that only reads is named
     * to {@link SagaCrashMatrix#reads}, a step that does no more than read to {@link SagaCrashMatrix#harmless}.
     *
     * @param face the interface
     * @param implementation a fake or a stub; made anew for each run
     * @param <T> the interface
     * @return what the saga is given
     */
    public <T> T participant(Class<T> face, T implementation) {
        return proxy(face, implementation, true);
    }

    /**
     * As {@link #participant}, but every call reaches the implementation: it has to recognise keys itself, and your
     * check has to look whether it did.
     *
     * @param face the interface
     * @param implementation what is under test together with the saga
     * @param <T> the interface
     * @return what the saga is given
     */
    public <T> T asItIs(Class<T> face, T implementation) {
        return proxy(face, implementation, false);
    }

    private <T> T proxy(Class<T> face, T implementation, boolean once) {
        Objects.requireNonNull(implementation, "implementation");
        for (Method method : face.getMethods())
            if (!method.trySetAccessible())
                throw new IllegalArgumentException(face.getName() + " cannot be called by the crash matrix: open its"
                        + " package to the module dev.resilience.testkit");
        return face.cast(Proxy.newProxyInstance(face.getClassLoader(), new Class<?>[] {face}, (proxy, method, args) -> {
            Op<@Nullable Object, Exception> real = () -> {
                try {
                    method.setAccessible(true); // each call has a Method of its own
                    return method.invoke(implementation, args);
                } catch (InvocationTargetException e) {
                    if (e.getCause() instanceof Error error) throw error;
                    throw e.getCause() instanceof Exception thrown ? thrown : e;
                }
            };
            for (Object arg : args == null ? new Object[0] : args) {
                if (!Key.isOne(trial.refs(), arg)) continue;
                Key key = Key.of(trial.refs(), (String) arg);
                return once ? call(key, (String) arg, real) : callEach(key, real);
            }
            if (method.getDeclaringClass() != Object.class)
                trial.record(new Event.Keyless(Thread.currentThread(), face.getSimpleName() + "." + method.getName()));
            return real.call();
        }));
    }

    private <X extends Exception> @Nullable Object call(Key key, String raw, Op<? extends @Nullable Object, X> effect)
            throws X {
        Entry entry = entry(key);
        trial.called(key);
        trial.at(trial.life(), Spot.CALL, key, !key.undo() && entry.made == 0 && !entry.barred);
        if (!key.undo() && entry.barred) throw new StepRejectedException(raw + " was undone before it came");
        Object result = key.undo() ? null : entry.result;
        if (key.undo() ? entry.unmade == 0 && entry.made > 0 : entry.made == 0) {
            result = effect.call();
            done(key, entry, result);
        }
        if (key.undo() && entry.made == 0) entry.barred = true;
        trial.at(trial.life(), Spot.CALLED, key, false);
        return result;
    }

    private <X extends Exception> @Nullable Object callEach(Key key, Op<? extends @Nullable Object, X> effect) throws X {
        Entry entry = entry(key);
        trial.called(key);
        trial.at(trial.life(), Spot.CALL, key, !key.undo() && entry.made == 0);
        Object result = effect.call();
        if (key.undo() ? entry.unmade == 0 : entry.made == 0) done(key, entry, result);
        trial.at(trial.life(), Spot.CALLED, key, false);
        return result;
    }

    private void done(Key key, Entry entry, @Nullable Object result) {
        if (!key.undo()) entry.result = result;
        trial.record(new Event.Effect(trial.life(), key, key.undo() ? ++entry.unmade : ++entry.made));
    }

    private Entry entry(Key key) {
        return entries.computeIfAbsent(key.action(), k -> new Entry());
    }
}
