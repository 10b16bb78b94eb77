// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples.products;

import dev.resilience.examples.products.Ledger.Answer;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;

/** Reads and changes products over HTTP, and has all of it written down. Several threads may use one. */
final class Visitor {
    private final HttpClient http = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(30))
            .build();
    private final Shop shop;
    private final Ledger ledger;

    Visitor(Shop shop, Ledger ledger) {
        this.shop = shop;
        this.ledger = ledger;
    }

    Answer read(String id) throws IOException, InterruptedException {
        int floor = ledger.floor(id);
        HttpResponse<Void> response = send("GET", "/products/" + id);
        boolean found = response.statusCode() == 200;
        Answer answer = new Answer(
                response.statusCode(),
                found ? Integer.parseInt(header(response, "Version")) : 0,
                found && Boolean.parseBoolean(header(response, "Stale")),
                found ? Long.parseLong(header(response, "Age-Millis")) : 0);
        ledger.answered(id, floor, answer);
        return answer;
    }

    void change(String id) throws IOException, InterruptedException {
        ledger.changed(id, Integer.parseInt(header(send("POST", "/products/" + id), "Version")));
    }

    void changeAll(String category) throws IOException, InterruptedException {
        for (String each : send("POST", "/categories/" + category).headers().allValues("Changed")) {
            int equals = each.indexOf('=');
            ledger.changed(each.substring(0, equals), Integer.parseInt(each.substring(equals + 1)));
        }
    }

    void forget(String id) throws IOException, InterruptedException {
        send("DELETE", "/products/" + id);
    }

    private HttpResponse<Void> send(String method, String path) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(shop.uri(path))
                .method(method, BodyPublishers.noBody())
                .timeout(Duration.ofSeconds(60))
                .build();
        return http.send(request, BodyHandlers.discarding());
    }

    private static String header(HttpResponse<Void> response, String name) throws IOException {
        return response.headers()
                .firstValue(name)
                .orElseThrow(() -> new IOException("no " + name + " in an answer of status " + response.statusCode()));
    }
}
