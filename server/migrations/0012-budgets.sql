-- Budgets of an organisation, in windows; tokens in and out as units of their own; what a model call
-- keeps of how it was made.

-- The units are {calls, tokens, nano-USD, input tokens, output tokens}. Rows of the release before
-- have the first three and are read as if the others were 0, or no limit: they are not rewritten,
-- and that release may go on writing them meanwhile.
ALTER TABLE airworthy.ledgers
  DROP CONSTRAINT ledgers_limits_check,
  DROP CONSTRAINT budget_holds,
  DROP CONSTRAINT ledgers_scope_check,
  ALTER COLUMN settled SET DEFAULT '{0,0,0,0,0}',
  ALTER COLUMN reserved SET DEFAULT '{0,0,0,0,0}',
  ALTER COLUMN leased SET DEFAULT '{0,0,0,0,0}',
  ALTER COLUMN unknown SET DEFAULT '{0,0,0,0,0}',
  ALTER COLUMN overrun SET DEFAULT '{0,0,0,0,0}',
  -- The rest is of ledgers of a policy only.
  ADD COLUMN policy_id uuid,
  -- The agent's, version's or session's id, or the team's name; of a user's ledger a session of that
  -- user, whose name is erased with the user.
  ADD COLUMN subject text,
  ADD COLUMN window_start timestamptz,
  -- Null where the window never ends, or rolls.
  ADD COLUMN window_end timestamptz,
  -- Grows when the policy's window is changed: only ledgers of the last one count.
  ADD COLUMN generation integer;
ALTER TABLE airworthy.ledgers
  ADD CONSTRAINT ledgers_limits_check CHECK (cardinality(limits) IN (3, 5)),
  ADD CONSTRAINT ledgers_scope_check CHECK (scope IN ('session', 'agent', 'policy')),
  ADD CONSTRAINT budget_holds CHECK (
    settled[1] + reserved[1] + leased[1] + unknown[1] <= limits[1]
    AND settled[2] + reserved[2] + leased[2] + unknown[2] <= limits[2]
    AND settled[3] + reserved[3] + leased[3] + unknown[3] <= limits[3]
    AND settled[4] + reserved[4] + leased[4] + unknown[4] <= limits[4]
    AND settled[5] + reserved[5] + leased[5] + unknown[5] <= limits[5]);
-- None of these columns ever changes, so a batch's update stays within its page.
CREATE INDEX ledgers_of_policy ON airworthy.ledgers (organisation_id, policy_id, window_start)
  WHERE policy_id IS NOT NULL;
CREATE INDEX ledgers_over ON airworthy.ledgers (organisation_id, window_end)
  WHERE window_end IS NOT NULL;

ALTER TABLE airworthy.leases DROP CONSTRAINT leases_amounts_check;
ALTER TABLE airworthy.leases ADD CONSTRAINT leases_amounts_check
  CHECK (cardinality(amounts) IN (3, 5) AND 0 <= ALL (amounts));

CREATE OR REPLACE VIEW airworthy.budgets AS
  SELECT l.organisation_id, l.scope_id || ':' || u.unit AS budget_id, l.scope, l.scope_id, u.unit,
    l.limits[u.n] AS limit_amount, l.settled[u.n] AS settled, l.reserved[u.n] AS reserved,
    l.leased[u.n] AS leased, l.unknown[u.n] AS unknown, l.overrun[u.n] AS overrun
  FROM airworthy.ledgers l
  CROSS JOIN (VALUES (1, 'calls'), (2, 'tokens'), (3, 'nano_usd'), (4, 'input_tokens'),
    (5, 'output_tokens')) AS u(n, unit)
  WHERE l.limits[u.n] IS NOT NULL;

-- A budget of the organisation. Each of its subjects (an agent, a team, a user, …) and windows has a
-- ledger of its own, made by the batch that first needs it.
CREATE TABLE airworthy.budget_policies (
  organisation_id uuid NOT NULL REFERENCES airworthy.organisations,
  policy_id uuid NOT NULL,
  name text NOT NULL,
  scope text NOT NULL
    CHECK (scope IN ('organisation', 'team', 'agent', 'version', 'user', 'session')),
  -- The one subject it is for; null is each of them. A user's name is erased with the user.
  subject text,
  -- {"kind": "whole"} | {"kind": "calendar", "unit", "zone"} | {"kind": "rolling", "seconds"}
  window_kind json NOT NULL,
  -- As they were asked for; a ledger in which more is used already keeps that as its own.
  limits bigint[] NOT NULL CHECK (cardinality(limits) = 5 AND 0 <= ALL (limits)),
  on_hit text NOT NULL CHECK (on_hit IN ('block', 'redirect')),
  -- Percent of a limit.
  alerts smallint[] NOT NULL CHECK (cardinality(alerts) <= 10),
  -- The windows before the last change, newest first: [{"window", "untilMs", "generation"}]. A new ledger takes over
  -- what the period before the change had used.
  former json NOT NULL DEFAULT '[]',
  -- Ids of ledgers are SHA-256 under it, so that they tell nobody of whom they are.
  salt bytea NOT NULL,
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'removed')),
  -- Grows with every change of any policy: what a recorder remembers of them is of one version.
  version bigint NOT NULL,
  created_by uuid NOT NULL,
  created_at timestamptz NOT NULL,
  changed_by uuid NOT NULL,
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (organisation_id, policy_id)
);
CREATE UNIQUE INDEX budget_policies_name ON airworthy.budget_policies (organisation_id, name)
  WHERE state = 'active';
CREATE INDEX budget_policies_version ON airworthy.budget_policies (organisation_id, version);

-- A threshold that was passed; derived from the log's entry of the same place.
CREATE TABLE airworthy.budget_alerts (
  organisation_id uuid NOT NULL,
  log_id bigint NOT NULL,
  seq bigint NOT NULL,
  policy_id uuid NOT NULL,
  scope_id uuid NOT NULL,
  unit text NOT NULL,
  threshold smallint NOT NULL,
  used bigint NOT NULL,
  limit_amount bigint NOT NULL,
  call_id uuid NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (organisation_id, log_id, seq)
);
CREATE INDEX budget_alerts_by_time ON airworthy.budget_alerts (organisation_id, at);

-- What a replica held when it died, and may have spent on calls that left no trace.
CREATE TABLE airworthy.lost_leases (
  organisation_id uuid NOT NULL,
  lost_lease_id uuid NOT NULL,
  replica_id uuid NOT NULL,
  scope_id uuid NOT NULL,
  amounts bigint[] NOT NULL,
  lost_at timestamptz NOT NULL,
  -- zero or worst.
  settled_as text,
  settled_by uuid,
  settled_reason text,
  settled_at timestamptz,
  PRIMARY KEY (organisation_id, lost_lease_id)
);
CREATE INDEX lost_leases_open ON airworthy.lost_leases (organisation_id, lost_at)
  WHERE settled_as IS NULL;

-- The ledgers of policies that a call reserved in: it settles there, whatever holds by then.
ALTER TABLE airworthy.call_intents ADD COLUMN ledgers uuid[];
-- Of a model call: {endpoint, attempts, prices, cache, cacheOf, estimated, cacheWriteTokens,
-- cacheWriteLongTokens, reasoningTokens, atLeast, reconciled}. Absent is none.
ALTER TABLE airworthy.call_outcomes ADD COLUMN detail json;
-- Which calls are unknown, for those who reconcile them.
CREATE INDEX call_outcomes_unknown ON airworthy.call_outcomes (organisation_id, call_id)
  WHERE state = 'unknown';
-- The API that the client of a held model call speaks.
ALTER TABLE airworthy.holds ADD COLUMN wire text;

CREATE OR REPLACE VIEW airworthy.calls AS
  SELECT i.organisation_id, i.call_id, i.session_id, i.agent_id, i.version_id, i.pact_id,
    i.api_key_id, i.replica_id, i.kind, i.action, coalesce(o.state, i.state) AS state, i.verdict,
    i.enforced, coalesce(o.code, i.code) AS code, i.reasons, i.reserved, o.prompt_tokens,
    o.cached_tokens, o.completion_tokens, o.cost_nano_usd, i.effect_id, i.repeat_of, i.intent_seq,
    o.outcome_seq, i.log_id, i.created_at,
    CASE WHEN i.state IN ('denied', 'repeated') THEN coalesce(o.settled_at, i.created_at)
      ELSE o.settled_at END AS settled_at, i.ledgers, o.detail
  FROM airworthy.call_intents i
  LEFT JOIN airworthy.call_outcomes o USING (organisation_id, call_id);
