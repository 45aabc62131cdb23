-- What cannot be added later: the organisation first in every key; the log keyed by (log_id, seq),
-- without gaps and partitioned by shard; entries as immutable bytes; payloads outside the log,
-- encrypted per subject; calls, effects, entries and spans apart. Ids are UUIDv7, time is the
-- database's clock.

CREATE TABLE airworthy.organisations (
  organisation_id uuid PRIMARY KEY,
  name text NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE airworthy.operators (
  organisation_id uuid NOT NULL REFERENCES airworthy.organisations,
  operator_id uuid NOT NULL,
  name text NOT NULL,
  role text NOT NULL CHECK (role IN ('operator', 'launcher')),
  key_hash bytea NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz,
  PRIMARY KEY (organisation_id, operator_id)
);

CREATE TABLE airworthy.agents (
  organisation_id uuid NOT NULL REFERENCES airworthy.organisations,
  agent_id uuid NOT NULL,
  name text NOT NULL,
  owner text NOT NULL,
  stakes text NOT NULL CHECK (stakes IN ('low', 'medium', 'high')),
  version_id uuid NOT NULL,
  pact_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organisation_id, agent_id),
  UNIQUE (organisation_id, name)
);

-- A version is a fingerprint of model + prompt + tools + settings, kept per component.
CREATE TABLE airworthy.agent_versions (
  organisation_id uuid NOT NULL,
  version_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  number integer NOT NULL,
  fingerprint text NOT NULL,
  components jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organisation_id, version_id),
  UNIQUE (organisation_id, agent_id, number),
  UNIQUE (organisation_id, agent_id, fingerprint)
);

-- The pact's version is its own, so that an emergency rule makes no new agent version.
-- `manifest` is the text as the operator wrote it, `tool_schemas` what the tool servers answered.
CREATE TABLE airworthy.pacts (
  organisation_id uuid NOT NULL,
  pact_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  version_id uuid NOT NULL,
  number integer NOT NULL,
  hash text NOT NULL,
  manifest text NOT NULL,
  tool_schemas jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organisation_id, pact_id),
  UNIQUE (organisation_id, agent_id, number)
);

CREATE TABLE airworthy.api_keys (
  organisation_id uuid NOT NULL,
  api_key_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  prefix text NOT NULL,
  key_hash bytea NOT NULL UNIQUE,
  -- RFC 7638 thumbprint of the agent's own key, once identity binds one.
  thumbprint text,
  scopes text[] NOT NULL DEFAULT '{call}',
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  PRIMARY KEY (organisation_id, api_key_id)
);
CREATE INDEX pacts_of_version ON airworthy.pacts
  (organisation_id, agent_id, version_id, number);
CREATE INDEX api_keys_of_agent ON airworthy.api_keys (organisation_id, agent_id);

CREATE TABLE airworthy.sessions (
  organisation_id uuid NOT NULL,
  session_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  version_id uuid NOT NULL,
  pact_id uuid NOT NULL,
  -- Set on the single default session of an API key.
  api_key_id uuid,
  key_hash bytea UNIQUE,
  task text NOT NULL,
  end_user text NOT NULL,
  mode text NOT NULL CHECK (mode IN ('enforce', 'observe')),
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed')),
  model_base_url text,
  opened_by uuid,
  opened_at timestamptz NOT NULL DEFAULT now(),
  closed_at timestamptz,
  PRIMARY KEY (organisation_id, session_id)
);
CREATE UNIQUE INDEX sessions_default ON airworthy.sessions (organisation_id, api_key_id)
  WHERE api_key_id IS NOT NULL;
CREATE INDEX sessions_of_agent ON airworthy.sessions (organisation_id, agent_id, session_id);

-- What a session or an agent has used, and may use: the row that every batch writes, so there is
-- one for each scope and all units lie in it: {calls, tokens, nano-USD}; a limit of NULL is none.
-- settled + reserved + leased + unknown <= limit is held by the database itself. What a provider
-- reports above its reservation is an overrun: kept apart, and it exhausts the budget.
CREATE TABLE airworthy.ledgers (
  organisation_id uuid NOT NULL,
  scope_id uuid NOT NULL,
  scope text NOT NULL CHECK (scope IN ('session', 'agent')),
  -- Of a session: what it did so far, for rules to ask.
  facts json NOT NULL DEFAULT '{}',
  limits bigint[] NOT NULL CHECK (cardinality(limits) = 3),
  settled bigint[] NOT NULL DEFAULT '{0,0,0}',
  reserved bigint[] NOT NULL DEFAULT '{0,0,0}',
  leased bigint[] NOT NULL DEFAULT '{0,0,0}',
  unknown bigint[] NOT NULL DEFAULT '{0,0,0}',
  overrun bigint[] NOT NULL DEFAULT '{0,0,0}',
  PRIMARY KEY (organisation_id, scope_id),
  CONSTRAINT budget_holds CHECK (
    settled[1] + reserved[1] + leased[1] + unknown[1] <= limits[1]
    AND settled[2] + reserved[2] + leased[2] + unknown[2] <= limits[2]
    AND settled[3] + reserved[3] + leased[3] + unknown[3] <= limits[3]),
  CONSTRAINT budget_counts CHECK (
    0 <= ALL (settled) AND 0 <= ALL (reserved) AND 0 <= ALL (leased) AND 0 <= ALL (unknown)
    AND 0 <= ALL (overrun))
) WITH (fillfactor = 50);

-- The same, a row a unit that is limited.
CREATE VIEW airworthy.budgets AS
  SELECT l.organisation_id, l.scope_id || ':' || u.unit AS budget_id, l.scope, l.scope_id, u.unit,
    l.limits[u.n] AS limit_amount, l.settled[u.n] AS settled, l.reserved[u.n] AS reserved,
    l.leased[u.n] AS leased, l.unknown[u.n] AS unknown, l.overrun[u.n] AS overrun
  FROM airworthy.ledgers l
  CROSS JOIN (VALUES (1, 'calls'), (2, 'tokens'), (3, 'nano_usd')) AS u(n, unit)
  WHERE l.limits[u.n] IS NOT NULL;

-- A gateway process. Its lock is held on the connection that writes batches, so a lock that is
-- free means that the process, or that connection, is gone.
CREATE TABLE airworthy.replicas (
  organisation_id uuid NOT NULL,
  replica_id uuid NOT NULL,
  lock_key bigint NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  -- No call of this replica older than this one is open: where recovery starts to look.
  open_floor uuid NOT NULL,
  ended_at timestamptz,
  PRIMARY KEY (organisation_id, replica_id)
);

-- Allowances that a replica may spend while the intent still commits. Part of ledgers.leased.
CREATE TABLE airworthy.leases (
  organisation_id uuid NOT NULL,
  replica_id uuid NOT NULL,
  scope_id uuid NOT NULL,
  amounts bigint[] NOT NULL CHECK (cardinality(amounts) = 3 AND 0 <= ALL (amounts)),
  PRIMARY KEY (organisation_id, replica_id, scope_id)
) WITH (fillfactor = 50);
CREATE INDEX leases_of_scope ON airworthy.leases (organisation_id, scope_id);

-- A call is written twice and not changed in between: what was decided, and what became of it.
CREATE TABLE airworthy.call_intents (
  organisation_id uuid NOT NULL,
  call_id uuid NOT NULL,
  session_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  version_id uuid NOT NULL,
  pact_id uuid NOT NULL,
  api_key_id uuid NOT NULL,
  replica_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('model', 'tool')),
  action text NOT NULL,
  -- executing, held, denied or repeated.
  state text NOT NULL,
  verdict text NOT NULL,
  enforced boolean NOT NULL,
  code text,
  reasons json,
  -- Reserved until settled: {calls, tokens, nano-USD}.
  reserved bigint[] NOT NULL,
  effect_id uuid,
  repeat_of uuid,
  intent_seq bigint,
  log_id bigint NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (organisation_id, call_id)
);
CREATE INDEX calls_of_session ON airworthy.call_intents (organisation_id, session_id, call_id);

CREATE TABLE airworthy.call_outcomes (
  organisation_id uuid NOT NULL,
  call_id uuid NOT NULL,
  -- done, failed or unknown; an unknown one is written again when it is found out.
  state text NOT NULL,
  code text,
  prompt_tokens bigint,
  cached_tokens bigint,
  completion_tokens bigint,
  cost_nano_usd bigint,
  outcome_seq bigint,
  settled_at timestamptz NOT NULL,
  PRIMARY KEY (organisation_id, call_id)
);

CREATE VIEW airworthy.calls AS
  SELECT i.organisation_id, i.call_id, i.session_id, i.agent_id, i.version_id, i.pact_id,
    i.api_key_id, i.replica_id, i.kind, i.action, coalesce(o.state, i.state) AS state, i.verdict,
    i.enforced, coalesce(o.code, i.code) AS code, i.reasons, i.reserved, o.prompt_tokens,
    o.cached_tokens, o.completion_tokens, o.cost_nano_usd, i.effect_id, i.repeat_of, i.intent_seq,
    o.outcome_seq, i.log_id, i.created_at,
    CASE WHEN i.state IN ('denied', 'repeated') THEN coalesce(o.settled_at, i.created_at)
      ELSE o.settled_at END AS settled_at
  FROM airworthy.call_intents i
  LEFT JOIN airworthy.call_outcomes o USING (organisation_id, call_id);

CREATE TABLE airworthy.effects (
  organisation_id uuid NOT NULL,
  effect_id uuid NOT NULL,
  call_id uuid NOT NULL,
  session_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  action text NOT NULL,
  effect_class text NOT NULL,
  effect_key text NOT NULL,
  args_hash text NOT NULL,
  state text NOT NULL,
  amount_minor bigint,
  currency text,
  -- Set while the effect blocks its key: neither failed nor denied, and inside its window.
  is_live boolean NOT NULL,
  expires_at timestamptz,
  created_at timestamptz NOT NULL,
  -- When the tool may first have been asked: a held effect waits long before.
  dispatched_at timestamptz,
  settled_at timestamptz,
  PRIMARY KEY (organisation_id, effect_id)
);
-- At most one live effect per effect key.
CREATE UNIQUE INDEX effects_live_key ON airworthy.effects (organisation_id, effect_key)
  WHERE is_live;
CREATE INDEX effects_of_call ON airworthy.effects (organisation_id, call_id);
CREATE INDEX effects_unknown ON airworthy.effects (organisation_id, effect_id)
  WHERE state = 'unknown';

CREATE TABLE airworthy.holds (
  organisation_id uuid NOT NULL,
  hold_id uuid NOT NULL,
  call_id uuid NOT NULL,
  session_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  pact_id uuid NOT NULL,
  action text NOT NULL,
  args_hash text NOT NULL,
  schema_hash text NOT NULL,
  state text NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  decided_at timestamptz,
  PRIMARY KEY (organisation_id, hold_id)
);
CREATE UNIQUE INDEX holds_of_call ON airworthy.holds (organisation_id, call_id);
-- `approving`: the vote is in, the call is not yet under way.
CREATE INDEX holds_open ON airworthy.holds (organisation_id, state, expires_at)
  WHERE state IN ('pending', 'approving');

CREATE TABLE airworthy.votes (
  organisation_id uuid NOT NULL,
  hold_id uuid NOT NULL,
  operator_id uuid NOT NULL,
  vote text NOT NULL CHECK (vote IN ('approve', 'reject')),
  reason text NOT NULL,
  cast_at timestamptz NOT NULL,
  PRIMARY KEY (organisation_id, hold_id, operator_id)
);

-- The head of each log shard. Whoever writes an entry holds this row's lock: it is the one
-- serialisation point of an organisation, and it makes the numbering gap-free.
CREATE TABLE airworthy.logs (
  organisation_id uuid NOT NULL REFERENCES airworthy.organisations,
  log_id bigint NOT NULL UNIQUE,
  name text NOT NULL,
  size bigint NOT NULL DEFAULT 0 CHECK (size >= 0),
  is_open boolean NOT NULL DEFAULT true,
  PRIMARY KEY (organisation_id, log_id)
) WITH (fillfactor = 50);

-- Per agent: how many entries, and the hash of the last one.
CREATE TABLE airworthy.agent_heads (
  organisation_id uuid NOT NULL,
  log_id bigint NOT NULL,
  agent_id uuid NOT NULL,
  number bigint NOT NULL,
  last_hash bytea NOT NULL,
  PRIMARY KEY (organisation_id, log_id, agent_id)
) WITH (fillfactor = 50);

CREATE TABLE airworthy.entries (
  organisation_id uuid NOT NULL,
  log_id bigint NOT NULL,
  seq bigint NOT NULL,
  entry bytea NOT NULL CHECK (octet_length(entry) <= 1024),
  PRIMARY KEY (organisation_id, log_id, seq)
) PARTITION BY LIST (log_id);

CREATE FUNCTION airworthy.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'entries are immutable';
END $$;
CREATE TRIGGER entries_immutable BEFORE UPDATE OR DELETE ON airworthy.entries
  FOR EACH ROW EXECUTE FUNCTION airworthy.refuse_change();

-- A data subject is known by a keyed hash of its name; destroying its key forgets its payloads.
CREATE TABLE airworthy.subject_keys (
  organisation_id uuid NOT NULL,
  subject_id bytea NOT NULL,
  wrapped_key bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  destroyed_at timestamptz,
  PRIMARY KEY (organisation_id, subject_id)
);

-- Prompts, arguments and results. `sealed` is nonce || AES-256-GCM ciphertext || tag over
-- salt || plaintext; the log holds HMAC-SHA-256(salt, plaintext).
CREATE TABLE airworthy.payloads (
  organisation_id uuid NOT NULL,
  call_id uuid NOT NULL,
  part smallint NOT NULL,
  subject_id bytea NOT NULL,
  sealed bytea NOT NULL,
  PRIMARY KEY (organisation_id, call_id, part)
);
ALTER TABLE airworthy.payloads ALTER COLUMN sealed SET STORAGE EXTERNAL;

-- Derived, droppable: what a trace view reads.
CREATE TABLE airworthy.spans (
  organisation_id uuid NOT NULL,
  span_id uuid NOT NULL,
  call_id uuid NOT NULL,
  name text NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  attributes jsonb NOT NULL,
  PRIMARY KEY (organisation_id, span_id)
);
CREATE INDEX spans_of_call ON airworthy.spans (organisation_id, call_id);
