// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Stands between a process and its database, and now and then loses an answer: the server has done what it was asked, the
 * connection ends instead of saying so. A lost acknowledgement of a commit, by the wire.
 */
final class LossyProxy implements AutoCloseable {
    private final ServerSocket socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final int to;
    private final int every;
    private final AtomicInteger answers = new AtomicInteger();
    final AtomicInteger lost = new AtomicInteger();
    private volatile boolean lossy;

    /** Of all answers while {@link #lossy} each {@code every}-th is lost. */
    LossyProxy(int to, int every) throws IOException {
        this.to = to;
        this.every = every;
        daemon(this::accept);
    }

    int port() {
        return socket.getLocalPort();
    }

    void lossy(boolean lossy) {
        this.lossy = lossy;
    }

    private static void daemon(Runnable body) {
        Thread thread = new Thread(body, "lossy proxy");
        thread.setDaemon(true);
        thread.start();
    }

    private void accept() {
        while (!socket.isClosed()) {
            try {
                Socket client = socket.accept();
                try {
                    Socket server = new Socket(InetAddress.getLoopbackAddress(), to);
                    daemon(() -> pump(client, server, false));
                    daemon(() -> pump(server, client, true));
                } catch (IOException serverIsDown) {
                    client.close();
                }
            } catch (IOException closed) {
                // the loop looks whether it was this end
            }
        }
    }

    private void pump(Socket from, Socket into, boolean answer) {
        byte[] buffer = new byte[1 << 16];
        try (from;
                into) {
            InputStream in = from.getInputStream();
            OutputStream out = into.getOutputStream();
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                if (answer && lossy && answers.incrementAndGet() % every == 0) {
                    lost.incrementAndGet();
                    return;
                }
                out.write(buffer, 0, n);
                out.flush();
            }
        } catch (IOException ended) {
            // so does the other direction, by the sockets that are closed here
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
