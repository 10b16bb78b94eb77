// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.concurrent.ThreadFactory;
import org.junit.jupiter.api.Test;

class ThreadsTest {
    @Test
    void threads_are_daemons_with_a_name_and_a_number() {
        ThreadFactory factory = Threads.named("user");
        Thread first = factory.newThread(() -> {});
        assertThat(first.isDaemon()).isTrue();
        assertThat(first.getName()).isEqualTo("user-1");
        assertThat(factory.newThread(() -> {}).getName()).isEqualTo("user-2");
    }

    @Test
    void virtual_threads_are_virtual_where_there_are_any() throws Exception {
        if (Runtime.version().feature() < Threads.VIRTUAL_SINCE) {
            assertThatIllegalStateException()
                    .isThrownBy(() -> Threads.virtual("user"))
                    .withMessage("this Java has no virtual threads");
            return;
        }
        ThreadFactory factory = Threads.virtual("user");
        Thread first = factory.newThread(() -> {});
        assertThat(Thread.class.getMethod("isVirtual").invoke(first)).isEqualTo(true);
        assertThat(first.getName()).isEqualTo("user-1");
        assertThat(factory.newThread(() -> {}).getName()).isEqualTo("user-2");
    }
}
