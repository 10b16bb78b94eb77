// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Subscription;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** L5: listeners and what carries a saga's context are guests. */
class ListenerTest {
    private final Fleet fleet = new Fleet();
    private final Booking booking = new Booking();

    @AfterEach
    void close() {
        fleet.close();
    }

    private static SagaListener each(Consumer<String> event) {
        return (SagaListener) Proxy.newProxyInstance(
                ListenerTest.class.getClassLoader(), new Class<?>[] {SagaListener.class}, (proxy, method, args) -> {
                    if (method.getDeclaringClass() == SagaListener.class) event.accept(method.getName());
                    if (method.getName().equals("hashCode")) return System.identityHashCode(proxy);
                    return method.getName().equals("equals") ? proxy == args[0] : null;
                });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void listeners_that_throw_from_every_method_change_nothing_and_others_are_told(boolean error) {
        Set<String> heard = ConcurrentHashMap.newKeySet();
        SagaListener throwing = each(event -> {
            if (error) throw new AssertionError(event);
            throw new IllegalStateException(event);
        });
        SagaEngine engine = fleet.open(
                "a",
                fleet.link(),
                builder -> builder.register(booking.saga).listener(throwing).listener(each(heard::add)));
        SagaHandle<String> completed = engine.start(booking.saga, "1", "x");
        fleet.untilStatus(completed, SagaStatus.COMPLETED);
        booking.assertBooked();
        booking.failing("payment", new StepRejectedException("no"));
        SagaHandle<String> undone = engine.start(booking.saga, "2", "y");
        fleet.untilStatus(undone, SagaStatus.COMPENSATED);
        fleet.pass(Duration.ofSeconds(20));
        assertThat(heard).contains("started", "step", "turned", "ended", "beat");
    }

    @Test
    void a_listener_hears_from_its_subscription_to_its_end() {
        List<String> heard = new CopyOnWriteArrayList<>();
        SagaListener listener = new SagaListener() {
            @Override
            public void started(SagaRef saga) {
                heard.add(saga.id());
            }
        };
        SagaEngine engine = fleet.open("a", booking.saga);
        engine.start(booking.saga, "before", "x");
        Subscription one = engine.onEvent(listener);
        Subscription two = engine.onEvent(listener);
        engine.start(booking.saga, "both", "x");
        one.close();
        one.close();
        engine.start(booking.saga, "one", "x");
        two.close();
        engine.start(booking.saga, "after", "x");
        assertThat(heard).containsExactly("both", "both", "one");
    }

    @Test
    void what_a_starter_carries_is_there_on_the_threads_that_run_its_saga_even_after_a_takeover() {
        ThreadLocal<Map<String, String>> carried = ThreadLocal.withInitial(Map::of);
        List<Map<String, String>> seen = new CopyOnWriteArrayList<>();
        SagaDefinition<String> s = Saga.define("traced", 1, String.class);
        s.step("look", String.class)
                .run((in, c) -> {
                    seen.add(carried.get());
                    return "";
                })
                .harmless()
                .add();
        s.delay("nap", Duration.ofSeconds(30));
        s.step("again", String.class)
                .run((in, c) -> {
                    seen.add(carried.get());
                    return "";
                })
                .harmless()
                .add();
        Saga<String, Void> traced = s.build();
        UnaryOperator<SagaEngine.Builder> carrying =
                builder -> builder.register(traced).carrying(carried::get, map -> {
                    Map<String, String> before = carried.get();
                    carried.set(Map.copyOf(map));
                    return () -> carried.set(before);
                });
        SagaEngine a = fleet.open("a", fleet.link(), carrying);
        carried.set(Map.of("trace", "7"));
        SagaHandle<Void> handle = a.start(traced, "1", "x");
        carried.remove();
        fleet.until(() -> fleet.head(handle.ref()).owner() == null);
        fleet.close(a);
        fleet.open("b", fleet.link(), carrying);
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        Map<String, String> whole = Map.of("trace", "7", "saga", "traced", "sagaId", "1");
        assertThat(seen).containsExactly(whole, whole);
    }

    @Test
    void what_carries_may_throw_and_the_saga_runs_all_the_same() {
        SagaEngine engine = fleet.open(
                "a",
                fleet.link(),
                builder -> builder.register(booking.saga)
                        .carrying(
                                () -> {
                                    throw new IllegalStateException("capture");
                                },
                                map -> {
                                    throw new IllegalStateException("restore");
                                }));
        fleet.untilStatus(engine.start(booking.saga, "1", "x"), SagaStatus.COMPLETED);
        booking.assertBooked();
    }

    @Test
    void every_event_of_the_listener_is_passed_on() throws Exception {
        Set<String> heard = ConcurrentHashMap.newKeySet();
        Listeners all = new Listeners(List.of(each(heard::add)));
        for (Method method : SagaListener.class.getDeclaredMethods()) {
            if (method.isSynthetic()) continue;
            Object[] args = new Object[method.getParameterCount()];
            for (int i = 0; i < args.length; i++) {
                Class<?> type = method.getParameterTypes()[i];
                args[i] = type == int.class ? (Object) 0 : type == boolean.class ? (Object) false : null;
            }
            method.invoke(all, args);
            assertThat(heard).contains(method.getName());
        }
    }
}
