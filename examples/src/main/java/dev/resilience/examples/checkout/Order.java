// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples.checkout;

import java.util.ArrayList;
import java.util.List;

/**
 * What a saga is started with.
 *
 * @param id of the order, and of its saga
 * @param card what it is paid with
 * @param lines what is bought
 */
record Order(String id, String card, List<Line> lines) {
    /** Nobody has it in stock. */
    static final String UNOBTAINABLE = "unicorn";

    private static final List<String> GOODS = List.of("tea", "coffee", "cocoa");

    /**
     * One article.
     *
     * @param sku which
     * @param count how many, at a price of 1 each
     */
    record Line(String sku, int count) {}

    int price() {
        return lines.stream().mapToInt(Line::count).sum();
    }

    /** Whether nobody refuses it. */
    boolean fine() {
        return !card.startsWith(Ledger.DECLINED)
                && lines.stream().noneMatch(l -> l.sku().equals(UNOBTAINABLE));
    }

    /** So many orders of one run, always the same: of five the fourth is declined by the bank, the fifth is out of stock. */
    static List<Order> make(String run, int count) {
        List<Order> orders = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            List<Line> lines = new ArrayList<>();
            for (int line = 0; line <= i % 3; line++)
                lines.add(new Line(GOODS.get((i + line) % GOODS.size()), 1 + (i + line) % 4));
            if (i % 5 == 4) lines.add(new Line(UNOBTAINABLE, 1));
            String card = (i % 5 == 3 ? Ledger.DECLINED : "card-") + i;
            orders.add(new Order(run + "-" + i, card, List.copyOf(lines)));
        }
        return List.copyOf(orders);
    }

    /** How many different effects it has in the services when all goes as it must. */
    int effects() {
        int stocked =
                (int) lines.stream().filter(l -> !l.sku().equals(UNOBTAINABLE)).count();
        // place, reserve each line, authorise, capture, ship, confirm; or place, reserve, release, cancel
        return fine() ? 1 + stocked + 4 : 2 + 2 * stocked;
    }
}
