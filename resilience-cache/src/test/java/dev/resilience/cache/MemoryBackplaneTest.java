// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.cache.Backplane.Kind;
import dev.resilience.cache.Backplane.Message;
import dev.resilience.testkit.cache.BackplaneContract;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** The reference of the backplane (S21). */
class MemoryBackplaneTest {

    @Nested
    // @start region="contract"
    class Contract extends BackplaneContract {
        private final Backplane backplane = Backplane.inProcess();

        @Override
        protected Backplane backplane() {
            return backplane;
        }
    }
    // @end

    /** Who publishes while being told is not told inside of it: the order of the numbers holds. */
    @Test
    void a_message_that_is_published_while_another_is_told_comes_after_it() {
        Backplane backplane = Backplane.inProcess();
        List<String> first = new ArrayList<>();
        List<String> second = new ArrayList<>();
        backplane.subscribe(listener((number, m) -> {
            first.add(number + m.text());
            if (m.text().equals("a")) backplane.publish(message(Kind.SET, "b"));
        }));
        backplane.subscribe(listener((number, m) -> second.add(number + m.text())));
        backplane.publish(message(Kind.SET, "a"));
        assertThat(first).containsExactly("1a", "2b");
        assertThat(second).containsExactly("1a", "2b");
    }

    @Test
    void the_same_listener_may_subscribe_twice_and_leave_once() {
        Backplane backplane = Backplane.inProcess();
        List<String> told = new ArrayList<>();
        Backplane.Listener listener = listener((number, m) -> told.add(m.text()));
        backplane.subscribe(listener);
        backplane.subscribe(listener).close();
        backplane.publish(message(Kind.TAG, "x"));
        assertThat(told).containsExactly("x");
    }

    @Test
    void two_channels_have_different_ids() {
        List<String> ids = new ArrayList<>();
        for (Backplane each : List.of(Backplane.inProcess(), Backplane.inProcess())) {
            each.subscribe(new Backplane.Listener() {
                @Override
                public void received(String channel, long number, Message message) {
                    ids.add(channel);
                }

                @Override
                public void gap() {}
            });
            each.publish(message(Kind.CLEAR, ""));
        }
        assertThat(ids).hasSize(2).doesNotHaveDuplicates();
    }

    @Test
    void a_message_is_shown_without_its_text() {
        assertThat(message(Kind.SET, "secret")).hasToString("SET of cache 'users' from n1");
    }

    private static Message message(Kind kind, String text) {
        return Message.of("users", "n1", kind, text);
    }

    private interface Told {
        void received(long number, Message message);
    }

    private static Backplane.Listener listener(Told told) {
        return new Backplane.Listener() {
            @Override
            public void received(String channel, long number, Message message) {
                told.received(number, message);
            }

            @Override
            public void gap() {}
        };
    }
}
