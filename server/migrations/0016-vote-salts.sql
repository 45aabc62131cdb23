-- The salt of the commitment by which the entry of a vote names its reason: people write names into
-- reasons, and a bare hash of one can be guessed. Null for votes from before, whose entries hold one.
ALTER TABLE airworthy.votes ADD COLUMN reason_salt bytea CHECK (octet_length(reason_salt) = 32);
