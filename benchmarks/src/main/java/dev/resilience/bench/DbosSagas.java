// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import dev.dbos.transact.DBOS;
import dev.dbos.transact.StartWorkflowOptions;
import dev.dbos.transact.config.DBOSConfig;
import dev.dbos.transact.workflow.Workflow;
import javax.sql.DataSource;

/**
 * DBOS Transact: a workflow with an id and three steps, as its guide writes it, on a pool of the caller's. Its defaults
 * otherwise; the tables are made by itself.
 */
final class DbosSagas implements SagaRunner {
    private final SagaWork work = new SagaWork();
    private final DBOS dbos;
    private final Orders orders;

    DbosSagas(DataSource pool) {
        dbos = new DBOS(DBOSConfig.defaults("benchmark").withDataSource(pool).withAppVersion("1"));
        orders = dbos.registerProxy(Orders.class, new Workflows(dbos, work));
        dbos.launch();
    }

    /** Public, because DBOS makes a proxy of it. */
    public interface Orders {
        /**
         * The workflow.
         *
         * @param order the input
         * @return the output
         */
        SagaWork.Receipt place(SagaWork.Order order);
    }

    /** Public, because DBOS calls it by reflection. */
    public static final class Workflows implements Orders {
        private final DBOS dbos;
        private final SagaWork work;

        Workflows(DBOS dbos, SagaWork work) {
            this.dbos = dbos;
            this.work = work;
        }

        @Override
        @Workflow(name = "place")
        public SagaWork.Receipt place(SagaWork.Order order) {
            SagaWork.Reservation reserved = dbos.runStep(() -> work.reserve(order), "reserve");
            SagaWork.Payment paid = dbos.runStep(() -> work.pay(order, reserved), "pay");
            SagaWork.Parcel shipped = dbos.runStep(() -> work.ship(reserved), "ship");
            return SagaWork.receipt(paid, shipped);
        }
    }

    @Override
    public String name() {
        return "DBOS Transact " + DBOS.version();
    }

    @Override
    public SagaWork.Receipt run(String id) {
        SagaWork.Order order = SagaWork.order(id);
        return dbos.startWorkflow(() -> orders.place(order), new StartWorkflowOptions(id))
                .getResult();
    }

    @Override
    public long steps() {
        return work.steps();
    }

    @Override
    public void close() {
        dbos.shutdown();
    }
}
