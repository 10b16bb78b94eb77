// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples.checkout;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What the four services have: orders, goods, money, parcels. Knows the idempotency keys: a key that was seen is
 * answered as before and changes nothing. It lives in the process that is never killed.
 */
final class Ledger {
    static final String DECLINED = "declined-";
    static final int STOCK = 1_000_000;

    private final ReentrantLock lock = new ReentrantLock();
    private final Map<String, Answer> byKey = new HashMap<>();
    private final Map<String, String> orders = new TreeMap<>();
    private final Map<String, Stock> stock = new TreeMap<>();
    private final Map<String, Held> reservations = new LinkedHashMap<>();
    private final Map<String, Held> authorisations = new LinkedHashMap<>();
    private final Map<String, Integer> parcels = new HashMap<>();
    private final Map<String, List<String>> history = new TreeMap<>();
    private int till;
    private int effects;
    private int repeated;

    /**
     * A service's answer.
     *
     * @param status of HTTP
     * @param body an id, or why not
     */
    record Answer(int status, String body) {}

    /** What is asked of a service: a verb on an order, with what else the verb needs. */
    record Request(String verb, String order, String what, int amount) {}

    /** Goods of one kind. */
    static final class Stock {
        int onHand = STOCK;
        int reserved;
        int shipped;
    }

    /** Goods or money held for an order; gone when {@code amount} is 0. */
    private static final class Held {
        final String order;
        final String what;
        int amount;

        Held(String order, String what, int amount) {
            this.order = order;
            this.what = what;
            this.amount = amount;
        }
    }

    /** Makes the effect unless the key was seen before; in both cases the same answer. */
    Answer apply(String key, Request request) {
        lock.lock();
        try {
            Answer before = byKey.get(key);
            if (before != null) {
                repeated++;
                return before;
            }
            Answer answer = effect(request);
            byKey.put(key, answer);
            if (answer.status() == 200) {
                effects++;
                history.computeIfAbsent(request.order(), o -> new ArrayList<>())
                        .add(request.verb() + (request.what().isEmpty() ? "" : " " + request.what()));
            }
            return answer;
        } finally {
            lock.unlock();
        }
    }

    private Answer effect(Request r) {
        return switch (r.verb()) {
            case "place" -> order(r.order(), "placed");
            case "cancel" -> order(r.order(), "cancelled");
            case "confirm" -> order(r.order(), "confirmed");
            case "reserve" -> reserve(r);
            case "release" -> release(r);
            case "authorise" -> authorise(r);
            case "void" -> giveBack(r);
            case "capture" -> capture(r);
            case "ship" -> ship(r);
            default -> new Answer(404, "no such verb: " + r.verb());
        };
    }

    private Answer order(String order, String state) {
        orders.put(order, state);
        return new Answer(200, order);
    }

    private Answer reserve(Request r) {
        if (r.what().equals(Order.UNOBTAINABLE)) return new Answer(409, "out of stock: " + r.what());
        Stock goods = stock.computeIfAbsent(r.what(), s -> new Stock());
        goods.onHand -= r.amount();
        goods.reserved += r.amount();
        String id = "reservation-" + reservations.size();
        reservations.put(id, new Held(r.order(), r.what(), r.amount()));
        return new Answer(200, id);
    }

    private Answer release(Request r) {
        Held held = held(reservations, r.what());
        Stock goods = stock.computeIfAbsent(held.what, s -> new Stock());
        goods.reserved -= held.amount;
        goods.onHand += held.amount;
        held.amount = 0;
        return new Answer(200, "");
    }

    private Answer authorise(Request r) {
        if (r.what().startsWith(DECLINED)) return new Answer(402, "declined");
        String id = "authorisation-" + authorisations.size();
        authorisations.put(id, new Held(r.order(), r.what(), r.amount()));
        return new Answer(200, id);
    }

    private Answer giveBack(Request r) {
        held(authorisations, r.what()).amount = 0;
        return new Answer(200, "");
    }

    private Answer capture(Request r) {
        Held held = held(authorisations, r.what());
        till += held.amount;
        held.amount = 0;
        return new Answer(200, "capture-of-" + r.what());
    }

    private Answer ship(Request r) {
        for (Held held : reservations.values()) {
            if (!held.order.equals(r.order())) continue;
            Stock goods = stock.computeIfAbsent(held.what, s -> new Stock());
            goods.reserved -= held.amount;
            goods.shipped += held.amount;
            held.amount = 0;
        }
        return new Answer(200, "parcel-" + parcels.merge(r.order(), 1, Integer::sum) + "-of-" + r.order());
    }

    private static Held held(Map<String, Held> all, String id) {
        Held held = all.get(id);
        if (held == null) throw new IllegalStateException("nobody has " + id);
        return held;
    }

    // ---- what it looks like

    int effects() {
        lock.lock();
        try {
            return effects;
        } finally {
            lock.unlock();
        }
    }

    /** How often a key came again. */
    int repeated() {
        lock.lock();
        try {
            return repeated;
        } finally {
            lock.unlock();
        }
    }

    /** Everything that is not as it must be when every order has come to its end. */
    List<String> wrong(List<Order> expected) {
        lock.lock();
        try {
            List<String> wrong = new ArrayList<>();
            int sold = 0;
            for (Order order : expected) {
                String state = orders.getOrDefault(order.id(), "unknown");
                int parcelsSent = parcels.getOrDefault(order.id(), 0);
                if (order.fine()) sold += order.price();
                if (!state.equals(order.fine() ? "confirmed" : "cancelled")) wrong.add(order.id() + " is " + state);
                if (parcelsSent != (order.fine() ? 1 : 0))
                    wrong.add(order.id() + " was shipped " + parcelsSent + " times");
                if (!order.fine() && !undoneInReverse(history.getOrDefault(order.id(), List.of())))
                    wrong.add(order.id() + " was not undone in reverse: " + history.get(order.id()));
            }
            int held = authorisations.values().stream().mapToInt(h -> h.amount).sum();
            int reserved = stock.values().stream().mapToInt(s -> s.reserved).sum();
            int shipped = stock.values().stream().mapToInt(s -> s.shipped).sum();
            if (held != 0) wrong.add("money is still held: " + held);
            if (reserved != 0) wrong.add("goods are still reserved: " + reserved);
            if (till != sold) wrong.add("the till has " + till + ", sold was for " + sold);
            if (shipped != sold) wrong.add("shipped was " + shipped + ", sold was " + sold);
            stock.forEach((sku, s) -> {
                if (s.onHand + s.shipped != STOCK) wrong.add(sku + " came or went: " + s.onHand + " + " + s.shipped);
            });
            return wrong;
        } finally {
            lock.unlock();
        }
    }

    /** {@code place, reserve tea, reserve cocoa, release r2, release r1, cancel}: the second half mirrors the first. */
    private static boolean undoneInReverse(List<String> history) {
        List<String> verbs = history.stream().map(h -> h.split(" ", 2)[0]).toList();
        List<String> released =
                history.stream().filter(h -> h.startsWith("release")).toList();
        List<String> expected = new ArrayList<>(List.of("place"));
        for (int i = 0; i < released.size(); i++) expected.add("reserve");
        for (int i = 0; i < released.size(); i++) expected.add("release");
        expected.add("cancel");
        boolean descending = true;
        for (int i = 1; i < released.size(); i++) descending &= number(released.get(i)) < number(released.get(i - 1));
        return verbs.equals(expected) && descending;
    }

    private static int number(String release) {
        return Integer.parseInt(release.substring(release.lastIndexOf('-') + 1));
    }

    /** What the shop has sold and shipped. */
    String books() {
        lock.lock();
        try {
            long confirmed =
                    orders.values().stream().filter("confirmed"::equals).count();
            long cancelled =
                    orders.values().stream().filter("cancelled"::equals).count();
            return confirmed + " orders confirmed, " + cancelled + " cancelled; " + till + " in the till, "
                    + stock.values().stream().mapToInt(s -> s.shipped).sum() + " pieces shipped, "
                    + stock.values().stream().mapToInt(s -> s.reserved).sum() + " still reserved, "
                    + authorisations.values().stream().mapToInt(h -> h.amount).sum() + " still held";
        } finally {
            lock.unlock();
        }
    }
}
