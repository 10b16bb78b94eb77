// SPDX-License-Identifier: Apache-2.0
package com.acme.app;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import dev.resilience.Backoff;
import dev.resilience.ContextCapture;
import dev.resilience.Fallback;
import dev.resilience.Op;
import dev.resilience.Pipeline;
import dev.resilience.Policy;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.hedge.Hedge;
import dev.resilience.retry.Retry;
import dev.resilience.timeout.Timeout;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.ContextKey;
import io.opentelemetry.context.Scope;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/**
 * The logging context and the span of a caller, on every thread that works for its call: taken once, put in place around
 * each attempt, fallback and listener, and the thread's own put back afterwards, not cleared.
 */
@SuppressWarnings("try") // a scope is there to be closed
class CarriedTest {
    private static final ContextKey<String> USER = ContextKey.named("user");

    /** Real ones; each test sees both. */
    enum Carrier {
        MDC_OF_LOGBACK(Carried.mdc()) {
            @Override
            Scope set(String user) {
                return MDC.putCloseable("user", user)::close;
            }

            @Override
            @Nullable
            String seen() {
                return MDC.get("user");
            }
        },
        OPENTELEMETRY(Carried.tracing()) {
            @Override
            Scope set(String user) {
                return Context.current().with(USER, user).makeCurrent();
            }

            @Override
            @Nullable
            String seen() {
                return Context.current().get(USER);
            }
        };

        final ContextCapture capture;

        Carrier(ContextCapture capture) {
            this.capture = capture;
        }

        abstract Scope set(String user);

        abstract @Nullable String seen();
    }

    /** Each gives what came out; the op is blocking code, or what a stage is made from. */
    enum Face {
        CALL {
            @Override
            Object go(Pipeline pipeline, Executor pool, Op<Object, Exception> op) throws Exception {
                return pipeline.call(op);
            }
        },
        OUTCOME {
            @Override
            Object go(Pipeline pipeline, Executor pool, Op<Object, Exception> op) {
                return pipeline.outcome(op).orElse("failed");
            }
        },
        STAGE {
            @Override
            Object go(Pipeline pipeline, Executor pool, Op<Object, Exception> op) throws Exception {
                return pipeline.callAsync(() -> {
                            CompletableFuture<Object> stage = new CompletableFuture<>();
                            pool.execute(() -> stage.complete("made elsewhere"));
                            Object value = op.call();
                            return stage.thenApply(made -> value);
                        })
                        .get(60, TimeUnit.SECONDS);
            }
        },
        SUBMIT {
            @Override
            Object go(Pipeline pipeline, Executor pool, Op<Object, Exception> op) throws Exception {
                return pipeline.submit(pool, op).get(60, TimeUnit.SECONDS);
            }
        };

        abstract Object go(Pipeline pipeline, Executor pool, Op<Object, Exception> op) throws Exception;
    }

    static Stream<Arguments> carriersAndFaces() {
        return Stream.of(Carrier.values())
                .flatMap(carrier -> Stream.of(Face.values()).map(face -> Arguments.of(carrier, face)));
    }

    private final List<String> seen = new CopyOnWriteArrayList<>();
    private final AtomicInteger captured = new AtomicInteger();
    private final CountDownLatch finish = new CountDownLatch(1);
    private final List<ExecutorService> pools = new CopyOnWriteArrayList<>();

    @AfterEach
    void every_thread_has_its_own_again() throws InterruptedException {
        finish.countDown();
        for (ExecutorService pool : pools) {
            pool.shutdown();
            assertThat(pool.awaitTermination(60, TimeUnit.SECONDS)).isTrue();
        }
        assertThat(seen).noneMatch(each -> each.startsWith("not put back"));
    }

    /** Threads that carry something of their own, and say whether they still do after each task. */
    private Executor pool(Carrier carrier) {
        ExecutorService pool = Executors.newCachedThreadPool(task -> {
            Thread thread = new Thread(() -> {
                try (Scope own = carrier.set("the thread's own")) {
                    task.run();
                }
            });
            thread.setDaemon(true);
            return thread;
        });
        pools.add(pool);
        return task -> pool.execute(() -> {
            task.run();
            if (!"the thread's own".equals(carrier.seen())) seen.add("not put back: " + carrier.seen());
        });
    }

    private Pipeline.Builder pipeline(Carrier carrier, Executor pool) {
        return Pipeline.builder("p").executor(pool).capture(() -> {
            captured.incrementAndGet();
            return carrier.capture.capture();
        });
    }

    private void see(String where, Carrier carrier) {
        seen.add(where + " " + carrier.seen());
    }

    private Object called(Carrier carrier, Face face, Op<Object, Exception> op, Policy... policies) throws Exception {
        Executor pool = pool(carrier);
        Pipeline pipeline = pipeline(carrier, pool).policies(policies).build();
        try (Scope caller = carrier.set("ada")) {
            Object value = face.go(pipeline, pool, op);
            assertThat(carrier.seen()).as("the caller's own").isEqualTo("ada");
            return value;
        } finally {
            assertThat(captured).as("captured").hasValue(1);
        }
    }

    @ParameterizedTest
    @MethodSource("carriersAndFaces")
    void every_attempt_of_a_retry_with_delays_and_its_listener(Carrier carrier, Face face) throws Exception {
        AtomicInteger attempts = new AtomicInteger();
        Retry retry = Retry.builder("r")
                .backoff(Backoff.constant(ofMillis(1)))
                .onRetry(event -> see("listener", carrier))
                .build();
        Object value = called(
                carrier,
                face,
                () -> {
                    see("attempt", carrier);
                    if (attempts.incrementAndGet() < 3) throw new IOException("lost");
                    return "value";
                },
                retry);
        assertThat(value).isEqualTo("value");
        assertThat(seen).containsExactly("attempt ada", "listener ada", "attempt ada", "listener ada", "attempt ada");
    }

    @ParameterizedTest
    @MethodSource("carriersAndFaces")
    void both_attempts_of_a_hedge(Carrier carrier, Face face) throws Exception {
        AtomicInteger attempts = new AtomicInteger();
        CompletableFuture<Object> never = new CompletableFuture<>();
        Executor pool = pool(carrier);
        Pipeline pipeline =
                pipeline(carrier, pool).policies(Hedge.after(ofMillis(1))).build();
        Op<Object, Exception> op = () -> {
            see("attempt", carrier); // before it counts: who comes second has been seen when it ends the call
            if (attempts.incrementAndGet() == 1)
                assertThat(finish.await(60, TimeUnit.SECONDS)).isTrue();
            return "value";
        };
        Object value;
        try (Scope caller = carrier.set("ada")) {
            value = face != Face.STAGE
                    ? face.go(pipeline, pool, op)
                    : pipeline.callAsync(() -> {
                                see("attempt", carrier);
                                return attempts.incrementAndGet() == 1
                                        ? never
                                        : CompletableFuture.<Object>completedFuture("value");
                            })
                            .get(60, TimeUnit.SECONDS);
        }
        finish.countDown();
        assertThat(value).isEqualTo("value");
        assertThat(seen).containsExactly("attempt ada", "attempt ada");
        assertThat(captured).hasValue(1);
    }

    @ParameterizedTest
    @MethodSource("carriersAndFaces")
    void an_attempt_of_a_detached_timeout(Carrier carrier, Face face) throws Exception {
        Timeout detached = Timeout.builder("t").after(ofMinutes(1)).detached().build();
        called(
                carrier,
                face,
                () -> {
                    see("attempt", carrier);
                    return "value";
                },
                detached);
        assertThat(seen).containsExactly("attempt ada");
    }

    @ParameterizedTest
    @MethodSource("carriersAndFaces")
    void a_fallback_wherever_it_runs(Carrier carrier, Face face) throws Exception {
        Executor pool = pool(carrier);
        CompletableFuture<Object> stage = new CompletableFuture<>();
        var typed = pipeline(carrier, pool).build().<Object>fallback(Fallback.from(failed -> {
            see("fallback", carrier);
            return "instead";
        }));
        Op<Object, Exception> op = () -> {
            throw new IOException("lost");
        };
        Object value;
        try (Scope caller = carrier.set("ada")) {
            value = switch (face) {
                case CALL -> typed.call(op);
                case OUTCOME -> typed.outcome(op).orElse("failed");
                case SUBMIT -> typed.submit(pool, op).get(60, TimeUnit.SECONDS);
                case STAGE -> {
                    CompletableFuture<Object> call = typed.callAsync(() -> stage);
                    pool.execute(() -> stage.completeExceptionally(new IOException("lost")));
                    yield call.get(60, TimeUnit.SECONDS);
                }
            };
        }
        assertThat(value).isEqualTo("instead");
        assertThat(seen).containsExactly("fallback ada");
        assertThat(captured).hasValue(1);
    }

    @ParameterizedTest
    @MethodSource("carriersAndFaces")
    void the_listeners_of_a_timeout_that_fired_and_of_a_refusal(Carrier carrier, Face face) throws Exception {
        CountDownLatch told = new CountDownLatch(2);
        Timeout timeout = Timeout.builder("t").after(ofMillis(1)).build();
        timeout.onTimeout(late -> {
            see("timeout", carrier);
            told.countDown();
        });
        Bulkhead full = Bulkhead.builder("full").maxConcurrent(1).build();
        full.admit();
        full.onRejection(refused -> {
            see("refusal", carrier);
            told.countDown();
        });
        Executor pool = pool(carrier);
        Pipeline pipeline = pipeline(carrier, pool)
                .policies(
                        Retry.builder("r")
                                .maxAttempts(2)
                                .backoff(Backoff.none())
                                .build(),
                        timeout)
                .build();
        Pipeline refusing = pipeline(carrier, pool).policies(full).build();
        try (Scope caller = carrier.set("ada")) {
            if (face == Face.STAGE) {
                assertThat(pipeline.<Object>callAsync(CompletableFuture::new)).failsWithin(ofMinutes(1));
            } else {
                assertThatThrownBy(() -> outcome(face, pipeline, pool, () -> finish.await(60, TimeUnit.SECONDS)))
                        .hasMessageContaining("timed out");
            }
            assertThatThrownBy(() -> outcome(face, refusing, pool, () -> fail("runs")))
                    .hasMessageContaining("is full");
            assertThat(told.await(60, TimeUnit.SECONDS)).isTrue();
        }
        assertThat(seen).contains("timeout ada", "refusal ada").allMatch(each -> each.endsWith(" ada"));
    }

    private static void outcome(Face face, Pipeline pipeline, Executor pool, Op<Object, Exception> op)
            throws Exception {
        if (face == Face.OUTCOME) pipeline.outcome(op).orElseThrow();
        else face.go(pipeline, pool, op);
    }

    @Test
    void a_span_of_an_attempt_is_a_child_of_the_callers() throws Exception {
        InMemorySpanExporter spans = InMemorySpanExporter.create();
        try (SdkTracerProvider provider = SdkTracerProvider.builder()
                .addSpanProcessor(SimpleSpanProcessor.create(spans))
                .build()) {
            Tracer tracer = provider.get("test");
            Span request = tracer.spanBuilder("request").startSpan();
            try (Scope scope = request.makeCurrent()) {
                String receipt = Carried.payments()
                        .submit(pool(Carrier.OPENTELEMETRY), () -> {
                            tracer.spanBuilder("charge").startSpan().end();
                            return "receipt";
                        })
                        .get(60, TimeUnit.SECONDS);
                assertThat(receipt).isEqualTo("receipt");
            }
            request.end();
            assertThat(spans.getFinishedSpanItems())
                    .extracting(SpanData::getName)
                    .containsExactly("charge", "request");
            assertThat(spans.getFinishedSpanItems().get(0).getParentSpanId())
                    .isEqualTo(request.getSpanContext().getSpanId());
        }
        assertThat(seen).isEmpty();
    }

    @Test
    void a_log_line_of_an_attempt_says_for_whom() throws Exception {
        List<Map<String, String>> lines = new CopyOnWriteArrayList<>();
        AppenderBase<ILoggingEvent> appender = new AppenderBase<>() {
            @Override
            protected void append(ILoggingEvent line) {
                lines.add(line.getMDCPropertyMap());
            }
        };
        appender.start();
        var logger = (Logger) LoggerFactory.getLogger("payments");
        logger.setAdditive(false);
        logger.addAppender(appender);
        try (Scope caller = Carrier.MDC_OF_LOGBACK.set("ada")) {
            Carried.payments()
                    .submit(pool(Carrier.MDC_OF_LOGBACK), () -> {
                        LoggerFactory.getLogger("payments").info("charging");
                        return "receipt";
                    })
                    .get(60, TimeUnit.SECONDS);
        } finally {
            logger.detachAppender(appender);
        }
        assertThat(lines).containsExactly(Map.of("user", "ada"));
    }
}
