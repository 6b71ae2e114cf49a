-- The keys under which secrets are sealed, by number; the newest seals. Each is itself sealed under the configured key,
-- which is never stored.
CREATE TABLE data_keys (
    id INTEGER NOT NULL PRIMARY KEY,
    key BLOB NOT NULL,
    made_at INTEGER NOT NULL
) STRICT;
