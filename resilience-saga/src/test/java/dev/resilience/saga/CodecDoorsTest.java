// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.acme.orders.Orders;
import java.io.IOException;
import java.io.InputStream;
import java.lang.module.Configuration;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReader;
import java.lang.module.ModuleReference;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Records in modules of their own, which let the codec in or do not. */
class CodecDoorsTest {
    private static final String PACKAGE = "com.acme.orders";

    private final SagaCodec codec = SagaCodec.records();

    @Test
    void a_private_record_is_carried_if_its_module_opens_the_package() throws Exception {
        Class<?> orders = module(module -> module.opens(PACKAGE));
        Object value = orders.getMethod("hidden").invoke(null);
        assertThat(roundTrip(value)).isEqualTo("{\"id\":\"a\",\"amount\":7}");
    }

    @Test
    void a_public_record_is_carried_if_its_module_exports_the_package() throws Exception {
        Class<?> orders = module(module -> module.exports(PACKAGE));
        Class<?> line = nested(orders, "Open$Line");
        Class<?> open = nested(orders, "Open");
        Object value =
                open.getConstructors()[0].newInstance("a", List.of(line.getConstructors()[0].newInstance("b", 2)));
        assertThat(roundTrip(value)).isEqualTo("{\"id\":\"a\",\"lines\":[{\"sku\":\"b\",\"quantity\":2}]}");
    }

    @Test
    void a_private_record_in_a_package_that_is_only_exported_is_refused_with_the_line_that_opens_it() throws Exception {
        Class<?> orders = module(module -> module.exports(PACKAGE));
        refused(nested(orders, "Hidden"), "com.acme.orders.Orders$Hidden is closed");
    }

    @Test
    void every_record_of_a_closed_module_is_named_in_one_message() throws Exception {
        Class<?> orders = module(module -> module);
        refused(nested(orders, "Hidden"), "Orders.Hidden: com.acme.orders.Orders$Hidden is closed");
        refused(nested(orders, "Open"), "Orders.Open: com.acme.orders.Orders$Open is closed");
        refused(nested(orders, "Open"), "Orders.Open.lines[]: com.acme.orders.Orders$Open$Line is closed");
    }

    private void refused(Class<?> type, String what) {
        String to = SagaCodec.class.getModule().isNamed()
                ? " to " + SagaCodec.class.getModule().getName()
                : "";
        assertThatThrownBy(() -> codec.check(Type.of(type)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(what + "; its module com.acme has to say 'opens com.acme.orders" + to
                        + ";', or to export that package and have the record public");
    }

    @SuppressWarnings("unchecked")
    private String roundTrip(Object value) {
        Type<Object> type = (Type<Object>) Type.of((Class<?>) value.getClass());
        codec.check(type);
        byte[] bytes = codec.encode(type, value);
        assertThat(codec.decode(type, bytes)).isEqualTo(value);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static Class<?> nested(Class<?> outer, String name) throws ClassNotFoundException {
        return Class.forName(PACKAGE + ".Orders$" + name, false, outer.getClassLoader());
    }

    /** The class of the same bytes in a module {@code com.acme} that says so. */
    private static Class<?> module(UnaryOperator<ModuleDescriptor.Builder> says) throws ClassNotFoundException {
        ModuleDescriptor descriptor = says.apply(
                        ModuleDescriptor.newModule("com.acme").packages(Set.of(PACKAGE)))
                .build();
        ModuleFinder finder = new ModuleFinder() {
            @Override
            public Optional<ModuleReference> find(String name) {
                return name.equals("com.acme") ? Optional.of(new Acme(descriptor)) : Optional.empty();
            }

            @Override
            public Set<ModuleReference> findAll() {
                return Set.of(new Acme(descriptor));
            }
        };
        ModuleLayer boot = ModuleLayer.boot();
        Configuration configuration = boot.configuration().resolve(finder, ModuleFinder.of(), Set.of("com.acme"));
        ModuleLayer layer = boot.defineModulesWithOneLoader(configuration, ClassLoader.getPlatformClassLoader());
        return layer.findLoader("com.acme").loadClass(PACKAGE + ".Orders");
    }

    private static final class Acme extends ModuleReference {
        Acme(ModuleDescriptor descriptor) {
            super(descriptor, null);
        }

        @Override
        public ModuleReader open() {
            return new ModuleReader() {
                @Override
                public Optional<URI> find(String name) {
                    return Optional.ofNullable(Orders.class.getResource("/" + name))
                            .map(url -> URI.create(url.toString()));
                }

                @Override
                public Optional<InputStream> open(String name) throws IOException {
                    @Nullable InputStream in = Orders.class.getResourceAsStream("/" + name);
                    return Optional.ofNullable(in);
                }

                @Override
                public Stream<String> list() {
                    return Stream.empty();
                }

                @Override
                public void close() {}
            };
        }
    }
}
