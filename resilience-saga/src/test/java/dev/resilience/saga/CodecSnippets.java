// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Compiled for the Javadoc and the docs. */
final class CodecSnippets {
    private CodecSnippets() {}

    // @start region="records"
    record Order(UUID id, List<Line> lines, Payment payment, Optional<String> note) {}

    record Line(String sku, int quantity) {}

    sealed interface Payment permits Card, Invoice {}

    record Card(String token) implements Payment {}

    record Invoice(String vatId, int days) implements Payment {}
    // @end

    /** A type of a library, which is no record. */
    static final class Money {
        private final long cents;
        private final String currency;

        private Money(long cents, String currency) {
            this.cents = cents;
            this.currency = currency;
        }

        static Money of(long cents, String currency) {
            return new Money(cents, currency);
        }

        static Money parse(String text) {
            String[] parts = text.split(" ", -1);
            if (parts.length != 2) throw new IllegalArgumentException("no money");
            return new Money(Long.parseLong(parts[0]), parts[1]);
        }

        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof Money money && money.cents == cents && money.currency.equals(currency);
        }

        @Override
        public int hashCode() {
            return Long.hashCode(cents) * 31 + currency.hashCode();
        }

        @Override
        public String toString() {
            return cents + " " + currency;
        }
    }

    // @start region="own"
    /** Money is no record: its text goes into the journal. Whatever else there is, the built-in codec carries. */
    static final class MoneyCodec implements SagaCodec {
        private final SagaCodec others = SagaCodec.records();

        @Override
        public void check(Type<?> type) {
            if (type.raw() != Money.class) others.check(type);
        }

        @Override
        public <T extends @Nullable Object> byte @Nullable [] encode(Type<T> type, T value) {
            if (type.raw() != Money.class || value == null) return others.encode(type, value);
            return value.toString().getBytes(StandardCharsets.UTF_8);
        }

        @Override
        @SuppressWarnings("unchecked")
        public <T extends @Nullable Object> T decode(Type<T> type, byte @Nullable [] bytes) {
            if (type.raw() != Money.class || bytes == null) return others.decode(type, bytes);
            try {
                return (T) Money.parse(new String(bytes, StandardCharsets.UTF_8));
            } catch (IllegalArgumentException e) {
                throw new CodecException("money: expected cents and a currency", e);
            }
        }
    }
    // @end
}
