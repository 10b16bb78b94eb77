// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import javax.sql.DataSource;

/** Code that the documentation shows. */
final class DatabaseSnippets {
    private DatabaseSnippets() {}

    record Order(String id) {}

    static SagaEngine open(DataSource dataSource, Saga<Order, String> checkout) {
        SagaEngine engine = SagaEngine.jdbc(dataSource).register(checkout).open();
        return engine;
    }

    static DataSource pool() {
        HikariDataSource pool = new HikariDataSource();
        pool.setJdbcUrl("jdbc:mariadb://db.internal/shop");
        pool.setTransactionIsolation("TRANSACTION_READ_COMMITTED");
        pool.setMaximumPoolSize(10);
        pool.setConnectionTimeout(2_000);
        return pool;
    }

    static SagaEngine embedded(Saga<Order, String> checkout) {
        HikariDataSource file = new HikariDataSource();
        file.setJdbcUrl("jdbc:h2:file:./data/sagas;WRITE_DELAY=0");
        SagaEngine engine = SagaEngine.jdbc(file).register(checkout).open();
        return engine;
    }

    static void together(SagaEngine engine, Saga<Order, String> checkout, DataSource dataSource, Order order)
            throws SQLException {
        try (Connection connection = dataSource.getConnection()) {
            connection.setAutoCommit(false);
            try (PreparedStatement insert = connection.prepareStatement("INSERT INTO orders (id) VALUES (?)")) {
                insert.setString(1, order.id());
                insert.executeUpdate();
            }
            engine.start(connection, checkout, order.id(), order);
            connection.commit();
        }
    }
}
