-- How requests that named a route were routed, for reports. Derived from the record, and droppable:
-- every line stands in the reasons of its call as well.
CREATE TABLE airworthy.routed_calls (
  organisation_id uuid NOT NULL,
  call_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  pact_id uuid NOT NULL,
  -- The name that the client sent, the rule that chose, and the models.
  route text NOT NULL,
  rule text NOT NULL,
  mode text NOT NULL CHECK (mode IN ('enforce', 'shadow')),
  chosen text NOT NULL,
  used text NOT NULL,
  -- only, or a step of a cascade, or made only to be compared with another call.
  step text NOT NULL CHECK (step IN ('only', 'try', 'then', 'compare')),
  -- Of a step that follows another call, or is compared with it.
  of_call_id uuid,
  complexity real NOT NULL,
  -- Why the first answer of a cascade did not stand.
  fault text,
  -- Of a comparison: same, differs or unsure.
  agreement text,
  score real,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organisation_id, call_id)
);
CREATE INDEX routed_calls_of_agent
  ON airworthy.routed_calls (organisation_id, agent_id, created_at);
