// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/** The line between a driver and its PostgreSQL, on loopback: counts round trips and cuts where it is told to. */
final class Wire implements AutoCloseable {
    /** What is lost together with the connection. */
    enum Cut {
        /** The next request: the server never sees it. */
        REQUEST,
        /** The next reply: the server has done what it was asked. */
        REPLY
    }

    private final ServerSocket listening;
    private final String host;
    private final int port;
    private final String url;
    private final AtomicInteger trips = new AtomicInteger();
    private final List<Socket> open = new CopyOnWriteArrayList<>();
    private final AtomicReference<Cut> cut = new AtomicReference<>();

    /** A line to the server of a {@code jdbc:postgresql://host:port/…} URL. */
    Wire(String url) throws IOException {
        String rest = url.substring("jdbc:postgresql://".length());
        String authority = rest.substring(0, rest.indexOf('/'));
        int colon = authority.lastIndexOf(':');
        this.host = colon < 0 ? authority : authority.substring(0, colon);
        this.port = colon < 0 ? 5432 : Integer.parseInt(authority.substring(colon + 1));
        this.listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        this.url = "jdbc:postgresql://127.0.0.1:" + listening.getLocalPort() + rest.substring(authority.length())
                + (url.contains("?") ? "&" : "?") + "sslmode=disable";
        thread(this::accept);
    }

    /** The same database over this line. */
    String url() {
        return url;
    }

    /** Requests that were followed by a reply, so far. */
    int trips() {
        return trips.get();
    }

    /** Cuts the one connection on which something of this kind comes next. */
    void cut(Cut next) {
        cut.set(next);
    }

    private void accept() {
        while (!listening.isClosed()) {
            try {
                Socket client = listening.accept();
                open.add(client);
                try {
                    connect(client);
                } catch (IOException refused) {
                    client.close(); // or the driver would wait for ever
                }
            } catch (IOException closed) {
                // the driver sees it
            }
        }
    }

    private void connect(Socket client) throws IOException {
        Socket server = new Socket(host, port);
        open.add(server);
        client.setTcpNoDelay(true);
        server.setTcpNoDelay(true);
        AtomicBoolean asking = new AtomicBoolean();
        thread(() -> pump(client, server, Cut.REQUEST, asking));
        thread(() -> pump(server, client, Cut.REPLY, asking));
    }

    private void pump(Socket from, Socket to, Cut what, AtomicBoolean asking) {
        byte[] bytes = new byte[64 << 10];
        try (from;
                to;
                InputStream in = from.getInputStream();
                OutputStream out = to.getOutputStream()) {
            for (int n = in.read(bytes); n >= 0; n = in.read(bytes)) {
                if (cut.compareAndSet(what, null)) return;
                if (what == Cut.REQUEST && !asking.get()) trips.incrementAndGet();
                asking.set(what == Cut.REQUEST); // a reply comes only when the request is through: one writer at a time
                out.write(bytes, 0, n);
                out.flush();
            }
        } catch (IOException closed) {
            // the other side sees it
        }
    }

    private static void thread(Runnable body) {
        Thread thread = new Thread(body, "wire");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() {
        try {
            listening.close();
            for (Socket socket : open) socket.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
