// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Reads JSON of UTF-8 bytes, which may be anything: what is no JSON is refused with its position, and nothing that is
 * read costs more than its length. For one thread.
 */
final class JsonReader {
    private final byte[] bytes;
    private int at;
    private int depth;

    JsonReader(byte[] bytes) {
        this.bytes = bytes;
    }

    CodecFault refuse(String what) {
        return refuse(what, at);
    }

    CodecFault refuse(String what, int position) {
        return new CodecFault(what + ", at byte " + position, null);
    }

    int position() {
        return at;
    }

    int depth() {
        return depth;
    }

    /** To somewhere it has been, to read that again. */
    void back(int position, int depth) {
        this.at = position;
        this.depth = depth;
    }

    @Nullable
    Object value(Shape shape) {
        if (peek() != 'n') return shape.read(this);
        word("null");
        return shape.ofNull(this);
    }

    void end() {
        if (peek() != -1) throw refuse("something follows the value");
    }

    /** The first byte of what is next, after blanks; -1 at the end. */
    int peek() {
        while (at < bytes.length) {
            byte b = bytes[at];
            if (b > ' ') return b;
            if (b < 0) return b & 0xff;
            if (b != ' ' && b != '\n' && b != '\r' && b != '\t') return b;
            at++;
        }
        return -1;
    }

    /** Goes into an object or an array. */
    void open(char bracket, String expected) {
        if (peek() != bracket) throw refuse("expected " + expected + ", found " + found());
        if (++depth > JsonWriter.MAX_DEPTH) throw refuse("nested deeper than " + JsonWriter.MAX_DEPTH);
        at++;
    }

    /** Whether it is empty, and if so, goes out of it. */
    boolean empty(char bracket) {
        if (peek() != bracket) return false;
        at++;
        depth--;
        return true;
    }

    /** Whether another one follows; if not, goes out. */
    boolean more(char bracket) {
        int next = peek();
        if (next != ',' && next != bracket) throw refuse("expected ',' or '" + bracket + "', found " + found());
        at++;
        if (next == ',') return true;
        depth--;
        return false;
    }

    /** Goes over these very bytes, a name with its quotes, if they are next. */
    boolean name(byte[] quoted) {
        peek();
        int length = quoted.length;
        if (length > bytes.length - at) return false;
        for (int i = 0; i < length; i++) if (bytes[at + i] != quoted[i]) return false;
        at += length;
        return true;
    }

    void colon() {
        if (peek() != ':') throw refuse("expected ':', found " + found());
        at++;
    }

    boolean bool() {
        int next = peek();
        if (next != 't' && next != 'f') throw refuse("expected true or false, found " + found());
        word(next == 't' ? "true" : "false");
        return next == 't';
    }

    private void word(String word) {
        for (int i = 0; i < word.length(); i++) {
            if (at + i >= bytes.length || bytes[at + i] != word.charAt(i)) throw refuse("expected " + word);
        }
        at += word.length();
    }

    long integer(long least, long most, String expected) {
        int start = number(expected);
        at = start;
        boolean negative = bytes[at] == '-';
        if (negative) at++;
        long value = 0; // of the negative number: there is one more of them
        for (; at < bytes.length && digit(bytes[at]); at++) {
            int digit = bytes[at] - '0';
            if (value < (Long.MIN_VALUE + digit) / 10) throw refuse("expected " + expected + ", found more", start);
            value = value * 10 - digit;
        }
        if (at < bytes.length && (bytes[at] == '.' || (bytes[at] | 0x20) == 'e')) {
            throw refuse("expected " + expected + ", found a fraction", start);
        }
        if (!negative && value == Long.MIN_VALUE) throw refuse("expected " + expected + ", found more", start);
        if (!negative) value = -value;
        if (value < least || value > most) throw refuse("expected " + expected + ", found more", start);
        return value;
    }

    /** The text of a number as JSON has them. */
    String decimal(String expected) {
        int start = number(expected);
        at = start;
        skipNumber();
        if (at - start > JsonWriter.MAX_TEXT) {
            throw refuse("a number longer than " + JsonWriter.MAX_TEXT + " characters", start);
        }
        return new String(bytes, start, at - start, StandardCharsets.ISO_8859_1);
    }

    /** Where the number begins that is next; leading zeros are none. */
    private int number(String expected) {
        int next = peek();
        if (next != '-' && !digit(next)) throw refuse("expected " + expected + ", found " + found());
        int first = next == '-' ? at + 1 : at;
        if (first >= bytes.length || !digit(bytes[first])) throw refuse("a minus without digits");
        if (bytes[first] == '0' && first + 1 < bytes.length && digit(bytes[first + 1])) throw refuse("a leading zero");
        return at;
    }

    private void skipNumber() {
        if (bytes[at] == '-') at++;
        digits();
        if (at < bytes.length && bytes[at] == '.') {
            at++;
            digits();
        }
        if (at < bytes.length && (bytes[at] | 0x20) == 'e') {
            at++;
            if (at < bytes.length && (bytes[at] == '+' || bytes[at] == '-')) at++;
            digits();
        }
    }

    private void digits() {
        int start = at;
        while (at < bytes.length && digit(bytes[at])) at++;
        if (at == start) throw refuse("expected a digit, found " + found());
    }

    private static boolean digit(int b) {
        return b >= '0' && b <= '9';
    }

    String string(String expected) {
        if (peek() != '"') throw refuse("expected " + expected + ", found " + found());
        int start = ++at;
        int end = start;
        while (end < bytes.length) {
            byte b = bytes[end];
            if (b == '"') {
                at = end + 1;
                return new String(bytes, start, end - start, StandardCharsets.ISO_8859_1);
            }
            if (b < 0x20 || b == '\\') break; // above ASCII, too: those are negative
            end++;
        }
        StringBuilder text = new StringBuilder(Math.max(16, 2 * (end - start)));
        for (int i = start; i < end; i++) text.append((char) bytes[i]);
        at = end;
        rest(text);
        return text.toString();
    }

    private void rest(StringBuilder text) {
        while (at < bytes.length) {
            int b = bytes[at];
            if (b == '"') {
                at++;
                return;
            }
            if (b == '\\') {
                text.append(escaped());
            } else if (b < 0) {
                text.appendCodePoint(wide(b & 0xff));
            } else if (b < 0x20) {
                throw refuse("a control character in a string");
            } else {
                text.append((char) b);
                at++;
            }
        }
        throw refuse("a string without an end");
    }

    private char escaped() {
        if (at + 1 >= bytes.length) throw refuse("a string without an end");
        int kind = bytes[at + 1];
        if (kind == 'u') return hex();
        int known = "\"\\/bfnrt".indexOf(kind);
        if (known < 0) throw refuse("an unknown escape");
        at += 2;
        return "\"\\/\b\f\n\r\t".charAt(known);
    }

    private char hex() {
        if (at + 6 > bytes.length) throw refuse("an escape without an end");
        int value = 0;
        for (int i = 2; i < 6; i++) {
            int b = bytes[at + i];
            int digit = b < 0 ? -1 : Character.digit(b, 16);
            if (digit < 0) throw refuse("an escape without four digits");
            value = (value << 4) | digit;
        }
        at += 6;
        return (char) value;
    }

    /** A character of several bytes: in its shortest form, no surrogate, below 0x110000. */
    private int wide(int first) {
        int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
        if (first < 0xc2 || first > 0xf4 || at + more >= bytes.length) throw refuse("no UTF-8");
        int point = first & (0x3f >> more);
        for (int i = 1; i <= more; i++) {
            int b = bytes[at + i] & 0xff;
            if ((b & 0xc0) != 0x80) throw refuse("no UTF-8");
            point = (point << 6) | (b & 0x3f);
        }
        int least = more == 3 ? 0x10000 : more == 2 ? 0x800 : 0x80;
        if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) throw refuse("no UTF-8");
        at += more + 1;
        return point;
    }

    /** Goes over a value, whatever it is, if it is JSON. */
    void skip() {
        int next = peek();
        if (next == '{') {
            skipObject();
        } else if (next == '[') {
            open('[', "a list");
            if (empty(']')) return;
            do skip();
            while (more(']'));
        } else if (next == '"') {
            string("a string");
        } else if (next == 't' || next == 'f') {
            bool();
        } else if (next == 'n') {
            word("null");
        } else {
            at = number("a value");
            skipNumber();
        }
    }

    private void skipObject() {
        open('{', "an object");
        if (empty('}')) return;
        do {
            string("a name");
            colon();
            skip();
        } while (more('}'));
    }

    private String found() {
        int next = peek();
        if (next == -1) return "the end";
        if (next == '{') return "an object";
        if (next == '[') return "a list";
        if (next == '"') return "a string";
        if (next == '-' || digit(next)) return "a number";
        if (next > ' ' && next < 0x7f) return "'" + (char) next + "'";
        return "byte 0x" + Integer.toHexString(next);
    }
}
