// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import org.junit.jupiter.api.Test;

/** L15: what is done on each hit allocates nothing and takes no lock. */
class StoreCostTest {
    @Test
    void a_hit_and_a_miss_allocate_nothing() throws Throwable {
        Store<Integer, Integer> store = Store.bounded(100);
        Integer there = 1_000;
        Integer missing = 2_000;
        store.put(there, Entry.sample(1, 1, 0, Long.MAX_VALUE));
        assertThat(bytesPerRun(() -> {
                    if (store.get(there) == null || store.peek(there) == null || store.get(missing) != null) {
                        throw new AssertionError();
                    }
                }))
                .isZero();
    }

    /** A hit is answered while another thread has the lock: here, while this one never lets it go. */
    @Test
    void hits_need_no_lock() throws InterruptedException {
        BoundedStore<Integer, Integer> store = BoundedStore.entries(100);
        store.put(1, Entry.sample(1, 1, 0, Long.MAX_VALUE));
        store.lock.lock();
        try {
            Thread reader = new Thread(() -> {
                store.get(1);
                store.peek(1);
                store.get(2);
                store.put(2, Entry.sample(2, 1, 0, Long.MAX_VALUE)); // nor does a write, up to a backlog
                store.forEach((key, entry) -> {});
                store.estimatedSize();
            });
            reader.setDaemon(true);
            reader.start();
            reader.join(60_000);
            assertThat(reader.isAlive()).isFalse();
        } finally {
            store.lock.unlock();
        }
        assertThat(store.policy.size()).as("pushed, not visited").isOne();
        store.cleanUp();
        assertThat(store.policy.size()).isEqualTo(2);
    }

    static double bytesPerRun(Runnable code) throws Throwable {
        MethodHandle bytes = allocatedBytes();
        for (int i = 0; i < 20_000; i++) code.run();
        double least = Double.MAX_VALUE;
        for (int round = 0; round < 5; round++) {
            long before = (long) bytes.invokeExact();
            for (int i = 0; i < 10_000; i++) code.run();
            least = Math.min(least, ((long) bytes.invokeExact() - before) / 10_000.0);
        }
        return Math.floor(least); // the two looks themselves are not the code's
    }

    /** By reflection, because the module does not read java.management. */
    private static MethodHandle allocatedBytes() throws ReflectiveOperationException {
        Object threads = Class.forName("java.lang.management.ManagementFactory")
                .getMethod("getThreadMXBean")
                .invoke(null);
        return MethodHandles.publicLookup()
                .unreflect(Class.forName("com.sun.management.ThreadMXBean").getMethod("getCurrentThreadAllocatedBytes"))
                .bindTo(threads);
    }
}
