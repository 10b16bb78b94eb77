// SPDX-License-Identifier: Apache-2.0
package com.acme.app;

import static java.time.Duration.ZERO;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Backoff;
import dev.resilience.CallContext;
import dev.resilience.ContextCapture;
import dev.resilience.Fallback;
import dev.resilience.Keyed;
import dev.resilience.Op;
import dev.resilience.Outcome;
import dev.resilience.Permit;
import dev.resilience.Pipeline;
import dev.resilience.RejectedException;
import dev.resilience.TimeSource;
import dev.resilience.TimeoutExceededException;
import dev.resilience.TypedPipeline;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.breaker.CircuitOpenException;
import dev.resilience.breaker.Window;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.hedge.Hedge;
import dev.resilience.retry.Retry;
import dev.resilience.standard.StandardPipeline;
import dev.resilience.timeout.Timeout;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.thirdparty.FairGate;
import org.thirdparty.Logged;
import org.thirdparty.SlowCallGate;

/** What a service developer writes: each task has to compile as it stands, and to do what it says. */
class TasksTest {
    record User(long id, String name) {}

    interface Users {
        User find(long id) throws SQLException;

        CompletionStage<User> findAsync(long id);

        void delete(long id);
    }

    private static final CallContext.Attribute<String> TENANT = CallContext.Attribute.of("tenant");
    private static final User ADA = new User(7, "ada");

    private final List<Long> deleted = new ArrayList<>();
    private final AtomicInteger toFail = new AtomicInteger();
    private final Users users = new Users() {
        @Override
        public User find(long id) throws SQLException {
            if (toFail.getAndDecrement() > 0) throw new SQLException("connection lost");
            return new User(id, "ada");
        }

        @Override
        public CompletionStage<User> findAsync(long id) {
            return CompletableFuture.supplyAsync(() -> new User(id, "ada"));
        }

        @Override
        public void delete(long id) {
            deleted.add(id);
        }
    };

    private final Retry retry = Retry.builder("db")
            .maxAttempts(3)
            .backoff(Backoff.exponential(ofMillis(1)).cap(ofMillis(3)).fullJitter())
            .build();
    private final CircuitBreaker breaker = CircuitBreaker.builder("db")
            .window(Window.calls(100).minimumCalls(20))
            .failureRate(0.5)
            .openFor(ofSeconds(5))
            .build();
    private final Pipeline db = Pipeline.of(retry, breaker, Timeout.of(ofMinutes(2)));

    private String plain() {
        return "plain";
    }

    private String io() throws IOException {
        return "io";
    }

    private String over() {
        return "without context";
    }

    private String over(CallContext c) {
        return "attempt " + c.attempt();
    }

    private String two() throws IOException, SQLException {
        return "two";
    }

    @Test
    void t01_nothing_checked() {
        assertThat(db.call(() -> plain())).isEqualTo("plain");
    }

    @Test
    void t02_one_checked_exception_stays_that_one() throws SQLException {
        toFail.set(2);
        User user = db.call(() -> users.find(7));
        assertThat(user).isEqualTo(ADA);
        toFail.set(3);
        assertThatThrownBy(() -> db.call(() -> users.find(7))).isInstanceOf(SQLException.class);
    }

    @Test
    void t03_several_checked_exceptions_widen_or_are_named() throws IOException, SQLException {
        assertThat(widened()).isEqualTo("two");
        String exact = db.<String, IOException>call(() -> {
            try {
                return two();
            } catch (SQLException e) {
                throw new IOException(e);
            }
        });
        assertThat(exact).isEqualTo("two");
    }

    private String widened() throws IOException, SQLException {
        try {
            return db.call(this::two);
        } catch (IOException | SQLException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void t04_t05_t06_method_references_of_every_kind() throws IOException {
        assertThat(db.call(this::io)).isEqualTo("io");
        String overloaded = db.call(this::over);
        String withContext = db.call(CallContext.root(), this::over);
        assertThat(overloaded + ", " + withContext).isEqualTo("without context, attempt 1");
        InputStream in = new ByteArrayInputStream(new byte[] {42});
        int read = db.call(in::read);
        assertThat(read).isEqualTo(42);
    }

    @Test
    void t07_t08_t09_actions_of_every_kind() throws IOException, InterruptedException {
        db.run(() -> users.delete(7));
        assertThat(deleted).containsExactly(7L);
        AtomicInteger flushed = new AtomicInteger();
        OutputStream out = new ByteArrayOutputStream() {
            @Override
            public void flush() {
                flushed.incrementAndGet();
            }
        };
        db.run(out::flush);
        assertThat(flushed).hasValue(1);
        db.run(() -> plain());
        Thread thread = new Thread(flushed::incrementAndGet);
        thread.start();
        db.run(thread::join);
        assertThat(flushed).hasValue(2);
    }

    @Test
    void t10_t11_work_that_reads_its_context() throws IOException {
        String seen = db.call(
                CallContext.root(),
                c -> "attempt " + c.attempt() + " left " + c.deadline().remaining());
        assertThat(seen).startsWith("attempt 1 left PT1M");
        String checked = db.call(CallContext.root().within(ofMinutes(1)), c -> io());
        assertThat(checked).isEqualTo("io");
    }

    @Test
    void t12_outcomes_are_data() {
        String folded = db.outcome(() -> io()).fold(v -> v, x -> x.getMessage());
        assertThat(folded).isEqualTo("io");
        Outcome<String> o = db.outcome(this::io);
        if (o instanceof Outcome.Success<String> s) assertThat(s.value()).isEqualTo("io");
        else throw new AssertionError(o);
        toFail.set(9);
        Outcome<User> failed = db.outcome(() -> users.find(1));
        assertThat(failed)
                .isInstanceOfSatisfying(
                        Outcome.Failure.class, f -> assertThat(f.thrown()).isInstanceOf(SQLException.class));
    }

    @Test
    void t14_t15_stages() {
        assertThat(db.callAsync(() -> users.findAsync(7)).thenApply(u -> u).join())
                .isEqualTo(ADA);
        CompletableFuture<User> withContext = db.callAsync(CallContext.of(TENANT, "acme"), c -> {
            var f = users.findAsync(7).toCompletableFuture();
            c.onCancel(() -> f.cancel(true));
            return f;
        });
        assertThat(withContext.join()).isEqualTo(ADA);
    }

    @Test
    void t16_submit_to_an_executor() {
        Executor workers = Runnable::run;
        CompletableFuture<User> user = db.submit(workers, () -> users.find(7));
        assertThat(user).isCompletedWithValue(ADA);
    }

    @Test
    void t17_t18_t19_fallbacks() throws IOException, SQLException {
        toFail.set(9);
        assertThat(db.orElse(new User(0, "nobody")).call(() -> users.find(7))).isEqualTo(new User(0, "nobody"));
        String cached = db.fallback(Fallback.from(o -> "cached")).call(this::io);
        assertThat(cached).isEqualTo("io");
        TypedPipeline<List<String>> p = db.orElse(List.of());
        assertThat(p.call(() -> List.of("a"))).containsExactly("a");
        List<String> inline = db.<List<String>>orElse(List.of()).call(() -> List.of("a"));
        assertThat(inline).containsExactly("a");
    }

    @Test
    void t20_a_pipeline_per_key() {
        Keyed<String, Pipeline> perHost = Keyed.builder()
                .maxKeys(1000)
                .idle(ofMinutes(10))
                .build(h -> Pipeline.of(CircuitBreaker.of(h), Bulkhead.of(10)));
        assertThat(perHost.get("example.org").call(this::plain)).isEqualTo("plain");
        assertThat(perHost.get("example.org")).isSameAs(perHost.get("example.org"));
    }

    @Test
    void t24_t25_permits_on_an_event_loop() {
        Permit permit = breaker.admit();
        CompletableFuture<User> found = users.findAsync(1).toCompletableFuture();
        found.whenComplete(permit::settle).join();
        assertThat(breaker.snapshot().calls()).isEqualTo(1);

        Bulkhead bulkhead = Bulkhead.builder("loop")
                .maxConcurrent(1)
                .maxWaiting(5)
                .maxWait(ofSeconds(1))
                .build();
        CompletableFuture<User> done = new CompletableFuture<>();
        bulkhead.admitAsync(CallContext.root().within(ofMinutes(1)))
                .thenAccept(p -> users.findAsync(1).whenComplete(p::settle).whenComplete((u, t) -> done.complete(u)));
        assertThat(done.join().name()).isEqualTo("ada");
        assertThat(bulkhead.inFlight()).isZero();
    }

    @Test
    void t28_a_proxy_protects_every_method() throws SQLException {
        toFail.set(1);
        Users hidden = db.proxy(java.lang.invoke.MethodHandles.lookup(), Users.class, users);
        assertThat(hidden.find(7)).isEqualTo(ADA);
        assertThat(hidden.findAsync(7).toCompletableFuture().join()).isEqualTo(ADA);
        hidden.delete(3);
        assertThat(deleted).containsExactly(3L);
    }

    @Test
    void t29_wrapped_work_goes_where_functions_go() throws Exception {
        toFail.set(1);
        Op<User, SQLException> protectedFind = db.wrap(() -> users.find(7));
        assertThat(protectedFind.call()).isEqualTo(ADA);
        Callable<String> callable = db.wrap(this::io)::call;
        assertThat(callable.call()).isEqualTo("io");
    }

    @Test
    void t30_to_t33_policies_of_a_third_party() {
        Logged log = new Logged("log");
        String value = Pipeline.of(
                        log,
                        new FairGate("fair", 4, TimeSource.system()),
                        new SlowCallGate("s", ofSeconds(1), ofSeconds(1), TimeSource.system()))
                .call(CallContext.of(FairGate.WEIGHT, 2), c -> plain());
        assertThat(value).isEqualTo("plain");
        assertThat(log.log()).containsExactly("returned plain");
    }

    @Test
    void t34_rejections_are_incident_reports() {
        Bulkhead full = Bulkhead.builder("search").maxConcurrent(1).build();
        full.admit();
        assertThat(report(Pipeline.of(full))).isEqualTo("search refused");
        assertThat(report(Pipeline.of(Timeout.of(c -> Duration.ZERO)))).isEqualTo("late by PT0S");
        assertThat(report(db)).isEqualTo("plain");
        breaker.forceOpen("maintenance");
        assertThat(report(Pipeline.of(breaker))).startsWith("open, again in ");
    }

    private String report(Pipeline pipeline) {
        try {
            return pipeline.call(this::plain);
        } catch (CircuitOpenException e) {
            return "open, again in " + e.retryAfter().orElse(ZERO);
        } catch (RejectedException e) {
            return e.policy().name() + " refused";
        } catch (TimeoutExceededException e) {
            return "late by " + e.elapsed();
        }
    }

    @Test
    void t35_nested_pipelines_share_a_deadline() {
        Pipeline outer = Pipeline.of();
        Duration left = outer.call(
                CallContext.root().within(ofMinutes(1)),
                c -> db.call(c, inner -> inner.deadline().remaining()));
        assertThat(left).isBetween(Duration.ofNanos(1), ofMinutes(1));
    }

    @Test
    void t36_a_policy_alone_is_a_pipeline_of_one() throws IOException {
        assertThat(breaker.call(this::io)).isEqualTo("io");
        assertThat(retry.call(this::io)).isEqualTo("io");
    }

    @Test
    void t37_one_line_to_be_well_protected() throws SQLException {
        Pipeline p = StandardPipeline.builder("payments")
                .timeout(ofMinutes(2))
                .attemptTimeout(ofMinutes(1))
                .build();
        toFail.set(1);
        User user = Pipeline.of(Bulkhead.of(10), p).call(() -> users.find(7));
        assertThat(user).isEqualTo(ADA);
    }

    @Test
    void t38_settings_change_while_it_runs() {
        breaker.reconfigure(b -> b.failureRate(0.3).slowCalls(ofSeconds(1), 0.5));
        retry.reconfigure(b -> b.maxAttempts(1));
        toFail.set(1);
        assertThat(db.outcome(() -> users.find(7)).succeeded()).isFalse();
    }

    @Test
    void t39_a_listener_hears_of_transitions_until_it_is_closed() {
        List<String> heard = new ArrayList<>();
        try (var s = breaker.onTransition(t -> heard.add(t.from() + "->" + t.to()))) {
            assertThat(s).isNotNull();
            breaker.forceOpen("maintenance");
        }
        breaker.reset();
        assertThat(heard).containsExactly("CLOSED->FORCED_OPEN");
    }

    @Test
    void t40_t41_calls_inside_of_other_expressions() throws IOException {
        assertThat(Optional.of(db.call(this::io)).orElse("")).isEqualTo("io");
        List<String> urls = List.of("a", "b");
        assertThat(urls.stream().map(u -> db.call(() -> u + plain())).toList()).containsExactly("aplain", "bplain");
        List<Outcome<String>> outcomes =
                urls.stream().map(u -> db.outcome(() -> io() + u)).toList();
        assertThat(outcomes).containsExactly(Outcome.success("ioa"), Outcome.success("iob"));
    }

    @Test
    void t43_a_timeout_per_attempt_number_also_of_a_hedge() throws SQLException {
        Pipeline p = Pipeline.of(retry, Timeout.of(c -> c.attempt() == 1 ? ofMinutes(2) : ofMinutes(1)));
        toFail.set(1);
        assertThat(p.call(() -> users.find(1)).name()).isEqualTo("ada");
        Pipeline hedged =
                Pipeline.of(Hedge.after(ofMillis(50)), Timeout.of(c -> c.attempt() == 1 ? ofMinutes(2) : ofMinutes(1)));
        User user = hedged.call(() -> users.find(1));
        assertThat(user.name()).isEqualTo("ada");
    }

    @Test
    void t44_t45_lambdas_whose_end_the_compiler_cannot_see() {
        int n = 3;
        String s = db.call(() -> {
            for (int i = 0; ; i++) if (i > n) return "x";
        });
        assertThat(s).isEqualTo("x");
        assertThatThrownBy(() -> db.run(() -> {
                    throw new IllegalStateException();
                }))
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    void t46_a_backoff_of_ones_own() {
        Backoff own = Backoff.of((attempt, previous, random) -> ofMillis(attempt + random.nextInt(2)))
                .cap(ofSeconds(1));
        toFail.set(1);
        assertThat(Retry.builder("x").backoff(own).build().call(this::plain)).isEqualTo("plain");
        assertThat(Retry.builder("x").backoff(own).build().outcome(() -> users.find(7)))
                .isEqualTo(Outcome.success(ADA));
    }

    @Test
    void t47_thread_bound_state_travels_with_the_call() {
        ContextCapture names = () -> {
            String mine = Thread.currentThread().getName();
            return () -> {
                String before = Thread.currentThread().getName();
                Thread.currentThread().setName(mine);
                return () -> Thread.currentThread().setName(before);
            };
        };
        Pipeline p = Pipeline.builder("mdc").policies(retry).capture(names).build();
        Executor elsewhere = task -> new Thread(task, "elsewhere").start();
        CompletableFuture<String> name =
                p.submit(elsewhere, () -> Thread.currentThread().getName());
        assertThat(name)
                .succeedsWithin(60, TimeUnit.SECONDS)
                .isEqualTo(Thread.currentThread().getName());
    }

    @Test
    void t48_t49_callables_and_futures() throws Exception {
        Callable<String> c = this::io;
        assertThat(db.call(c::call)).isEqualTo("io");
        Future<String> f = CompletableFuture.completedFuture("future");
        assertThat(db.call(() -> f.get())).isEqualTo("future");
        CountDownLatch never = new CountDownLatch(1);
        assertThatThrownBy(() -> Pipeline.of(Timeout.of(ofMillis(20))).run(() -> never.await()))
                .isInstanceOf(TimeoutExceededException.class);
    }
}
