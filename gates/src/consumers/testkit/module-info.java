// SPDX-License-Identifier: Apache-2.0
module com.acme.tests {
    requires dev.resilience.testkit;
}
