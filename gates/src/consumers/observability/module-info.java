// SPDX-License-Identifier: Apache-2.0
module com.acme.observed {
    requires dev.resilience.observability;
}
