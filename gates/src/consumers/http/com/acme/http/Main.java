// SPDX-License-Identifier: Apache-2.0
package com.acme.http;

import com.sun.net.httpserver.HttpServer;
import dev.resilience.Pipeline;
import dev.resilience.http.ResilientHttpClient;
import dev.resilience.standard.StandardPipeline;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.List;

/** An application that calls a host through the helper; the host fails once. */
public final class Main {
    private Main() {}

    public static void main(String[] args) throws Exception {
        List<Integer> said = new ArrayList<>();
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
        server.createContext("/", exchange -> {
            int status = said.isEmpty() ? 503 : 200;
            said.add(status);
            exchange.sendResponseHeaders(status, -1);
            exchange.close();
        });
        server.start();
        try {
            HttpClient http = ResilientHttpClient.of(HttpClient.newHttpClient(), StandardPipeline::of);
            URI uri = URI.create("http://" + server.getAddress().getAddress().getHostAddress() + ":"
                    + server.getAddress().getPort());
            HttpResponse<Void> response = http.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.discarding());
            System.out.println(
                    response.statusCode() + " after " + said.get(0) + " with " + Pipeline.class.getModule());
        } finally {
            server.stop(0);
        }
    }
}
