// SPDX-License-Identifier: Apache-2.0
package dev.resilience.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.net.URI;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class OriginTest {
    @ParameterizedTest
    @CsvSource({
        "http://example.com, http://example.com",
        "HTTP://EXAMPLE.Com/Path?q#f, http://example.com",
        "http://example.com:80/, http://example.com",
        "http://example.com:/, http://example.com",
        "https://example.com:443, https://example.com",
        "https://example.com:80, https://example.com:80",
        "http://example.com:443, http://example.com:443",
        "https://user:secret@example.com:8443/x, https://example.com:8443",
        "http://[::1]:8080/, http://[::1]:8080",
        "http://[FE80::A]/, http://[fe80::a]",
        "ws://example.com:80/, ws://example.com:80",
        "http://IIII.example, http://iiii.example"
    })
    void one_spelling_for_all(URI uri, String origin) {
        assertThat(Origin.of(uri)).isEqualTo(origin);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"mailto:a@example.com", "/path", "http:///path", "//example.com", "http://under_score:80", ""})
    void a_uri_that_names_nobody_is_refused(URI uri) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Origin.of(uri))
                .withMessage("the URI must have a scheme and a host, was " + uri);
    }
}
