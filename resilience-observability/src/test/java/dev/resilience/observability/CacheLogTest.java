// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.resilience.Subscription;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.slf4j.event.Level;

/** What a cache says, how loud, and that it says nothing about keys. */
class CacheLogTest {
    private final CacheRig rig = new CacheRig();
    private final RecordingLogger info = new RecordingLogger(Level.INFO);
    private final RecordingLogger debug = new RecordingLogger(Level.DEBUG);

    private PolicyLog to(RecordingLogger logger) {
        return PolicyLog.to(logger, 10, Duration.ofSeconds(10), rig.time);
    }

    @Test
    void an_outage_can_be_read_at_3_a_m() {
        CacheLog.bind(to(info), rig.users);
        rig.users.get("a");
        rig.down = true;
        rig.time.advance(CacheRig.TTL.plusSeconds(1));
        rig.users.get("a");
        assertThat(info.lines())
                .as("an old value while it is loaded again is no news")
                .isEmpty();
        rig.loading = () -> rig.time.advance(Duration.ofSeconds(2));
        rig.work();
        rig.loading = () -> {};
        rig.time.advance(CacheRig.TTL);
        rig.users.get("a");
        assertThat(info.lines())
                .containsExactly(
                        "WARN cache 'users': a load in the background failed after 2 s: java.io.IOException:"
                                + " connection refused",
                        "WARN cache 'users' answers with a value past its time to live: java.io.IOException:"
                                + " connection refused");
        assertThat(info.facts(0)).containsExactly("cache=cache 'users'", "event=load", "background=true", "took=PT2S");
        assertThat(info.facts(1)).containsExactly("cache=cache 'users'", "event=stale");
        assertThat(info.events.get(0).getThrowable()).isInstanceOf(IOException.class);
    }

    @Test
    void what_the_caller_is_told_anyway_is_said_at_debug_only() {
        CacheLog.bind(to(info), rig.users);
        CacheLog.bind(to(debug), rig.users);
        rig.down = true;
        assertThat(catchThrowable(() -> rig.users.get("a"))).isNotNull();
        assertThat(info.lines()).isEmpty();
        assertThat(debug.lines())
                .containsExactly(
                        "DEBUG cache 'users': a load failed after 0 s: java.io.IOException: connection refused");
        assertThat(debug.events.get(0).getThrowable()).isNull();
    }

    @Test
    void a_failed_write_behind_is_told_for_nobody_else_hears_of_it() {
        CacheLog.bind(to(info), rig.users);
        rig.users.put("a", "new");
        rig.down = true;
        rig.time.advance(Duration.ofSeconds(1));
        rig.work();
        assertThat(info.lines())
                .containsExactly("WARN cache 'users': a write behind failed (1 in a row) and is tried again:"
                        + " java.io.IOException: connection refused");
        assertThat(info.facts(0)).containsExactly("cache=cache 'users'", "event=write", "failures=1");
    }

    @Test
    void only_the_invalidation_of_all_is_worth_a_line() {
        CacheLog.bind(to(debug), rig.users);
        rig.users.get("secret-key");
        rig.users.invalidate("secret-key");
        rig.users.invalidateTag("all");
        assertThat(debug.lines()).isEmpty();
        rig.users.invalidateAll();
        assertThat(debug.lines()).containsExactly("INFO cache 'users': all was invalidated");
    }

    @Test
    void a_flood_is_held_back_and_counted() {
        CacheLog.bind(PolicyLog.to(info, 2, Duration.ofHours(10), rig.time), rig.users);
        rig.users.get("a");
        rig.down = true;
        rig.time.advance(CacheRig.TTL.multipliedBy(3));
        for (int i = 0; i < 100; i++) rig.users.get("a");
        assertThat(info.lines()).hasSize(2);
        rig.users.invalidateAll();
        assertThat(info.lines()).as("one sort hides no other").hasSize(3);
    }

    @Test
    void a_cache_bound_twice_speaks_once_and_is_silent_after_the_last_close() { // L13
        PolicyLog log = to(info);
        Subscription one = CacheLog.bind(log, rig.users);
        Subscription two = CacheLog.bind(log, rig.users);
        rig.users.invalidateAll();
        assertThat(info.lines()).hasSize(1);
        one.close();
        one.close();
        rig.users.invalidateAll();
        assertThat(info.lines()).hasSize(2);
        two.close();
        rig.users.invalidateAll();
        assertThat(info.lines()).hasSize(2);
        CacheLog.bind(log, rig.users);
        log.close();
        rig.users.invalidateAll();
        assertThat(info.lines()).hasSize(2);
        assertThatIllegalStateException().isThrownBy(() -> CacheLog.bind(log, rig.users));
    }
}
