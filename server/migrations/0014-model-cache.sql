-- Replies of models that are given again: an exact cache, and a semantic one that may refuse.

-- One row an agent that caches. Whoever changes the agent's entries locks it, so that the numbers of
-- changes are in the order of their commits: a replica that has seen number n has seen all before it.
CREATE TABLE airworthy.cache_agents (
  organisation_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  last_change bigint NOT NULL DEFAULT 0,
  entries integer NOT NULL DEFAULT 0,
  bytes bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (organisation_id, agent_id)
);

CREATE TABLE airworthy.cache_entries (
  organisation_id uuid NOT NULL,
  entry_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  -- The number of the agent's change that this row is from.
  change bigint NOT NULL,
  model text NOT NULL,
  -- Keyed digests: of the whole request, and of all of it but the last user's text (null: that
  -- request is only answered when it comes again as it was).
  key bytea NOT NULL,
  partition bytea,
  -- How vectors of this entry were made; those of another make are never compared.
  make text,
  -- The call whose reply it is.
  call_id uuid NOT NULL,
  -- Whose key seals it.
  subject_id bytea NOT NULL,
  -- The user's text and the reply; the vector. Empty once the entry is gone.
  sealed bytea NOT NULL,
  sealed_vector bytea,
  bytes integer NOT NULL,
  hits bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  used_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL,
  -- Kept for a while without its content, so that other replicas hear that it is gone.
  removed_at timestamptz,
  PRIMARY KEY (organisation_id, entry_id)
);
CREATE UNIQUE INDEX cache_entries_key ON airworthy.cache_entries (organisation_id, agent_id, key)
  WHERE removed_at IS NULL;
CREATE INDEX cache_entries_change ON airworthy.cache_entries (organisation_id, agent_id, change);
CREATE INDEX cache_entries_used ON airworthy.cache_entries (organisation_id, agent_id, used_at)
  WHERE removed_at IS NULL;
CREATE INDEX cache_entries_expiry ON airworthy.cache_entries (organisation_id, expires_at)
  WHERE removed_at IS NULL;
CREATE INDEX cache_entries_removed ON airworthy.cache_entries (organisation_id, removed_at)
  WHERE removed_at IS NOT NULL;
CREATE INDEX cache_entries_subject ON airworthy.cache_entries USING hash (subject_id);

-- Whether the semantic cache of a model answers, or only watches; and what was found out about it.
CREATE TABLE airworthy.cache_standings (
  organisation_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  model text NOT NULL,
  -- How vectors are made, and which vetoes speak: with others the evidence begins anew.
  make text NOT NULL,
  mode text NOT NULL DEFAULT 'shadow' CHECK (mode IN ('shadow', 'live')),
  agree bigint NOT NULL DEFAULT 0,
  differ bigint NOT NULL DEFAULT 0,
  unsure bigint NOT NULL DEFAULT 0,
  false_hit_rate_max double precision NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  changed_by uuid,
  PRIMARY KEY (organisation_id, agent_id, model, make)
);

-- A real reply held against the one that the cache would have given, or gave.
CREATE TABLE airworthy.cache_pairs (
  organisation_id uuid NOT NULL,
  pair_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  model text NOT NULL,
  make text NOT NULL,
  -- The call that was asked for real; the call whose reply was cached.
  call_id uuid NOT NULL,
  cached_call_id uuid NOT NULL,
  similarity real NOT NULL,
  kind text NOT NULL CHECK (kind IN ('shadow', 'sample')),
  verdict text NOT NULL CHECK (verdict IN ('agree', 'differ', 'unsure')),
  reviewed_by uuid,
  reviewed_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (organisation_id, pair_id)
);
CREATE INDEX cache_pairs_unsure ON airworthy.cache_pairs (organisation_id, agent_id, pair_id)
  WHERE verdict = 'unsure';
