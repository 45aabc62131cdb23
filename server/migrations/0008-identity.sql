-- DIDs of the organisation and of its agents, and the public keys that agents enrolled.

-- A DID and where its log stands. `subject_id` is the organisation's id, or an agent's.
CREATE TABLE airworthy.identities (
  organisation_id uuid NOT NULL REFERENCES airworthy.organisations,
  subject_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('organisation', 'agent')),
  did text NOT NULL UNIQUE,
  -- The host and port of the DID, as they stand in it: localhost%3A4100.
  domain text NOT NULL,
  -- Of the update key that signed the last entry; the next one is committed to.
  generation integer NOT NULL CHECK (generation > 0),
  version_number integer NOT NULL CHECK (version_number > 0),
  is_deactivated boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (organisation_id, subject_id)
);

-- The log of a DID: a line of did.jsonl each. Lines are added and never changed. A line that waits for
-- witnesses is not served, and nothing follows it.
CREATE TABLE airworthy.identity_versions (
  organisation_id uuid NOT NULL,
  subject_id uuid NOT NULL,
  version_number integer NOT NULL,
  version_id text NOT NULL,
  line text NOT NULL,
  is_published boolean NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (organisation_id, subject_id, version_number)
);

-- did-witness.json: the newest proof of each witness for each version.
CREATE TABLE airworthy.identity_witness_proofs (
  organisation_id uuid NOT NULL,
  subject_id uuid NOT NULL,
  version_number integer NOT NULL,
  witness text NOT NULL,
  version_id text NOT NULL,
  proof json NOT NULL,
  PRIMARY KEY (organisation_id, subject_id, version_number, witness)
);

-- Public keys of agents, named by their RFC 7638 thumbprints. A key is one agent's and no other's,
-- also after it was revoked: what it signed stays that agent's.
CREATE TABLE airworthy.agent_keys (
  organisation_id uuid NOT NULL,
  thumbprint text NOT NULL,
  agent_id uuid NOT NULL,
  algorithm text NOT NULL CHECK (algorithm IN ('ed25519', 'es256')),
  jwk json NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz,
  revoked_at timestamptz,
  PRIMARY KEY (organisation_id, thumbprint)
);
CREATE INDEX agent_keys_of_agent ON airworthy.agent_keys (organisation_id, agent_id, created_at);

-- DIDs of others that this install witnesses: the last version it approved of each. It approves one
-- history of a DID and no other.
CREATE TABLE airworthy.witnessed_dids (
  organisation_id uuid NOT NULL,
  scid text NOT NULL,
  did text NOT NULL,
  version_number integer NOT NULL,
  version_id text NOT NULL,
  proof json NOT NULL,
  witnessed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (organisation_id, scid)
);
