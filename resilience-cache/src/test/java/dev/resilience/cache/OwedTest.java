// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.cache.Backplane.Kind;
import dev.resilience.cache.Owed.Removal;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the second level has not been told of (cache.md 3.14). */
class OwedTest {
    private final Owed<String> owed = new Owed<>(3);

    private static Removal<String> key(String key) {
        return Removal.ofKey(key, key);
    }

    @Test
    void nothing_is_owed_at_first() {
        assertThat(owed.count()).isZero();
        assertThat(owed.blocks("k")).isFalse();
        assertThat(owed.blocksAny(List.of("t"))).isFalse();
        assertThat(owed.all()).isEmpty();
    }

    @Test
    void what_is_owed_of_a_key_blocks_that_key_until_it_is_paid() {
        Removal<String> removal = key("k");
        owed.add(removal);
        assertThat(owed.blocks("k")).isTrue();
        assertThat(owed.blocks("other")).isFalse();
        owed.paid(removal);
        assertThat(owed.blocks("k")).isFalse();
        assertThat(owed.count()).isZero();
    }

    @Test
    void a_tag_blocks_values_that_carry_it() {
        owed.add(Removal.ofTag("t"));
        assertThat(owed.blocks("k")).isFalse();
        assertThat(owed.blocksAny(List.of("s", "t"))).isTrue();
        assertThat(owed.blocksAny(List.of("s"))).isFalse();
    }

    @Test
    void the_newest_of_a_key_is_owed_once() {
        for (int i = 0; i < 10; i++) owed.add(key("k"));
        assertThat(owed.count()).isEqualTo(1);
    }

    /** Paid is what was sent, not what came while it was sent. */
    @Test
    void a_payment_does_not_cover_what_came_after_it_was_sent() {
        Removal<String> sent = key("k");
        owed.add(sent);
        owed.add(key("k"));
        owed.paid(sent);
        assertThat(owed.blocks("k")).isTrue();

        Owed<String> tags = new Owed<>(3);
        Removal<String> tag = Removal.ofTag("t");
        tags.add(tag);
        tags.add(Removal.ofTag("t"));
        tags.paid(tag);
        assertThat(tags.blocksAny(List.of("t"))).isTrue();
    }

    @Test
    void one_too_many_makes_them_a_clear_that_blocks_everything() {
        for (int i = 0; i < 4; i++) owed.add(key("k" + i));
        assertThat(owed.count()).isEqualTo(1);
        assertThat(owed.all()).singleElement().satisfies(r -> assertThat(r.kind).isEqualTo(Kind.CLEAR));
        assertThat(owed.blocks("anything")).isTrue();
        assertThat(owed.blocksAny(List.of())).isTrue();
    }

    @Test
    void what_comes_while_a_clear_is_sent_is_not_covered_by_it() {
        owed.add(Removal.ofAll());
        Removal<String> sent = owed.all().get(0);
        owed.add(key("k"));
        owed.paid(sent);
        assertThat(owed.blocks("k")).isTrue();
        owed.paid(owed.all().get(0));
        assertThat(owed.count()).isZero();
    }

    @Test
    void tags_are_paid_before_keys() {
        owed.add(key("k"));
        owed.add(Removal.ofTag("t"));
        assertThat(owed.all()).extracting(r -> r.text).containsExactly("t", "k");
    }

    @Test
    void a_key_and_a_tag_of_one_text_are_two() {
        Removal<String> removal = key("same");
        owed.add(removal);
        owed.add(Removal.ofTag("same"));
        assertThat(owed.count()).isEqualTo(2);
        owed.paid(removal);
        assertThat(owed.blocks("same")).isFalse();
        assertThat(owed.blocksAny(List.of("same"))).isTrue();
    }
}
