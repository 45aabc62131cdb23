-- Effects that are checked, that block what depends on them, and that are undone by a call of its
-- own; proofs that an undo restores what its tool did.

-- An undo is a call too: `effect_id` names the effect that it takes back.
ALTER TABLE airworthy.call_intents DROP CONSTRAINT call_intents_kind_check;
ALTER TABLE airworthy.call_intents ADD CONSTRAINT call_intents_kind_check
  CHECK (kind IN ('model', 'tool', 'undo')) NOT VALID;

-- Keyed digests of the things that the call touches, as its contract names them.
ALTER TABLE airworthy.effects ADD COLUMN touches text[];
-- The last call that was to undo it.
ALTER TABLE airworthy.effects ADD COLUMN undo_call_id uuid;
CREATE INDEX effects_touching ON airworthy.effects USING gin (touches)
  WITH (fastupdate = off) WHERE touches IS NOT NULL;
CREATE INDEX effects_undoing ON airworthy.effects (organisation_id, effect_id)
  WHERE state = 'undoing';

-- What a result was held against after the call: its schema and the contract's post-conditions.
-- `checks` is a list of {id, holds, reason}.
CREATE TABLE airworthy.call_checks (
  organisation_id uuid NOT NULL,
  call_id uuid NOT NULL,
  checks json NOT NULL,
  PRIMARY KEY (organisation_id, call_id)
);

-- A tool was tried: done, undone, and the world compared. It counts for every agent whose contract
-- and tools have these hashes; the newest one that ended speaks for them.
CREATE TABLE airworthy.proofs (
  organisation_id uuid NOT NULL,
  proof_id uuid NOT NULL,
  agent_name text NOT NULL,
  tool text NOT NULL,
  contract_hash text NOT NULL,
  tool_hash text NOT NULL,
  -- running, proved or disproved; one that was cut off stays running and proves nothing.
  state text NOT NULL CHECK (state IN ('running', 'proved', 'disproved')),
  -- Why it is disproved.
  reason text,
  samples integer NOT NULL,
  operator_id uuid NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz,
  PRIMARY KEY (organisation_id, proof_id)
);
CREATE INDEX proofs_of_tool ON airworthy.proofs
  (organisation_id, contract_hash, tool_hash, proof_id);
