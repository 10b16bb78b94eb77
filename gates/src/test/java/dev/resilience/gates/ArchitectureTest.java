// SPDX-License-Identifier: Apache-2.0
package dev.resilience.gates;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.AccessTarget;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The rules of house.md §3 and §5 that byte code shows. */
class ArchitectureTest {
    private static final String ROOT = "dev.resilience";
    private static final List<String> POLICIES =
            List.of("breaker", "retry", "timeout", "bulkhead", "hedge", "limit", "chaos");

    /** What the root decides with: told the time, never meeting a thread. The rest of the root carries calls. */
    private static final Set<String> DECIDERS = Set.of(
            ROOT + ".Backoff",
            ROOT + ".Deadline",
            ROOT + ".Description",
            ROOT + ".Failures",
            ROOT + ".Outcome",
            ROOT + ".RetryBudget",
            ROOT + ".Review",
            ROOT + ".Verdict",
            ROOT + ".Wheel");

    /**
     * What carries calls in the packages of policies; all else there decides. Whoever adds a name says in the review
     * why it has to wait, run or complete something.
     */
    private static final Set<String> CARRIERS = Set.of(
            // spreads its counters by the number of the calling thread
            ROOT + ".breaker.Turnstile",
            ROOT + ".retry.Retry",
            ROOT + ".retry.StagedRetry",
            // sends, hands out futures, and gives up what is under way; the dates, origins and statuses are not theirs
            ROOT + ".http.Answer",
            ROOT + ".http.Guests",
            ROOT + ".http.ResilientHttpClient",
            ROOT + ".http.Sending",
            ROOT + ".http.Transfer",
            // hands out futures; waits, on a thread or as a stage, for a time that has been granted
            ROOT + ".ratelimit.RateLimiter",
            ROOT + ".ratelimit.Waiting",
            // asks a store, which answers with a stage; what is decided of the answer is Gcra's, Near's and the
            // Request's
            ROOT + ".ratelimit.Awaiting",
            ROOT + ".ratelimit.MemoryStore",
            ROOT + ".ratelimit.RateLimitStore",
            ROOT + ".ratelimit.SharedGate",
            ROOT + ".ratelimit.SharedRateLimiter",
            ROOT + ".ratelimit.StoreCalls",
            ROOT + ".timeout.Timeout",
            ROOT + ".hedge.Hedge",
            ROOT + ".hedge.Race");

    private static final Set<String> CLOCKS = Set.of(
            "java.lang.System.nanoTime",
            "java.lang.System.currentTimeMillis",
            "java.lang.Thread.sleep",
            "java.util.concurrent.TimeUnit.sleep",
            "java.util.concurrent.locks.LockSupport.parkNanos",
            "java.util.concurrent.locks.LockSupport.parkUntil",
            "java.util.concurrent.CompletableFuture.orTimeout",
            "java.util.concurrent.CompletableFuture.completeOnTimeout",
            "java.util.concurrent.CompletableFuture.delayedExecutor");

    private static final JavaClasses PUBLISHED = new ClassFileImporter()
            .withImportOption(location -> Repository.publishedModules().stream()
                    .anyMatch(m -> location.contains("/" + m + "/target/") && !location.contains("test-classes")))
            .importPackages(ROOT);

    private static final JavaClasses CORE = of("resilience-core");
    private static final JavaClasses LIMITERS = of("resilience-ratelimit");
    private static final JavaClasses CACHES = of("resilience-cache");
    private static final JavaClasses SAGAS = of("resilience-saga");

    private static JavaClasses of(String module) {
        return new ClassFileImporter()
                .withImportOption(
                        location -> location.contains("/" + module + "/target/") && !location.contains("test-classes"))
                .importPackages(ROOT);
    }

    @Test
    void packages_have_no_cycles() {
        slices().assignedFrom(new SliceAssignment() {
                    @Override
                    public SliceIdentifier getIdentifierOf(JavaClass c) {
                        return SliceIdentifier.of(c.getPackageName());
                    }

                    @Override
                    public String getDescription() {
                        return "packages";
                    }
                })
                .should()
                .beFreeOfCycles()
                .check(PUBLISHED);
    }

    @Test
    void the_root_knows_no_policy() {
        classes()
                .that()
                .resideInAPackage(ROOT)
                .should()
                .onlyDependOnClassesThat(in(ROOT).or(jdk()))
                .check(CORE);
    }

    @ParameterizedTest
    @ValueSource(strings = {"breaker", "retry", "timeout", "bulkhead", "hedge", "limit", "chaos"})
    void a_policy_knows_the_root_and_no_other_policy(String policy) {
        String own = ROOT + "." + policy;
        classes()
                .that()
                .resideInAPackage(own)
                .should()
                .onlyDependOnClassesThat(in(own).or(in(ROOT)).or(jdk()))
                .allowEmptyShould(true)
                .check(CORE);
    }

    @Test
    void the_http_helper_knows_the_root_and_the_jdks_client() {
        classes()
                .that()
                .resideInAPackage(ROOT + ".http")
                .should()
                .onlyDependOnClassesThat(
                        in(ROOT + ".http").or(in(ROOT)).or(in("java.net.http")).or(jdk()))
                .check(CORE);
        noClasses()
                .that()
                .resideOutsideOfPackage(ROOT + ".http")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("java.net.http", ROOT + ".http")
                .check(CORE);
    }

    @Test
    void limiters_know_the_root_and_no_policy() {
        assertThat(LIMITERS).isNotEmpty();
        String own = ROOT + ".ratelimit";
        classes()
                .that()
                .resideInAPackage(own)
                .and(not(own + ".StoreCalls")) // a user of the library: a store is a service like any other
                .should()
                .onlyDependOnClassesThat(in(own).or(in(ROOT)).or(jdk()))
                .check(LIMITERS);
    }

    @Test
    void caches_know_the_root_and_no_policy() {
        assertThat(CACHES).isNotEmpty();
        String own = ROOT + ".cache";
        classes()
                .that()
                .resideInAPackage(own)
                .and(not(own + ".Through")) // a user of the library: a second level is a service like any other
                .and(not(own + ".CaffeineStore")) // the adapter, of no use without it
                .and(not(own + ".CaffeineStore"))
                .should()
                .onlyDependOnClassesThat(in(own).or(in(ROOT)).or(jdk()))
                .check(CACHES);
        classes()
                .that(describe("are CaffeineStore", c -> topLevel(c).equals(own + ".CaffeineStore")))
                .should()
                .onlyDependOnClassesThat(in(own).or(in(ROOT))
                        .or(in("com.github.benmanes.caffeine.cache"))
                        .or(jdk()))
                .check(CACHES);
    }

    @Test
    void sagas_know_the_root_and_the_timeout_of_their_attempts() {
        assertThat(SAGAS).isNotEmpty();
        String own = ROOT + ".saga";
        classes()
                .that()
                .resideInAPackage(own)
                .should()
                .onlyDependOnClassesThat(in(own).or(in(ROOT))
                        .or(in(ROOT + ".timeout"))
                        .or(in("java.sql"))
                        .or(in("javax.sql"))
                        .or(jdk()))
                .check(SAGAS);
    }

    @Test
    void every_package_of_the_core_has_a_rule() {
        Set<String> known = new TreeSet<>(Set.of(ROOT, ROOT + ".standard", ROOT + ".http"));
        POLICIES.forEach(p -> known.add(ROOT + "." + p));
        assertThat(CORE.stream().map(JavaClass::getPackageName)).isNotEmpty().isSubsetOf(known);
    }

    @Test
    void only_the_system_time_source_reads_a_clock_or_sleeps() {
        Set<String> readers = new TreeSet<>();
        for (JavaClass c : PUBLISHED) {
            if (c.getAccessesFromSelf().stream().anyMatch(ArchitectureTest::readsClock)) {
                readers.add(topLevel(c));
            }
        }
        assertThat(readers)
                .as("classes that read a clock, sleep or time something themselves; all but one take a TimeSource")
                .isSubsetOf(ROOT + ".SystemTimeSource");
    }

    @Test
    void only_dates_of_servers_and_windows_of_the_calendar_know_the_wall_clock() {
        // docs/adr/0013; a window that is aligned to the calendar is an exception of L4 by name, read once at build;
        // the saga journal in memory reads it once when it is made, for the people who read times of sagas
        Set<String> readers = new TreeSet<>();
        for (JavaClass c : PUBLISHED) {
            if (c.getAccessesFromSelf().stream()
                    .anyMatch(a -> a.getTarget().getOwner().getName().equals("java.time.InstantSource"))) {
                readers.add(topLevel(c));
            }
        }
        assertThat(readers)
                .containsExactly(ROOT + ".http.RetryAfter", ROOT + ".ratelimit.Limit", ROOT + ".saga.MemoryStore");
    }

    @Test
    void nobody_else_makes_timers() {
        noClasses()
                .that(not(ROOT + ".SystemTimeSource"))
                .should()
                .dependOnClassesThat()
                .haveFullyQualifiedName("java.util.Timer")
                .orShould()
                .dependOnClassesThat()
                .areAssignableTo(java.util.concurrent.ScheduledExecutorService.class)
                .check(PUBLISHED);
    }

    @Test
    void what_decides_in_a_policy_never_meets_a_thread() {
        // equal, not subset: a name that needs its exemption no longer has to leave the list
        assertThat(meetThreads(c -> !c.getPackageName().equals(ROOT)))
                .as("classes of policies that mention a thread, a future or an executor; what decides must not"
                        + " (docs/adr/0002), what carries calls is listed in CARRIERS")
                .containsExactlyInAnyOrderElementsOf(CARRIERS);
    }

    @Test
    void what_decides_in_the_root_never_meets_a_thread() {
        assertThat(CORE.stream().map(JavaClass::getName)).containsAll(DECIDERS);
        assertThat(meetThreads(c -> DECIDERS.contains(topLevel(c)))).isEmpty();
    }

    private static Set<String> meetThreads(Predicate<JavaClass> among) {
        Set<String> meeting = new TreeSet<>();
        for (JavaClass c : policies()) {
            if (among.test(c)
                    && c.getDirectDependenciesFromSelf().stream().anyMatch(d -> isThreading(d.getTargetClass()))) {
                meeting.add(topLevel(c));
            }
        }
        return meeting;
    }

    /** The core and the modules whose policies are held to its rules. */
    private static Iterable<JavaClass> policies() {
        return Stream.concat(CORE.stream(), LIMITERS.stream()).toList();
    }

    private static boolean isThreading(JavaClass target) {
        return target.isEquivalentTo(Thread.class)
                || target.isEquivalentTo(LockSupport.class)
                || target.isAssignableTo(Future.class)
                || target.isAssignableTo(CompletionStage.class)
                || target.isAssignableTo(Executor.class);
    }

    private static boolean readsClock(JavaAccess<?> access) {
        AccessTarget target = access.getTarget();
        String owner = target.getOwner().getName();
        return CLOCKS.contains(owner + "." + target.getName())
                || owner.startsWith("java.time.") && target.getName().equals("now")
                || owner.equals("java.time.Clock")
                || owner.equals("java.util.Date") && target.getName().equals("<init>");
    }

    private static String topLevel(JavaClass c) {
        int nested = c.getName().indexOf('$');
        return nested < 0 ? c.getName() : c.getName().substring(0, nested);
    }

    private static DescribedPredicate<JavaClass> not(String topLevel) {
        return describe("not " + topLevel, c -> !topLevel(c).equals(topLevel));
    }

    private static DescribedPredicate<JavaClass> in(String exactPackage) {
        return describe("in " + exactPackage, c -> base(c).getPackageName().equals(exactPackage));
    }

    /** The base of the JDK alone: what another of its modules has (java.sql, java.net.http) is a decision of its own. */
    private static DescribedPredicate<JavaClass> jdk() {
        return describe("in java.base or jspecify", c -> {
            String name = base(c).getPackageName();
            return name.isEmpty() || name.equals("org.jspecify.annotations") || BASE.contains(name);
        });
    }

    private static final Set<String> BASE = Object.class.getModule().getPackages();

    private static JavaClass base(JavaClass c) {
        return c.isArray() ? c.getBaseComponentType() : c;
    }
}
