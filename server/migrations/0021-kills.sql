-- The kill switch: what is stopped, and which gateways have heard of it.

-- The fence. Every kill and every resume adds one; a gateway that holds a lease has applied all up
-- to the epoch that it confirmed. A renewal takes this row FOR SHARE, and a kill changes it: so a
-- kill waits for renewals that are under way, and every later one sees it.
CREATE TABLE airworthy.kill_epochs (
  organisation_id uuid PRIMARY KEY REFERENCES airworthy.organisations,
  epoch bigint NOT NULL DEFAULT 0
);
INSERT INTO airworthy.kill_epochs (organisation_id)
  SELECT organisation_id FROM airworthy.organisations;

CREATE TABLE airworthy.kills (
  organisation_id uuid NOT NULL REFERENCES airworthy.organisations,
  kill_id uuid NOT NULL,
  epoch bigint NOT NULL,
  scope_kind text NOT NULL
    CHECK (scope_kind IN ('agent', 'version', 'tool', 'session', 'organisation')),
  -- An id, or a tool as `server/tool` or `server/*`; the organisation's own id.
  scope_id text NOT NULL,
  mode text NOT NULL CHECK (mode IN ('freeze', 'unwind', 'drill')),
  reason text NOT NULL,
  reason_salt bytea NOT NULL CHECK (octet_length(reason_salt) = 32),
  issued_by uuid,
  -- The rule of the pact that issued it, where no person did.
  rule text,
  revokes_keys boolean NOT NULL DEFAULT false,
  issued_at timestamptz NOT NULL,
  acknowledged_at timestamptz,
  -- Of its entries in the log: null until they are written, which may be after it is in force.
  issued_seq bigint,
  acknowledged_seq bigint,
  -- Holds are cancelled, keys revoked and runs taken back after it is in force, some at a time.
  cancelled_holds integer NOT NULL DEFAULT 0,
  unwound_runs integer NOT NULL DEFAULT 0,
  finished_at timestamptz,
  resumed_at timestamptz,
  -- Who proposed it, and who confirmed.
  resume_proposed_by uuid,
  resume_confirmed_by uuid,
  PRIMARY KEY (organisation_id, kill_id),
  UNIQUE (organisation_id, epoch),
  CHECK ((issued_by IS NULL) <> (rule IS NULL)),
  CHECK (resume_confirmed_by <> resume_proposed_by)
);
CREATE INDEX kills_in_force ON airworthy.kills (organisation_id)
  WHERE resumed_at IS NULL AND mode <> 'drill';
CREATE INDEX kills_unfinished ON airworthy.kills (organisation_id)
  WHERE finished_at IS NULL OR acknowledged_seq IS NULL;

-- A gateway process. It dispatches nothing without a lease, and has none without its epoch.
CREATE TABLE airworthy.gateways (
  organisation_id uuid NOT NULL REFERENCES airworthy.organisations,
  gateway_id uuid NOT NULL,
  name text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  confirmed_epoch bigint NOT NULL,
  lease_until timestamptz NOT NULL,
  PRIMARY KEY (organisation_id, gateway_id)
) WITH (fillfactor = 50);

-- What a gateway did about a kill, written with its confirmation of the epoch.
CREATE TABLE airworthy.kill_acks (
  organisation_id uuid NOT NULL,
  kill_id uuid NOT NULL,
  gateway_id uuid NOT NULL,
  confirmed_at timestamptz NOT NULL,
  -- Calls and streams that it cut.
  cut integer NOT NULL,
  PRIMARY KEY (organisation_id, kill_id, gateway_id),
  FOREIGN KEY (organisation_id, kill_id) REFERENCES airworthy.kills
);

-- What rules of pacts have acted on, so that one cause kills once.
CREATE TABLE airworthy.kill_causes (
  organisation_id uuid NOT NULL REFERENCES airworthy.organisations,
  cause text NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (organisation_id, cause)
);

-- Processes of the release before know no lease, and go on whatever is killed: a kill is not
-- acknowledged while one of them lives.
ALTER TABLE airworthy.replicas ADD COLUMN is_fenced boolean NOT NULL DEFAULT false;
CREATE INDEX replicas_unfenced ON airworthy.replicas (organisation_id)
  WHERE ended_at IS NULL AND NOT is_fenced;
