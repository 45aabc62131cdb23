-- Where in the log a call was first decided and first settled, although its rows were written again
-- since: what a session knew at any moment can then be counted again from its calls.
ALTER TABLE airworthy.holds ADD COLUMN intent_seq bigint;
ALTER TABLE airworthy.call_outcomes ADD COLUMN unknown_seq bigint;
