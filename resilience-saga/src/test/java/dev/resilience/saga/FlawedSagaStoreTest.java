// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.resilience.saga.ModelStore.Flaw;
import dev.resilience.testkit.saga.SagaStoreContract;
import dev.resilience.testkit.saga.SagaStoreRaces;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The contract's tests fail for stores that break it: each mistake is one that a store's author may make. */
class FlawedSagaStoreTest {
    private static final class Contract extends SagaStoreContract {
        private final SagaStore store;

        Contract(Flaw... flaws) {
            store = new ModelStore(flaws);
        }

        @Override
        protected SagaStore store() {
            return store;
        }
    }

    @ParameterizedTest
    @EnumSource
    void each_mistake_is_caught(Flaw flaw) throws Exception {
        // a race may be missed by chance, but not a hundred times in a row
        for (int i = 0; i < (flaw.races() ? 100 : 1); i++) if (fails(flaw)) return;
        fail("no test of the contract fails for " + flaw);
    }

    @Test
    void without_a_mistake_nothing_fails() throws Exception {
        assertThat(fails()).isFalse();
    }

    /** Whether a test of the contract fails; where two have to meet, only those where they do. */
    private static boolean fails(Flaw... flaws) throws Exception {
        boolean races = flaws.length > 0 && flaws[0].races();
        for (Method test : (races ? SagaStoreRaces.class : SagaStoreContract.class).getMethods()) {
            if (!test.isAnnotationPresent(Test.class)) continue;
            try {
                test.invoke(new Contract(flaws));
            } catch (InvocationTargetException thrown) {
                Throwable cause = thrown.getCause() instanceof ExecutionException e ? e.getCause() : thrown.getCause();
                assertThat(cause).isInstanceOf(AssertionError.class);
                return true;
            }
        }
        return false;
    }
}
