// SPDX-License-Identifier: Apache-2.0
package dev.resilience.standard;

import static java.time.Duration.ofSeconds;

import dev.resilience.Pipeline;

/** The snippets that the Javadoc of this package shows; compiled here. */
final class Snippets {
    private Snippets() {}

    static String standard() {
        // @start region="standard"
        Pipeline payments = StandardPipeline.builder("payments")
                .timeout(ofSeconds(10))
                .attemptTimeout(ofSeconds(2))
                .build();
        String receipt = payments.call(() -> "charged");
        // @end
        return receipt;
    }
}
