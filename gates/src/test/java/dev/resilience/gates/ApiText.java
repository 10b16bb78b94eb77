// SPDX-License-Identifier: Apache-2.0
package dev.resilience.gates;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReader;
import java.lang.module.ModuleReference;
import java.lang.reflect.AnnotatedArrayType;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.AnnotatedParameterizedType;
import java.lang.reflect.AnnotatedType;
import java.lang.reflect.AnnotatedTypeVariable;
import java.lang.reflect.AnnotatedWildcardType;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.GenericDeclaration;
import java.lang.reflect.Member;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The public and protected API of one module as text: sorted, with generics, nullness, declared exceptions and
 * constants, and with nothing that depends on the JDK that prints it.
 */
final class ApiText {
    private final StringBuilder out = new StringBuilder();

    private ApiText() {}

    static String of(Path artifact) {
        ModuleReference reference =
                ModuleFinder.of(artifact).findAll().stream().findFirst().orElseThrow();
        ApiText text = new ApiText();
        text.module(reference.descriptor());
        List<String> exported = reference.descriptor().exports().stream()
                .filter(e -> !e.isQualified())
                .map(ModuleDescriptor.Exports::source)
                .sorted()
                .toList();
        List<Class<?>> classes = classes(reference);
        for (String name : exported) {
            classes.stream()
                    .filter(c -> c.getPackageName().equals(name) && visible(c))
                    .sorted(Comparator.comparing(Class::getName))
                    .forEach(text::type);
        }
        return text.out.toString();
    }

    /** How many top-level types the module shows to the world. */
    static long publicTopLevelTypes(Path artifact) {
        ModuleReference reference =
                ModuleFinder.of(artifact).findAll().stream().findFirst().orElseThrow();
        return classes(reference).stream()
                .filter(c -> c.getDeclaringClass() == null && Modifier.isPublic(c.getModifiers()))
                .count();
    }

    private static List<Class<?>> classes(ModuleReference reference) {
        try (ModuleReader reader = reference.open();
                Stream<String> entries = reader.list()) {
            List<Class<?>> found = new ArrayList<>();
            for (String entry : entries.filter(e -> e.endsWith(".class")).toList()) {
                String name =
                        entry.substring(0, entry.length() - ".class".length()).replace('/', '.');
                if (!name.equals("module-info") && !name.endsWith("package-info")) {
                    found.add(Class.forName(name, false, ApiText.class.getClassLoader()));
                }
            }
            return found;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException("the class path of the gates misses a published class", e);
        }
    }

    private void module(ModuleDescriptor descriptor) {
        line("module " + descriptor.name());
        descriptor.requires().stream()
                .filter(r -> !r.modifiers().contains(ModuleDescriptor.Requires.Modifier.MANDATED))
                .map(r -> "  requires "
                        + r.modifiers().stream()
                                .map(m -> m.name().toLowerCase(java.util.Locale.ROOT) + " ")
                                .sorted()
                                .collect(Collectors.joining())
                        + r.name())
                .sorted()
                .forEach(this::line);
        descriptor.exports().stream()
                .map(e -> "  exports " + e.source() + (e.isQualified() ? " to " + e.targets() : ""))
                .sorted()
                .forEach(this::line);
        descriptor.uses().stream().map(u -> "  uses " + u).sorted().forEach(this::line);
        descriptor.provides().stream()
                .map(p -> "  provides " + p.service())
                .sorted()
                .forEach(this::line);
    }

    private void type(Class<?> c) {
        line("");
        line(header(c));
        List<String> members = new ArrayList<>();
        for (Class<?> at = c;
                at != null && (at == c || !Modifier.isPublic(at.getModifiers()));
                at = at.getSuperclass()) {
            for (Method m : at.getDeclaredMethods()) {
                if (member(c, m) && !m.isSynthetic() && !implicit(c, m)) {
                    members.add(method(m));
                }
            }
        }
        for (Field f : c.getDeclaredFields()) {
            if (member(c, f) && !f.isSynthetic() && !f.isEnumConstant()) {
                members.add(field(f));
            }
        }
        for (Constructor<?> k : c.getDeclaredConstructors()) {
            if (member(c, k) && !k.isSynthetic()) {
                members.add(constructor(k));
            }
        }
        if (c.isEnum()) {
            for (Object constant : c.getEnumConstants()) {
                line("  constant " + ((Enum<?>) constant).name());
            }
        }
        members.stream().distinct().sorted().forEach(m -> line("  " + m));
    }

    private static String header(Class<?> c) {
        StringBuilder b = new StringBuilder(modifiers(c.getModifiers() & ~Modifier.INTERFACE, c));
        if (c.isSealed()) {
            b.append("sealed ");
        }
        b.append(kind(c)).append(' ').append(name(c)).append(typeParameters(c));
        if (c.isRecord()) {
            b.append(Arrays.stream(c.getRecordComponents())
                    .map(r -> type(r.getAnnotatedType()) + " " + r.getName())
                    .collect(Collectors.joining(", ", "(", ")")));
        }
        AnnotatedType parent = c.getAnnotatedSuperclass();
        if (parent != null && c.getSuperclass() != Object.class && !c.isEnum() && !c.isRecord()) {
            b.append(" extends ").append(type(parent));
        }
        String interfaces = Arrays.stream(c.getAnnotatedInterfaces())
                .map(ApiText::type)
                .sorted()
                .collect(Collectors.joining(", "));
        if (!interfaces.isEmpty()) {
            b.append(c.isInterface() ? " extends " : " implements ").append(interfaces);
        }
        if (c.isSealed()) {
            b.append(Arrays.stream(c.getPermittedSubclasses())
                    .map(ApiText::name)
                    .sorted()
                    .collect(Collectors.joining(", ", " permits ", "")));
        }
        return b.toString();
    }

    private static String kind(Class<?> c) {
        if (c.isAnnotation()) {
            return "@interface";
        }
        if (c.isInterface()) {
            return "interface";
        }
        return c.isEnum() ? "enum" : c.isRecord() ? "record" : "class";
    }

    private static String method(Method m) {
        Object fallback = m.getDefaultValue();
        return modifiers(m.getModifiers() & ~(Modifier.VOLATILE | Modifier.TRANSIENT | Modifier.SYNCHRONIZED), null)
                + (m.isDefault() ? "default " : "")
                + suffixed(typeParameters(m))
                + type(m.getAnnotatedReturnType())
                + " "
                + m.getName()
                + parameters(m)
                + (fallback == null ? "" : " default " + fallback);
    }

    private static String constructor(Constructor<?> k) {
        return modifiers(k.getModifiers() & ~(Modifier.VOLATILE | Modifier.TRANSIENT), null)
                + suffixed(typeParameters(k))
                + "new"
                + parameters(k);
    }

    private static String parameters(Executable e) {
        AnnotatedType[] types = e.getAnnotatedParameterTypes();
        List<String> shown = new ArrayList<>();
        for (int i = 0; i < types.length; i++) {
            String type = type(types[i]);
            shown.add(
                    e.isVarArgs() && i == types.length - 1 ? type.substring(0, type.lastIndexOf("[]")) + "..." : type);
        }
        String thrown = Arrays.stream(e.getAnnotatedExceptionTypes())
                .map(ApiText::type)
                .sorted()
                .collect(Collectors.joining(", "));
        return "(" + String.join(", ", shown) + ")" + (thrown.isEmpty() ? "" : " throws " + thrown);
    }

    private static String field(Field f) {
        String text = modifiers(f.getModifiers(), null) + type(f.getAnnotatedType()) + " " + f.getName();
        boolean constant = Modifier.isStatic(f.getModifiers())
                && Modifier.isFinal(f.getModifiers())
                && (f.getType().isPrimitive() || f.getType() == String.class);
        if (!constant) {
            return text;
        }
        try {
            f.setAccessible(true);
            return text + " = " + f.get(null);
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String modifiers(int modifiers, Class<?> of) {
        int shown = modifiers;
        if (of != null && (of.isEnum() || of.isRecord())) {
            shown &= ~(Modifier.FINAL | Modifier.STATIC);
        }
        if (of != null && of.isInterface()) {
            shown &= ~(Modifier.ABSTRACT | Modifier.STATIC);
        }
        return suffixed(Modifier.toString(shown));
    }

    private static String suffixed(String text) {
        return text.isEmpty() ? "" : text + " ";
    }

    private static String typeParameters(GenericDeclaration d) {
        TypeVariable<?>[] parameters = d.getTypeParameters();
        if (parameters.length == 0) {
            return "";
        }
        return Arrays.stream(parameters)
                .map(v -> {
                    String bounds = Arrays.stream(v.getAnnotatedBounds())
                            .map(ApiText::type)
                            .filter(b -> !b.equals("Object"))
                            .collect(Collectors.joining(" & "));
                    return v.getName() + (bounds.isEmpty() ? "" : " extends " + bounds);
                })
                .collect(Collectors.joining(", ", "<", ">"));
    }

    private static String type(AnnotatedType t) {
        if (t instanceof AnnotatedArrayType array) {
            return type(array.getAnnotatedGenericComponentType()) + nullness(t, true) + "[]";
        }
        if (t instanceof AnnotatedTypeVariable) {
            return nullness(t, false) + t.getType().getTypeName();
        }
        if (t instanceof AnnotatedWildcardType wildcard) {
            return nullness(t, false) + wildcard(wildcard);
        }
        if (t instanceof AnnotatedParameterizedType parameterized) {
            Type raw = ((ParameterizedType) t.getType()).getRawType();
            return nullness(t, false)
                    + name((Class<?>) raw)
                    + Arrays.stream(parameterized.getAnnotatedActualTypeArguments())
                            .map(ApiText::type)
                            .collect(Collectors.joining(", ", "<", ">"));
        }
        return nullness(t, false) + name((Class<?>) t.getType());
    }

    private static String wildcard(AnnotatedWildcardType wildcard) {
        AnnotatedType[] lower = wildcard.getAnnotatedLowerBounds();
        if (lower.length > 0) {
            return "? super " + type(lower[0]);
        }
        String upper = type(wildcard.getAnnotatedUpperBounds()[0]);
        return upper.equals("Object") ? "?" : "? extends " + upper;
    }

    private static String nullness(AnnotatedElement t, boolean afterComponent) {
        return Arrays.stream(t.getAnnotations())
                .map(a -> a.annotationType().getSimpleName())
                .filter(n -> n.equals("Nullable") || n.equals("NonNull"))
                .map(n -> (afterComponent ? " @" : "@") + n + (afterComponent ? "" : " "))
                .collect(Collectors.joining());
    }

    private static String name(Class<?> c) {
        String name = c.getCanonicalName();
        return name.startsWith("java.lang.") && name.lastIndexOf('.') == "java.lang".length()
                ? c.getSimpleName()
                : name;
    }

    private static boolean visible(Class<?> c) {
        if (c.isAnonymousClass() || c.isLocalClass() || c.isSynthetic()) {
            return false;
        }
        boolean shown = Modifier.isPublic(c.getModifiers()) || Modifier.isProtected(c.getModifiers());
        Class<?> outer = c.getDeclaringClass();
        return shown && (outer == null || visible(outer));
    }

    /** Nobody outside can reach a protected member of a final class. */
    private static boolean member(Class<?> of, Member m) {
        return Modifier.isPublic(m.getModifiers())
                || Modifier.isProtected(m.getModifiers()) && !Modifier.isFinal(of.getModifiers());
    }

    private static boolean implicit(Class<?> c, Method m) {
        return c.isEnum()
                && (m.getName().equals("values") && m.getParameterCount() == 0
                        || m.getName().equals("valueOf") && m.getParameterCount() == 1);
    }

    private void line(String text) {
        out.append(text).append('\n');
    }
}
