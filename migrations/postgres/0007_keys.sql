-- The keys under which secrets are sealed, by number; the newest seals. Each is itself sealed under the configured key,
-- which is never stored.
CREATE TABLE data_keys (
    id BIGINT NOT NULL PRIMARY KEY,
    key BYTEA NOT NULL,
    made_at BIGINT NOT NULL
);
