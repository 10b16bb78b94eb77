// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.List;

/** What a name in a journal and in a key may look like. */
final class Names {
    private Names() {}

    /** A saga's. */
    static void saga(List<String> problems, String name) {
        check(problems, "the name of a saga", name, 100);
    }

    /** A step's, a branch's. {@code undo} is the last part of a compensation's key. */
    static void step(List<String> problems, String what, String name) {
        check(problems, "the name of a " + what, name, 120);
        if (name.equals("undo")) problems.add("the name of a " + what + " must not be 'undo'; keys of undos end so");
    }

    private static void check(List<String> problems, String what, String name, int most) {
        if (name.isEmpty() || name.length() > most) {
            problems.add(
                    what + " must have 1 to " + most + " characters, '" + shortened(name) + "' has " + name.length());
        } else if (name.chars().anyMatch(c -> c == '/' || c == '#' || c == '~' || Character.isISOControl(c))
                || !name.equals(name.strip())) {
            problems.add(what + " must have no '/', '#', '~' or control character and no blank at its ends, was '"
                    + name.replaceAll("\\p{Cntrl}", "?") + "'");
        }
    }

    private static String shortened(String name) {
        return name.length() <= 30 ? name : name.substring(0, 30) + "...";
    }
}
