// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** S13: who is dead is told by the observer's own clock, in periods of 5 here, three to a lease. */
class DeathsTest {
    private final Deaths deaths = new Deaths("me", 5);
    private final Map<String, Long> beats = new HashMap<>(Map.of("me", 1L, "other", 7L));

    private Set<String> look(long now, String... orphans) {
        deaths.observe(now, new SagaStore.Beat(0, Map.copyOf(beats), Set.of(orphans)), true);
        return deaths.dead();
    }

    @Test
    void an_owner_is_dead_when_its_beat_has_not_changed_for_a_lease_and_three_looks_after_the_first() {
        assertThat(look(0)).isEmpty();
        assertThat(look(5)).isEmpty();
        assertThat(look(10)).isEmpty();
        assertThat(look(15)).containsExactly("other");
    }

    @Test
    void looks_in_quick_succession_make_nobody_dead_before_the_lease_is_over() {
        for (int now = 0; now < 15; now++) assertThat(look(now)).isEmpty();
        assertThat(look(15)).containsExactly("other");
    }

    @Test
    void a_beat_that_changes_begins_the_lease_anew_and_brings_back_the_dead() {
        for (int now = 0; now <= 10; now += 5) look(now);
        beats.put("other", 8L);
        for (int now = 15; now <= 25; now += 5) assertThat(look(now)).isEmpty();
        assertThat(look(30)).containsExactly("other");
        beats.put("other", 9L);
        assertThat(look(35)).isEmpty();
    }

    @Test
    void time_in_which_the_store_did_not_answer_counts_for_nobody() {
        look(0);
        look(5);
        deaths.missed();
        deaths.missed();
        assertThat(look(1_000)).isEmpty();
        assertThat(look(1_005)).isEmpty();
        assertThat(look(1_010)).containsExactly("other");
    }

    @Test
    void time_in_which_the_observer_itself_stood_still_counts_for_nobody() {
        look(0);
        look(5);
        assertThat(look(1_000)).isEmpty();
        assertThat(look(1_005)).isEmpty();
        assertThat(look(1_010)).containsExactly("other");
    }

    @Test
    void a_clock_that_wraps_around_changes_nothing() {
        long start = Long.MAX_VALUE - 7; // L10
        for (int passed = 0; passed <= 10; passed += 5)
            assertThat(look(start + passed)).isEmpty();
        assertThat(look(start + 15)).containsExactly("other");
    }

    @Test
    void nobody_holds_itself_for_dead() {
        for (int now = 0; now <= 100; now += 5) assertThat(look(now)).doesNotContain("me");
    }

    @Test
    void an_owner_of_live_sagas_without_a_beat_is_dead_after_a_lease_too() {
        beats.remove("other");
        assertThat(look(0, "lost")).isEmpty();
        assertThat(look(5, "lost")).isEmpty();
        assertThat(look(10, "lost")).isEmpty();
        assertThat(look(15, "lost")).containsExactly("lost");
        assertThat(look(20)).isEmpty(); // it owns nothing any more
    }

    @Test
    void an_owner_without_a_beat_that_beats_again_is_alive() {
        beats.remove("other");
        for (int now = 0; now <= 10; now += 5) look(now, "other");
        beats.put("other", 1L);
        assertThat(look(15)).isEmpty();
    }

    @Test
    void the_long_dead_are_forgotten_and_nobody_else() {
        for (int now = 0; now <= 295; now += 5) {
            look(now);
            assertThat(deaths.forgettable()).isEmpty();
        }
        look(300);
        assertThat(deaths.forgettable()).containsExactly("other");
    }
}
