// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.saga.Fault;
import dev.resilience.testkit.saga.SagaCrashMatrix;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/**
 * Sagas of every shape survive everything at every boundary, in memory: G1 to G9. With {@code -Dcrash.matrix=full} at
 * every pair of boundaries also of the long ones, and in eight orders of their threads instead of one or two.
 */
class CrashMatrixTest {
    private static final boolean FULL = "full".equals(System.getProperty("crash.matrix"));

    /** Of these there are so many pairs that only the full run has time for those of other faults than deaths. */
    private static final Set<CrashShape> LONG = EnumSet.of(
            CrashShape.WITH_BRANCHES,
            CrashShape.REFUSED_IN_A_BRANCH,
            CrashShape.FOR_EACH,
            CrashShape.FOR_EACH_REFUSED,
            CrashShape.AWAITING_IN_VAIN,
            CrashShape.REFUSED_AT_THE_THIRD_STEP,
            CrashShape.REFUSED_AT_THE_PIVOT,
            CrashShape.LATE_AFTER_A_TAKEOVER);

    private static SagaCrashMatrix<CrashShape.Order> of(CrashShape shape, int schedules) {
        return shape.matrix().schedules(FULL ? 8 : schedules);
    }

    private static void pairs(CrashShape shape, Fault first, Fault... more) {
        var each = of(shape, 1).atEveryBoundary(first, more);
        (FULL || !LONG.contains(shape) ? each.pairs() : each).run();
    }

    /** C0 to C4, C6, C8 to C13: dead, and so is who took over. */
    @ParameterizedTest
    @EnumSource(mode = Mode.MATCH_NONE, names = "TRANSACTIONAL.*")
    void two_deaths_at_every_pair_of_boundaries(CrashShape shape) {
        var played = of(shape, 1).killAtEveryBoundary().pairs().run();
        assertThat(played.runs()).isGreaterThan(played.boundaries() * played.boundaries() / 2);
    }

    /** C14, G9: it wakes up when all is over, and at every boundary of who took over. */
    @ParameterizedTest
    @EnumSource(mode = Mode.MATCH_NONE, names = "TRANSACTIONAL.*")
    void a_frozen_owner_records_nothing_whenever_it_wakes(CrashShape shape) {
        pairs(shape, Fault.FREEZE);
    }

    /** C5, C8: answers of store and participants are lost, refused or never come; and a death before or after. */
    @ParameterizedTest
    @EnumSource(
            mode = Mode.MATCH_NONE,
            names = {"TRANSACTIONAL.*", "L.*", ".*BRIEFLY"})
    void a_lost_answer_and_a_death_in_either_order(CrashShape shape) {
        pairs(shape, Fault.KILL, Fault.FAIL, Fault.REJECT, Fault.HANG);
    }

    /** S2, S3, T11, C15. */
    @ParameterizedTest
    @EnumSource(
            mode = Mode.MATCH_NONE,
            names = {"TRANSACTIONAL.*", "LOCKED.*", ".*BRIEFLY"})
    void a_cancellation_and_a_death_in_either_order(CrashShape shape) {
        pairs(shape, Fault.KILL, Fault.CANCEL);
    }

    /** T16, T22, S9: hand-over, a call that outlasts the lease, a signal that comes at a bad moment. */
    @ParameterizedTest
    @EnumSource(mode = Mode.MATCH_NONE, names = "TRANSACTIONAL.*")
    void a_deployment_a_stall_or_a_signal_at_every_boundary(CrashShape shape) {
        of(shape, 2).atEveryBoundary(Fault.CLOSE, Fault.STALL, Fault.SIGNAL).run();
    }

    /** S9 with C13 and C14. */
    @ParameterizedTest
    @EnumSource(names = {"AWAITING", "AWAITING_BRIEFLY"})
    void a_signal_and_the_end_of_an_engine_in_either_order(CrashShape shape) {
        of(shape, 1)
                .atEveryBoundary(Fault.KILL, Fault.CLOSE, Fault.SIGNAL)
                .pairs()
                .run();
    }

    /** C16, S16: the journal goes back by acknowledged writes while engines run. */
    @ParameterizedTest
    @EnumSource(mode = Mode.MATCH_NONE, names = "TRANSACTIONAL.*")
    void a_failover_that_loses_the_newest_commits(CrashShape shape) {
        for (int newest = 1; newest <= 3; newest += 2)
            of(shape, 1).atEveryBoundary(Fault.FAIL_OVER).losing(newest).run();
    }

    /** C16 with S3 and G7: who turns knows no more than what is left. */
    @ParameterizedTest
    @EnumSource(names = {"IN_A_ROW", "FOR_EACH_REFUSED", "UNDONE_BLINDLY", "DELAYED"})
    void a_failover_and_a_cancellation_in_either_order(CrashShape shape) {
        for (int newest = FULL ? 1 : 2; newest <= 2; newest++)
            of(shape, 1)
                    .atEveryBoundary(Fault.FAIL_OVER, Fault.CANCEL)
                    .losing(newest)
                    .pairs()
                    .run();
    }

    /** C16 with C4 and S6a: the next owner may get the fence that was lost. */
    @ParameterizedTest
    @EnumSource(names = {"REFUSED_AT_THE_THIRD_STEP", "PIVOT_FIRST"})
    void a_failover_and_the_end_of_an_engine_in_either_order(CrashShape shape) {
        of(shape, 1)
                .atEveryBoundary(Fault.FAIL_OVER, Fault.KILL, Fault.FREEZE)
                .losing(2)
                .pairs()
                .run();
    }

    /** S14: two sagas of one lock key never overlap, and every end frees it, also after that of an engine. */
    @ParameterizedTest
    @EnumSource(mode = Mode.MATCH_ALL, names = "LOCKED.*")
    void two_sagas_of_one_lock(CrashShape shape) {
        of(shape, 2)
                .rival()
                .atEveryBoundary(Fault.KILL, Fault.CLOSE, Fault.CANCEL, Fault.REJECT, Fault.STALL)
                .run();
    }
}
