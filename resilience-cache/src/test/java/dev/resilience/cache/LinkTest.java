// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.cache.Backplane.Kind;
import dev.resilience.cache.Held.Basis;
import org.junit.jupiter.api.Test;

/** Which copies may be served without asking (S21): the decision alone, told all numbers and times. */
class LinkTest {
    private static final long BEAT = Link.BEAT_NANOS;
    private static final long STALE = 10 * BEAT;

    private static Link alive(long stamp, long now) {
        return Link.unheard().heard("ch", 5, Kind.HEARTBEAT, stamp).echo(now, now, stamp);
    }

    @Test
    void the_next_number_is_no_gap() {
        Link link = alive(1, 0)
                .heard("ch", 6, Kind.SET, 2)
                .heard("ch", 7, Kind.REMOVE, 3)
                .heard("ch", 7, Kind.HEARTBEAT, 4);
        assertThat(link.trusted()).isEqualTo(1);
    }

    @Test
    void the_last_number_once_more_is_no_gap() {
        assertThat(alive(1, 0).heard("ch", 5, Kind.SET, 2).trusted()).isEqualTo(1);
    }

    @Test
    void a_missing_number_is_a_gap_in_a_message_and_in_a_heartbeat() {
        assertThat(alive(1, 0).heard("ch", 7, Kind.SET, 2).trusted()).isEqualTo(2);
        assertThat(alive(1, 0).heard("ch", 6, Kind.HEARTBEAT, 2).trusted()).isEqualTo(2);
    }

    @Test
    void a_lower_number_is_a_gap() {
        assertThat(alive(1, 0).heard("ch", 4, Kind.SET, 2).trusted()).isEqualTo(2);
        assertThat(alive(1, 0).heard("ch", 4, Kind.HEARTBEAT, 2).trusted()).isEqualTo(2);
    }

    @Test
    void another_channel_is_a_gap_whatever_its_number() {
        assertThat(alive(1, 0).heard("anew", 6, Kind.SET, 2).trusted()).isEqualTo(2);
        assertThat(Link.unheard().heard("ch", 1, Kind.SET, 7).trusted()).isEqualTo(7);
    }

    @Test
    void numbers_that_overflow_are_still_consecutive() {
        Link link = Link.unheard().heard("ch", Long.MAX_VALUE, Kind.SET, 1).heard("ch", Long.MIN_VALUE, Kind.SET, 2);
        assertThat(link.trusted()).isEqualTo(1);
    }

    @Test
    void what_the_backplane_says_itself_is_a_gap() {
        assertThat(alive(1, 0).broken(9).trusted()).isEqualTo(9);
    }

    @Test
    void a_line_is_alive_for_three_beats_after_its_own_heartbeat_was_sent() {
        Link link = alive(1, 100);
        assertThat(link.alive(100 + 3 * BEAT - 1)).isTrue();
        assertThat(link.alive(100 + 3 * BEAT)).isFalse();
        assertThat(Link.unheard().alive(0)).isFalse();
    }

    /** A heartbeat that took long counts from when it was sent; a late older one counts for nothing. */
    @Test
    void a_heartbeat_counts_from_when_it_was_sent() {
        Link link = alive(1, 0).echo(BEAT, 2 * BEAT, 2);
        assertThat(link.alive(4 * BEAT - 1)).isTrue();
        assertThat(link.alive(4 * BEAT)).isFalse();
        assertThat(link.echo(0, 2 * BEAT, 3).echoedAt()).isEqualTo(BEAT);
    }

    @Test
    void heartbeats_of_others_keep_nothing_alive() {
        Link link = alive(1, 0).heard("ch", 5, Kind.HEARTBEAT, 2).heard("ch", 5, Kind.HEARTBEAT, 3);
        assertThat(link.alive(3 * BEAT)).isFalse();
    }

    @Test
    void a_silence_that_ends_is_a_gap() {
        assertThat(alive(1, 0).echo(2 * BEAT, 2 * BEAT, 2).trusted()).isEqualTo(1);
        assertThat(alive(1, 0).echo(3 * BEAT, 3 * BEAT, 2).trusted()).isEqualTo(2);
    }

    @Test
    void while_alive_only_what_is_younger_than_the_gap_is_trusted_at_any_age() {
        Link link = alive(5, 0);
        assertThat(link.trusts(new Basis(5, 0), 0, STALE)).isFalse();
        assertThat(link.trusts(new Basis(6, -100 * STALE), 0, STALE)).isTrue();
    }

    @Test
    void while_dead_what_is_older_than_the_silence_is_asked_for_and_what_is_younger_lives_as_long_as_is_allowed() {
        Link link = alive(5, 0);
        long dead = 3 * BEAT;
        assertThat(link.trusts(new Basis(6, dead - 1), dead, STALE)).isFalse();
        assertThat(link.trusts(new Basis(6, dead), dead + STALE - 1, STALE)).isTrue();
        assertThat(link.trusts(new Basis(6, dead), dead + STALE, STALE)).isFalse();
    }

    @Test
    void without_a_backplane_a_copy_lives_as_long_as_is_allowed() {
        Link link = Link.unheard();
        assertThat(link.trusts(new Basis(1, 0), STALE - 1, STALE)).isTrue();
        assertThat(link.trusts(new Basis(1, 0), STALE, STALE)).isFalse();
        assertThat(link.trusts(new Basis(1, 0), 0, 0)).isFalse();
    }

    /** L10: readings wrap. */
    @Test
    void readings_that_wrap_change_nothing() {
        long now = Long.MAX_VALUE - BEAT;
        Link link = alive(1, now);
        assertThat(link.alive(now + 2 * BEAT)).isTrue();
        assertThat(link.alive(now + 3 * BEAT)).isFalse();
        assertThat(link.trusts(new Basis(2, now + 3 * BEAT), now + 4 * BEAT, STALE))
                .isTrue();
        assertThat(link.trusts(new Basis(2, now + 2 * BEAT), now + 4 * BEAT, STALE))
                .isFalse();
    }
}
