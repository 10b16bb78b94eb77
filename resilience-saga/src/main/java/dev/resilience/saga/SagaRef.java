// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.Objects;

/**
 * Which saga: the name of its definition and the id that its starter chose, unique together while the saga is kept.
 *
 * @param name the definition's name, 1 to 100 characters
 * @param id the starter's id, 1 to 128 characters
 */
public record SagaRef(String name, String id) implements Comparable<SagaRef> {
    /**
     * Refuses empty and overlong names and ids.
     *
     * @param name of the definition
     * @param id the starter's id
     */
    public SagaRef {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(id, "id");
        if (name.isEmpty() || name.length() > 100)
            throw new IllegalArgumentException("a saga's name must have 1 to 100 characters, has " + name.length());
        if (id.isEmpty() || id.length() > 128)
            throw new IllegalArgumentException(
                    "saga " + name + ": id must have 1 to 128 characters, has " + id.length());
    }

    /** By name, then by id. */
    @Override
    public int compareTo(SagaRef other) {
        int byName = name.compareTo(other.name);
        return byName != 0 ? byName : id.compareTo(other.id);
    }

    /** {@code name/id}. */
    @Override
    public String toString() {
        return name + "/" + id;
    }
}
