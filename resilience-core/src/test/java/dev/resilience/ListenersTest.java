// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.ManualTime;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ListenersTest {
    // @start region="listeners"
    /** A gate that refuses until somebody opens it, and says so to those who asked. */
    static final class Door extends Gate {
        private final Listeners<Consumer<? super String>> listeners = new Listeners<>(this, "an onOpened listener");
        private volatile boolean open;

        Door(String name, TimeSource time) {
            super(name, time);
        }

        Subscription onOpened(Consumer<? super String> listener) {
            return listeners.add(listener);
        }

        void open() {
            open = true;
            listeners.tell(listener -> listener.accept(name()));
        }

        @Override
        protected long tryAdmit(CallContext context, long now) {
            return open ? 0 : refused(0);
        }

        @Override
        protected void settle(
                long permit, long at, long now, Verdict v, @Nullable Object value, @Nullable Throwable t) {}
    }
    // @end

    private final Door door = new Door("cellar", ManualTime.create());
    private final List<String> heard = new ArrayList<>();

    @Test
    void each_subscription_is_told_once_in_the_order_of_subscribing() {
        Consumer<String> twice = name -> heard.add("twice " + name);
        Subscription one = door.onOpened(twice);
        Subscription two = door.onOpened(twice);
        door.onOpened(name -> heard.add("last"));
        one.close();
        one.close();
        door.open();
        assertThat(heard).containsExactly("twice cellar", "last");
        two.close();
        door.open();
        assertThat(heard).containsExactly("twice cellar", "last", "last");
    }

    @Test
    void what_a_listener_throws_is_reported_and_keeps_nothing_from_the_others() { // L5
        door.onOpened(name -> {
            throw new AssertionError("of the listener");
        });
        door.onOpened(heard::add);
        try (Reported reported = new Reported()) {
            door.open();
            assertThat(reported.messages())
                    .containsExactly(
                            "door 'cellar': an onOpened listener threw java.lang.AssertionError: of the listener");
        }
        assertThat(heard).containsExactly("cellar");
    }

    @Test
    void nobody_is_left_after_the_last_has_gone() { // L13
        Listeners<Runnable> listeners = new Listeners<>(door, "a listener");
        assertThat(listeners.isEmpty()).isTrue();
        Subscription one = listeners.add(() -> heard.add("one"));
        Subscription two = listeners.add(() -> heard.add("two"));
        assertThat(listeners.isEmpty()).isFalse();
        two.close();
        one.close();
        assertThat(listeners.isEmpty()).isTrue();
        listeners.tell(Runnable::run);
        assertThat(heard).isEmpty();
    }

    @Test
    void a_listener_may_leave_and_subscribe_others_while_it_is_told() {
        Listeners<Runnable> listeners = new Listeners<>(door, "a listener");
        Subscription[] own = new Subscription[1];
        own[0] = listeners.add(() -> {
            own[0].close();
            listeners.add(() -> heard.add("next"));
        });
        listeners.tell(Runnable::run);
        assertThat(heard).isEmpty();
        listeners.tell(Runnable::run);
        assertThat(heard).containsExactly("next");
    }

    @Test
    void no_subscription_is_lost_or_left_among_many_threads() throws Exception {
        Listeners<Runnable> listeners = new Listeners<>(door, "a listener");
        Runnable nothing = () -> {};
        ExecutorService pool = Executors.newFixedThreadPool(4);
        try {
            List<Future<?>> done = new ArrayList<>();
            for (int thread = 0; thread < 4; thread++) {
                done.add(pool.submit(() -> {
                    for (int i = 0; i < 2_000; i++) listeners.add(nothing).close();
                    listeners.add(nothing);
                }));
            }
            for (Future<?> each : done) each.get(60, TimeUnit.SECONDS);
        } finally {
            pool.shutdownNow();
        }
        int[] told = new int[1];
        listeners.tell(each -> told[0]++);
        assertThat(told[0]).isEqualTo(4);
    }
}
