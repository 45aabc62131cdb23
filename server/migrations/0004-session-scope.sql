-- What a session was opened for: values of data scopes that the manifest declares, such as
-- {"customer_id": "C17"}. Rules read them; they may name a person, as task and end user do.
ALTER TABLE airworthy.sessions ADD COLUMN scope jsonb NOT NULL DEFAULT '{}'
  CHECK (jsonb_typeof(scope) = 'object');

-- The flow that a call was decided in, where its pact separates reading from writing.
CREATE TABLE airworthy.call_flows (
  organisation_id uuid NOT NULL,
  call_id uuid NOT NULL,
  flow text NOT NULL CHECK (flow IN ('read', 'write')),
  PRIMARY KEY (organisation_id, call_id)
);
