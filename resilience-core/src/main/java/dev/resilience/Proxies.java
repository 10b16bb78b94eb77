// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Interfaces whose every method goes through a policy. */
final class Proxies {
    private Proxies() {}

    static <A> A make(
            Policy policy,
            MethodHandles.@Nullable Lookup lookup,
            Class<A> type,
            A target,
            List<ProxyBuilder.Rule> rules) {
        if (!type.isInterface()) throw new IllegalArgumentException("proxy needs an interface, was " + type);
        Map<Method, Target> targets = new HashMap<>();
        Routes routes = new Routes(policy, type, rules);
        for (Method method : methods(type)) {
            MethodHandle handle = bound(access(lookup, type, method), method, target);
            targets.put(method, new Target(handle, isStaged(method), routes.of(method)));
        }
        routes.check();
        Object proxy = Proxy.newProxyInstance(
                type.getClassLoader(), new Class<?>[] {type}, new Handler(policy, type, target, targets));
        return type.cast(proxy);
    }

    /** What a call can name; an interface may declare methods of Object again, which stay the proxy's. */
    private static List<Method> methods(Class<?> type) {
        return Arrays.stream(type.getMethods())
                .filter(method -> !Modifier.isStatic(method.getModifiers()) && !isOfObject(method))
                .toList();
    }

    private static boolean isOfObject(Method method) {
        return Arrays.stream(Object.class.getMethods())
                .anyMatch(known -> known.getName().equals(method.getName())
                        && Arrays.equals(known.getParameterTypes(), method.getParameterTypes()));
    }

    /** A method of the target, bound, taking its arguments as an array; and its policy, null for none. */
    private record Target(
            MethodHandle handle, boolean staged, @Nullable Policy policy) {
        @Nullable
        Object invoke(Object[] arguments) throws Exception {
            try {
                return handle.invokeExact(arguments);
            } catch (Throwable thrown) {
                throw Handles.<Exception>sneak(thrown);
            }
        }
    }

    private static MethodHandle bound(MethodHandle handle, Method method, Object target) {
        MethodHandle spread =
                handle.bindTo(target).asFixedArity().asSpreader(Object[].class, method.getParameterCount());
        return spread.asType(spread.type().changeReturnType(Object.class));
    }

    /** Which policy each method goes through, and what is wrong with what was written about that. */
    private static final class Routes {
        private final Policy policy;
        private final Class<?> type;
        private final List<ProxyBuilder.Rule> rules;
        private final boolean[] followed;
        private final List<String> problems = new ArrayList<>();

        Routes(Policy policy, Class<?> type, List<ProxyBuilder.Rule> rules) {
            this.policy = policy;
            this.type = type;
            this.rules = rules;
            this.followed = new boolean[rules.size()];
        }

        @Nullable
        Policy of(Method method) {
            Policy by = chosen(method);
            if (by != null && CompletionStage.class.isAssignableFrom(method.getReturnType()) && !isStaged(method)) {
                problems.add(method.getName() + " must return CompletionStage or CompletableFuture to be called as a"
                        + " stage, was " + method.getReturnType() + " (unprotected(..) leaves it as it is)");
            }
            return by;
        }

        private @Nullable Policy chosen(Method method) {
            for (int i = rules.size() - 1; i >= 0; i--) {
                if (!rules.get(i).which().test(method)) continue;
                followed[i] = true;
                return rules.get(i).policy();
            }
            return policy;
        }

        void check() {
            for (int i = 0; i < followed.length; i++) {
                if (!followed[i]) problems.add(unfollowed(i));
            }
            if (!problems.isEmpty()) {
                throw new IllegalArgumentException("proxy of " + type + ": " + String.join("; ", problems));
            }
        }

        private String unfollowed(int i) {
            List<Method> methods = methods(type);
            ProxyBuilder.Rule rule = rules.get(i);
            String what = "override " + (i + 1) + (rule.name() == null ? " (a predicate)" : " ('" + rule.name() + "')");
            return methods.stream().anyMatch(rule.which())
                    ? what + " has no effect: later ones are about all of its methods"
                    : what + " must match a method, there " + there(methods);
        }

        private static String there(List<Method> methods) {
            String names =
                    methods.stream().map(Method::getName).distinct().sorted().collect(Collectors.joining(", "));
            return names.isEmpty() ? "are none" : "are " + names;
        }
    }

    private static MethodHandle access(MethodHandles.@Nullable Lookup lookup, Class<?> type, Method method) {
        try {
            if (lookup != null) return lookup.unreflect(method);
            method.setAccessible(true); // also an interface that is not public, where its module is open to us
            return MethodHandles.lookup().unreflect(method);
        } catch (RuntimeException | IllegalAccessException hidden) {
            String how = lookup == null
                    ? "is not visible to the library: give it a MethodHandles.lookup() of code that sees it, as in"
                            + " proxy(lookup, type, target) or proxy(type).lookup(lookup)"
                    : "is not visible to the lookup of " + lookup.lookupClass();
            throw new IllegalArgumentException(type + " " + how, hidden);
        }
    }

    /** Whether a method is called as a stage. One that returns another kind of stage cannot be given our future. */
    private static boolean isStaged(Method method) {
        Class<?> returned = method.getReturnType();
        return CompletionStage.class.isAssignableFrom(returned) && returned.isAssignableFrom(CompletableFuture.class);
    }

    private record Handler(Policy policy, Class<?> type, Object target, Map<Method, Target> targets)
            implements InvocationHandler {
        private static final Object[] NONE = {};

        @Override
        @SuppressWarnings("NullAway") // a method may return null; the plain mode takes T for non-null
        public @Nullable Object invoke(Object proxy, Method method, Object @Nullable [] given) throws Throwable {
            Object[] arguments = given == null ? NONE : given;
            Target called = targets.get(method);
            if (called == null) return ofObject(method, arguments);
            Policy by = called.policy();
            if (by == null) return called.invoke(arguments);
            if (!called.staged()) return by.call(() -> called.invoke(arguments));
            return by.callAsync(() -> stage(called, arguments));
        }

        @SuppressWarnings("unchecked") // isStaged() looked at the return type
        private static @Nullable CompletionStage<Object> stage(Target called, Object[] arguments) throws Exception {
            return (CompletionStage<Object>) called.invoke(arguments);
        }

        /** The three methods of Object that a proxy hands on; they are not protected, as they call nobody. */
        private @Nullable Object ofObject(Method method, Object[] arguments) {
            return switch (method.getName()) {
                case "equals" -> sameTarget(arguments[0]);
                case "hashCode" -> System.identityHashCode(target);
                default -> policy + " around " + target;
            };
        }

        private boolean sameTarget(@Nullable Object other) {
            return other != null
                    && Proxy.isProxyClass(other.getClass())
                    && Proxy.getInvocationHandler(other) instanceof Handler handler
                    && handler.policy == policy
                    && handler.type == type
                    && handler.target == target
                    && targets.entrySet().stream().allMatch(handler::goesTheSameWay);
        }

        @SuppressWarnings("ReferenceEquality") // the very policy
        private boolean goesTheSameWay(Map.Entry<Method, Target> other) {
            Target mine = targets.get(other.getKey());
            return mine != null && mine.policy() == other.getValue().policy();
        }
    }
}
