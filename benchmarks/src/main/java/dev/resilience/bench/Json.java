// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads JSON into maps, lists, strings, doubles and booleans: enough for JMH's results, and nothing to depend on. */
final class Json {
    private final String text;
    private int at;

    private Json(String text) {
        this.text = text;
    }

    /** Throws {@link IllegalArgumentException} that names the place of what it cannot read. */
    static @Nullable Object parse(String text) {
        Json json = new Json(text);
        Object value = json.value();
        json.blank();
        if (json.at < text.length()) throw json.unexpected("the end");
        return value;
    }

    private @Nullable Object value() {
        char c = peek();
        if (c == '{') return object();
        if (c == '[') return array();
        if (c == '"') return string();
        if (c == '-' || Character.isDigit(c)) return number();
        if (word("true")) return true;
        if (word("false")) return false;
        if (word("null")) return null;
        throw unexpected("a value");
    }

    private Map<String, @Nullable Object> object() {
        Map<String, @Nullable Object> members = new LinkedHashMap<>();
        expect('{');
        if (skip('}')) return members;
        do {
            if (peek() != '"') throw unexpected("a name");
            String name = string();
            expect(':');
            members.put(name, value());
        } while (skip(','));
        expect('}');
        return members;
    }

    private List<@Nullable Object> array() {
        List<@Nullable Object> elements = new ArrayList<>();
        expect('[');
        if (skip(']')) return elements;
        do elements.add(value());
        while (skip(','));
        expect(']');
        return elements;
    }

    private String string() {
        StringBuilder out = new StringBuilder();
        expect('"');
        for (char c = next(); c != '"'; c = next()) out.append(c == '\\' ? escaped(next()) : c);
        return out.toString();
    }

    private char escaped(char c) {
        return switch (c) {
            case 'n' -> '\n';
            case 't' -> '\t';
            case 'r' -> '\r';
            case 'b' -> '\b';
            case 'f' -> '\f';
            case 'u' -> unicode();
            default -> c;
        };
    }

    private char unicode() {
        if (at + 4 > text.length()) throw unexpected("four digits");
        at += 4;
        return (char) Integer.parseInt(text, at - 4, at, 16);
    }

    private double number() {
        int from = at;
        while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0) at++;
        return Double.parseDouble(text.substring(from, at));
    }

    private boolean word(String word) {
        if (!text.startsWith(word, at)) return false;
        at += word.length();
        return true;
    }

    private boolean skip(char c) {
        if (peek() != c) return false;
        at++;
        return true;
    }

    private void expect(char c) {
        if (!skip(c)) throw unexpected("'" + c + "'");
    }

    private char peek() {
        blank();
        if (at == text.length()) throw unexpected("more");
        return text.charAt(at);
    }

    private char next() {
        if (at == text.length()) throw unexpected("more");
        return text.charAt(at++);
    }

    private void blank() {
        while (at < text.length() && Character.isWhitespace(text.charAt(at))) at++;
    }

    private IllegalArgumentException unexpected(String wanted) {
        String found = at < text.length() ? "'" + text.charAt(at) + "'" : "the end";
        return new IllegalArgumentException("JSON: expected " + wanted + " at " + at + ", found " + found);
    }
}
