-- Nonces of signed requests, remembered until their signatures have expired: SHA-256 over the key's
-- thumbprint and the nonce. The unique key is what refuses a replay, whichever replica it comes to.
CREATE TABLE airworthy.request_nonces (
  organisation_id uuid NOT NULL,
  nonce bytea NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (organisation_id, nonce)
);
CREATE INDEX request_nonces_by_expiry ON airworthy.request_nonces (organisation_id, expires_at);
