-- Sessions that were handed over to a person.

-- The agent of such a session places no calls; its holds, runs and effects stay as they are.
ALTER TABLE airworthy.sessions DROP CONSTRAINT sessions_state_check;
ALTER TABLE airworthy.sessions ADD CONSTRAINT sessions_state_check
  CHECK (state IN ('open', 'handed_over', 'closed'));

CREATE TABLE airworthy.handovers (
  organisation_id uuid NOT NULL REFERENCES airworthy.organisations,
  handover_id uuid NOT NULL,
  session_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  -- `operator`, or the rule that handed it over.
  cause text NOT NULL,
  -- The call that the rule was asked about.
  call_id uuid,
  handed_by uuid,
  reason text NOT NULL DEFAULT '',
  reason_salt bytea CHECK (octet_length(reason_salt) = 32),
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'taken', 'returned', 'closed')),
  -- Grows with every change: who waits for one tells which it has seen.
  version int NOT NULL DEFAULT 1,
  taken_by uuid,
  opened_at timestamptz NOT NULL,
  taken_at timestamptz,
  ended_at timestamptz,
  ended_by uuid,
  PRIMARY KEY (organisation_id, handover_id),
  FOREIGN KEY (organisation_id, session_id) REFERENCES airworthy.sessions
);
-- A session is with one person at a time.
CREATE UNIQUE INDEX handovers_live ON airworthy.handovers (organisation_id, session_id)
  WHERE state IN ('open', 'taken');
CREATE INDEX handovers_of_session ON airworthy.handovers (organisation_id, session_id, handover_id);

-- What the person wrote. Its words are a payload under the message's id, sealed for the end user.
CREATE TABLE airworthy.handover_messages (
  organisation_id uuid NOT NULL,
  message_id uuid NOT NULL,
  handover_id uuid NOT NULL,
  number int NOT NULL,
  audience text NOT NULL CHECK (audience IN ('user', 'agent')),
  operator_id uuid NOT NULL,
  written_at timestamptz NOT NULL,
  PRIMARY KEY (organisation_id, message_id),
  UNIQUE (organisation_id, handover_id, number),
  FOREIGN KEY (organisation_id, handover_id) REFERENCES airworthy.handovers
);

-- Calls that a person made in the agent's stead.
CREATE TABLE airworthy.handover_calls (
  organisation_id uuid NOT NULL,
  call_id uuid NOT NULL,
  handover_id uuid NOT NULL,
  operator_id uuid NOT NULL,
  PRIMARY KEY (organisation_id, call_id),
  FOREIGN KEY (organisation_id, handover_id) REFERENCES airworthy.handovers
);
CREATE INDEX handover_calls_of ON airworthy.handover_calls (organisation_id, handover_id, call_id);

-- What one access to payloads opened, where it was more than one call: its entry has their digest.
ALTER TABLE airworthy.accesses ADD COLUMN call_ids uuid[];
CREATE INDEX accesses_of_call ON airworthy.accesses (organisation_id, call_id)
  WHERE call_id IS NOT NULL;
CREATE INDEX accesses_of_calls ON airworthy.accesses USING gin (call_ids)
  WHERE call_ids IS NOT NULL;

-- Every gateway hears of a change as it commits: it cuts streams, and wakes who waits.
CREATE FUNCTION airworthy.tell_handover() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('airworthy_handover', json_build_object('organisation', NEW.organisation_id,
    'handover', NEW.handover_id, 'session', NEW.session_id, 'state', NEW.state)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER handovers_tell AFTER INSERT OR UPDATE ON airworthy.handovers
  FOR EACH ROW EXECUTE FUNCTION airworthy.tell_handover();
