// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.Laws;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What we show is what we recommend. */
class OrdersTest {
    @RegisterExtension
    final Laws laws = new Laws();

    @Test
    void the_pipelines_of_the_examples_are_built_without_a_warning() throws Exception {
        PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
        try (Experiment main = new Experiment(Options.parse("--seconds", "600"), nowhere)) {
            assertThat(main).isNotNull();
        }
        assertThat(new FirstPipeline()).isNotNull();
        assertThat(laws.logged()).isEmpty();
    }
}
