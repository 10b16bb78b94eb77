// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** A flaky host made of the JDK's HTTP server. Latency and hanging cost it no thread: the answer is scheduled. */
final class HttpService extends FlakyService {
    private final HttpServer server;
    private final ScheduledThreadPoolExecutor threads;

    HttpService(String name, Script script, Stopwatch watch) throws IOException {
        super(script, watch);
        threads = new ScheduledThreadPoolExecutor(2, Threads.named("host-" + name));
        server = HttpServer.create(new InetSocketAddress(loopback(), 0), 256);
        server.createContext("/", this::serve);
        server.setExecutor(threads);
        server.start();
    }

    @Override
    int port() {
        return server.getAddress().getPort();
    }

    private void serve(HttpExchange exchange) {
        Reply reply = reply(exchange.getRequestURI().getPath());
        switch (reply.manner()) {
            case ANSWER -> later(exchange, reply.latency(), () -> answer(exchange, reply.status()));
            case HOLD -> later(exchange, reply.latency(), exchange::close);
            case RESET -> exchange.close(); // as near as this server comes: the connection ends without an answer
        }
    }

    private void later(HttpExchange exchange, long nanos, Runnable task) {
        try {
            ScheduledFuture<?> unused = threads.schedule(task, nanos, TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException closing) {
            exchange.close();
        }
    }

    private static void answer(HttpExchange exchange, int status) {
        try (exchange) {
            if (status == 429) exchange.getResponseHeaders().set("Retry-After", String.valueOf(RETRY_AFTER));
            exchange.sendResponseHeaders(status, -1);
        } catch (IOException gone) {
            // the caller did not wait, which is its right
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
