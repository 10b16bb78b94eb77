// SPDX-License-Identifier: Apache-2.0
module com.acme.http {
    requires dev.resilience.core;
    requires java.net.http;
    requires jdk.httpserver;
}
