// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import dev.resilience.TimeSource;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A flaky host that speaks just enough HTTP and owns its sockets, so that it can reset a connection for real. */
final class SocketService extends FlakyService {
    private static final int MOST_CONNECTIONS = 64;

    private final ServerSocket server = new ServerSocket(0, 256, loopback());
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final ThreadPoolExecutor threads;

    SocketService(String name, Script script, Stopwatch watch) throws IOException {
        super(script, watch);
        threads = new ThreadPoolExecutor(
                0, MOST_CONNECTIONS, 1, TimeUnit.SECONDS, new SynchronousQueue<>(), Threads.named("host-" + name));
        threads.execute(this::accept);
    }

    @Override
    int port() {
        return server.getLocalPort();
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket connection = server.accept();
                open.add(connection);
                threads.execute(() -> serve(connection));
            } catch (IOException | RejectedExecutionException tooManyOrClosing) {
                // a connection that no thread took stays in `open` until close, its caller times out
            }
        }
    }

    private void serve(Socket connection) {
        try (connection) {
            connection.setTcpNoDelay(true);
            BufferedReader in =
                    new BufferedReader(new InputStreamReader(connection.getInputStream(), StandardCharsets.ISO_8859_1));
            String path = request(in);
            while (path != null && answered(connection, reply(path))) path = request(in);
        } catch (IOException gone) {
            // the caller has gone, or we are closing
        } finally {
            open.remove(connection);
        }
    }

    /** Reads one request, which has no body, and returns its path; null at the end of the connection. */
    private static @Nullable String request(BufferedReader in) throws IOException {
        String first = in.readLine();
        if (first == null) return null;
        String header = in.readLine();
        while (header != null && !header.isEmpty()) header = in.readLine();
        String[] words = first.split(" ", 3);
        return words.length == 3 ? words[1] : null;
    }

    /** Returns whether the connection is good for another request. */
    private boolean answered(Socket connection, Reply reply) throws IOException {
        if (reply.manner() == Manner.RESET) {
            connection.setSoLinger(true, 0); // closing now sends RST instead of FIN
            return false;
        }
        TimeSource.system().park(this, reply.latency());
        if (reply.manner() == Manner.HOLD) return false;
        String answer = "HTTP/1.1 " + reply.status() + " -\r\nContent-Length: 0\r\n"
                + (reply.status() == 429 ? "Retry-After: " + RETRY_AFTER + "\r\n" : "") + "\r\n";
        connection.getOutputStream().write(answer.getBytes(StandardCharsets.ISO_8859_1));
        return true;
    }

    @Override
    public void close() throws IOException {
        server.close();
        for (Socket connection : open) connection.close();
        threads.shutdownNow();
    }
}
