// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class CheckpointTest {
    private static final SagaInstance SEEN = SagaInstance.builder(new SagaRef("order", "7"))
            .incarnation("x1")
            .owner("a#1")
            .fence(40)
            .seq(3)
            .sig(2)
            .claims(1)
            .startedMs(100)
            .updatedMs(200)
            .build();

    private static JournalEntry.Builder line(String step) {
        return JournalEntry.of(JournalEntry.Phase.ACTION, step).outcome(StepOutcome.COMPLETED);
    }

    @Test
    void a_checkpoint_that_changes_nothing_of_the_head_moves_its_position_and_its_time_only() {
        SagaInstance next = Checkpoint.on(SEEN, 300).append(line("pay")).build().next();
        assertThat(next.seq()).isEqualTo(4);
        assertThat(next.updatedMs()).isEqualTo(300);
        assertThat(next)
                .usingRecursiveComparison()
                .ignoringFields("seq", "updatedMs")
                .isEqualTo(SEEN);
        assertThat(SEEN.seq()).isEqualTo(3);
    }

    @Test
    void a_head_that_was_changed_keeps_the_rest_of_the_one_seen() {
        SagaInstance after = Checkpoint.on(SEEN, 300).build().next();
        Checkpoint.Builder turn = Checkpoint.on(after, 400);
        turn.head().status(SagaStatus.COMPENSATING).reason("REJECTED");
        turn.head().reasonStep("pay");
        SagaInstance next = turn.build().next();
        assertThat(next.seq()).isEqualTo(5);
        assertThat(next.updatedMs()).isEqualTo(400);
        assertThat(next.status()).isEqualTo(SagaStatus.COMPENSATING);
        assertThat(next.reason() + " " + next.reasonStep()).isEqualTo("REJECTED pay");
        assertThat(List.of(next.claims(), next.sig(), next.fence(), next.startedMs()))
                .isEqualTo(List.of(1, 2, 40L, 100L));
        assertThat(after.status()).isEqualTo(SagaStatus.RUNNING);
        assertThat(after.but().build().seq()).isEqualTo(4);
    }

    @Test
    void the_lines_of_a_checkpoint_are_numbered_in_their_order() {
        Checkpoint none = Checkpoint.on(SEEN, 300).build();
        Checkpoint three = Checkpoint.on(SEEN, 300)
                .append(line("a"))
                .append(line("b"))
                .append(line("c"))
                .build();
        assertThat(none.entries()).isEmpty();
        assertThat(three.entries()).extracting(JournalEntry::step).containsExactly("a", "b", "c");
        assertThat(three.entries()).extracting(JournalEntry::ord).containsExactly(0, 1, 2);
        assertThat(three.entries()).allSatisfy(e -> {
            assertThat(e.seq()).isEqualTo(4);
            assertThat(e.fence()).isEqualTo(40);
            assertThat(e.atMs()).isEqualTo(300);
        });
    }
}
