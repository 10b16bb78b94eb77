// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples.products;

import dev.resilience.TimeSource;
import dev.resilience.examples.products.Database.Manner;
import dev.resilience.examples.products.Ledger.Answer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * What happens to the shop, and what must hold whatever the speed of this machine: nothing here says how fast something
 * is, only what must not be answered, and what must be answered in the end.
 */
final class Day implements AutoCloseable {
    private static final int VISITORS = 4;
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(60);

    private final Database database;
    private final Ledger ledger;
    private final TimeSource time;
    private final Visitor visitor;
    private final ExecutorService visitors = Executors.newFixedThreadPool(VISITORS);
    /** Somebody says that it has changed while the database is down. */
    private final String forgotten;

    Day(Shop shop, Database database, Ledger ledger, TimeSource time) {
        this.database = database;
        this.ledger = ledger;
        this.time = time;
        this.visitor = new Visitor(shop, ledger);
        this.forgotten = database.ids().get(7);
    }

    /** A part of the work of one visitor, who is known by a number. */
    private interface Walk {
        void by(int number) throws IOException, InterruptedException;
    }

    /** Nothing is in the cache, and all want the same. */
    void open() throws InterruptedException, IOException {
        together(number -> {
            for (String id : database.ids()) until(id, answer -> answer.status() == 200);
        });
        until("unheard-of-product", answer -> {
            ledger.require(answer.status() != 200, "a product that is not there was found");
            return answer.status() == 404; // 503 if this machine was too slow for the timeout
        });
    }

    /** All products are read again and again; all answers are old, and say so. */
    void outage(Manner manner, int reads) throws InterruptedException, IOException {
        database.become(manner);
        long began = time.nanoTime();
        while (time.nanoTime() - began <= Shop.TTL.toNanos()) time.park(this, Shop.TTL.toNanos());
        together(number -> {
            for (int i = number; i < reads; i += VISITORS) {
                String id = database.ids().get(i % database.ids().size());
                if (id.equals(forgotten)) continue;
                Answer answer = visitor.read(id);
                ledger.require(answer.status() == 200, id + " was not answered from the cache: " + answer);
                ledger.require(answer.stale(), id + " was answered without a mark that it is old: " + answer);
            }
        });
        visitor.forget(forgotten);
        for (int i = 0; i < 3; i++) {
            Answer answer = visitor.read(forgotten);
            ledger.require(answer.status() == 503, "an invalidated product came back: " + answer);
        }
    }

    /** All prices have changed meanwhile, and nobody has told the cache. */
    void recover() throws InterruptedException, IOException {
        for (String id : database.ids()) database.change(id);
        database.become(Manner.ANSWERS);
        for (String id : database.ids()) until(id, answer -> answer.version() >= 2);
        for (String id : database.ids()) {
            int most = database.mostQueriesAtOnce(id);
            boolean one = most <= 1 || id.equals(forgotten); // a load from before an invalidation may still run
            ledger.require(one, id + " was loaded " + most + " times at once");
        }
    }

    /** Two change prices, one by one and by category, the others read what is being changed. */
    void change(int reads) throws InterruptedException, IOException {
        List<String> few = database.ids().subList(0, 3);
        together(number -> {
            for (int i = 0; i < reads / VISITORS; i++) {
                String id = few.get(i % few.size());
                if (number == 0) visitor.change(id);
                else if (number == 1 && i % 5 == 0) visitor.changeAll("tea");
                else visitor.read(id);
            }
        });
        for (String id : database.ids()) until(id, answer -> answer.status() == 200);
    }

    /** What somebody waits for. */
    private interface Wanted {
        boolean is(Answer answer);
    }

    private void until(String id, Wanted wanted) throws IOException, InterruptedException {
        long began = time.nanoTime();
        while (!wanted.is(visitor.read(id))) {
            if (time.nanoTime() - began > PATIENCE) {
                ledger.require(false, id + " did not come right in a minute");
                return;
            }
            time.park(this, TimeUnit.MILLISECONDS.toNanos(20));
        }
    }

    private void together(Walk walk) throws InterruptedException, IOException {
        List<Callable<Integer>> walks = new ArrayList<>();
        for (int i = 0; i < VISITORS; i++) {
            int number = i;
            walks.add(() -> {
                walk.by(number);
                return number;
            });
        }
        for (Future<Integer> each : visitors.invokeAll(walks)) {
            try {
                each.get();
            } catch (ExecutionException failed) {
                throw new IOException("a visitor failed", failed.getCause());
            }
        }
    }

    @Override
    public void close() {
        visitors.shutdownNow();
    }
}
