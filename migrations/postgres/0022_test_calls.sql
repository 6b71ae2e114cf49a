-- Calls from a browser, by somebody who tries an assistant out.

ALTER TABLE calls ADD COLUMN test BOOLEAN NOT NULL DEFAULT FALSE;
-- When somebody said that what the call makes is to stay; until then it goes with the call.
ALTER TABLE calls ADD COLUMN kept_at BIGINT;
