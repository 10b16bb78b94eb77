// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.ManualTime;
import dev.resilience.testkit.ratelimit.RateLimitStoreContract;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The contract's tests fail for stores that break it: each mistake is one that a store's author may make. */
class FlawedStoreTest {
    enum Flaw {
        NONE,
        ONE_DEBT_FOR_ALL_KEYS,
        CHARGES_REFUSALS,
        READS_A_LAGGING_COPY,
        DECIDES_WHEN_AWAITED_FROM_WHAT_WAS_READ_BEFORE,
        NEVER_PAYS,
        PAYS_TWICE,
        GIVES_CREDIT,
        TAKES_TICKS_FOR_NANOS,
        FORCES_WITHOUT_BOUND,
        REFUSES_WHAT_IS_FORCED,
        A_TICK_TOO_MUCH,
        TELLS_THE_DEBT_BEFORE_THE_COST
    }

    private static final class FlawedStore implements RateLimitStore {
        private record Debt(long at, double nanos) {}

        private final Map<String, Debt> debts = new ConcurrentHashMap<>();
        private final Map<String, Debt> before = new ConcurrentHashMap<>();
        private final ReentrantLock lock = new ReentrantLock();
        private final Flaw flaw;
        private final ManualTime time;

        FlawedStore(Flaw flaw, ManualTime time) {
            this.flaw = flaw;
            this.time = time;
        }

        @Override
        public CompletionStage<Reply> decide(Request request) {
            if (flaw == Flaw.DECIDES_WHEN_AWAITED_FROM_WHAT_WAS_READ_BEFORE) {
                double seen = owed(request);
                return new CompletableFuture<>() {
                    @Override
                    public Reply get(long timeout, java.util.concurrent.TimeUnit unit) {
                        return write(request, seen);
                    }
                };
            }
            lock.lock();
            try {
                return CompletableFuture.completedFuture(write(request, owed(request)));
            } finally {
                lock.unlock();
            }
        }

        private String key(Request request) {
            return flaw == Flaw.ONE_DEBT_FOR_ALL_KEYS ? "all" : request.key();
        }

        /** Nanoseconds. */
        private double owed(Request request) {
            Debt debt = debts.get(key(request));
            if (flaw == Flaw.READS_A_LAGGING_COPY) debt = before.getOrDefault(key(request), debt);
            if (debt == null) return 0;
            double elapsed = time.nanoTime() - debt.at;
            if (flaw == Flaw.NEVER_PAYS) elapsed = 0;
            if (flaw == Flaw.PAYS_TWICE) elapsed *= 2;
            double left = debt.nanos - elapsed;
            return flaw == Flaw.GIVES_CREDIT ? left : Math.max(0, left);
        }

        private Reply write(Request request, double owed) {
            double ticks = flaw == Flaw.TAKES_TICKS_FOR_NANOS ? 1 : request.ticksPerNano();
            double then = owed * ticks + request.costTicks();
            double slack = flaw == Flaw.A_TICK_TOO_MUCH ? 1 : 0;
            boolean granted = then <= request.allowedTicks() + slack;
            if (request.isForced() && flaw != Flaw.REFUSES_WHAT_IS_FORCED) {
                granted = true;
                if (flaw != Flaw.FORCES_WITHOUT_BOUND) then = Math.min(then, request.allowedTicks());
            }
            if (request.costTicks() > 0 && (granted || flaw == Flaw.CHARGES_REFUSALS)) {
                Debt old = debts.put(key(request), new Debt(time.nanoTime(), then / ticks));
                if (old != null) before.put(key(request), old);
            }
            double told = granted && flaw != Flaw.TELLS_THE_DEBT_BEFORE_THE_COST ? then : owed * ticks;
            long debt = (long) Math.max(0, told);
            return granted ? Reply.granted(debt) : Reply.refused(debt);
        }
    }

    private static final class Contract extends RateLimitStoreContract {
        private final ManualTime time = ManualTime.create();
        private final RateLimitStore store;

        Contract(Flaw flaw) {
            store = new FlawedStore(flaw, time);
        }

        @Override
        protected RateLimitStore store() {
            return store;
        }

        @Override
        protected void pass(Duration duration) {
            time.advance(duration);
        }
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void each_mistake_is_caught(Flaw flaw) throws Exception {
        assertThat(failing(flaw))
                .as("tests of the contract that fail for %s", flaw)
                .isNotEmpty();
    }

    @Test
    void without_a_mistake_nothing_fails() throws Exception {
        assertThat(failing(Flaw.NONE)).isEmpty();
    }

    private static Set<String> failing(Flaw flaw) throws Exception {
        Set<String> failing = new TreeSet<>();
        for (Method test : RateLimitStoreContract.class.getMethods()) {
            if (!test.isAnnotationPresent(Test.class)) continue;
            try {
                test.invoke(new Contract(flaw));
            } catch (InvocationTargetException thrown) {
                assertThat(thrown.getCause()).isInstanceOf(AssertionError.class);
                failing.add(test.getName());
            }
        }
        return failing;
    }
}
