// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.Op;
import dev.resilience.testkit.saga.Effects;
import dev.resilience.testkit.saga.SagaCrashMatrix;
import java.time.Duration;
import java.util.List;
import java.util.function.Function;

/** Sagas of every shape that definitions have, for the crash matrix. */
enum CrashShape {
    IN_A_ROW(e -> {
        var s = define();
        var reserved = step(e, s, "reserve");
        step(e, s, "authorise");
        var captured = s.pivot("capture", String.class)
                .run(reserved, (in, r, c) -> e.make(c.key(), () -> "captured " + r))
                .add();
        retriable(e, s, "ship");
        return s.returns(captured, (in, c) -> c);
    }),
    WITHOUT_A_PIVOT(e -> {
        var s = define();
        step(e, s, "reserve");
        step(e, s, "authorise");
        step(e, s, "book");
        return s.build();
    }),
    PIVOT_FIRST(e -> {
        var s = define();
        s.pivot("capture", String.class).run((in, c) -> made(e, c)).add();
        retriable(e, s, "ship");
        return s.build();
    }),
    REFUSED_AT_THE_FIRST_STEP(e -> {
        var s = define();
        refused(e, s, "reserve");
        step(e, s, "authorise");
        return s.build();
    }),
    REFUSED_AT_THE_THIRD_STEP(e -> {
        var s = define();
        step(e, s, "reserve");
        step(e, s, "authorise");
        refused(e, s, "book");
        return s.build();
    }),
    REFUSED_AT_THE_PIVOT(e -> {
        var s = define();
        step(e, s, "reserve");
        step(e, s, "authorise");
        s.pivot("capture", String.class).run((in, c) -> e.make(c.key(), no())).add();
        retriable(e, s, "ship");
        return s.build();
    }),
    WITH_BRANCHES(e -> {
        var s = define();
        step(e, s, "begin");
        branches(e, s, false);
        s.pivot("capture", String.class).run((in, c) -> made(e, c)).add();
        var more = s.fork("after");
        retriable(e, more.branch("mail"), "mail");
        retriable(e, more.branch("ship"), "ship");
        more.join();
        return s.build();
    }),
    REFUSED_IN_A_BRANCH(e -> {
        var s = define();
        step(e, s, "begin");
        branches(e, s, true);
        s.pivot("capture", String.class).run((in, c) -> made(e, c)).add();
        return s.build();
    }),
    FOR_EACH(e -> {
        var s = define();
        s.forEach("reserve", Integer.class, String.class)
                .over(in -> in.lines())
                .run((in, line, c) -> e.make(c.key(), () -> "line " + line))
                .undo((in, line, r, c) -> e.unmake(c.key()))
                .concurrency(2)
                .add();
        s.pivot("capture", String.class).run((in, c) -> made(e, c)).add();
        s.forEachRetriable("ship", Integer.class, String.class)
                .over(in -> in.lines())
                .run((in, line, c) -> made(e, c))
                .add();
        return s.build();
    }),
    FOR_EACH_REFUSED(e -> {
        var s = define();
        step(e, s, "begin");
        s.forEach("reserve", Integer.class, String.class)
                .over(in -> in.lines())
                .run((in, line, c) -> e.make(c.key(), () -> {
                    if (line == 2) throw new StepRejectedException("out of stock");
                    return "line " + line;
                }))
                .undo((in, line, r, c) -> e.unmake(c.key()))
                .concurrency(2)
                .add();
        return s.build();
    }),
    CONDITIONAL(e -> {
        var s = define();
        step(e, s, "reserve");
        s.step("insure", String.class)
                .run((in, c) -> made(e, c))
                .undo((in, r, c) -> e.unmake(c.key()))
                .addWhen(in -> in.lines().isEmpty());
        s.step("wrap", String.class)
                .run((in, c) -> made(e, c))
                .undo((in, r, c) -> e.unmake(c.key()))
                .addWhen(in -> !in.lines().isEmpty());
        s.pivot("capture", String.class).run((in, c) -> made(e, c)).add();
        return s.build();
    }),
    AWAITING(e -> {
        var s = define();
        step(e, s, "reserve");
        var paid = s.await("paid", String.class).timeout(Duration.ofMinutes(20)).add();
        s.pivot("capture", String.class)
                .run(paid, (in, p, c) -> e.make(c.key(), () -> p))
                .add();
        return s.build();
    }),
    AWAITING_IN_VAIN(e -> {
        var s = define();
        step(e, s, "reserve");
        s.await("never", String.class).timeout(Duration.ofSeconds(20)).add();
        s.pivot("capture", String.class).run((in, c) -> made(e, c)).add();
        return s.build();
    }),
    DELAYED(e -> {
        var s = define();
        step(e, s, "reserve");
        s.delay("cool off", Duration.ofSeconds(20));
        step(e, s, "authorise");
        return s.build();
    }),
    /** T7: its time passes while nobody runs it. */
    LATE_WHILE_IT_WAITS(e -> {
        var s = define().deadline(Duration.ofSeconds(10));
        step(e, s, "reserve");
        s.await("never", String.class).add();
        step(e, s, "authorise");
        s.pivot("capture", String.class).run((in, c) -> made(e, c)).add();
        return s.build();
    }),
    /** T7, C7: the first owner is in time, who takes over may not be; after the pivot it does not matter. */
    LATE_AFTER_A_TAKEOVER(e -> {
        var s = define().deadline(Duration.ofSeconds(10));
        step(e, s, "reserve");
        s.delay("cool off", Duration.ofSeconds(5));
        step(e, s, "authorise");
        s.pivot("capture", String.class).run((in, c) -> made(e, c)).add();
        s.delay("grace", Duration.ofSeconds(20));
        retriable(e, s, "ship");
        return s.build();
    }),
    /** S9: it times out about when an engine that takes over gets to it. */
    AWAITING_BRIEFLY(e -> {
        var s = define();
        step(e, s, "reserve");
        var paid = s.await("paid", String.class).timeout(Duration.ofSeconds(5)).add();
        s.pivot("capture", String.class)
                .run(paid, (in, p, c) -> e.make(c.key(), () -> p))
                .add();
        return s.build();
    }),
    /** S14: two of them want one lock. */
    LOCKED(e -> {
        var s = define().lockKey(in -> "order " + in.id());
        step(e, s, "reserve");
        s.delay("cool off", Duration.ofSeconds(2));
        s.pivot("capture", String.class).run((in, c) -> made(e, c)).add();
        retriable(e, s, "ship");
        return s.build();
    }),
    LOCKED_AND_REFUSED(e -> {
        var s = define().lockKey(in -> "order " + in.id());
        step(e, s, "reserve");
        refused(e, s, "authorise");
        return s.build();
    }),
    PROBED(e -> {
        var s = define();
        step(e, s, "reserve");
        s.step("authorise", String.class)
                .run((in, c) -> made(e, c))
                .undo((in, r, c) -> e.unmake(c.key()))
                .probe((in, c) -> e.find(c.actionKey())
                        .<ProbeResult<String>>map(r -> ProbeResult.completed((String) r))
                        .orElseGet(ProbeResult::absent))
                .add();
        step(e, s, "book");
        return s.build();
    }),
    UNDONE_BLINDLY(e -> {
        var s = define();
        s.step("reserve", String.class)
                .run((in, c) -> made(e, c))
                .undo((in, r, c) -> e.unmake(c.key()))
                .undoInDoubt((in, c) -> e.unmake(c.key()))
                .add();
        step(e, s, "authorise");
        return s.build();
    }),
    TRANSACTIONAL(e -> {
        var s = define();
        step(e, s, "reserve");
        s.txStep("debit", String.class)
                .run((in, tx, c) -> e.make(tx, c.key(), () -> "debited"))
                .undo((in, tx, r, c) -> e.make(tx, c.key(), () -> ""))
                .add();
        s.txPivot("capture", String.class)
                .run((in, tx, c) -> e.make(tx, c.key(), () -> "captured"))
                .add();
        retriable(e, s, "ship");
        return s.build();
    }),
    /** S15 side by side: each branch has a transaction of its own, and its outcome is written in it. */
    TRANSACTIONAL_BRANCHES(e -> {
        var s = define();
        var fork = s.fork("both");
        transactional(e, fork.branch("money"), "debit");
        var stock = fork.branch("stock");
        transactional(e, stock, "reserve");
        step(e, stock, "pick");
        fork.join();
        s.txPivot("capture", String.class)
                .run((in, tx, c) -> e.make(tx, c.key(), () -> "captured"))
                .add();
        return s.build();
    }),
    TRANSACTIONAL_AND_REFUSED(e -> {
        var s = define();
        s.txStep("debit", String.class)
                .run((in, tx, c) -> e.make(tx, c.key(), () -> "debited"))
                .undo((in, tx, r, c) -> e.make(tx, c.key(), () -> ""))
                .add();
        refused(e, s, "reserve");
        return s.build();
    }),
    HARMLESS(e -> {
        var s = define();
        s.step("audit", String.class).run((in, c) -> made(e, c)).harmless().add();
        step(e, s, "reserve");
        s.step("look", String.class).run((in, c) -> made(e, c)).harmless().add();
        return s.build();
    });

    record Order(String id, List<Integer> lines) {}

    private static final Order ORDER = new Order("o-1", List.of(1, 2, 3));

    private final Function<Effects, Saga<Order, ?>> saga;

    CrashShape(Function<Effects, Saga<Order, ?>> saga) {
        this.saga = saga;
    }

    /** Needs a database. */
    boolean transactional() {
        return name().startsWith("TRANSACTIONAL");
    }

    SagaCrashMatrix<Order> matrix() {
        SagaCrashMatrix<Order> matrix = SagaCrashMatrix.of(saga).input(ORDER).harmless("audit", "look");
        return this == AWAITING || this == AWAITING_BRIEFLY
                ? matrix.signal("paid", Type.of(String.class), "by card")
                : matrix;
    }

    private static SagaDefinition<Order> define() {
        return Saga.define("order", 1, Order.class);
    }

    private static String made(Effects effects, StepContext c) {
        return effects.make(c.key(), () -> "done");
    }

    private static Op<String, RuntimeException> no() {
        return () -> {
            throw new StepRejectedException("the participant refuses");
        };
    }

    private static Saga.Result<String> step(Effects effects, Steps<Order> s, String name) {
        return s.step(name, String.class)
                .run((in, c) -> made(effects, c))
                .undo((in, r, c) -> effects.unmake(c.key()))
                .add();
    }

    private static void transactional(Effects effects, Steps<Order> s, String name) {
        s.txStep(name, String.class)
                .run((in, tx, c) -> effects.make(tx, c.key(), () -> "done"))
                .undo((in, tx, r, c) -> effects.make(tx, c.key(), () -> ""))
                .add();
    }

    private static void refused(Effects effects, Steps<Order> s, String name) {
        s.step(name, String.class)
                .run((in, c) -> effects.make(c.key(), no()))
                .undo((in, r, c) -> effects.unmake(c.key()))
                .add();
    }

    private static void retriable(Effects effects, Steps<Order> s, String name) {
        s.retriable(name, String.class).run((in, c) -> made(effects, c)).add();
    }

    private static void branches(Effects effects, SagaDefinition<Order> s, boolean refuse) {
        var fork = s.fork("both");
        var stock = fork.branch("stock");
        step(effects, stock, "reserve");
        step(effects, stock, "pick");
        var money = fork.branch("money");
        step(effects, money, "authorise");
        if (refuse) refused(effects, money, "check");
        else step(effects, money, "check");
        fork.join();
    }
}
