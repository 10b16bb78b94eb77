// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.nio.charset.StandardCharsets;

/** Texts as bytes. */
final class Utf8Codec implements Codec<String> {
    static final Codec<String> SHARED = new Utf8Codec();

    private Utf8Codec() {}

    @Override
    public byte[] encode(String value) {
        return value.getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public String decode(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
