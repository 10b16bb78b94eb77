// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples.checkout;

import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;

/**
 * The four services as the checkout calls them.
 *
 * @param http one client for all
 * @param orders where the order service is
 * @param inventory where the inventory service is
 * @param payment where the payment service is
 * @param shipping where the shipping service is
 */
record Participants(HttpClient http, URI orders, URI inventory, URI payment, URI shipping) {
    /** A service said no: nothing is done under this key. */
    static final class Refused extends Exception {
        private static final long serialVersionUID = 1L;

        Refused(String why) {
            super(why);
        }
    }

    /** Posts to a service; an {@code IOException} says nothing about what became of the effect. */
    String post(URI service, String verb, String order, String what, int amount, String key)
            throws IOException, InterruptedException, Refused {
        URI uri = service.resolve("/" + verb + "?order=" + URLEncoder.encode(order, StandardCharsets.UTF_8) + "&what="
                + URLEncoder.encode(what, StandardCharsets.UTF_8) + "&amount=" + amount);
        HttpRequest request = HttpRequest.newBuilder(uri)
                .header("Idempotency-Key", key)
                .POST(HttpRequest.BodyPublishers.noBody())
                .build();
        HttpResponse<String> response = http.send(request, HttpResponse.BodyHandlers.ofString());
        return switch (response.statusCode()) {
            case 200 -> response.body();
            case 402, 409 -> throw new Refused(response.body());
            default -> throw new IOException(verb + ": " + response.statusCode() + " " + response.body());
        };
    }
}
