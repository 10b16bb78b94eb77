// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.Keyed;
import dev.resilience.breaker.CircuitBreaker;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What a real Prometheus registry writes when everything is bound: types, and the values of each label. */
final class Scrape {
    private static final Pattern TYPE = Pattern.compile("# TYPE (\\S+) (\\S+)");
    private static final Pattern SAMPLE = Pattern.compile("(resilience_\\w+)(?:\\{(.*)\\})? \\S+");
    private static final Pattern LABEL = Pattern.compile("(\\w+)=\"([^\"]*)\"");

    final String text;
    final Map<String, String> types = new TreeMap<>();
    /** Of each sample, each label's values; {@code name} is left out. */
    final Map<String, Map<String, Set<String>>> labels = new TreeMap<>();

    Scrape() {
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        PolicyMetrics metrics = PolicyMetrics.on(registry);
        Rig rig = new Rig();
        metrics.bind(rig.all());
        metrics.bind(rig.hedge);
        metrics.bind(rig.limiter);
        LimiterMetrics.bind(metrics, rig.tenants);
        LimiterMetrics.bind(metrics, rig.fleet);
        CacheRig caches = new CacheRig();
        CacheMetrics.bind(metrics, caches.users);
        CacheMetrics.bind(metrics, caches.orders);
        HeardEngine sagas = new HeardEngine();
        SagaMetrics.bind(metrics, "orders", sagas);
        Keyed<String, CircuitBreaker> hosts =
                Keyed.builder().timeSource(rig.time).build(rig::breaker);
        hosts.get("a");
        metrics.bind("hosts", hosts);
        text = registry.scrape();
        sagas.close();
        text.lines().forEach(this::read);
    }

    private void read(String line) {
        Matcher type = TYPE.matcher(line);
        if (type.matches()) types.put(type.group(1), type.group(2));
        Matcher sample = SAMPLE.matcher(line);
        if (!sample.matches()) return;
        Map<String, Set<String>> values = labels.computeIfAbsent(sample.group(1), name -> new TreeMap<>());
        Matcher label = LABEL.matcher(sample.group(2));
        while (label.find()) {
            if (!label.group(1).equals("name")) {
                values.computeIfAbsent(label.group(1), key -> new TreeSet<>()).add(label.group(2));
            }
        }
    }

    /** A file of the repository's docs. */
    static String doc(String path) {
        try {
            Path module = Path.of("").toAbsolutePath();
            Path root = Files.exists(module.resolve("docs")) ? module : module.getParent();
            return Files.readString(root.resolve("docs").resolve(path));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
