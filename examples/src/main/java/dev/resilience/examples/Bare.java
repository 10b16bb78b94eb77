// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import java.net.http.HttpClient;
import java.time.Duration;

/** As most code calls: a request timeout and nothing else. */
final class Bare extends Caller {
    static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(2);

    Bare(Host host, HttpClient http, Stopwatch watch) {
        super(host, http, REQUEST_TIMEOUT, watch);
    }

    @Override
    String client() {
        return "bare";
    }

    /** A call is one attempt. */
    @Override
    void begins() {
        stats().attempt(1);
    }
}
