// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static dev.resilience.saga.JdbcFixture.NOW;
import static dev.resilience.saga.JdbcFixture.claim;
import static dev.resilience.saga.JdbcFixture.head;
import static dev.resilience.saga.JdbcFixture.ref;
import static dev.resilience.saga.JdbcFixture.step;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** L3: rows that no engine of this release can read are the trouble of their own saga. */
class UnreadableRowTest {
    @ParameterizedTest
    @ValueSource(strings = {"phase = '?'", "outcome = 77"})
    void one_that_cannot_be_read_keeps_no_other_saga_from_being_claimed(String changed) {
        try (JdbcFixture db = new JdbcFixture()) {
            List<SagaRef> healthy = new ArrayList<>();
            SagaRef broken = null;
            for (int i = 0; i < 5; i++) {
                SagaInstance started = db.started(head(ref()).owner("dead#1"));
                assertThat(db.store.write(step(started, "first").build())).isTrue();
                if (i == 2) broken = started.ref();
                else healthy.add(started.ref());
            }
            db.database.execute("UPDATE saga_step SET " + changed + " WHERE saga_id = '"
                    + Fleet.there(broken).id() + "'");
            List<SagaStore.Loaded> claimed = db.store.claim(claim("next#1", Set.of("dead#1"), NOW));
            assertThat(claimed).extracting(saga -> saga.head().ref()).containsExactlyInAnyOrderElementsOf(healthy);
            assertThat(db.store.owned("next#1")) // the broken one too: a stray, which is given back
                    .extracting(SagaInstance::ref)
                    .contains(broken)
                    .hasSize(5);
            assertThat(db.store.claim(claim("next#1", Set.of("dead#1"), NOW))).isEmpty();
        }
    }

    /** L3: it is claimed with the others, and the engine's strays are looked for by their heads. */
    @Test
    void one_whose_head_cannot_be_read_hides_no_other_stray() {
        try (JdbcFixture db = new JdbcFixture()) {
            SagaRef broken = db.started(head(ref()).owner("dead#1")).ref();
            SagaRef healthy = db.started(head(ref()).owner("dead#1")).ref();
            db.database.execute("UPDATE saga_instance SET held_from = 77 WHERE saga_id = '" + broken.id() + "'");
            List<SagaStore.Loaded> claimed = db.store.claim(claim("next#1", Set.of("dead#1"), NOW));
            assertThat(claimed).extracting(saga -> saga.head().ref()).containsExactly(healthy);
            assertThat(db.store.owned("next#1")).extracting(SagaInstance::ref).containsExactly(healthy);
        }
    }

    @Test
    void one_that_can_be_read_again_goes_on() {
        try (JdbcFixture db = new JdbcFixture()) {
            SagaInstance started = db.started(head(ref()).owner("dead#1"));
            assertThat(db.store.write(step(started, "first").build())).isTrue();
            db.database.execute("UPDATE saga_step SET phase = '?'");
            assertThat(db.store.claim(claim("next#1", Set.of("dead#1"), NOW))).isEmpty();
            SagaInstance stray = db.store.owned("next#1").get(0);
            Checkpoint.Builder back = Checkpoint.on(stray, NOW + 2);
            back.head().owner(null).wakeMs(NOW).claims(1);
            assertThat(db.store.write(back.build())).isTrue(); // its head takes a write without being read
            db.database.execute("UPDATE saga_step SET phase = 'A'");
            assertThat(db.store.claim(claim("other#1", Set.of(), NOW))).hasSize(1);
        }
    }
}
