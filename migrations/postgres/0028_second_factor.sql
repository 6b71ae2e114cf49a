-- A second factor: what a person's authenticator shares with us, and the codes that replace it once each.

-- A person has at most one. Until it is confirmed it guards nothing. `secret` is sealed; `last_step` is the step of thirty
-- seconds whose code was used last, so that none is used twice; `failures` counts wrong codes in a row.
CREATE TABLE second_factors (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id),
    secret BYTEA NOT NULL,
    made_at BIGINT NOT NULL,
    confirmed_at BIGINT,
    last_step BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    shut_until BIGINT
);

-- Of a recovery code only its SHA-256 is kept.
CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES users (id),
    hash TEXT NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (user_id, hash)
);
