// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Something is wrong somewhere in a value: collects the way there on its way out, so that the good path need not keep
 * it. Becomes a {@link SagaCodec.CodecException} at the top.
 */
final class CodecFault extends RuntimeException {
    private static final long serialVersionUID = 1L;
    /** Of a way that is longer, the beginning and the end are told. */
    private static final int TOLD = 12;

    private final transient ArrayDeque<String> way = new ArrayDeque<>();
    private final String what;

    CodecFault(String what, @Nullable Throwable cause) {
        super(what, cause, false, false);
        this.what = what;
    }

    /** Adds a place in front of the way. What a value's own code has thrown becomes a fault here. */
    static CodecFault at(String place, Throwable thrown) {
        CodecFault fault = of(thrown);
        fault.way.addFirst(place);
        return fault;
    }

    /** All but what befell the virtual machine: that is nobody's value. */
    static CodecFault of(Throwable thrown) {
        if (thrown instanceof CodecFault fault) return fault;
        if (thrown instanceof VirtualMachineError broken) throw broken;
        return new CodecFault(thrown + " was thrown", thrown);
    }

    SagaCodec.CodecException told(Type<?> type) {
        StringBuilder text = new StringBuilder(type.toString());
        int at = 0;
        for (String place : way) {
            if (at < TOLD || at >= way.size() - TOLD) text.append(place);
            else if (at == TOLD) text.append("...");
            at++;
        }
        return new SagaCodec.CodecException(text.append(": ").append(what).toString(), getCause());
    }
}
