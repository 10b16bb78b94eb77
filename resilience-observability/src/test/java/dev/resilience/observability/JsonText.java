// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads JSON strictly enough to say that a file is JSON: objects, arrays, strings with simple escapes, literals. */
final class JsonText {
    private final String text;
    private int at;

    JsonText(String text) {
        this.text = text;
    }

    Object value() {
        Object value = read();
        skip();
        if (at != text.length()) throw wrong("the end");
        return value;
    }

    private Object read() {
        skip();
        char c = text.charAt(at);
        if (c == '{') return object();
        if (c == '[') return array();
        return c == '"' ? string() : literal();
    }

    private Map<String, Object> object() {
        Map<String, Object> object = new LinkedHashMap<>();
        take('{');
        if (ends('}')) return object;
        do {
            skip();
            String key = string();
            take(':');
            object.put(key, read());
        } while (goesOn('}'));
        return object;
    }

    private List<Object> array() {
        List<Object> array = new ArrayList<>();
        take('[');
        if (ends(']')) return array;
        do {
            array.add(read());
        } while (goesOn(']'));
        return array;
    }

    private boolean ends(char end) {
        skip();
        if (text.charAt(at) != end) return false;
        at++;
        return true;
    }

    private boolean goesOn(char end) {
        skip();
        char c = text.charAt(at++);
        if (c != ',' && c != end) throw wrong("',' or '" + end + "'");
        return c == ',';
    }

    private String string() {
        take('"');
        StringBuilder string = new StringBuilder();
        for (char c = text.charAt(at++); c != '"'; c = text.charAt(at++)) {
            string.append(c == '\\' ? text.charAt(at++) : c);
        }
        return string.toString();
    }

    private String literal() {
        int from = at;
        while (at < text.length() && ",]} \n\r\t".indexOf(text.charAt(at)) < 0) at++;
        String literal = text.substring(from, at);
        if (!literal.matches("true|false|null|-?\\d+(\\.\\d+)?")) throw wrong("a literal");
        return literal;
    }

    private void take(char c) {
        skip();
        if (text.charAt(at++) != c) throw wrong("'" + c + "'");
    }

    private void skip() {
        while (at < text.length() && Character.isWhitespace(text.charAt(at))) at++;
    }

    private AssertionError wrong(String expected) {
        return new AssertionError("expected " + expected + " at " + at + ", was: "
                + text.substring(Math.min(at, text.length()), Math.min(at + 40, text.length())));
    }
}
