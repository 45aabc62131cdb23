-- What people are told, and what takes two of them.

-- Something that people should hear of. It is written in the transaction of what it tells, so none is
-- lost and none is told of what did not happen. Ids and codes only: nobody's data.
CREATE TABLE airworthy.outbox (
  organisation_id uuid NOT NULL REFERENCES airworthy.organisations,
  notice_id uuid NOT NULL,
  kind text NOT NULL,
  -- Of the hold, kill, session or proposal that it is about.
  subject_id uuid NOT NULL,
  detail jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  handled_at timestamptz,
  PRIMARY KEY (organisation_id, notice_id)
);
CREATE INDEX outbox_open ON airworthy.outbox (organisation_id, notice_id) WHERE handled_at IS NULL;
-- Every gateway looks for these every other second.
CREATE INDEX outbox_anomalies ON airworthy.outbox (organisation_id, created_at)
  WHERE kind = 'escalation.anomaly';
CREATE INDEX outbox_handled ON airworthy.outbox (organisation_id, handled_at)
  WHERE handled_at IS NOT NULL;

-- A command that a second person must confirm. What it changes is applied with the confirmation.
CREATE TABLE airworthy.proposals (
  organisation_id uuid NOT NULL REFERENCES airworthy.organisations,
  proposal_id uuid NOT NULL,
  kind text NOT NULL,
  change jsonb NOT NULL,
  reason text NOT NULL,
  reason_salt bytea NOT NULL CHECK (octet_length(reason_salt) = 32),
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'confirmed', 'withdrawn')),
  proposed_by uuid NOT NULL,
  proposed_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  decided_by uuid,
  decided_at timestamptz,
  PRIMARY KEY (organisation_id, proposal_id),
  CONSTRAINT two_people CHECK (state <> 'confirmed' OR decided_by <> proposed_by)
);
CREATE INDEX proposals_open ON airworthy.proposals (organisation_id, expires_at)
  WHERE state = 'open';
