-- Limits on the money that tools move, what was counted against them, and what assets are worth.

-- An asset that is no currency of ISO 4217; its decimals never change.
CREATE TABLE airworthy.assets (
  organisation_id uuid NOT NULL REFERENCES airworthy.organisations,
  -- CAIP-19.
  asset text NOT NULL,
  decimals smallint NOT NULL CHECK (decimals BETWEEN 0 AND 36),
  added_by uuid NOT NULL,
  added_at timestamptz NOT NULL,
  PRIMARY KEY (organisation_id, asset)
);

-- The newest rate of each pair: one unit of base is worth numerator / denominator of quoted.
CREATE TABLE airworthy.quotes (
  organisation_id uuid NOT NULL REFERENCES airworthy.organisations,
  base text NOT NULL,
  quoted text NOT NULL,
  numerator numeric(60, 0) NOT NULL CHECK (numerator > 0),
  denominator numeric(60, 0) NOT NULL CHECK (denominator > 0),
  -- The last rate that two people agreed on: one person alone goes no further below it than a tenth.
  agreed_numerator numeric(60, 0) NOT NULL CHECK (agreed_numerator > 0),
  agreed_denominator numeric(60, 0) NOT NULL CHECK (agreed_denominator > 0),
  -- When it was true, and for how many seconds it may be used.
  at timestamptz NOT NULL,
  max_age_seconds integer NOT NULL CHECK (max_age_seconds > 0),
  source text NOT NULL,
  set_by uuid NOT NULL,
  set_at timestamptz NOT NULL,
  PRIMARY KEY (organisation_id, base, quoted),
  CHECK (base <> quoted)
);

CREATE TABLE airworthy.limits (
  organisation_id uuid NOT NULL REFERENCES airworthy.organisations,
  limit_id uuid NOT NULL,
  name text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('transaction', 'window', 'open', 'ask', 'allow', 'block')),
  scope text NOT NULL CHECK (scope IN ('organisation', 'team', 'agent', 'session')),
  -- The one subject it is for; null is each of them.
  subject text,
  -- iso4217:USD, or CAIP-19; max is in its minor units, which may be 256 bits wide.
  asset text,
  max numeric(78, 0) CHECK (max >= 0),
  count_max bigint CHECK (count_max >= 0),
  converts boolean NOT NULL,
  each_party boolean NOT NULL,
  refunds_refill boolean NOT NULL,
  -- As windows of budgets are: {"kind": "calendar", "unit", "zone"} and so on.
  window_kind json NOT NULL,
  former json NOT NULL DEFAULT '[]',
  -- Globs of server/tool.
  actions text[] NOT NULL CHECK (cardinality(actions) BETWEEN 1 AND 100),
  -- [{"digest"} | {"pattern"}]: one counterparty is a keyed digest, in the log's own key.
  parties json NOT NULL DEFAULT '[]',
  salt bytea NOT NULL,
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'removed')),
  -- Grows with every change of any limit.
  version bigint NOT NULL,
  created_by uuid NOT NULL,
  created_at timestamptz NOT NULL,
  changed_by uuid NOT NULL,
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (organisation_id, limit_id)
);
CREATE UNIQUE INDEX limits_name ON airworthy.limits (organisation_id, name) WHERE state = 'active';
CREATE INDEX limits_version ON airworthy.limits (organisation_id, version);

-- What one limit counted of one subject (and counterparty) in one window. What is unknown stays
-- reserved. The ceilings are the limit's at the last write, or what was taken already where that is
-- more: a limit that is lowered below its use takes nothing back, and lets nothing through.
CREATE TABLE airworthy.money_ledgers (
  organisation_id uuid NOT NULL,
  ledger_id uuid NOT NULL,
  limit_id uuid NOT NULL,
  -- Whose it is, as of budgets: an agent's or session's id, or a team's name. Counterparties are not told.
  subject text NOT NULL,
  window_start timestamptz NOT NULL,
  -- Null where the window never ends, or rolls.
  window_end timestamptz,
  generation integer NOT NULL,
  ceiling numeric(78, 0),
  count_ceiling bigint,
  settled numeric(78, 0) NOT NULL DEFAULT 0,
  reserved numeric(78, 0) NOT NULL DEFAULT 0,
  count_settled bigint NOT NULL DEFAULT 0,
  count_reserved bigint NOT NULL DEFAULT 0,
  -- Of what is settled: taken over from windows before.
  carried numeric(78, 0) NOT NULL DEFAULT 0,
  count_carried bigint NOT NULL DEFAULT 0,
  -- Of a rolling window: [[endMs, minor, count]].
  buckets json NOT NULL DEFAULT '[]',
  PRIMARY KEY (organisation_id, ledger_id),
  CONSTRAINT money_limit_holds CHECK (settled + reserved <= ceiling
    AND count_settled + count_reserved <= count_ceiling),
  CONSTRAINT money_counts CHECK (settled >= 0 AND reserved >= 0 AND count_settled >= 0
    AND count_reserved >= 0)
) WITH (fillfactor = 50);
-- Those that count now are few, and those of windows that are over stay.
CREATE INDEX money_ledgers_of_limit ON airworthy.money_ledgers
  (organisation_id, limit_id, (coalesce(window_end, 'infinity'::timestamptz)));

-- What a call took of a ledger. `charge` and `open` are reserved with the decision; `refill` makes
-- room once money has come back. `budget` is of a ledger of a budget, in nano-dollars.
CREATE TABLE airworthy.money_reservations (
  organisation_id uuid NOT NULL,
  call_id uuid NOT NULL,
  ledger_id uuid NOT NULL,
  purpose text NOT NULL CHECK (purpose IN ('charge', 'open', 'refill', 'budget')),
  minor numeric(78, 0) NOT NULL CHECK (minor >= 0),
  count bigint NOT NULL CHECK (count >= 0),
  state text NOT NULL CHECK (state IN ('held', 'settled', 'released')),
  PRIMARY KEY (organisation_id, call_id, ledger_id)
);
CREATE INDEX money_reservations_held
  ON airworthy.money_reservations (organisation_id, ledger_id) WHERE state = 'held';

-- Money that is set aside until it is captured or voided; `reference` is a keyed digest.
CREATE TABLE airworthy.money_authorisations (
  organisation_id uuid NOT NULL,
  reference text NOT NULL,
  call_id uuid NOT NULL,
  asset text NOT NULL,
  minor numeric(78, 0) NOT NULL,
  state text NOT NULL CHECK (state IN ('open', 'closing', 'closed')),
  closing_call uuid,
  closing_as text CHECK (closing_as IN ('captures', 'voids')),
  PRIMARY KEY (organisation_id, reference)
);
CREATE INDEX money_authorisations_closing
  ON airworthy.money_authorisations (organisation_id, closing_call) WHERE state = 'closing';

CREATE UNIQUE INDEX money_authorisations_open
  ON airworthy.money_authorisations (organisation_id, call_id) WHERE state = 'open';

-- The budget counts tools' money beside what models cost.
ALTER TABLE airworthy.budget_policies ADD COLUMN tool_money boolean NOT NULL DEFAULT false;
