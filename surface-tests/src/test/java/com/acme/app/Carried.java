// SPDX-License-Identifier: Apache-2.0
package com.acme.app;

import dev.resilience.ContextCapture;
import dev.resilience.Pipeline;
import dev.resilience.standard.StandardPipeline;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.MDC;

/** What a service carries along with its calls: as docs/policies/pipeline.md shows it. */
final class Carried {
    private Carried() {}

    /** The logging context of SLF4J, whatever is behind it. */
    static ContextCapture mdc() {
        return () -> {
            Map<String, String> callers = MDC.getCopyOfContextMap();
            return () -> {
                Map<String, String> threads = MDC.getCopyOfContextMap();
                put(callers);
                return () -> put(threads);
            };
        };
    }

    private static void put(@Nullable Map<String, String> map) {
        if (map == null) MDC.clear();
        else MDC.setContextMap(map);
    }

    /** The span of OpenTelemetry, and its baggage. */
    static ContextCapture tracing() {
        return () -> {
            Context callers = Context.current();
            return () -> {
                Scope scope = callers.makeCurrent();
                return scope::close;
            };
        };
    }

    static Pipeline payments() {
        return Pipeline.builder("payments")
                .policies(StandardPipeline.of("payments"))
                .capture(mdc())
                .capture(tracing())
                .build();
    }
}
