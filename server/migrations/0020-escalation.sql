-- When people are asked although every rule lets a call go on.

-- Triggers that were met, one row a call and trigger. Ids, codes and declared names only.
CREATE TABLE airworthy.escalation_firings (
  organisation_id uuid NOT NULL REFERENCES airworthy.organisations,
  call_id uuid NOT NULL,
  trigger text NOT NULL,
  -- What of the trigger was met.
  codes text[] NOT NULL,
  -- record: something new in the learning period, which is not held.
  consequence text NOT NULL CHECK (consequence IN ('record', 'hold', 'handover')),
  -- Of the whole decision, whoever spoke.
  verdict text NOT NULL CHECK (verdict IN ('allow', 'hold', 'deny')),
  -- False where the session only observes.
  enforced boolean NOT NULL,
  agent_id uuid NOT NULL,
  session_id uuid NOT NULL,
  action text NOT NULL,
  -- Only where the pact declares it: any other task is free text, and may be about somebody.
  task text,
  -- Of its entry.
  log_id bigint NOT NULL,
  seq bigint NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (organisation_id, call_id, trigger)
);
CREATE INDEX escalation_firings_at ON airworthy.escalation_firings (organisation_id, at);

-- What an agent was seen with: keyed digests of tools, forms of arguments, counterparties and tasks.
CREATE TABLE airworthy.agent_encounters (
  organisation_id uuid NOT NULL REFERENCES airworthy.organisations,
  agent_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('tool', 'arguments', 'counterparty', 'task')),
  digest text NOT NULL,
  -- The first with it.
  call_id uuid NOT NULL,
  -- When it was last noted; what is in use is noted again about once a month.
  at timestamptz NOT NULL,
  PRIMARY KEY (organisation_id, agent_id, kind, digest)
);
CREATE INDEX agent_encounters_at ON airworthy.agent_encounters (organisation_id, at);

-- How long an agent is watched, and what it does in an hour against what it used to do.
CREATE TABLE airworthy.agent_watches (
  organisation_id uuid NOT NULL REFERENCES airworthy.organisations,
  agent_id uuid NOT NULL,
  watch json NOT NULL,
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (organisation_id, agent_id)
) WITH (fillfactor = 70);
