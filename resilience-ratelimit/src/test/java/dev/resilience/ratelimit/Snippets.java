// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;

import dev.resilience.CallContext;
import dev.resilience.Pipeline;
import dev.resilience.ratelimit.RateLimiter.Carry;
import dev.resilience.ratelimit.RateLimiter.Reservation;
import dev.resilience.retry.Retry;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** The snippets that the Javadoc of this package and docs/policies/ratelimit.md show; compiled here. */
final class Snippets {
    private Snippets() {}

    static final CallContext.Attribute<Long> TOKENS = CallContext.Attribute.of("tokens");

    static String gate() {
        // @start region="gate"
        RateLimiter search = RateLimiter.builder("search")
                .limit(Limit.of(100, ofSeconds(1)).burst(20))
                .maxWait(ofMillis(200))
                .build();
        Pipeline calls = Pipeline.of(Retry.of(3), search);
        String hits = calls.call(() -> "one permit for each attempt");
        // @end
        return hits;
    }

    static String byHand(RateLimiter search) throws InterruptedException {
        // @start region="by-hand"
        if (!search.tryAcquire()) return "429"; // now or not at all
        if (!search.tryAcquire(5, ofMillis(50))) return "429"; // waits at most so long
        Decision decision = search.decide(1); // with the numbers of that moment
        String after = decision.retryAfter().map(Duration::toString).orElse("never");
        // @end
        return after;
    }

    static String cost() {
        // @start region="cost"
        RateLimiter llm = RateLimiter.builder("llm")
                .limit(Limit.of(90_000, Duration.ofMinutes(1)))
                .cost(call -> call.get(TOKENS, 1L))
                .build();
        String answer = llm.call(CallContext.of(TOKENS, 1_200L), call -> "asked with 1,200 tokens");
        llm.charge(340); // what the answer has used is known only now
        // @end
        return answer;
    }

    static void reserve(RateLimiter mail) {
        // @start region="reserve"
        Optional<Reservation> slot = mail.reserve(1, ofSeconds(30));
        slot.ifPresent(reserved -> schedule(reserved.delay(), () -> send()));
        slot.ifPresent(Reservation::cancel); // not needed after all
        // @end
    }

    static void operate(RateLimiter search) {
        // @start region="operate"
        search.throttleFor(ofSeconds(30)); // the other side answered 429, Retry-After: 30
        search.reconfigure(Limit.of(50, ofSeconds(1)).burst(10), Carry.KEEP_TOKENS);
        // @end
    }

    static CompletableFuture<String> staged(RateLimiter search) {
        // @start region="staged"
        CompletableFuture<Decision> turn = search.decideAsync(1, ofSeconds(2));
        CompletableFuture<String> reply = turn.thenApply(d -> d.permitted() ? "your turn" : "429");
        // @end
        return reply;
    }

    static RateLimiter shadow() {
        // @start region="shadow"
        RateLimiter trial = RateLimiter.builder("trial")
                .limit(Limit.strict(1_000, Duration.ofHours(1), 50))
                .shadow()
                .build();
        trial.tryAcquire(); // true, whatever the limit says
        long wouldHaveBeenRefused = trial.snapshot().shadowRejected();
        // @end
        return wouldHaveBeenRefused == 0 ? trial : trial;
    }

    private static void schedule(Duration delay, Runnable task) {}

    private static void send() {}
}
