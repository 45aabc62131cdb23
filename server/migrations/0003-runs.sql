-- Runs (sagas): the effects of a session, or of a part of it, that stand or fall together.

CREATE TABLE airworthy.runs (
  organisation_id uuid NOT NULL,
  run_id uuid NOT NULL,
  session_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  version_id uuid NOT NULL,
  pact_id uuid NOT NULL,
  -- Unique in its session. Empty: the run is the whole session.
  name text NOT NULL,
  state text NOT NULL CHECK (state IN
    ('open', 'completing', 'completed', 'compensating', 'compensated', 'stuck', 'settled')),
  -- Why it is compensated: an error code, or run.aborted, run.expired.
  reason text,
  -- The call whose failure or denial closed it.
  closed_by_call uuid,
  -- Fixed when the run is opened, so that a pact that changes does not change what is under way.
  on_failure text NOT NULL CHECK (on_failure IN ('compensate', 'keep')),
  on_denied text NOT NULL CHECK (on_denied IN ('compensate', 'keep')),
  irreversible_last boolean NOT NULL,
  expires_at timestamptz,
  -- The operator who opened it; without one the agent did.
  opened_by uuid,
  -- The operator who aborted, undid or completed it.
  closed_by uuid,
  -- The whole session's run that takes this one back with it.
  parent_run_id uuid,
  opened_at timestamptz NOT NULL,
  closed_at timestamptz,
  ended_at timestamptz,
  settled_by uuid,
  settled_reason text,
  -- Who works on it. A worker whose fence is not the row's has been taken over from.
  lease_replica uuid,
  lease_until timestamptz,
  fence bigint NOT NULL DEFAULT 0,
  next_at timestamptz,
  PRIMARY KEY (organisation_id, run_id)
);
CREATE UNIQUE INDEX runs_name ON airworthy.runs (organisation_id, session_id, name);
CREATE INDEX runs_at_work ON airworthy.runs (organisation_id, next_at)
  WHERE state IN ('completing', 'compensating') AND parent_run_id IS NULL;
CREATE INDEX runs_that_expire ON airworthy.runs (organisation_id, expires_at)
  WHERE state = 'open' AND expires_at IS NOT NULL;

-- The effects of a run that is a part of a session, and what compensating them came to. A whole
-- session has a row only for effects that were tried.
CREATE TABLE airworthy.run_steps (
  organisation_id uuid NOT NULL,
  run_id uuid NOT NULL,
  effect_id uuid NOT NULL,
  call_id uuid NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  -- Not tried again before.
  next_at timestamptz,
  -- Of the last attempt that failed.
  code text,
  message text,
  -- Given up: it stays until an operator settles the run, or asks for it to be undone again.
  is_left boolean NOT NULL DEFAULT false,
  PRIMARY KEY (organisation_id, run_id, effect_id)
);
CREATE INDEX run_steps_of_call ON airworthy.run_steps (organisation_id, call_id);
CREATE INDEX effects_of_session ON airworthy.effects (organisation_id, session_id, effect_id);
