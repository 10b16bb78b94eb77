// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.Face;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What happens when policies stand in this order and the work ends like that: who counted what, and what came out with
 * whose name. The same on every face. The table stands in docs/policies/pipeline.md too, word for word.
 *
 * <p>The work <i>is refused</i>: by the breaker, which an operator has opened, else by the bulkhead, which is full, else by
 * a bulkhead that the work itself uses.
 */
class NestedOrdersTest { // L1, L7, L9, L13, L14, S33, S34, S37, S39
    private static final String TABLE = """
            | order | the work | attempts | retries | hedges | timeouts | breaker | bulkhead | after | the caller gets |
            |---|---|---|---|---|---|---|---|---|---|
            | `retry(timeout)` | returns | 1 | 0 |  | 0 |  |  | 0 s | the value |
            | `retry(timeout)` | fails | 3 | 2 |  | 0 |  |  | 2 s | `IOException` 3; suppressed: `Stopped` ATTEMPTS, `IOException` 1, `IOException` 2 |
            | `retry(timeout)` | hangs | 3 | 2 |  | 3 |  |  | 8 s | `TimeoutExceededException` of timeout; suppressed: `Stopped` ATTEMPTS, 2 `TimeoutExceededException` of timeout |
            | `retry(timeout)` | hangs once | 2 | 1 |  | 1 |  |  | 3 s | the value |
            | `retry(timeout)` | fails, then hangs | 3 | 2 |  | 2 |  |  | 6 s | `TimeoutExceededException` of timeout; suppressed: `Stopped` ATTEMPTS, `IOException` 1, `TimeoutExceededException` of timeout |
            | `retry(timeout)` | is refused | 3 | 2 |  | 0 |  |  | 2 s | `BulkheadFullException` of inner; suppressed: `Stopped` ATTEMPTS, 2 `BulkheadFullException` of inner |
            | `retry(timeout)` | the caller gives up | 1 | 0 |  | 0 |  |  | 1.5 s | the cancellation |
            | `timeout(retry)` | returns | 1 | 0 |  | 0 |  |  | 0 s | the value |
            | `timeout(retry)` | fails | 2 | 1 |  | 0 |  |  | 1 s | `IOException` 2; suppressed: `Stopped` DEADLINE, `IOException` 1 |
            | `timeout(retry)` | hangs | 1 | 0 |  | 1 |  |  | 2 s | `TimeoutExceededException` of timeout |
            | `timeout(retry)` | hangs once | 1 | 0 |  | 1 |  |  | 2 s | `TimeoutExceededException` of timeout |
            | `timeout(retry)` | fails, then hangs | 2 | 1 |  | 1 |  |  | 2 s | `TimeoutExceededException` of timeout; cause: `IOException` 1 |
            | `timeout(retry)` | is refused | 2 | 1 |  | 0 |  |  | 1 s | `BulkheadFullException` of inner; suppressed: `Stopped` DEADLINE, `BulkheadFullException` of inner |
            | `timeout(retry)` | the caller gives up | 1 | 0 |  | 0 |  |  | 1.5 s | the cancellation |
            | `total(retry(timeout))` | returns | 1 | 0 |  | 0 |  |  | 0 s | the value |
            | `total(retry(timeout))` | fails | 3 | 2 |  | 0 |  |  | 2 s | `IOException` 3; suppressed: `Stopped` ATTEMPTS, `IOException` 1, `IOException` 2 |
            | `total(retry(timeout))` | hangs | 3 | 2 |  | 3 |  |  | 8 s | `TimeoutExceededException` of timeout; suppressed: `Stopped` ATTEMPTS, 2 `TimeoutExceededException` of timeout |
            | `total(retry(timeout))` | hangs once | 2 | 1 |  | 1 |  |  | 3 s | the value |
            | `total(retry(timeout))` | is refused | 3 | 2 |  | 0 |  |  | 2 s | `BulkheadFullException` of inner; suppressed: `Stopped` ATTEMPTS, 2 `BulkheadFullException` of inner |
            | `total(retry(timeout))` | the caller gives up | 1 | 0 |  | 0 |  |  | 1.5 s | the cancellation |
            | `retry(breaker(timeout))` | returns | 1 | 0 |  | 0 | 1/0/0/0 |  | 0 s | the value |
            | `retry(breaker(timeout))` | fails | 3 | 2 |  | 0 | 0/3/0/0 |  | 2 s | `IOException` 3; suppressed: `Stopped` ATTEMPTS, `IOException` 1, `IOException` 2 |
            | `retry(breaker(timeout))` | hangs | 3 | 2 |  | 3 | 0/3/0/0 |  | 8 s | `TimeoutExceededException` of timeout; suppressed: `Stopped` ATTEMPTS, 2 `TimeoutExceededException` of timeout |
            | `retry(breaker(timeout))` | hangs once | 2 | 1 |  | 1 | 1/1/0/0 |  | 3 s | the value |
            | `retry(breaker(timeout))` | is refused | 0 | 2 |  | 0 | 0/0/0/3 |  | 2 s | `CircuitOpenException` of breaker; suppressed: `Stopped` ATTEMPTS, 2 `CircuitOpenException` of breaker |
            | `retry(breaker(timeout))` | the caller gives up | 1 | 0 |  | 0 | 0/0/1/0 |  | 1.5 s | the cancellation |
            | `retry(timeout(breaker))` | returns | 1 | 0 |  | 0 | 1/0/0/0 |  | 0 s | the value |
            | `retry(timeout(breaker))` | fails | 3 | 2 |  | 0 | 0/3/0/0 |  | 2 s | `IOException` 3; suppressed: `Stopped` ATTEMPTS, `IOException` 1, `IOException` 2 |
            | `retry(timeout(breaker))` | hangs | 3 | 2 |  | 3 | 0/0/3/0 |  | 8 s | `TimeoutExceededException` of timeout; suppressed: `Stopped` ATTEMPTS, 2 `TimeoutExceededException` of timeout |
            | `retry(timeout(breaker))` | hangs once | 2 | 1 |  | 1 | 1/0/1/0 |  | 3 s | the value |
            | `retry(timeout(breaker))` | is refused | 0 | 2 |  | 0 | 0/0/0/3 |  | 2 s | `CircuitOpenException` of breaker; suppressed: `Stopped` ATTEMPTS, 2 `CircuitOpenException` of breaker |
            | `retry(timeout(breaker))` | the caller gives up | 1 | 0 |  | 0 | 0/0/1/0 |  | 1.5 s | the cancellation |
            | `breaker(retry(timeout))` | returns | 1 | 0 |  | 0 | 1/0/0/0 |  | 0 s | the value |
            | `breaker(retry(timeout))` | fails | 3 | 2 |  | 0 | 0/1/0/0 |  | 2 s | `IOException` 3; suppressed: `Stopped` ATTEMPTS, `IOException` 1, `IOException` 2 |
            | `breaker(retry(timeout))` | hangs | 3 | 2 |  | 3 | 0/1/0/0 |  | 8 s | `TimeoutExceededException` of timeout; suppressed: `Stopped` ATTEMPTS, 2 `TimeoutExceededException` of timeout |
            | `breaker(retry(timeout))` | hangs once | 2 | 1 |  | 1 | 1/0/0/0 |  | 3 s | the value |
            | `breaker(retry(timeout))` | is refused | 0 | 0 |  | 0 | 0/0/0/1 |  | 0 s | `CircuitOpenException` of breaker |
            | `breaker(retry(timeout))` | the caller gives up | 1 | 0 |  | 0 | 0/0/1/0 |  | 1.5 s | the cancellation |
            | `fallback(retry(breaker))` | returns | 1 | 0 |  |  | 1/0/0/0 |  | 0 s | the value |
            | `fallback(retry(breaker))` | fails | 3 | 2 |  |  | 0/3/0/0 |  | 2 s | the fallback |
            | `fallback(retry(breaker))` | hangs | 1 | 0 |  |  | 0/0/1/0 |  |  | nothing: it hangs |
            | `fallback(retry(breaker))` | hangs once | 1 | 0 |  |  | 0/0/1/0 |  |  | nothing: it hangs |
            | `fallback(retry(breaker))` | is refused | 0 | 2 |  |  | 0/0/0/3 |  | 2 s | the fallback |
            | `fallback(retry(breaker))` | the caller gives up | 1 | 0 |  |  | 0/0/1/0 |  | 1.5 s | the cancellation |
            | `bulkhead(retry(timeout))` | returns | 1 | 0 |  | 0 |  | 1/0 | 0 s | the value |
            | `bulkhead(retry(timeout))` | fails | 3 | 2 |  | 0 |  | 1/0 | 2 s | `IOException` 3; suppressed: `Stopped` ATTEMPTS, `IOException` 1, `IOException` 2 |
            | `bulkhead(retry(timeout))` | hangs | 3 | 2 |  | 3 |  | 1/0 | 8 s | `TimeoutExceededException` of timeout; suppressed: `Stopped` ATTEMPTS, 2 `TimeoutExceededException` of timeout |
            | `bulkhead(retry(timeout))` | hangs once | 2 | 1 |  | 1 |  | 1/0 | 3 s | the value |
            | `bulkhead(retry(timeout))` | is refused | 0 | 0 |  | 0 |  | 0/1 | 0 s | `BulkheadFullException` of bulkhead |
            | `bulkhead(retry(timeout))` | the caller gives up | 1 | 0 |  | 0 |  | 1/0 | 1.5 s | the cancellation |
            | `retry(bulkhead(timeout))` | returns | 1 | 0 |  | 0 |  | 1/0 | 0 s | the value |
            | `retry(bulkhead(timeout))` | fails | 3 | 2 |  | 0 |  | 3/0 | 2 s | `IOException` 3; suppressed: `Stopped` ATTEMPTS, `IOException` 1, `IOException` 2 |
            | `retry(bulkhead(timeout))` | hangs | 3 | 2 |  | 3 |  | 3/0 | 8 s | `TimeoutExceededException` of timeout; suppressed: `Stopped` ATTEMPTS, 2 `TimeoutExceededException` of timeout |
            | `retry(bulkhead(timeout))` | hangs once | 2 | 1 |  | 1 |  | 2/0 | 3 s | the value |
            | `retry(bulkhead(timeout))` | is refused | 0 | 2 |  | 0 |  | 0/3 | 2 s | `BulkheadFullException` of bulkhead; suppressed: `Stopped` ATTEMPTS, 2 `BulkheadFullException` of bulkhead |
            | `retry(bulkhead(timeout))` | the caller gives up | 1 | 0 |  | 0 |  | 1/0 | 1.5 s | the cancellation |
            | `bulkhead(timeout)` | returns | 1 |  |  | 0 |  | 1/0 | 0 s | the value |
            | `bulkhead(timeout)` | fails | 1 |  |  | 0 |  | 1/0 | 0 s | `IOException` 1 |
            | `bulkhead(timeout)` | hangs | 1 |  |  | 1 |  | 1/0 | 2 s | `TimeoutExceededException` of timeout |
            | `bulkhead(timeout)` | hangs once | 1 |  |  | 1 |  | 1/0 | 2 s | `TimeoutExceededException` of timeout |
            | `bulkhead(timeout)` | is refused | 0 |  |  | 0 |  | 0/1 | 0 s | `BulkheadFullException` of bulkhead |
            | `bulkhead(timeout)` | the caller gives up | 1 |  |  | 0 |  | 1/0 | 1.5 s | the cancellation |
            | `timeout(bulkhead)` | returns | 1 |  |  | 0 |  | 1/0 | 0 s | the value |
            | `timeout(bulkhead)` | fails | 1 |  |  | 0 |  | 1/0 | 0 s | `IOException` 1 |
            | `timeout(bulkhead)` | hangs | 1 |  |  | 1 |  | 1/0 | 2 s | `TimeoutExceededException` of timeout |
            | `timeout(bulkhead)` | hangs once | 1 |  |  | 1 |  | 1/0 | 2 s | `TimeoutExceededException` of timeout |
            | `timeout(bulkhead)` | is refused | 0 |  |  | 0 |  | 0/1 | 0 s | `BulkheadFullException` of bulkhead |
            | `timeout(bulkhead)` | the caller gives up | 1 |  |  | 0 |  | 1/0 | 1.5 s | the cancellation |
            | `hedge(timeout)` | returns | 1 |  | 0 | 0 |  |  | 0 s | the value |
            | `hedge(timeout)` | fails | 1 |  | 0 | 0 |  |  | 0 s | `IOException` 1 |
            | `hedge(timeout)` | hangs | 2 |  | 1 | 2 |  |  | 3 s | `TimeoutExceededException` of timeout; suppressed: `TimeoutExceededException` of timeout |
            | `hedge(timeout)` | hangs once | 2 |  | 1 | 0 |  |  | 1 s | the value |
            | `hedge(timeout)` | is refused | 1 |  | 0 | 0 |  |  | 0 s | `BulkheadFullException` of inner |
            | `hedge(timeout)` | the caller gives up | 2 |  | 1 | 0 |  |  | 1.5 s | the cancellation |
            | `timeout(hedge)` | returns | 1 |  | 0 | 0 |  |  | 0 s | the value |
            | `timeout(hedge)` | fails | 1 |  | 0 | 0 |  |  | 0 s | `IOException` 1 |
            | `timeout(hedge)` | hangs | 2 |  | 1 | 1 |  |  | 2 s | `TimeoutExceededException` of timeout |
            | `timeout(hedge)` | hangs once | 2 |  | 1 | 0 |  |  | 1 s | the value |
            | `timeout(hedge)` | is refused | 1 |  | 0 | 0 |  |  | 0 s | `BulkheadFullException` of inner |
            | `timeout(hedge)` | the caller gives up | 2 |  | 1 | 0 |  |  | 1.5 s | the cancellation |
            | `hedge(breaker(timeout))` | returns | 1 |  | 0 | 0 | 1/0/0/0 |  | 0 s | the value |
            | `hedge(breaker(timeout))` | fails | 1 |  | 0 | 0 | 0/1/0/0 |  | 0 s | `IOException` 1 |
            | `hedge(breaker(timeout))` | hangs | 2 |  | 1 | 2 | 0/2/0/0 |  | 3 s | `TimeoutExceededException` of timeout; suppressed: `TimeoutExceededException` of timeout |
            | `hedge(breaker(timeout))` | hangs once | 2 |  | 1 | 0 | 1/0/1/0 |  | 1 s | the value |
            | `hedge(breaker(timeout))` | is refused | 0 |  | 0 | 0 | 0/0/0/1 |  | 0 s | `CircuitOpenException` of breaker |
            | `hedge(breaker(timeout))` | the caller gives up | 2 |  | 1 | 0 | 0/0/2/0 |  | 1.5 s | the cancellation |
            | `breaker(hedge(timeout))` | returns | 1 |  | 0 | 0 | 1/0/0/0 |  | 0 s | the value |
            | `breaker(hedge(timeout))` | fails | 1 |  | 0 | 0 | 0/1/0/0 |  | 0 s | `IOException` 1 |
            | `breaker(hedge(timeout))` | hangs | 2 |  | 1 | 2 | 0/1/0/0 |  | 3 s | `TimeoutExceededException` of timeout; suppressed: `TimeoutExceededException` of timeout |
            | `breaker(hedge(timeout))` | hangs once | 2 |  | 1 | 0 | 1/0/0/0 |  | 1 s | the value |
            | `breaker(hedge(timeout))` | is refused | 0 |  | 0 | 0 | 0/0/0/1 |  | 0 s | `CircuitOpenException` of breaker |
            | `breaker(hedge(timeout))` | the caller gives up | 2 |  | 1 | 0 | 0/0/1/0 |  | 1.5 s | the cancellation |
            | `retry(hedge)` | returns | 1 | 0 | 0 |  |  |  | 0 s | the value |
            | `retry(hedge)` | fails | 3 | 2 | 0 |  |  |  | 2 s | `IOException` 3; suppressed: `Stopped` ATTEMPTS, `IOException` 1, `IOException` 2 |
            | `retry(hedge)` | hangs | 2 | 0 | 1 |  |  |  |  | nothing: it hangs |
            | `retry(hedge)` | hangs once | 2 | 0 | 1 |  |  |  | 1 s | the value |
            | `retry(hedge)` | is refused | 3 | 2 | 0 |  |  |  | 2 s | `BulkheadFullException` of inner; suppressed: `Stopped` ATTEMPTS, 2 `BulkheadFullException` of inner |
            | `retry(hedge)` | the caller gives up | 2 | 0 | 1 |  |  |  | 1.5 s | the cancellation |
            | `pipeline(retry(pipeline(breaker(timeout))))` | returns | 1 | 0 |  | 0 | 1/0/0/0 |  | 0 s | the value |
            | `pipeline(retry(pipeline(breaker(timeout))))` | fails | 3 | 2 |  | 0 | 0/3/0/0 |  | 2 s | `IOException` 3; suppressed: `Stopped` ATTEMPTS, `IOException` 1, `IOException` 2 |
            | `pipeline(retry(pipeline(breaker(timeout))))` | hangs | 3 | 2 |  | 3 | 0/3/0/0 |  | 8 s | `TimeoutExceededException` of timeout; suppressed: `Stopped` ATTEMPTS, 2 `TimeoutExceededException` of timeout |
            | `pipeline(retry(pipeline(breaker(timeout))))` | hangs once | 2 | 1 |  | 1 | 1/1/0/0 |  | 3 s | the value |
            | `pipeline(retry(pipeline(breaker(timeout))))` | is refused | 0 | 2 |  | 0 | 0/0/0/3 |  | 2 s | `CircuitOpenException` of breaker; suppressed: `Stopped` ATTEMPTS, 2 `CircuitOpenException` of breaker |
            | `pipeline(retry(pipeline(breaker(timeout))))` | the caller gives up | 1 | 0 |  | 0 | 0/0/1/0 |  | 1.5 s | the cancellation |
            | `standard` | returns | 1 | 0 |  | 0 | 1/0/0/0 | 1/0 | 0 s | the value |
            | `standard` | fails | 3 | 2 |  | 0 | 0/3/0/0 | 3/0 | 2 s | `IOException` 3; suppressed: `Stopped` ATTEMPTS, `IOException` 1, `IOException` 2 |
            | `standard` | hangs | 3 | 2 |  | 3 | 0/3/0/0 | 3/0 | 8 s | `TimeoutExceededException` of standard attempt; suppressed: `Stopped` ATTEMPTS, 2 `TimeoutExceededException` of standard attempt |
            | `standard` | hangs once | 2 | 1 |  | 1 | 1/1/0/0 | 2/0 | 3 s | the value |
            | `standard` | is refused | 0 | 2 |  | 0 | 0/0/0/3 | 0/0 | 2 s | `CircuitOpenException` of breaker; suppressed: `Stopped` ATTEMPTS, 2 `CircuitOpenException` of breaker |
            | `standard` | the caller gives up | 1 | 0 |  | 0 | 0/0/1/0 | 1/0 | 1.5 s | the cancellation |
            """;

    static Stream<String> rows() {
        return TABLE.lines().skip(2);
    }

    @ParameterizedTest
    @MethodSource("rows")
    void happens_on_every_face(String row) {
        List<String> cells = Stream.of(row.split("\\|")).map(String::strip).toList();
        String order = cells.get(1).replace("`", "");
        for (Face face : Face.values()) {
            assertThat(NestedOrders.row(order, cells.get(2), face))
                    .as(face.toString())
                    .isEqualTo(row);
        }
    }

    @Test
    void pipelines_in_pipelines_behave_as_if_they_were_one() {
        assertThat(rowsOf("pipeline(retry(pipeline(breaker(timeout))))")).isEqualTo(rowsOf("retry(breaker(timeout))"));
    }

    private static List<String> rowsOf(String order) {
        String first = "| `" + order + "` |";
        List<String> found = rows().filter(row -> row.startsWith(first))
                .map(row -> row.substring(first.length()))
                .toList();
        assertThat(found).hasSize(6);
        return found;
    }

    @Test
    void the_page_shows_this_table() throws IOException {
        assertThat(Files.readString(Path.of("../docs/policies/pipeline.md"))).contains(TABLE);
    }
}
