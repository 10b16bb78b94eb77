// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples.checkout;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * One of the four services, on loopback. It is not well: of the keys that it sees it refuses one in six with 503 the
 * first time, and of one in six it makes the effect and then closes the connection without an answer.
 */
final class Service implements AutoCloseable {
    /** Told before and after an effect; may end the caller's process. */
    interface Watcher {
        void before(String verb);

        void after(String verb);
    }

    private final Ledger ledger;
    private final Watcher watcher;
    private final Set<String> seen = ConcurrentHashMap.newKeySet();
    private final HttpServer server;
    private final ExecutorService threads;

    Service(String name, Ledger ledger, Watcher watcher) throws IOException {
        this.ledger = ledger;
        this.watcher = watcher;
        threads = Executors.newFixedThreadPool(8, task -> {
            Thread thread = new Thread(task, "service-" + name);
            thread.setDaemon(true);
            return thread;
        });
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 256);
        server.createContext("/", this::serve);
        server.setExecutor(threads);
        server.start();
    }

    URI uri() {
        return URI.create("http://" + InetAddress.getLoopbackAddress().getHostAddress() + ":"
                + server.getAddress().getPort());
    }

    private void serve(HttpExchange exchange) throws IOException {
        try (exchange) {
            String key = exchange.getRequestHeaders().getFirst("Idempotency-Key");
            if (key == null) {
                answer(exchange, new Ledger.Answer(400, "no Idempotency-Key"));
                return;
            }
            boolean first = seen.add(key);
            int mood = Math.floorMod(key.hashCode(), 6);
            if (first && mood == 0) {
                answer(exchange, new Ledger.Answer(503, "not now"));
                return;
            }
            Ledger.Request request = request(exchange.getRequestURI());
            watcher.before(request.verb());
            Ledger.Answer answer = ledger.apply(key, request);
            watcher.after(request.verb());
            if (first && mood == 1) return; // closes the connection: the caller will never know
            answer(exchange, answer);
        }
    }

    private static Ledger.Request request(URI uri) {
        Map<String, String> query = new HashMap<>();
        for (String part : uri.getRawQuery().split("&", -1)) {
            String[] pair = part.split("=", 2);
            query.put(pair[0], URLDecoder.decode(pair[1], StandardCharsets.UTF_8));
        }
        return new Ledger.Request(
                uri.getPath().substring(1),
                query.getOrDefault("order", ""),
                query.getOrDefault("what", ""),
                Integer.parseInt(query.getOrDefault("amount", "0")));
    }

    private static void answer(HttpExchange exchange, Ledger.Answer answer) {
        byte[] body = answer.body().getBytes(StandardCharsets.UTF_8);
        try (OutputStream out = send(exchange, answer.status(), body.length)) {
            out.write(body);
        } catch (IOException gone) {
            // the caller was killed, which is what this is about
        }
    }

    private static OutputStream send(HttpExchange exchange, int status, int length) throws IOException {
        exchange.sendResponseHeaders(status, length == 0 ? -1 : length);
        return exchange.getResponseBody();
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
