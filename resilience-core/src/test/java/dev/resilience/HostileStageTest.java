// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** L1, L5: a user's own kind of future is a guest, whatever it overrides. */
class HostileStageTest {
    /** Each one throws where the JDK's does not. */
    enum Kind {
        IS_DONE(IsDone::new),
        IS_COMPLETED_EXCEPTIONALLY(IsCompletedExceptionally::new),
        GET_NOW(GetNow::new),
        HANDLE(Handle::new),
        WHEN_COMPLETE(WhenComplete::new);

        private final Supplier<CompletableFuture<String>> maker;

        Kind(Supplier<CompletableFuture<String>> maker) {
            this.maker = maker;
        }
    }

    private static final class Hostile extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private static final class IsDone extends CompletableFuture<String> {
        @Override
        public boolean isDone() {
            throw new Hostile();
        }
    }

    private static final class IsCompletedExceptionally extends CompletableFuture<String> {
        @Override
        public boolean isCompletedExceptionally() {
            throw new Hostile();
        }
    }

    private static final class GetNow extends CompletableFuture<String> {
        @Override
        public String getNow(String absent) {
            throw new Hostile();
        }
    }

    private static final class Handle extends CompletableFuture<String> {
        @Override
        public <U> CompletableFuture<U> handle(BiFunction<? super String, Throwable, ? extends U> function) {
            throw new Hostile();
        }
    }

    private static final class WhenComplete extends CompletableFuture<String> {
        @Override
        public CompletableFuture<String> whenComplete(BiConsumer<? super String, ? super Throwable> consumer) {
            throw new Hostile();
        }
    }

    private final RecordingGate outer = new RecordingGate("outer");
    private final RecordingGate inner = new RecordingGate("inner");
    private final Pipeline pipeline = Pipeline.of(outer, new Through("through"), inner);

    private void assertEnds(CompletableFuture<String> call) {
        assertThat(call).isDone();
        assertThat(outer.balanced()).isTrue();
        assertThat(inner.balanced()).isTrue();
    }

    @ParameterizedTest
    @EnumSource
    void a_value_that_is_there_settles_every_permit(Kind kind) {
        CompletableFuture<String> stage = kind.maker.get();
        stage.complete("value");
        assertEnds(pipeline.callAsync(() -> stage));
    }

    @ParameterizedTest
    @EnumSource
    void a_failure_that_is_there_settles_every_permit(Kind kind) {
        CompletableFuture<String> stage = kind.maker.get();
        stage.completeExceptionally(new IllegalStateException("failed"));
        assertEnds(pipeline.callAsync(() -> stage));
    }

    @ParameterizedTest
    @EnumSource
    void a_value_that_comes_later_settles_every_permit(Kind kind) {
        CompletableFuture<String> stage = kind.maker.get();
        CompletableFuture<String> call = pipeline.callAsync(() -> stage);
        stage.complete("value");
        assertEnds(call);
    }
}
