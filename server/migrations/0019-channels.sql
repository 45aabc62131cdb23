-- Where people are told of what waits for them, and how far each message has come.

CREATE TABLE airworthy.channels (
  organisation_id uuid NOT NULL REFERENCES airworthy.organisations,
  channel_id uuid NOT NULL,
  name text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('webhook', 'slack', 'teams', 'email')),
  -- URL, secrets, addresses: sealed under a key that is made of the master key.
  target bytea NOT NULL,
  -- What may be shown of the target.
  place text NOT NULL,
  -- E-mail addresses, each with deliveries of its own; one empty text for other channels.
  recipients text[] NOT NULL,
  kinds text[] NOT NULL,
  agents text[] NOT NULL,
  teams text[] NOT NULL,
  stakes_min text NOT NULL CHECK (stakes_min IN ('low', 'medium', 'high')),
  hides_amount boolean NOT NULL,
  created_by uuid NOT NULL,
  created_at timestamptz NOT NULL,
  removed_at timestamptz,
  PRIMARY KEY (organisation_id, channel_id)
);
CREATE UNIQUE INDEX channels_named ON airworthy.channels (organisation_id, name)
  WHERE removed_at IS NULL;

-- One message for one recipient of a channel. Its id is what receivers know it by, however often it is
-- sent. The notice is copied: it is forgotten sooner than a message that could not be brought.
CREATE TABLE airworthy.deliveries (
  organisation_id uuid NOT NULL,
  delivery_id uuid NOT NULL,
  channel_id uuid NOT NULL,
  -- An e-mail address; empty for other channels.
  recipient text NOT NULL,
  notice_id uuid NOT NULL,
  kind text NOT NULL,
  subject_id uuid NOT NULL,
  detail jsonb NOT NULL,
  noticed_at timestamptz NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'sent', 'dead')),
  attempts integer NOT NULL DEFAULT 0,
  -- When it is sent, or sent again. While a gateway sends it: until when no other does.
  next_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Of the attempt that is under way.
  lease_id uuid,
  failure text,
  ended_at timestamptz,
  PRIMARY KEY (organisation_id, delivery_id),
  FOREIGN KEY (organisation_id, channel_id) REFERENCES airworthy.channels,
  UNIQUE (organisation_id, notice_id, channel_id, recipient)
);
CREATE INDEX deliveries_due ON airworthy.deliveries (organisation_id, channel_id, next_at)
  WHERE state = 'pending';
CREATE INDEX deliveries_of_channel ON airworthy.deliveries (organisation_id, channel_id, delivery_id);
CREATE INDEX deliveries_about ON airworthy.deliveries (organisation_id, subject_id, delivery_id);
CREATE INDEX deliveries_in_state ON airworthy.deliveries (organisation_id, state, delivery_id)
  WHERE state <> 'sent';
CREATE INDEX deliveries_ended ON airworthy.deliveries (organisation_id, ended_at)
  WHERE state <> 'pending';
