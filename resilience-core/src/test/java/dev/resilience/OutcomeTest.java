// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class OutcomeTest {
    private final Outcome<String> value = Outcome.success("value");
    private final Outcome<String> nothing = Outcome.success(null);
    private final IOException thrown = new IOException("thrown");
    private final Outcome<String> failure = Outcome.failure(thrown);

    @Test
    void a_value_is_there_or_another_one_takes_its_place() {
        assertThat(value.succeeded()).isTrue();
        assertThat(value.orElse("other")).isEqualTo("value");
        assertThat(nothing.orElse("other")).isNull();
        assertThat(failure.succeeded()).isFalse();
        assertThat(failure.orElse("other")).isEqualTo("other");
    }

    @Test // L9
    void the_exception_is_thrown_as_it_is() {
        assertThat(value.orElseThrow()).isEqualTo("value");
        assertThatThrownBy(failure::orElseThrow).isSameAs(thrown);
    }

    @Test
    void one_function_for_each_shape() {
        assertThat(value.<String>fold(v -> v + "!", Throwable::getMessage)).isEqualTo("value!");
        assertThat(failure.<String>fold(v -> v + "!", Throwable::getMessage)).isEqualTo("thrown");
    }

    @Test
    void as_finds_what_is_inside_by_its_type() {
        assertThat(value.as(String.class)).contains("value");
        assertThat(value.as(IOException.class)).isEmpty();
        assertThat(failure.as(IOException.class)).containsSame(thrown);
        assertThat(failure.as(IllegalStateException.class)).isEmpty();
        assertThat(nothing.as(Object.class)).isEmpty();
    }

    @Test
    void values_are_equal_and_print() {
        assertThat(value).isEqualTo(Outcome.success("value")).hasToString("Success[value=value]");
        assertThat(failure).hasToString("Failure[java.io.IOException: thrown]");
    }

    @Test
    void a_null_exception_is_refused() {
        assertThatNullPointerException().isThrownBy(() -> Outcome.failure(null)).withMessage("thrown");
    }

    /** Counts the exceptions that it makes. */
    private static final class Refusing extends RecordingGate {
        final AtomicInteger made = new AtomicInteger();

        Refusing() {
            super("refusing");
            refusing = true;
        }

        @Override
        protected RejectedException rejection(CallContext context, long refusal) {
            made.incrementAndGet();
            return super.rejection(context, refusal);
        }
    }

    @Test
    void a_rejection_makes_its_exception_when_it_is_asked_for_and_keeps_it() {
        Refusing gate = new Refusing();
        Outcome<String> outcome = Pipeline.of(gate).outcome(() -> "never");
        assertThat(outcome.succeeded()).isFalse();
        assertThat(outcome.orElse("other")).isEqualTo("other");
        assertThat(gate.made).hasValue(0);

        Throwable first = outcome.as(RejectedException.class).orElseThrow();
        assertThat(((Outcome.Failure<String>) outcome).thrown()).isSameAs(first);
        assertThatThrownBy(outcome::orElseThrow).isSameAs(first);
        assertThat(gate.made).hasValue(1);
    }

    @Test
    void all_threads_that_ask_get_the_same_exception() throws InterruptedException {
        Outcome.Failure<String> outcome = (Outcome.Failure<String>) new Refusing().outcome(() -> "never");
        Set<Throwable> seen = ConcurrentHashMap.newKeySet();
        CountDownLatch go = new CountDownLatch(1);
        CountDownLatch done = new CountDownLatch(4);
        for (int i = 0; i < 4; i++) {
            new Thread(() -> {
                        try {
                            go.await();
                            seen.add(outcome.thrown());
                        } catch (InterruptedException e) {
                            seen.add(e);
                        }
                        done.countDown();
                    })
                    .start();
        }
        go.countDown();
        assertThat(done.await(60, TimeUnit.SECONDS)).isTrue();
        assertThat(seen).singleElement().isInstanceOf(RejectedException.class);
    }
}
