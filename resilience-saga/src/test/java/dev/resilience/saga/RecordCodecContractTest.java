// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.testkit.saga.CodecContract;
import java.util.ArrayList;
import java.util.List;

/** The built-in codec keeps the contract of all codecs. */
class RecordCodecContractTest extends CodecContract {
    @Override
    protected SagaCodec codec() {
        return SagaCodec.records();
    }

    @Override
    protected List<Sample<?>> samples() {
        List<Sample<?>> samples = new ArrayList<>(super.samples());
        for (int seed = 0; seed < 10; seed++) {
            int each = seed;
            samples.add(Sample.of(Type.of(CodecValues.All.class), () -> new CodecValues(each).all()));
        }
        return samples;
    }
}
