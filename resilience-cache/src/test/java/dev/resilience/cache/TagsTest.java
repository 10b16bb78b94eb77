// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.cache.Entry.Tagged;
import org.junit.jupiter.api.Test;

/** S18, cache.md 3.10. */
class TagsTest {
    private static final long FOR_EVER = Entry.ETERNAL;

    private static Tagged of(long startSeq, String... tags) {
        return new Tagged(tags, startSeq);
    }

    @Test
    void what_began_after_an_invalidation_is_valid_and_what_began_before_is_not() {
        Tags tags = new Tags(100);
        long before = tags.seq();
        tags.invalidate("a", 0, FOR_EVER);
        assertThat(tags.valid(of(before, "a"))).isFalse();
        assertThat(tags.valid(of(before, "b"))).isTrue();
        assertThat(tags.valid(of(before, "b", "a"))).isFalse();
        assertThat(tags.valid(of(tags.seq(), "a"))).isTrue();
        assertThat(tags.valid(null)).isTrue();
    }

    @Test // S18: a record is the greatest, whatever order they are stored in
    void an_invalidation_that_is_stored_late_does_not_undo_a_later_one() {
        Tags tags = new Tags(100);
        tags.record("a", 7, 0);
        tags.record("a", 6, 0);
        assertThat(tags.valid(of(6, "a"))).isFalse();
        assertThat(tags.valid(of(7, "a"))).isTrue();
    }

    @Test // state unknown: invalid
    void dropping_a_record_never_makes_anything_valid_again() {
        Tags tags = new Tags(8);
        long before = tags.seq();
        tags.invalidate("mine", 0, FOR_EVER);
        Tagged old = of(before, "mine");
        for (int i = 0; i < 100; i++) {
            tags.invalidate("tag" + i, i, FOR_EVER);
            assertThat(tags.valid(old)).isFalse();
            assertThat(tags.size()).isLessThanOrEqualTo(9);
            assertThat(tags.valid(of(tags.seq(), "mine", "tag" + i))).isTrue();
        }
    }

    @Test
    void records_are_kept_while_an_entry_can_be_as_old() {
        Tags tags = new Tags(1 << 18);
        Tagged young = of(0, "other");
        for (int i = 0; i < 10_000; i++) tags.invalidate("tag" + i, i, 100_000);
        assertThat(tags.size()).isEqualTo(10_000);
        assertThat(tags.valid(young)).isTrue();
    }

    @Test
    void records_older_than_any_entry_are_dropped() {
        Tags tags = new Tags(1 << 18);
        for (int i = 0; i < 100_000; i++) tags.invalidate("tag" + i, i, 1_000);
        assertThat(tags.size()).isLessThan(10_000);
        assertThat(tags.valid(of(tags.seq(), "tag1"))).isTrue();
        assertThat(tags.valid(of(0, "tag1"))).isFalse();
    }
}
