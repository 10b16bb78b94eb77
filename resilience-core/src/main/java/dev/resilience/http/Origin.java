// SPDX-License-Identifier: Apache-2.0
package dev.resilience.http;

import java.net.URI;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Who is called: scheme, host and port of a URI, spelled one way whatever way the URI spells them (RFC 9110 §4.3.1). */
final class Origin {
    private Origin() {}

    /**
     * In lower case, without user, and with the port only where it is not the scheme's own.
     *
     * @throws IllegalArgumentException when the URI names nobody
     */
    static String of(URI uri) {
        String scheme = lower(uri.getScheme());
        String host = lower(uri.getHost());
        if (scheme == null || host == null) {
            throw new IllegalArgumentException("the URI must have a scheme and a host, was " + uri);
        }
        int port = uri.getPort();
        String origin = scheme + "://" + host;
        return port < 0 || port == standardPort(scheme) ? origin : origin + ":" + port;
    }

    private static @Nullable String lower(@Nullable String text) {
        return text == null ? null : text.toLowerCase(Locale.ROOT);
    }

    private static int standardPort(String scheme) {
        return switch (scheme) {
            case "http" -> 80;
            case "https" -> 443;
            default -> -1;
        };
    }
}
