-- The log as a signed tree: what each shard is called and which key signs it, what was signed, and
-- what this install has cosigned of other logs. Tiles and bundles lie in the object store.

-- `shard` is the name in addresses, `origin` the one in checkpoints; the origin and the keys (vkeys)
-- are fixed by the first checkpoint and never change, because they are what others trust.
ALTER TABLE airworthy.logs
  ADD COLUMN shard text,
  ADD COLUMN origin text UNIQUE,
  ADD COLUMN log_key text,
  ADD COLUMN mirror_key text,
  ADD COLUMN opened_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN closed_at timestamptz;
UPDATE airworthy.logs SET shard = to_char(now() AT TIME ZONE 'UTC', 'YYYY')
  || CASE WHEN log_id = 1 THEN '' ELSE '-' || log_id END;
-- A log a year; rotation gives names of its own.
ALTER TABLE airworthy.logs
  ALTER COLUMN shard SET DEFAULT to_char(now() AT TIME ZONE 'UTC', 'YYYY');
CREATE UNIQUE INDEX logs_shard ON airworthy.logs (organisation_id, shard);

-- A size is signed once: a second root for it would be a fork.
CREATE TABLE airworthy.checkpoints (
  organisation_id uuid NOT NULL,
  log_id bigint NOT NULL,
  size bigint NOT NULL CHECK (size > 0),
  root bytea NOT NULL CHECK (octet_length(root) = 32),
  -- The signed note, with the cosignatures that came in time.
  note text NOT NULL,
  -- Whether the witnesses that the policy asks for have cosigned it; true without a policy.
  is_witnessed boolean NOT NULL,
  signed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (organisation_id, log_id, size)
);
CREATE INDEX checkpoints_by_time ON airworthy.checkpoints (organisation_id, log_id, signed_at);

-- Of each log that this install witnesses: the last checkpoint it cosigned.
CREATE TABLE airworthy.witnessed_logs (
  organisation_id uuid NOT NULL,
  origin text NOT NULL,
  size bigint NOT NULL CHECK (size >= 0),
  root bytea NOT NULL CHECK (octet_length(root) = 32),
  note text NOT NULL,
  cosigned_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (organisation_id, origin)
);
