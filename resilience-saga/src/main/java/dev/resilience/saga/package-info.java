// SPDX-License-Identifier: Apache-2.0
/** Durable sagas: start at {@link dev.resilience.saga.Saga} and {@link dev.resilience.saga.SagaEngine}. */
@org.jspecify.annotations.NullMarked
package dev.resilience.saga;
