// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What belongs to a saga's starter and travels with it: taken by the user's code, kept as bytes, put in place again. */
final class Carried {
    private final @Nullable Supplier<Map<String, String>> capture;
    private final @Nullable Function<Map<String, String>, Runnable> restore;

    Carried(EngineSettings settings) {
        this.capture = settings.capture;
        this.restore = settings.restore;
    }

    /** What the calling thread carries; null for nothing, or if taking it throws. */
    byte @Nullable [] capture(SagaRef saga) {
        if (capture == null) return null;
        try {
            Map<String, String> map = capture.get();
            return map == null || map.isEmpty() ? null : bytes(new TreeMap<>(map));
        } catch (Throwable thrown) {
            Guest.threw("saga " + saga, "capturing what it carries", thrown);
            return null;
        }
    }

    /** Puts it in place on the calling thread; what restores the thread. Neither throws. */
    Runnable restore(SagaRef saga, byte @Nullable [] context) {
        if (restore == null) return Carried::nothing;
        try {
            Map<String, String> map = context == null ? new LinkedHashMap<>() : map(context);
            map.put("saga", saga.name());
            map.put("sagaId", saga.id());
            Runnable back = restore.apply(map);
            return () -> {
                try {
                    back.run();
                } catch (Throwable thrown) {
                    Guest.threw("saga " + saga, "taking away what it carries", thrown);
                }
            };
        } catch (Throwable thrown) {
            Guest.threw("saga " + saga, "restoring what it carries", thrown);
            return Carried::nothing;
        }
    }

    private static void nothing() {}

    private static byte[] bytes(Map<String, String> map) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        out.writeInt(map.size());
        for (Map.Entry<String, String> entry : map.entrySet()) {
            write(out, entry.getKey());
            write(out, entry.getValue());
        }
        return bytes.toByteArray();
    }

    private static void write(DataOutputStream out, String text) throws IOException {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        out.writeInt(utf8.length);
        out.write(utf8);
    }

    private static Map<String, String> map(byte[] context) throws IOException {
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(context));
        Map<String, String> map = new LinkedHashMap<>();
        for (int left = in.readInt(); left > 0; left--) map.put(read(in), read(in));
        return map;
    }

    private static String read(DataInputStream in) throws IOException {
        return new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8);
    }
}
