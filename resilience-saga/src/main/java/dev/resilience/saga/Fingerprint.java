// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * 128 bits of an encoded input, as text: tells an accidental second use of an id from a repeated start. Not against
 * people who choose inputs to collide: all that they would win is the handle of a saga whose id they know anyway.
 */
final class Fingerprint {
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long A = 0x9E3779B97F4A7C15L;
    private static final long B = 0xC2B2AE3D27D4EB4FL;

    private Fingerprint() {}

    /** Of the bytes of an input; null bytes have one too. */
    static String of(byte[] bytes) {
        long x = A ^ bytes.length;
        long y = B + bytes.length;
        int i = 0;
        for (; i + 8 <= bytes.length; i += 8) {
            long word = (long) LONG.get(bytes, i);
            x = mixed(x ^ word) + y;
            y = mixed(y + word * B) ^ Long.rotateLeft(x, 23);
        }
        long tail = 1;
        for (; i < bytes.length; i++) tail = (tail << 8) | (bytes[i] & 0xFF);
        x = mixed(x ^ tail) + y;
        y = mixed(y + tail * B) ^ Long.rotateLeft(x, 23);
        return hex(mixed(x + y), mixed(y ^ Long.rotateLeft(x, 41)));
    }

    /** The finalizer of splitmix64: every bit of its argument reaches every bit of its result. */
    private static long mixed(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    private static String hex(long high, long low) {
        byte[] digits = new byte[32];
        for (int i = 0; i < 16; i++) {
            digits[i] = digit(high >>> (60 - 4 * i));
            digits[16 + i] = digit(low >>> (60 - 4 * i));
        }
        return new String(digits, StandardCharsets.ISO_8859_1);
    }

    private static byte digit(long bits) {
        int value = (int) bits & 15;
        return (byte) (value < 10 ? '0' + value : 'a' + value - 10);
    }

    /** A random name for an incarnation: short, for it is in every key. */
    static String incarnation(long random) {
        byte[] digits = new byte[8];
        for (int i = 0; i < digits.length; i++) {
            int value = (int) (random >>> (5 * i)) & 31;
            digits[i] = (byte) (value < 10 ? '0' + value : 'a' + value - 10);
        }
        return new String(digits, StandardCharsets.ISO_8859_1);
    }
}
