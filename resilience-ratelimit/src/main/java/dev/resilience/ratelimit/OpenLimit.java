// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.TimeSource;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Everything or nothing. */
final class OpenLimit extends Limit {
    private final boolean open;

    OpenLimit(@Nullable String name, boolean open) {
        super(name);
        this.open = open;
    }

    @Override
    public Limit named(String name) {
        return new OpenLimit(Objects.requireNonNull(name, "name"), open);
    }

    @Override
    public String toString() {
        return open ? "unlimited" : "none";
    }

    @Override
    void check(List<String> problems) {}

    @Override
    Meter meter(TimeSource time) {
        return new OpenMeter(this, time, open);
    }

    @Override
    long quota() {
        return open ? Long.MAX_VALUE : 0;
    }

    @Override
    long windowNanos() {
        return 1;
    }
}
