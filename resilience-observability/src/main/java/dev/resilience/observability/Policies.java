// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.Pipeline;
import dev.resilience.Policy;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What pipelines are made of. */
final class Policies {
    private static final boolean HTTP = isThere("java.net.http.HttpResponse");

    private Policies() {}

    /** The gates and drivers of a policy, each once, nested pipelines flattened. */
    static List<Policy> flat(Policy policy) {
        Set<Policy> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        List<Policy> flat = new ArrayList<>();
        collect(policy, seen, flat);
        return flat;
    }

    private static void collect(Policy policy, Set<Policy> seen, List<Policy> flat) {
        if (policy instanceof Pipeline pipeline) {
            for (Policy inner : pipeline.policies()) collect(inner, seen, flat);
        } else if (seen.add(policy)) {
            flat.add(policy);
        }
    }

    /** Of a value that was judged a failure: its status if it is a response, else its class; never what it holds. */
    static String kind(@Nullable Object value) {
        if (value == null) return "null";
        String status = HTTP ? Status.of(value) : null;
        return status != null ? status : value.getClass().getName();
    }

    private static boolean isThere(String type) {
        try {
            Class.forName(type, false, Policies.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException absent) {
            return false;
        }
    }

    /** Apart, because a runtime without the module {@code java.net.http} cannot link it. */
    private static final class Status {
        static @Nullable String of(Object value) {
            return value instanceof HttpResponse<?> response ? "HTTP status " + response.statusCode() : null;
        }
    }

    /** As it stands in tags, fields and key-values: {@code half_open}. */
    static String lower(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }
}
