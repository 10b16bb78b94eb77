// SPDX-License-Identifier: Apache-2.0
package dev.resilience.http;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** A host on the loopback that speaks just enough HTTP/1.1, owns its sockets and counts them. */
final class Host implements AutoCloseable {
    /** What a connection does with the n-th request of the host, counted from 1. False closes the connection. */
    interface Behaviour {
        boolean answer(int number, Socket connection) throws IOException;
    }

    private final ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final List<String> requests = new CopyOnWriteArrayList<>();
    private final Behaviour behaviour;

    Host(Behaviour behaviour) throws IOException {
        this.behaviour = behaviour;
        thread("accept", this::accept);
    }

    private static void thread(String name, Runnable task) {
        Thread thread = new Thread(task, "host-" + name);
        thread.setDaemon(true);
        thread.start();
    }

    URI uri() {
        return URI.create("http://" + authority() + "/path");
    }

    String authority() {
        return InetAddress.getLoopbackAddress().getHostAddress() + ":" + server.getLocalPort();
    }

    /** The request lines that have come. */
    List<String> requests() {
        return List.copyOf(requests);
    }

    /** Connections that neither side has closed. */
    int open() {
        return open.size();
    }

    static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + 60_000_000_000L;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - end > 0) throw new AssertionError("not within a minute: " + what);
            LockSupport.parkNanos(1_000_000);
        }
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket connection = server.accept();
                open.add(connection);
                thread("connection", () -> serve(connection));
            } catch (IOException closing) {
                return;
            }
        }
    }

    private void serve(Socket connection) {
        try (connection) {
            connection.setTcpNoDelay(true);
            BufferedReader in =
                    new BufferedReader(new InputStreamReader(connection.getInputStream(), StandardCharsets.ISO_8859_1));
            boolean more = true;
            while (more && read(in)) more = behaviour.answer(requests.size(), connection);
        } catch (IOException gone) {
            // the client closed it
        } finally {
            open.remove(connection);
        }
    }

    private boolean read(BufferedReader in) throws IOException {
        String first = in.readLine();
        if (first == null) return false;
        int length = 0;
        for (String line = in.readLine(); line != null && !line.isEmpty(); line = in.readLine()) {
            String header = line.toLowerCase(Locale.ROOT);
            if (header.startsWith("content-length:"))
                length = Integer.parseInt(header.substring(15).strip());
        }
        for (int i = 0; i < length; i++) in.read();
        requests.add(first);
        return true;
    }

    /** A whole response; headers as {@code "Name: value"}. */
    static boolean say(Socket connection, int status, String body, String... headers) throws IOException {
        StringBuilder text = new StringBuilder("HTTP/1.1 " + status + " Said\r\n");
        for (String header : headers) text.append(header).append("\r\n");
        text.append("Content-Length: ").append(body.length()).append("\r\n\r\n").append(body);
        write(connection, text.toString());
        return true;
    }

    /** A response whose body goes on for as long as somebody takes it. */
    static boolean sayForEver(Socket connection, int status) throws IOException {
        write(connection, "HTTP/1.1 " + status + " Said\r\nTransfer-Encoding: chunked\r\n\r\n");
        String chunk = "400\r\n" + "x".repeat(1022) + "\n\n\r\n";
        while (true) write(connection, chunk);
    }

    /** Says nothing until the client has gone. */
    static boolean hold(Socket connection) throws IOException {
        while (connection.getInputStream().read() >= 0) {}
        return false;
    }

    /** Closes the connection the hard way. */
    static boolean reset(Socket connection) throws IOException {
        connection.setSoLinger(true, 0);
        return false;
    }

    private static void write(Socket connection, String text) throws IOException {
        OutputStream out = connection.getOutputStream();
        out.write(text.getBytes(StandardCharsets.ISO_8859_1));
        out.flush();
    }

    @Override
    public void close() throws IOException {
        server.close();
        for (Socket connection : open) connection.close();
    }
}
