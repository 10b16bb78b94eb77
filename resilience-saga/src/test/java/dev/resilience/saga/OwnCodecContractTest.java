// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.saga.CodecSnippets.Money;
import dev.resilience.saga.CodecSnippets.MoneyCodec;
import dev.resilience.testkit.saga.CodecContract;
import java.util.List;

/** A codec that a user brings keeps the contract. */
// @start region="contract"
class OwnCodecContractTest extends CodecContract {
    @Override
    protected SagaCodec codec() {
        return new MoneyCodec();
    }

    @Override
    protected List<Sample<?>> samples() {
        return List.of(
                Sample.of(Type.of(Money.class), () -> Money.of(120, "EUR")),
                Sample.of(Type.of(Money.class), () -> Money.of(120, "CHF")),
                Sample.of(Type.of(Line.class), () -> new Line("a", 1, 2)));
    }
}
// @end
