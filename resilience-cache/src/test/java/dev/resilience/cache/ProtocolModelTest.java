// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static dev.resilience.cache.ProtocolModel.Actor.CLEAR;
import static dev.resilience.cache.ProtocolModel.Actor.EVICT;
import static dev.resilience.cache.ProtocolModel.Actor.GET;
import static dev.resilience.cache.ProtocolModel.Actor.INVALIDATE;
import static dev.resilience.cache.ProtocolModel.Actor.OTHER_TAG;
import static dev.resilience.cache.ProtocolModel.Actor.PUT;
import static dev.resilience.cache.ProtocolModel.Actor.SET;
import static dev.resilience.cache.ProtocolModel.Actor.TAG;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.cache.ProtocolModel.Actor;
import dev.resilience.cache.ProtocolModel.Mistake;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** S17, S18: every interleaving of three calls for one key; and with an old value, of four: it may be evicted. */
class ProtocolModelTest {
    private static final Actor[] OTHERS = {GET, INVALIDATE, PUT, CLEAR, TAG, EVICT};

    private static final List<List<Actor>> FOURS =
            List.of(List.of(GET, GET, OTHER_TAG, INVALIDATE), List.of(GET, GET, TAG, TAG));

    /** A getter and every two others. */
    private static List<List<Actor>> sets() {
        List<List<Actor>> all = new ArrayList<>();
        all.add(List.of(GET, GET, SET));
        all.add(List.of(GET, OTHER_TAG, GET));
        for (int i = 0; i < OTHERS.length; i++) {
            for (int j = i; j < OTHERS.length; j++) all.add(List.of(GET, OTHERS[i], OTHERS[j]));
        }
        return all;
    }

    private static List<Actor> withOldValue(List<Actor> actors) {
        List<Actor> all = new ArrayList<>(actors);
        all.add(EVICT); // the old value is its entry, and it may go at any time
        return all;
    }

    @Test
    void no_interleaving_shows_what_was_invalidated() {
        int states = 0;
        for (List<Actor> actors : sets()) {
            for (List<Actor> each : List.of(actors, withOldValue(actors))) {
                ProtocolModel model = new ProtocolModel(each, Mistake.NONE).run(each != actors);
                assertThat(model.violation).as("%s", each).isEmpty();
                states += model.states;
            }
        }
        assertThat(states).isGreaterThan(100_000);
    }

    @Test
    void nor_does_one_of_four_in_which_loads_are_displaced() {
        for (List<Actor> actors : FOURS.subList(0, 1)) { // all of the second takes seconds; it is for the mistakes
            ProtocolModel model = new ProtocolModel(actors, Mistake.NONE).run(false);
            assertThat(model.violation).as("%s", actors).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Mistake.class,
            mode = EnumSource.Mode.EXCLUDE,
            names = {"NONE"})
    void every_mistake_is_found(Mistake mistake) {
        assertThat(found(mistake))
                .as("%s was not found: the model looks at too little", mistake)
                .isTrue();
    }

    private static boolean found(Mistake mistake) {
        for (List<Actor> actors : sets()) {
            if (!new ProtocolModel(actors, mistake).run(false).violation.isEmpty()) return true;
            if (!new ProtocolModel(withOldValue(actors), mistake)
                    .run(true)
                    .violation
                    .isEmpty()) return true;
        }
        for (List<Actor> actors : FOURS) {
            if (!new ProtocolModel(actors, mistake).run(false).violation.isEmpty()) return true;
        }
        return false;
    }
}
