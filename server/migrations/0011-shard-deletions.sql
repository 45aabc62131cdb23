-- The deletion of closed shards of the log, step by step. What is deleted are a shard's entries (its
-- partition), its tiles and its bundles; its row in `logs`, its final checkpoint and this row stay.
CREATE TABLE airworthy.shard_deletions (
  organisation_id uuid NOT NULL,
  log_id bigint NOT NULL,
  -- announced: an entry says so, and nothing is deleted yet. deleting: the published files go. done:
  -- the entries are gone too, and another entry says that.
  state text NOT NULL CHECK (state IN ('announced', 'deleting', 'done')),
  size bigint NOT NULL CHECK (size > 0),
  root bytea NOT NULL CHECK (octet_length(root) = 32),
  -- SHA-256 of the final checkpoint with the log's own signature alone.
  checkpoint_hash bytea NOT NULL CHECK (octet_length(checkpoint_hash) = 32),
  operator_id uuid NOT NULL,
  reason text NOT NULL,
  reason_salt bytea NOT NULL,
  announced_log_id bigint NOT NULL,
  announced_seq bigint NOT NULL,
  announced_at timestamptz NOT NULL,
  -- Files that are gone.
  objects bigint NOT NULL DEFAULT 0,
  -- Why it does not go on, and when that is tried again: a legal hold, a store that refuses.
  stopped_by text,
  next_try_at timestamptz NOT NULL,
  done_log_id bigint,
  done_seq bigint,
  done_at timestamptz,
  PRIMARY KEY (organisation_id, log_id),
  FOREIGN KEY (organisation_id, log_id) REFERENCES airworthy.logs
);

-- A search by amount comes from the effects: without this it reads every call. Model calls have none.
CREATE INDEX calls_of_effect ON airworthy.call_intents (organisation_id, effect_id)
  WHERE effect_id IS NOT NULL;
