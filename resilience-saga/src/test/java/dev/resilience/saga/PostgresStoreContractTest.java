// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.servers.TestDatabase;
import dev.resilience.servers.TestServer;
import dev.resilience.testkit.saga.SagaStoreContract;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

class PostgresStoreContractTest extends SagaStoreContract {
    private static TestDatabase database;
    private static SagaStore store;
    private static SagaStore another;

    @BeforeAll
    static void open() {
        database = TestServer.postgres().database();
        SagaSchema.createIfMissing(database.pool(1));
        store = SagaStore.jdbc(database.pool(4, JdbcFixture.PATIENTLY));
        another = SagaStore.jdbc(database.pool(4, JdbcFixture.PATIENTLY));
    }

    @AfterAll
    static void drop() {
        database.close();
    }

    @Override
    protected SagaStore store() {
        return store;
    }

    @Override
    protected SagaStore another() {
        return another;
    }
}
