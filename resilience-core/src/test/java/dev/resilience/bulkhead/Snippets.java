// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bulkhead;

import dev.resilience.CallContext;
import dev.resilience.Pipeline;
import java.time.Duration;

/** The snippets that the Javadoc of this package shows; compiled here. */
final class Snippets {
    private Snippets() {}

    static final CallContext.Attribute<Integer> ROWS = CallContext.Attribute.of("rows");

    static String bulkhead() {
        // @start region="bulkhead"
        Bulkhead search = Bulkhead.builder("search")
                .maxConcurrent(25)
                .maxWaiting(100)
                .maxWait(Duration.ofMillis(200))
                .weight(call -> call.get(ROWS, 1) > 1000 ? 5 : 1)
                .build();
        String hits = Pipeline.of(search).call(CallContext.of(ROWS, 5000), call -> "five slots while this runs");
        // @end
        return hits;
    }
}
