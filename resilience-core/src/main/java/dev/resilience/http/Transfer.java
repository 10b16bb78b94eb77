// SPDX-License-Identifier: Apache-2.0
package dev.resilience.http;

import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.ResponseInfo;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** The user's body handler for one attempt, and what is needed to give up the body, whatever and wherever it is. */
/* Implementation notes
 * A body that streams (InputStream, lines, a publisher, or whatever is made of one) exists before its bytes do, and holds
 * the connection until it is read or closed. So a body is given up by closing it, if it can be closed, and by cancelling
 * the subscription that feeds it, which works for all.
 *
 * I1 a body is given up only once it exists: before that the exchange is alive and its owner cancels that; a subscription
 *    cancelled here would keep the client from telling the user's subscriber, which may hold a file open.
 * I2 discarded is written before receiver and body are read, those are written before discarded is read: whichever is
 *    second sees the other. givenUp makes it happen once.
 */
final class Transfer<T> implements BodyHandler<T> {
    private final BodyHandler<T> handler;
    private volatile boolean discarded;
    private volatile @Nullable Receiver<T> receiver;

    Transfer(BodyHandler<T> handler) {
        this.handler = handler;
    }

    @Override
    public BodySubscriber<T> apply(ResponseInfo info) {
        Receiver<T> made = new Receiver<>(handler.apply(info));
        receiver = made;
        if (discarded) made.discard();
        return made;
    }

    /** Nobody will get the response: its body is given up, now or when it comes. Callable from any thread, again too. */
    void discard() {
        discarded = true;
        Receiver<T> made = receiver;
        if (made != null) made.discard();
    }

    private static final class Receiver<T> implements BodySubscriber<T> {
        private final BodySubscriber<T> subscriber;
        private final AtomicBoolean givenUp = new AtomicBoolean();
        private volatile boolean discarded;
        private volatile @Nullable CompletionStage<T> body;
        private volatile Flow.@Nullable Subscription source;

        Receiver(BodySubscriber<T> subscriber) {
            this.subscriber = subscriber;
        }

        /** Asked once by the client; a handler that maps would map anew for each. */
        @Override
        public CompletionStage<T> getBody() {
            CompletionStage<T> made = subscriber.getBody();
            body = made;
            if (discarded) giveUpWhenThere(made);
            return made;
        }

        void discard() {
            discarded = true;
            CompletionStage<T> made = body;
            if (made != null) giveUpWhenThere(made);
        }

        @SuppressWarnings("FutureReturnValueIgnored") // the consumer throws nothing
        private void giveUpWhenThere(CompletionStage<T> made) {
            made.whenComplete((value, failed) -> {
                if (failed == null && givenUp.compareAndSet(false, true)) giveUp(value);
            });
        }

        private void giveUp(@Nullable T value) {
            Guests.close(value);
            Flow.Subscription open = source;
            if (open != null) open.cancel();
        }

        @Override
        public void onSubscribe(Flow.Subscription subscription) {
            source = subscription;
            subscriber.onSubscribe(subscription);
            if (givenUp.get()) subscription.cancel();
        }

        @Override
        public void onNext(List<ByteBuffer> bytes) {
            subscriber.onNext(bytes);
        }

        @Override
        public void onError(Throwable thrown) {
            source = null;
            subscriber.onError(thrown);
        }

        @Override
        public void onComplete() {
            source = null;
            subscriber.onComplete();
        }
    }
}
