-- SPDX-License-Identifier: Apache-2.0
-- The journal of resilience-saga on H2 2.2 and newer: four tables, no foreign key, no trigger.
-- For databases without COLLATION and IGNORECASE, as they are by default: names and ids are equal only if every character is.
-- lock_live is what the unique index needs: only a live saga holds its lock.

CREATE TABLE saga_instance (
  saga_name        varchar(100) NOT NULL,
  saga_id          varchar(128) NOT NULL,
  incarnation      varchar(40)  NOT NULL,
  def_version      integer      NOT NULL,
  status           smallint     NOT NULL,
  held_from        smallint,
  owner            varchar(200),
  fence            bigint       NOT NULL,
  seq              bigint       NOT NULL,
  sig              integer      NOT NULL,
  claims           integer      NOT NULL,
  wake_ms          bigint,
  deadline_ms      bigint,
  cancel_requested boolean      NOT NULL,
  in_pivot         boolean      NOT NULL,
  pivot_passed     boolean      NOT NULL,
  lock_key         varchar(200),
  reason           varchar(200),
  reason_step      varchar(200),
  reason_text      clob,
  started_ms       bigint       NOT NULL,
  updated_ms       bigint       NOT NULL,
  ended_ms         bigint,
  input_hash       varchar(100) NOT NULL,
  input            blob     NOT NULL,
  context          blob,
  lock_live        varchar(200) GENERATED ALWAYS AS (CASE WHEN status < 10 THEN lock_key END),
  PRIMARY KEY (saga_name, saga_id)
);

-- who runs it: the claim from dead owners
CREATE INDEX saga_instance_owner ON saga_instance (owner);
-- nobody runs it and its time comes: the claim of what is due
CREATE INDEX saga_instance_wake ON saga_instance (wake_ms);
-- listing
CREATE INDEX saga_instance_status ON saga_instance (status, saga_name, saga_id);
-- purge
CREATE INDEX saga_instance_ended ON saga_instance (ended_ms);
-- one live saga per lock key
CREATE UNIQUE INDEX saga_instance_lock ON saga_instance (lock_live);

CREATE TABLE saga_step (
  saga_name varchar(100) NOT NULL,
  saga_id   varchar(128) NOT NULL,
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
  note      clob,
  cause     clob,
  payload   blob,
  PRIMARY KEY (saga_name, saga_id, seq, ord)
);

CREATE TABLE saga_signal (
  saga_name   varchar(100) NOT NULL,
  saga_id     varchar(128) NOT NULL,
  signal_name varchar(200) NOT NULL,
  signal_key  varchar(200) NOT NULL,
  sig         integer      NOT NULL,
  at_ms       bigint       NOT NULL,
  payload     blob,
  PRIMARY KEY (saga_name, saga_id, signal_name, signal_key)
);

CREATE TABLE saga_node (
  owner varchar(200) NOT NULL,
  beat  bigint       NOT NULL,
  at_ms bigint       NOT NULL,
  PRIMARY KEY (owner)
);
