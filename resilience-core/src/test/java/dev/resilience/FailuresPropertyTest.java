// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Any combination, in any order, against the three sentences of the Javadoc. */
class FailuresPropertyTest {
    /** One word of a classifier's sentence. */
    record Word(String verb, Class<? extends Throwable> type) {}

    private static final List<Class<? extends Throwable>> TYPES =
            List.of(Throwable.class, Exception.class, IOException.class, FileNotFoundException.class, Error.class);

    @Provide
    Arbitrary<List<Word>> sentences() {
        Arbitrary<Word> words = Arbitraries.of("butNot", "ignoring", "orResult")
                .flatMap(verb -> Arbitraries.of(TYPES).map(type -> new Word(verb, type)));
        return words.list().ofMaxSize(5);
    }

    @Provide
    Arbitrary<Throwable> thrown() {
        Arbitrary<Throwable> plain = Arbitraries.of(
                new Exception(),
                new IOException(),
                new FileNotFoundException(),
                new IllegalStateException(),
                new LinkageError(),
                new InterruptedException(),
                new CancellationException());
        return plain.flatMap(inner -> Arbitraries.integers().between(0, 3).map(depth -> wrapped(inner, depth)));
    }

    private static Throwable wrapped(Throwable inner, int depth) {
        Throwable outer = inner;
        for (int i = 0; i < depth; i++)
            outer = i % 2 == 0 ? new CompletionException(outer) : new ExecutionException(outer);
        return outer;
    }

    @Property(tries = 2000)
    void the_verdict_does_not_depend_on_the_order_of_the_words(
            @ForAll("sentences") List<Word> words, @ForAll("thrown") Throwable thrown) {
        Failures classifier = Failures.on(IOException.class);
        for (Word word : words) classifier = add(classifier, word);

        assertThat(classifier.judge(null, thrown)).isEqualTo(model(words, thrown));
        boolean results = words.stream().anyMatch(word -> word.verb().equals("orResult"));
        assertThat(classifier.judge("a value", null)).isEqualTo(results ? Verdict.FAILURE : Verdict.SUCCESS);
    }

    private static Failures add(Failures classifier, Word word) {
        return switch (word.verb()) {
            case "butNot" -> classifier.butNot(word.type());
            case "ignoring" -> classifier.ignoring(x -> word.type().isInstance(x));
            default -> classifier.orResult(String.class, value -> true);
        };
    }

    private static Verdict model(List<Word> words, Throwable thrown) {
        Throwable real = thrown;
        while (real instanceof CompletionException || real instanceof ExecutionException) real = real.getCause();
        if (real instanceof Error) return Verdict.FAILURE;
        if (real instanceof InterruptedException || real instanceof CancellationException) return Verdict.IGNORED;
        if (says(words, "butNot", real)) return Verdict.SUCCESS;
        if (says(words, "ignoring", real)) return Verdict.IGNORED;
        return real instanceof IOException ? Verdict.FAILURE : Verdict.SUCCESS;
    }

    private static boolean says(List<Word> words, String verb, Throwable real) {
        return words.stream()
                .anyMatch(word -> word.verb().equals(verb) && word.type().isInstance(real));
    }
}
