-- The auditor's side: roles, search, accesses, erasure of a subject, retention and legal holds.

-- An operator may do what it could before. An admin may do everything; an auditor reads proofs and
-- metadata; an approver votes on holds.
ALTER TABLE airworthy.operators DROP CONSTRAINT operators_role_check;
ALTER TABLE airworthy.operators ADD CONSTRAINT operators_role_check
  CHECK (role IN ('admin', 'operator', 'approver', 'auditor', 'launcher')) NOT VALID;

-- Call ids grow with time, so each of these indexes is in the order of time.
CREATE INDEX calls_of_agent ON airworthy.call_intents (organisation_id, agent_id, call_id);
CREATE INDEX calls_of_action ON airworthy.call_intents (organisation_id, action, call_id);
CREATE INDEX calls_not_allowed ON airworthy.call_intents (organisation_id, call_id)
  WHERE verdict <> 'allow';
CREATE INDEX effects_of_amount ON airworthy.effects (organisation_id, amount_minor)
  WHERE amount_minor IS NOT NULL;
-- A hash index: it keeps no name of a person.
CREATE INDEX sessions_of_end_user ON airworthy.sessions USING hash (end_user);

-- Who read payloads or the log. The entry holds a commitment to the reason: HMAC-SHA-256(salt, reason).
CREATE TABLE airworthy.accesses (
  organisation_id uuid NOT NULL,
  access_id uuid NOT NULL,
  operator_id uuid NOT NULL,
  -- payload, log, search or export.
  kind text NOT NULL,
  operation text NOT NULL,
  -- Null where an operation reads many.
  call_id uuid,
  reason text NOT NULL,
  reason_salt bytea NOT NULL,
  log_id bigint NOT NULL,
  seq bigint NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (organisation_id, access_id)
);

-- A subject that is erased. Its keys are destroyed when the row is made; the bytes follow.
CREATE TABLE airworthy.erasures (
  organisation_id uuid NOT NULL,
  erasure_id uuid NOT NULL,
  -- Keyed hashes of the subject's name, one for each key that it had.
  subject_ids bytea[] NOT NULL,
  state text NOT NULL CHECK (state IN ('requested', 'done')),
  operator_id uuid NOT NULL,
  reason text NOT NULL,
  reason_salt bytea NOT NULL,
  keys integer NOT NULL,
  sessions integer NOT NULL,
  payloads bigint NOT NULL DEFAULT 0,
  -- Payloads up to this call were looked through.
  scanned_to uuid,
  requested_at timestamptz NOT NULL,
  done_at timestamptz,
  log_id bigint NOT NULL,
  requested_seq bigint NOT NULL,
  done_log_id bigint,
  done_seq bigint,
  PRIMARY KEY (organisation_id, erasure_id)
);
CREATE INDEX erasures_open ON airworthy.erasures (organisation_id, erasure_id)
  WHERE state = 'requested';

-- For how long a class of records is kept. Without a row: 7 years.
CREATE TABLE airworthy.retention (
  organisation_id uuid NOT NULL,
  class text NOT NULL CHECK (class IN ('log', 'payloads')),
  days integer NOT NULL CHECK (days BETWEEN 1 AND 36500),
  set_by uuid NOT NULL,
  set_at timestamptz NOT NULL,
  PRIMARY KEY (organisation_id, class)
);

-- What must not be deleted, whatever retention says and whoever asks for erasure.
CREATE TABLE airworthy.legal_holds (
  organisation_id uuid NOT NULL,
  legal_hold_id uuid NOT NULL,
  scope text NOT NULL CHECK (scope IN ('everything', 'agent', 'subject')),
  agent_id uuid,
  -- The keyed hash of the subject's name, as its first key has it.
  subject_id bytea,
  reason text NOT NULL,
  reason_salt bytea NOT NULL,
  placed_by uuid NOT NULL,
  placed_at timestamptz NOT NULL,
  released_by uuid,
  released_at timestamptz,
  PRIMARY KEY (organisation_id, legal_hold_id)
);
CREATE INDEX legal_holds_active ON airworthy.legal_holds (organisation_id, legal_hold_id)
  WHERE released_at IS NULL;

-- Payloads that are past their time: how far their deletion came.
CREATE TABLE airworthy.payload_deletions (
  organisation_id uuid NOT NULL,
  deletion_id uuid NOT NULL,
  before_call uuid NOT NULL,
  scanned_to uuid,
  payloads bigint NOT NULL DEFAULT 0,
  state text NOT NULL CHECK (state IN ('begun', 'done')),
  begun_at timestamptz NOT NULL,
  done_at timestamptz,
  PRIMARY KEY (organisation_id, deletion_id)
);
