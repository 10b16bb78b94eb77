// SPDX-License-Identifier: Apache-2.0
package dev.resilience.hedge;

import static java.time.Duration.ofSeconds;

import dev.resilience.Pipeline;
import dev.resilience.RetryBudget;
import dev.resilience.timeout.Timeout;

/** The snippets that the Javadoc of this package shows; compiled here. */
final class Snippets {
    private Snippets() {}

    static String hedge(String query) {
        // @start region="hedge"
        Hedge search = Hedge.builder("search")
                .delayQuantile(0.95, 100) // slow is what nineteen of twenty are not
                .budget(RetryBudget.of(0.1))
                .build();
        Pipeline pipeline = Pipeline.of(search, Timeout.of(ofSeconds(1)));
        String hits = pipeline.call(() -> "hits for " + query);
        // @end
        return hits;
    }
}
