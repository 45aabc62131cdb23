-- Who decides about a call that waits: policies with levels and quorums, votes that are signed, and
-- questions that open again when their facts change.

ALTER TABLE airworthy.operators
  ADD COLUMN teams text[] NOT NULL DEFAULT '{}',
  -- Who made this operator or launcher; null in rows of earlier releases and for the first one.
  ADD COLUMN added_by uuid,
  -- Who stands behind an operator that was not added by an admin: whoever has added one has had its
  -- key, so that both are one person. Null: nobody else, also in rows of earlier releases.
  ADD COLUMN person_id uuid;
CREATE INDEX operators_of_person ON airworthy.operators (organisation_id, person_id)
  WHERE person_id IS NOT NULL;

-- Operators' own Ed25519 keys: votes are signed with them.
CREATE TABLE airworthy.operator_keys (
  organisation_id uuid NOT NULL,
  -- RFC 7638, SHA-256, base64url.
  thumbprint text NOT NULL,
  operator_id uuid NOT NULL,
  public_key bytea NOT NULL CHECK (octet_length(public_key) = 32),
  added_by uuid NOT NULL,
  added_at timestamptz NOT NULL,
  revoked_at timestamptz,
  PRIMARY KEY (organisation_id, thumbprint),
  FOREIGN KEY (organisation_id, operator_id)
    REFERENCES airworthy.operators (organisation_id, operator_id)
);
CREATE INDEX operator_keys_of ON airworthy.operator_keys (organisation_id, operator_id);

-- Who is on call: the members take turns, each for a shift of whole days by the clocks of the zone.
CREATE TABLE airworthy.oncall (
  organisation_id uuid NOT NULL REFERENCES airworthy.organisations,
  schedule text NOT NULL,
  members uuid[] NOT NULL CHECK (cardinality(members) BETWEEN 1 AND 100),
  zone text NOT NULL,
  starts_on date NOT NULL,
  handover_minutes int NOT NULL CHECK (handover_minutes BETWEEN 0 AND 1439),
  shift_days int NOT NULL CHECK (shift_days BETWEEN 1 AND 366),
  set_by uuid NOT NULL,
  set_at timestamptz NOT NULL,
  PRIMARY KEY (organisation_id, schedule)
);

ALTER TABLE airworthy.holds
  -- How often the question was asked: one more each time that its facts had changed.
  ADD COLUMN round int NOT NULL DEFAULT 1 CHECK (round >= 1),
  ADD COLUMN level int NOT NULL DEFAULT 1 CHECK (level >= 1),
  -- The policy as it was when the call was held. Null: one approval of anybody who may vote.
  ADD COLUMN policy json,
  -- What people were shown: {action, amount, counterparty, effectClass, taint, why}, and its hash.
  ADD COLUMN facts json,
  ADD COLUMN facts_hash text,
  -- The effect class as rules saw it.
  ADD COLUMN effect_seen text,
  -- Null: the level lasts as long as the hold.
  ADD COLUMN level_until timestamptz,
  ADD COLUMN next_at timestamptz NOT NULL GENERATED ALWAYS AS (coalesce(level_until, expires_at)) STORED,
  -- Who made the call, where it was a person: an edit, or a call in the agent's stead.
  ADD COLUMN author_id uuid,
  ADD COLUMN replaces_hold uuid,
  ADD COLUMN replaced_by uuid,
  -- The words of whoever edited the call; the entry holds a commitment to them.
  ADD COLUMN edit_reason text,
  ADD COLUMN edit_salt bytea,
  -- The round that was approved; null for a call that nobody was asked about.
  ADD COLUMN approved_round int;
-- What has come to the end of its level or of its time: one look a second, however many wait.
CREATE INDEX holds_next ON airworthy.holds (organisation_id, next_at) WHERE state = 'pending';
UPDATE airworthy.holds h SET approved_round = 1
  WHERE h.state IN ('approving', 'approved', 'deferred') AND EXISTS (
    SELECT FROM airworthy.votes v WHERE v.organisation_id = h.organisation_id
      AND v.hold_id = h.hold_id AND v.vote = 'approve');

ALTER TABLE airworthy.votes
  ADD COLUMN round int NOT NULL DEFAULT 1,
  -- The level that was asked, and all levels of the policy that the voter is an approver of.
  ADD COLUMN level int NOT NULL DEFAULT 1,
  ADD COLUMN levels int[] NOT NULL DEFAULT '{1}',
  -- Of a signed vote: canonical JSON, the Ed25519 signature over it, and the key.
  ADD COLUMN statement text,
  ADD COLUMN signature bytea CHECK (octet_length(signature) = 64),
  ADD COLUMN thumbprint text,
  ADD COLUMN nonce text;
ALTER TABLE airworthy.votes DROP CONSTRAINT votes_pkey;
-- One vote a person and round; it is never changed.
ALTER TABLE airworthy.votes ADD PRIMARY KEY (organisation_id, hold_id, round, operator_id);
CREATE UNIQUE INDEX votes_nonce ON airworthy.votes (organisation_id, nonce) WHERE nonce IS NOT NULL;
CREATE FUNCTION airworthy.refuse_vote_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a vote is never changed';
END $$;
CREATE TRIGGER votes_immutable BEFORE UPDATE OF vote, operator_id, round, statement, signature
  ON airworthy.votes FOR EACH ROW EXECUTE FUNCTION airworthy.refuse_vote_change();
