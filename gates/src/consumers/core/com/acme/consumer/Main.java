// SPDX-License-Identifier: Apache-2.0
package com.acme.consumer;

import dev.resilience.Failures;
import dev.resilience.Pipeline;
import dev.resilience.timeout.Timeout;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** An application that has the core and nothing else, and touches what could miss something at run time. */
public final class Main {
    /** Behind the proxy: only this module can see it. */
    interface Greeter {
        String greet(String name) throws IOException;
    }

    private Main() {}

    public static void main(String[] args) throws Exception {
        Pipeline pipeline = Pipeline.builder("consumer")
                .policies(Timeout.of(Duration.ofSeconds(10)))
                .failures(Failures.on(IOException.class))
                .build();

        String blocking = pipeline.call(() -> "blocking");
        String staged = pipeline.callAsync(() -> CompletableFuture.completedFuture("staged"))
                .get(10, TimeUnit.SECONDS);
        String submitted = pipeline.submit(Runnable::run, () -> "submitted").get(10, TimeUnit.SECONDS);
        Greeter greeter = pipeline.proxy(MethodHandles.lookup(), Greeter.class, name -> "proxied " + name);
        String thrown = pipeline.outcome(() -> {
                    throw new IOException("thrown");
                })
                .fold(value -> "value", Throwable::getMessage);
        String answered = pipeline.orElse("answered").call(() -> {
            throw new IOException("hidden");
        });

        System.out.println(String.join(" ", blocking, staged, submitted, greeter.greet("call"), thrown, answered));
        System.out.println("with " + Pipeline.class.getModule());
    }
}
