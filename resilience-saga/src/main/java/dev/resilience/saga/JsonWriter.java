// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Writes JSON in UTF-8 into a buffer that grows. For one thread at a time. */
final class JsonWriter {
    /** Of objects and arrays in each other; as much is read. */
    static final int MAX_DEPTH = 256;
    /** Of a number, a date and the like; as much is read. */
    static final int MAX_TEXT = 10_000;

    private static final int MAX_BYTES = 64 << 20;
    private static final int KEPT_BYTES = 64 << 10;
    private static final byte[] HEX = {'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'};

    private byte[] bytes = new byte[512];
    private int at;
    private int depth;

    /** Whether it may be used again: a buffer that has become large is not kept. */
    boolean reset() {
        at = 0;
        depth = 0;
        return bytes.length <= KEPT_BYTES;
    }

    byte[] written() {
        return Arrays.copyOf(bytes, at);
    }

    int position() {
        return at;
    }

    byte[] since(int position) {
        return Arrays.copyOfRange(bytes, position, at);
    }

    void back(int position) {
        at = position;
    }

    void value(Shape shape, @Nullable Object value) {
        if (value == null) nothing();
        else shape.write(this, value);
    }

    void nothing() {
        ascii("null");
    }

    void open(char bracket) {
        if (++depth > MAX_DEPTH) throw new CodecFault("nested deeper than " + MAX_DEPTH, null);
        put(bracket);
    }

    void close(char bracket) {
        depth--;
        put(bracket);
    }

    void put(char ascii) {
        room(1);
        bytes[at++] = (byte) ascii;
    }

    void raw(byte[] more) {
        room(more.length);
        System.arraycopy(more, 0, bytes, at, more.length);
        at += more.length;
    }

    /** Text that needs no escapes. */
    void ascii(String text) {
        int length = text.length();
        room(length);
        byte[] to = bytes;
        int next = at;
        for (int i = 0; i < length; i++) to[next++] = (byte) text.charAt(i);
        at = next;
    }

    void number(long value) {
        if (value < 0) {
            if (value == Long.MIN_VALUE) {
                ascii("-9223372036854775808");
                return;
            }
            put('-');
            value = -value;
        }
        int digits = 1;
        for (long rest = value / 10; rest != 0; rest /= 10) digits++;
        room(digits);
        int next = at + digits;
        at = next;
        do {
            bytes[--next] = (byte) ('0' + value % 10);
            value /= 10;
        } while (value != 0);
    }

    void string(String text) {
        int length = text.length();
        room(length + 2);
        byte[] to = bytes;
        int next = at;
        to[next++] = '"';
        for (int i = 0; i < length; i++) {
            char c = text.charAt(i);
            if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\') {
                at = next;
                rest(text, i);
                return;
            }
            to[next++] = (byte) c;
        }
        to[next++] = '"';
        at = next;
    }

    private void rest(String text, int from) {
        int length = text.length();
        for (int i = from; i < length; i++) {
            room(length - i + 7); // the most that one takes, and a byte for each of the others
            char c = text.charAt(i);
            if (c < 0x80) {
                plain(c);
            } else if (c < 0x800) {
                bytes[at++] = (byte) (0xc0 | (c >> 6));
                bytes[at++] = (byte) (0x80 | (c & 0x3f));
            } else if (Character.isHighSurrogate(c) && i + 1 < length && Character.isLowSurrogate(text.charAt(i + 1))) {
                int point = Character.toCodePoint(c, text.charAt(++i));
                bytes[at++] = (byte) (0xf0 | (point >> 18));
                bytes[at++] = (byte) (0x80 | ((point >> 12) & 0x3f));
                bytes[at++] = (byte) (0x80 | ((point >> 6) & 0x3f));
                bytes[at++] = (byte) (0x80 | (point & 0x3f));
            } else if (Character.isSurrogate(c)) {
                escape(c); // alone it is no character, has no UTF-8, and is a Java string all the same
            } else {
                bytes[at++] = (byte) (0xe0 | (c >> 12));
                bytes[at++] = (byte) (0x80 | ((c >> 6) & 0x3f));
                bytes[at++] = (byte) (0x80 | (c & 0x3f));
            }
        }
        put('"');
    }

    private void plain(char c) {
        if (c == '"' || c == '\\') {
            bytes[at++] = '\\';
            bytes[at++] = (byte) c;
        } else if (c == '\n') {
            bytes[at++] = '\\';
            bytes[at++] = 'n';
        } else if (c < 0x20) {
            escape(c);
        } else {
            bytes[at++] = (byte) c;
        }
    }

    private void escape(char c) {
        bytes[at++] = '\\';
        bytes[at++] = 'u';
        for (int shift = 12; shift >= 0; shift -= 4) bytes[at++] = HEX[(c >> shift) & 0xf];
    }

    private void room(int more) {
        if (more > bytes.length - at) grow(more);
    }

    private void grow(int more) {
        long needed = (long) at + more;
        if (needed > MAX_BYTES) throw new CodecFault("larger than " + MAX_BYTES + " bytes", null);
        bytes = Arrays.copyOf(bytes, (int) Math.max(needed, bytes.length * 2L));
    }
}
