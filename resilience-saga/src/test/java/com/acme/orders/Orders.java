// SPDX-License-Identifier: Apache-2.0
package com.acme.orders;

import java.util.List;

/** Records of a user, to be put into modules of his: open and closed ones. */
public final class Orders {
    private Orders() {}

    public record Open(String id, List<Line> lines) {
        public record Line(String sku, int quantity) {}
    }

    private record Hidden(String id, long amount) {}

    public static Object hidden() {
        return new Hidden("a", 7);
    }
}
