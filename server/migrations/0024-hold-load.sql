-- The load on people: how long they look at what they decide, and whether they look at all.

-- When an operator was first shown a question with its arguments. Opening a hold writes it.
CREATE TABLE airworthy.hold_views (
  organisation_id uuid NOT NULL,
  hold_id uuid NOT NULL,
  round int NOT NULL,
  operator_id uuid NOT NULL,
  first_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (organisation_id, hold_id, round, operator_id)
);

-- Holds that nobody asked for, planted to see whether people refuse what should be refused. Nothing
-- can be executed behind one: its session is closed, its API key never existed, and a vote that
-- approves it denies it.
CREATE TABLE airworthy.hold_canaries (
  organisation_id uuid NOT NULL,
  hold_id uuid NOT NULL,
  planted_by uuid NOT NULL,
  planted_at timestamptz NOT NULL,
  -- When people approved it; null as long as they have not.
  approved_at timestamptz,
  PRIMARY KEY (organisation_id, hold_id)
);

-- What was decided lately, for the report.
CREATE INDEX holds_decided ON airworthy.holds (organisation_id, decided_at)
  WHERE decided_at IS NOT NULL;
CREATE INDEX votes_cast ON airworthy.votes (organisation_id, cast_at);
