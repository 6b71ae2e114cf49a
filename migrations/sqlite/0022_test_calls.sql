-- Calls from a browser, by somebody who tries an assistant out.

ALTER TABLE calls ADD COLUMN test INTEGER NOT NULL DEFAULT 0 CHECK (test IN (0, 1));
-- When somebody said that what the call makes is to stay; until then it goes with the call.
ALTER TABLE calls ADD COLUMN kept_at INTEGER;
