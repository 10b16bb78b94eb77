// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What docs/ ships for Grafana and Prometheus asks for nothing that is not there. */
class DashboardTest {
    private static final Pattern ALERT = Pattern.compile("- alert: (\\w+)\\s+expr: (.+)");
    private static final Pattern SELECTOR = Pattern.compile("(resilience_\\w+)(?:\\{([^}]*)\\})?");
    private static final Pattern MATCHER = Pattern.compile("(\\w+)(=|!=|=~|!~)\"([^\"]*)\"");

    private final Scrape scrape = new Scrape();

    private static Map<String, String> alerts() {
        Map<String, String> alerts = new java.util.LinkedHashMap<>();
        Matcher alert = ALERT.matcher(Scrape.doc("prometheus/alerts.yml"));
        while (alert.find()) alerts.put(alert.group(1), alert.group(2));
        return alerts;
    }

    private static List<String> queries() {
        List<String> queries = new ArrayList<>();
        collect(new JsonText(Scrape.doc("grafana/dashboard.json")).value(), queries);
        return queries;
    }

    private static void collect(Object json, List<String> queries) {
        if (json instanceof Map<?, ?> object) {
            if (object.get("expr") instanceof String expr) queries.add(expr);
            object.values().forEach(value -> collect(value, queries));
        } else if (json instanceof List<?> list) {
            list.forEach(value -> collect(value, queries));
        }
    }

    private void check(String query) {
        assertThat(query.chars().filter(c -> c == '(').count())
                .as(query)
                .isEqualTo(query.chars().filter(c -> c == ')').count());
        Matcher selector = SELECTOR.matcher(query);
        int selectors = 0;
        while (selector.find()) {
            selectors++;
            assertThat(scrape.labels.keySet()).as(query).contains(selector.group(1));
            if (selector.group(2) != null) check(selector.group(1), selector.group(2), query);
        }
        assertThat(selectors).as(query).isPositive();
    }

    private void check(String sample, String matchers, String query) {
        Map<String, Set<String>> labels = scrape.labels.get(sample);
        Matcher matcher = MATCHER.matcher(matchers);
        while (matcher.find()) {
            if (matcher.group(1).equals("name")) continue;
            assertThat(labels.keySet()).as(query).contains(matcher.group(1));
            assertThat(labels.get(matcher.group(1)))
                    .as(query)
                    .containsAll(List.of(matcher.group(3).split("\\|")));
        }
    }

    /** A counter is looked at by its growth, a level is not. */
    private void checkFunctions(String query) {
        Matcher selector =
                Pattern.compile("(rate|increase)?\\(?(resilience_\\w+)").matcher(query);
        while (selector.find()) {
            boolean counter = selector.group(2).endsWith("_total")
                    || selector.group(2).endsWith("_sum")
                    || selector.group(2).endsWith("_count");
            assertThat(selector.group(1) != null).as(query).isEqualTo(counter);
        }
    }

    @Test
    void every_alert_asks_for_what_is_there() {
        assertThat(alerts()).hasSize(24);
        alerts().values().forEach(this::check);
        alerts().values().forEach(this::checkFunctions);
    }

    @Test
    void every_panel_asks_for_what_is_there() {
        assertThat(queries()).hasSizeGreaterThan(15);
        queries().forEach(this::check);
        queries().forEach(this::checkFunctions);
    }

    @Test
    void every_meter_is_seen_in_a_panel_or_an_alert() {
        Set<String> seen = new TreeSet<>();
        Stream.concat(alerts().values().stream(), queries().stream()).forEach(query -> {
            Matcher selector = SELECTOR.matcher(query);
            while (selector.find()) seen.add(selector.group(1));
        });
        Set<String> unseen = new TreeSet<>(scrape.labels.keySet());
        unseen.removeAll(seen);
        assertThat(unseen)
                .containsExactlyInAnyOrder(
                        "resilience_breaker_failures_total",
                        "resilience_breaker_ignored_total",
                        "resilience_breaker_slow_rate",
                        "resilience_breaker_window_calls",
                        "resilience_limiter_shadow_rejected_total",
                        "resilience_saga_step_seconds_max",
                        "resilience_saga_journal_flush_seconds_max",
                        "resilience_saga_journal_batch_max",
                        "resilience_calls_duration_seconds_max");
    }

    @Test
    void the_page_explains_every_alert() {
        Set<String> explained = new TreeSet<>();
        Matcher row =
                Pattern.compile("^\\| `([A-Z]\\w+)` \\|", Pattern.MULTILINE).matcher(Scrape.doc("observability.md"));
        while (row.find()) explained.add(row.group(1));
        assertThat(explained).isEqualTo(new TreeSet<>(alerts().keySet()));
    }
}
