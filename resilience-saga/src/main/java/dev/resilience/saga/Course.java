// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a journal means under a plan: what is open, done, in doubt, waiting until when, to be undone in which order; or
 * that it is no journal of this plan (S47). Pure: no thread, no clock, no IO. It takes lines one by one, each in time
 * that does not grow with the journal. Confined to whoever drives the saga; {@link #values()} may be used by others.
 */
final class Course {
    private final Chart chart;
    private final Leg[] legs;
    private final int[] cursors;
    private final int[] branchesLeft;
    private final List<Leg> open = new ArrayList<>(2);
    private final List<Leg> effects;
    private final Results values;
    private @Nullable JournalEntry last;
    private @Nullable String mismatch;
    private @Nullable Leg rejected;
    private boolean finished;
    private @Nullable JournalEntry turn;
    private boolean wanted;
    private long undoSinceMs;

    private Course(Chart chart, SagaCodec codec, byte[] input) {
        this.chart = chart;
        this.legs = new Leg[chart.places()];
        this.cursors = new int[chart.sequences()];
        this.branchesLeft = new int[chart.places()];
        this.effects = new ArrayList<>(chart.places()); // room for all: growing costs more than it takes
        this.values = new Results(chart, codec, input, legs);
        enter(chart.root());
    }

    /** Reads a journal. */
    static Course of(Chart chart, SagaCodec codec, SagaStore.Loaded loaded) {
        Course course = new Course(chart, codec, loaded.input());
        for (JournalEntry entry : loaded.entries()) {
            try {
                course.apply(entry);
            } catch (RuntimeException broken) { // no engine writes such a line; it stops this saga alone
                course.mismatch = "the journal has a line that means nothing: " + entry;
            }
        }
        return course;
    }

    // --- what it is ---

    /** Why it is no journal of this plan; null if it is. */
    @Nullable
    String mismatch() {
        return mismatch;
    }

    /** What may be called or waited for now, in plan order of each branch. Do not change it. */
    List<Leg> open() {
        return open;
    }

    /** Every step is done. */
    boolean finished() {
        return finished;
    }

    /** It is being undone. */
    boolean turned() {
        return turn != null;
    }

    /** The line that tells why it is undone. */
    @Nullable
    JournalEntry turn() {
        return turn;
    }

    /** A step that is rejected though the saga has not turned yet: an operator said so. */
    @Nullable
    Leg rejected() {
        return rejected;
    }

    /** An operator wants it undone, and it is not yet. */
    boolean undoWanted() {
        return wanted && turn == null;
    }

    /** What has to be resolved or undone next; null: nothing is left. */
    @Nullable
    Leg undoing() {
        while (!effects.isEmpty()) {
            Leg newest = effects.get(effects.size() - 1);
            if (!newest.settled()) return newest;
            effects.remove(effects.size() - 1);
        }
        return null;
    }

    /** Since when {@link #undoing()} is the one. */
    long undoSinceMs() {
        return undoSinceMs;
    }

    /** What bodies see. Those that are open see results of places that are done, which do not change any more. */
    Results values() {
        return values;
    }

    /** The leg of a line; null if the place was never opened. */
    @Nullable
    Leg leg(Chart.Place place, int index) {
        Leg leg = legs[place.number];
        if (index < 0 || leg == null) return leg;
        Leg.Elements elements = leg.elements;
        return elements == null || index >= elements.legs.length ? null : elements.legs[index];
    }

    /** All that were ever opened. For the rare case: it grows with the journal. */
    void everyLeg(Consumer<Leg> each) {
        for (Leg leg : legs) {
            if (leg == null) continue;
            each.accept(leg);
            if (leg.elements != null) for (Leg one : leg.elements.legs) if (one != null) each.accept(one);
        }
    }

    // --- how it comes to be ---

    /** Takes the next line. After a mismatch nothing changes any more. */
    void apply(JournalEntry entry) {
        if (mismatch != null) return;
        last = entry;
        switch (entry.phase()) {
            case PARKED -> {}
            case TURN -> turn(entry);
            case OPERATOR -> operated(entry);
            default -> line(entry);
        }
    }

    private void turn(JournalEntry entry) {
        turn = entry;
        wanted = false;
        undoSinceMs = entry.atMs();
        open.clear();
    }

    private void operated(JournalEntry entry) {
        String verb = entry.note();
        if (verb == null || verb.equals("pause") || verb.equals("resume")) return;
        wanted |= verb.equals("compensate");
        undoSinceMs = entry.atMs();
        for (Leg leg : open) startAnew(leg, entry);
        Leg undoing = turn != null ? undoing() : null;
        if (undoing != null) startAnew(undoing, entry);
    }

    /** An operator's verb gives a fresh budget, and a signal its time once more; a delay keeps its end. */
    private static void startAnew(Leg leg, JournalEntry entry) {
        if (leg.place.node instanceof Node.Delay) return;
        leg.anew(entry);
        boolean meant = entry.step().isEmpty() || entry.step().equals(leg.name());
        leg.retryAsked |= meant && "retry".equals(entry.note());
    }

    private void line(JournalEntry entry) {
        Chart.Place place = chart.find(entry.step());
        if (place == null) {
            mismatch = "the journal tells of a step '" + entry.step() + "', which the definition does not have";
            return;
        }
        if (place.letter != entry.kind() && entry.kind() != ' ') {
            mismatch = "step '" + entry.step() + "' is of kind " + place.letter + " in the definition, but "
                    + entry.kind() + " in the journal";
            return;
        }
        Leg leg = leg(place, entry.index());
        if (leg == null) {
            mismatch = "the journal tells of step '" + entry.step()
                    + "', before which the definition has steps that are" + " not done";
            return;
        }
        switch (entry.phase()) {
            case ACTION -> done(leg, entry);
            case DECISION -> decided(leg, entry);
            case ITEMS -> listed(leg, entry);
            case DUE -> {
                leg.due = entry;
                leg.told = true;
                leg.toldCalled = !Leg.UNTOUCHED.equals(entry.note());
            }
            case RESOLUTION -> {
                leg.resolution = entry;
                leg.due = null;
                undoSinceMs = entry.atMs();
            }
            case UNDO -> {
                leg.undone = true;
                undoSinceMs = entry.atMs();
            }
            default -> throw new IllegalStateException("no line of a step: " + entry);
        }
    }

    private void done(Leg leg, JournalEntry entry) {
        if (!open.remove(leg)) {
            mismatch = "the journal has an outcome of step '" + entry.step() + "' where it is not its turn: " + entry;
            return;
        }
        leg.done = entry;
        leg.due = null;
        StepOutcome outcome = Objects.requireNonNull(entry.outcome());
        if (undoable(leg) && (outcome == StepOutcome.COMPLETED || outcome == StepOutcome.IN_DOUBT)) effects.add(leg);
        switch (outcome) {
            case COMPLETED -> passed(leg);
            case SKIPPED -> {
                if (!Leg.UNTOUCHED.equals(entry.note())) passed(leg);
            }
            case REJECTED -> rejected = leg;
            case IN_DOUBT -> {} // a turn follows
        }
    }

    private static boolean undoable(Leg leg) {
        return leg.place.action != null && leg.place.action.kind() == Node.Kind.COMPENSATABLE;
    }

    private void decided(Leg leg, JournalEntry entry) {
        byte[] payload = entry.payload();
        leg.decided(entry, payload != null && payload.length > 0 && payload[0] == 1);
        if (leg.takesPlace || !open.remove(leg)) return;
        leg.done = entry;
        advance(leg.place.in);
    }

    private void listed(Leg leg, JournalEntry entry) {
        String[] counts = Objects.requireNonNullElse(entry.note(), "0/1").split("/", -1);
        open.remove(leg);
        leg.elements = new Leg.Elements(
                entry.payload(), Integer.parseInt(counts[0]), Math.max(1, Integer.parseInt(counts[1])));
        fill(leg);
        if (leg.elements.legs.length == 0) passed(leg);
    }

    /** What {@link #listed} reads. */
    static String counts(int count, int width) {
        return count + "/" + width;
    }

    private void fill(Leg each) {
        Leg.Elements elements = Objects.requireNonNull(each.elements);
        while (elements.next < elements.legs.length && elements.next - elements.completed < elements.width)
            open.add(elements.add(opened(each.place, elements.next)));
    }

    private void passed(Leg leg) {
        if (leg.index >= 0) {
            Leg each = Objects.requireNonNull(legs[leg.place.number]);
            Leg.Elements elements = Objects.requireNonNull(each.elements);
            elements.completed++;
            fill(each);
            if (elements.completed < elements.legs.length) return;
        }
        advance(leg.place.in);
    }

    private void advance(Chart.Sequence sequence) {
        if (++cursors[sequence.number] < sequence.places.length) open(sequence.places[cursors[sequence.number]]);
        else left(sequence);
    }

    private void enter(Chart.Sequence sequence) {
        if (sequence.places.length == 0) left(sequence);
        else open(sequence.places[0]);
    }

    private void left(Chart.Sequence sequence) {
        Chart.Place fork = sequence.fork;
        if (fork == null) finished = true;
        else if (--branchesLeft[fork.number] == 0) advance(fork.in);
    }

    private void open(Chart.Place place) {
        if (!(place.node instanceof Node.Fork)) {
            Leg leg = opened(place, -1);
            legs[place.number] = leg;
            open.add(leg);
            return;
        }
        branchesLeft[place.number] = place.branches.size();
        for (Chart.Sequence branch : place.branches) enter(branch);
        if (place.branches.isEmpty()) advance(place.in);
    }

    private Leg opened(Chart.Place place, int index) {
        return new Leg(place, index, last);
    }

    /** A payload that is no value of its declared type: S47 parks that saga. */
    static final class UnreadableException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        UnreadableException(String what, Throwable cause) {
            super(what + " cannot be read: " + Guest.text(cause), cause);
        }
    }

    /** The input and the results, decoded when they are asked for. May be read by several threads. */
    static final class Results implements Node.Values {
        private final Chart chart;
        private final SagaCodec codec;
        private final byte[] bytes;
        private final Leg[] legs;
        private volatile @Nullable Object input; // racy on purpose, as Leg.held
        private volatile @Nullable UnreadableException unreadable;

        private Results(Chart chart, SagaCodec codec, byte[] bytes, Leg[] legs) {
            this.chart = chart;
            this.codec = codec;
            this.bytes = bytes;
            this.legs = legs;
        }

        /** What could not be read, though whoever asked may have swallowed it. */
        @Nullable
        UnreadableException unreadable() {
            return unreadable;
        }

        @Override
        public Object input() {
            Object held = input;
            if (held == null)
                input = held = Leg.held(decoded("the input", chart.plan().input(), bytes));
            return Objects.requireNonNull(Leg.value(held));
        }

        /** Spares the decoding of an input that the starter has at hand. */
        void input(Object value) {
            input = value;
        }

        @Override
        public @Nullable Object result(String step) {
            Chart.Place place = Objects.requireNonNull(chart.find(step), step);
            Leg leg = Objects.requireNonNull(legs[place.number], step);
            if (place.node instanceof Node.Await await)
                return await.optional() ? optional(leg, await.result()) : value(leg, await.result());
            if (place.action == null) return null;
            boolean conditional = place.action.code().when() != null;
            if (leg.decided && !leg.takesPlace) return Optional.empty();
            Object result = place.each == null ? value(leg, place.action.result()) : list(leg, place.action.result());
            return conditional ? Optional.ofNullable(result) : result;
        }

        private Optional<Object> optional(Leg leg, Type<?> type) {
            JournalEntry done = leg.done;
            if (done == null || (done.outcome() == StepOutcome.SKIPPED && done.payload() == null))
                return Optional.empty();
            return Optional.ofNullable(value(leg, type));
        }

        private List<@Nullable Object> list(Leg each, Type<?> type) {
            Object held = each.held;
            if (held == null) {
                List<@Nullable Object> results = new ArrayList<>();
                for (Leg leg : Objects.requireNonNull(each.elements).legs) results.add(value(leg, type));
                each.held = held = Collections.unmodifiableList(results);
            }
            @SuppressWarnings("unchecked") // made above
            List<@Nullable Object> list = (List<@Nullable Object>) held;
            return list;
        }

        /** The bare result of a leg: of its resolution, if that was what told it. */
        @Nullable
        Object value(Leg leg, Type<?> type) {
            Object held = leg.held;
            if (held == null) {
                JournalEntry line = leg.resolution != null ? leg.resolution : Objects.requireNonNull(leg.done);
                leg.held = held = Leg.held(decoded("the result of step '" + leg.name() + "'", type, line.payload()));
            }
            return Leg.value(held);
        }

        /** The element of a for-each step; null of any other. */
        @Nullable
        Object element(Leg leg) {
            if (leg.index < 0) return null;
            Leg each = Objects.requireNonNull(legs[leg.place.number]);
            return itemsOf(each).get(leg.index);
        }

        private List<?> itemsOf(Leg each) {
            Leg.Elements elements = Objects.requireNonNull(each.elements);
            List<?> held = elements.held;
            if (held == null) {
                Type<?> type =
                        Type.listOf(Objects.requireNonNull(each.place.each).element());
                Object read = decoded("the elements of step '" + each.name() + "'", type, elements.payload);
                elements.held = held = (List<?>) Objects.requireNonNull(read);
            }
            return held;
        }

        private @Nullable Object decoded(String what, Type<?> type, byte @Nullable [] payload) {
            try {
                return codec.decode(type, payload);
            } catch (Throwable broken) {
                if (broken instanceof VirtualMachineError sick) throw sick;
                UnreadableException thrown = new UnreadableException(what, broken);
                unreadable = thrown;
                throw thrown;
            }
        }
    }
}
