// SPDX-License-Identifier: Apache-2.0
module com.acme.consumer {
    requires dev.resilience.core;
}
