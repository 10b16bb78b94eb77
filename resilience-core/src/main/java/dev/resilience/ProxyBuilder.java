// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.lang.invoke.MethodHandles;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Puts an interface behind a policy, and single methods of it behind another policy or behind none. Made by
 * {@link Policy#proxy(Class)}; when every method goes the same way, {@link Policy#proxy(Class, Object)} is shorter.
 *
 * {@snippet class="dev.resilience.Snippets" region="proxy"}
 *
 * <p>Where several overrides are about one method, the one written last counts. One that no method follows is refused: a
 * method that was renamed does not lose its protection in silence. Not thread-safe.
 *
 * @param <A> the interface
 */
public final class ProxyBuilder<A> {
    private final Policy policy;
    private final Class<A> type;
    private final List<Rule> rules = new ArrayList<>();
    private MethodHandles.@Nullable Lookup lookup;

    ProxyBuilder(Policy policy, Class<A> type) {
        this.policy = policy;
        this.type = type;
    }

    /** Which methods go another way; {@code name} is null for a predicate, {@code policy} for none. */
    record Rule(
            @Nullable String name,
            Predicate<? super Method> which,
            @Nullable Policy policy) {}

    /**
     * For an interface that the library cannot see: in a package that its module neither exports nor opens.
     *
     * @param lookup from code that sees it: {@code MethodHandles.lookup()}
     * @return this
     */
    public ProxyBuilder<A> lookup(MethodHandles.Lookup lookup) {
        this.lookup = Objects.requireNonNull(lookup, "lookup");
        return this;
    }

    /**
     * Sends a method through another policy, instead of that of the proxy.
     *
     * @param name the method's; all methods of this name
     * @param instead the policy
     * @return this
     */
    public ProxyBuilder<A> method(String name, Policy instead) {
        return rule(named(name), Objects.requireNonNull(instead, "instead"), name);
    }

    /**
     * Sends methods through another policy, instead of that of the proxy.
     *
     * @param which asked for each method of the interface while the proxy is built, inherited ones and default methods
     *     included, those of {@link Object} not: by annotation, return type, name
     * @param instead the policy
     * @return this
     */
    public ProxyBuilder<A> method(Predicate<? super Method> which, Policy instead) {
        return rule(Objects.requireNonNull(which, "which"), Objects.requireNonNull(instead, "instead"), null);
    }

    /**
     * Sends a method straight to the target. It may return any kind of stage.
     *
     * @param name the method's; all methods of this name
     * @return this
     */
    public ProxyBuilder<A> unprotected(String name) {
        return rule(named(name), null, name);
    }

    /**
     * Sends methods straight to the target. They may return any kind of stage.
     *
     * @param which as for {@link #method(Predicate, Policy)}
     * @return this
     */
    public ProxyBuilder<A> unprotected(Predicate<? super Method> which) {
        return rule(Objects.requireNonNull(which, "which"), null, null);
    }

    private static Predicate<Method> named(String name) {
        Objects.requireNonNull(name, "name");
        return method -> method.getName().equals(name);
    }

    private ProxyBuilder<A> rule(Predicate<? super Method> which, @Nullable Policy instead, @Nullable String name) {
        rules.add(new Rule(name, which, instead));
        return this;
    }

    /**
     * Makes the proxy; this builder can make more of them. Two proxies are equal when interface, target and the policy of
     * each method are the same.
     *
     * @param target does the work
     * @return the protected target
     * @throws IllegalArgumentException naming every override that no method follows and every protected method that
     *     returns a kind of stage that it cannot be given; or when the type is no interface, cannot be seen, or is sealed
     */
    public A build(A target) {
        return Proxies.make(policy, lookup, type, Objects.requireNonNull(target, "target"), rules);
    }
}
