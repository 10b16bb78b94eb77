// SPDX-License-Identifier: Apache-2.0
package dev.resilience.http;

import java.net.http.HttpResponse;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** What {@code sendAsync} hands out: ends as the call does; ended otherwise by its owner, it ends the call (L7). */
final class Answer<T> extends CompletableFuture<HttpResponse<T>>
        implements BiFunction<@Nullable Reply<T>, @Nullable Throwable, @Nullable Void> {

    @SuppressWarnings("FutureReturnValueIgnored")
    static <T> Answer<T> of(CompletableFuture<Reply<T>> call) {
        Answer<T> answer = new Answer<>();
        // first: a call that has ended completes the answer at once, and there is nothing to cancel then
        call.handle(answer);
        answer.handle((response, thrown) -> call.cancel(true));
        return answer;
    }

    @Override
    public @Nullable Void apply(@Nullable Reply<T> reply, @Nullable Throwable thrown) {
        if (reply == null) completeExceptionally(thrown != null ? thrown : new NullPointerException("reply"));
        else if (!complete(reply.response())) reply.close();
        return null;
    }
}
