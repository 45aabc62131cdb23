-- What models cost where operators know better than the catalogue, and providers' own accounts of
-- usage as they were compared with the record.

CREATE TABLE airworthy.price_overrides (
  organisation_id uuid NOT NULL,
  provider text NOT NULL,
  -- The name that the provider knows.
  model text NOT NULL,
  -- New with each change, and in the order of time.
  override_id uuid NOT NULL,
  -- Decimal US dollars for a million tokens, as a manifest has them.
  prices json NOT NULL,
  set_by uuid NOT NULL,
  set_at timestamptz NOT NULL,
  PRIMARY KEY (organisation_id, provider, model)
);

CREATE TABLE airworthy.usage_imports (
  organisation_id uuid NOT NULL,
  import_id uuid NOT NULL,
  provider text NOT NULL,
  -- SHA-256 over the file.
  file_hash bytea NOT NULL,
  first_day date NOT NULL,
  last_day date NOT NULL,
  is_within boolean NOT NULL,
  -- Sums, and a line for each day and model.
  report json NOT NULL,
  imported_by uuid NOT NULL,
  imported_at timestamptz NOT NULL,
  log_id bigint NOT NULL,
  seq bigint NOT NULL,
  PRIMARY KEY (organisation_id, import_id)
);
