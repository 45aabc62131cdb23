-- What a session has read, so that a piece of it is known again in a later argument. `digests` holds
-- six bytes a piece, of an HMAC under a key of the session: no text can be read from them.
CREATE TABLE airworthy.value_origins (
  organisation_id uuid NOT NULL,
  session_id uuid NOT NULL,
  -- The call, or a keyed digest of a message.
  source uuid NOT NULL,
  origins text[] NOT NULL,
  digests bytea NOT NULL,
  -- It was too much to remember: any value may come from it.
  is_everything boolean NOT NULL,
  PRIMARY KEY (organisation_id, session_id, source)
);
ALTER TABLE airworthy.value_origins ALTER COLUMN digests SET STORAGE EXTERNAL;

-- Where the arguments of a call came from, as it was decided: argument to list of origins.
CREATE TABLE airworthy.call_origins (
  organisation_id uuid NOT NULL,
  call_id uuid NOT NULL,
  origins json NOT NULL,
  PRIMARY KEY (organisation_id, call_id)
);
