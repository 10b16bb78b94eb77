// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.TimeSource;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Whoever does not bring Caffeine misses nothing but CaffeineStore (docs/adr/0001). */
class WithoutCaffeineTest {
    @Test
    void the_built_in_store_needs_no_caffeine() throws Exception {
        URL[] ours = List.of(Store.class, TimeSource.class).stream()
                .map(type -> type.getProtectionDomain().getCodeSource().getLocation())
                .distinct()
                .toArray(URL[]::new);
        // not below the platform's loader: that one hands over to the loader of the modules on the module path
        try (URLClassLoader bare = new URLClassLoader(ours, null)) {
            Class<?> store = bare.loadClass(Store.class.getName());
            Object made = store.getMethod("bounded", long.class).invoke(null, 10L);
            assertThat(store.getMethod("estimatedSize").invoke(made)).isEqualTo(0L);

            Class<?> adapter = bare.loadClass("dev.resilience.cache.CaffeineStore");
            assertThatThrownBy(() ->
                            adapter.getDeclaredMethod("bounded", long.class).invoke(null, 10L))
                    .satisfiesAnyOf(
                            thrown -> assertThat(thrown).isInstanceOf(NoClassDefFoundError.class),
                            thrown -> assertThat(thrown)
                                    .isInstanceOf(InvocationTargetException.class)
                                    .hasCauseInstanceOf(NoClassDefFoundError.class));
        }
    }
}
