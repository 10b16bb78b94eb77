-- SPDX-License-Identifier: Apache-2.0
-- The journal of resilience-saga on PostgreSQL 13 and newer: four tables, no foreign key, no trigger.
-- A checkpoint of a running saga touches no column of an index, so that its update stays within the page (HOT).
-- "C" collation: names and ids compare by their bytes, on every server alike.

CREATE TABLE saga_instance (
  saga_name        varchar(100) COLLATE "C" NOT NULL,
  saga_id          varchar(128) COLLATE "C" NOT NULL,
  incarnation      varchar(40)  NOT NULL,
  def_version      integer      NOT NULL,
  status           smallint     NOT NULL,
  held_from        smallint,
  owner            varchar(200) COLLATE "C",
  fence            bigint       NOT NULL,
  seq              bigint       NOT NULL,
  sig              integer      NOT NULL,
  claims           integer      NOT NULL,
  wake_ms          bigint,
  deadline_ms      bigint,
  cancel_requested boolean      NOT NULL,
  in_pivot         boolean      NOT NULL,
  pivot_passed     boolean      NOT NULL,
  lock_key         varchar(200) COLLATE "C",
  reason           varchar(200),
  reason_step      varchar(200),
  reason_text      text,
  started_ms       bigint       NOT NULL,
  updated_ms       bigint       NOT NULL,
  ended_ms         bigint,
  input_hash       varchar(100) NOT NULL,
  input            bytea        NOT NULL,
  context          bytea,
  PRIMARY KEY (saga_name, saga_id)
) WITH (fillfactor = 70, vacuum_truncate = off); -- a table that shrinks to a few pages would be scanned by kept plans

-- who runs it: the claim from dead owners
CREATE INDEX saga_instance_owner ON saga_instance (owner) WHERE owner IS NOT NULL;
-- nobody runs it and its time comes: the claim of what is due
CREATE INDEX saga_instance_wake ON saga_instance (wake_ms) WHERE owner IS NULL AND wake_ms IS NOT NULL AND status < 2;
-- listing, all but the many that completed
CREATE INDEX saga_instance_status ON saga_instance (status, saga_name, saga_id) WHERE status <> 10;
-- purge
CREATE INDEX saga_instance_ended ON saga_instance (ended_ms) WHERE ended_ms IS NOT NULL;
-- one live saga per lock key
CREATE UNIQUE INDEX saga_instance_lock ON saga_instance (lock_key) WHERE lock_key IS NOT NULL AND status < 10;

CREATE TABLE saga_step (
  saga_name varchar(100) COLLATE "C" NOT NULL,
  saga_id   varchar(128) COLLATE "C" NOT NULL,
  seq       bigint       NOT NULL,
  ord       integer      NOT NULL,
  step      varchar(200) NOT NULL,
  idx       integer      NOT NULL,
  phase     varchar(1)   NOT NULL,
  outcome   smallint,
  kind      varchar(1)   NOT NULL,
  attempts  integer      NOT NULL,
  due_ms    bigint,
  fence     bigint       NOT NULL,
  at_ms     bigint       NOT NULL,
  note      text,
  cause     text,
  payload   bytea,
  PRIMARY KEY (saga_name, saga_id, seq, ord)
);

CREATE TABLE saga_signal (
  saga_name   varchar(100) COLLATE "C" NOT NULL,
  saga_id     varchar(128) COLLATE "C" NOT NULL,
  signal_name varchar(200) COLLATE "C" NOT NULL,
  signal_key  varchar(200) COLLATE "C" NOT NULL,
  sig         integer      NOT NULL,
  at_ms       bigint       NOT NULL,
  payload     bytea,
  PRIMARY KEY (saga_name, saga_id, signal_name, signal_key)
);

CREATE TABLE saga_node (
  owner varchar(200) COLLATE "C" NOT NULL,
  beat  bigint       NOT NULL,
  at_ms bigint       NOT NULL,
  PRIMARY KEY (owner)
);
