// SPDX-License-Identifier: Apache-2.0
package dev.resilience.gates;

/** Java source without what is not code. */
final class JavaText {
    private JavaText() {}

    /** The same lines, with comments and the contents of literals blanked. */
    static String codeOf(String source) {
        StringBuilder out = new StringBuilder(source.length());
        int i = 0;
        while (i < source.length()) {
            int end = endOfText(source, i);
            if (end == i) {
                out.append(source.charAt(i++));
            } else {
                source.substring(i, end).chars().filter(c -> c == '\n').forEach(c -> out.append('\n'));
                out.append(' ');
                i = end;
            }
        }
        return out.toString();
    }

    /** The end of the comment or literal that starts at {@code i}, or {@code i} if none does. */
    private static int endOfText(String s, int i) {
        if (s.startsWith("//", i)) {
            int end = s.indexOf('\n', i);
            return end < 0 ? s.length() : end;
        }
        if (s.startsWith("/*", i)) {
            return after(s, "*/", i + 2);
        }
        if (s.startsWith("\"\"\"", i)) {
            return after(s, "\"\"\"", i + 3);
        }
        char quote = s.charAt(i);
        if (quote != '"' && quote != '\'') {
            return i;
        }
        int at = i + 1;
        while (at < s.length() && s.charAt(at) != quote) {
            at += s.charAt(at) == '\\' ? 2 : 1;
        }
        return Math.min(at + 1, s.length());
    }

    private static int after(String s, String mark, int from) {
        int end = s.indexOf(mark, from);
        return end < 0 ? s.length() : end + mark.length();
    }
}
