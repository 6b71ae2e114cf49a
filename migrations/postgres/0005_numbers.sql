-- Telephone numbers as they are bought, set up, assigned and given back; the wish to buy one, written before Twilio is
-- asked; tenants' own Twilio accounts.

-- A number may ring at nobody, and one that was given back stays for its calls' sake.
ALTER TABLE numbers ALTER COLUMN assistant_id DROP NOT NULL;
ALTER TABLE numbers DROP CONSTRAINT numbers_number_key;
ALTER TABLE numbers ADD FOREIGN KEY (tenant_id) REFERENCES tenants (id);
ALTER TABLE numbers ADD COLUMN account_sid TEXT;
ALTER TABLE numbers ADD COLUMN sid TEXT;
ALTER TABLE numbers ADD COLUMN setup TEXT NOT NULL DEFAULT 'elsewhere'
    CHECK (setup IN ('elsewhere', 'waiting', 'done', 'failed'));
ALTER TABLE numbers ADD COLUMN setup_problem TEXT;
ALTER TABLE numbers ADD COLUMN released_at BIGINT;
ALTER TABLE numbers ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
-- One number rings at one tenant: unique over all of them, among those that were not given back.
CREATE UNIQUE INDEX numbers_apart ON numbers (number) WHERE released_at IS NULL;
CREATE INDEX numbers_by_assistant ON numbers (tenant_id, assistant_id);

-- What was to be bought, under which key, and what came of it. `asked_at` is when Twilio was first asked to sell it: from
-- then on it may have. `busy_until` keeps two from asking at once. One number is bought by one tenant at a time.
CREATE TABLE number_orders (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    request_key TEXT,
    wanted TEXT NOT NULL,
    number TEXT NOT NULL,
    account_sid TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'done', 'failed')),
    asked_at BIGINT,
    busy_until BIGINT NOT NULL DEFAULT 0,
    problem TEXT,
    number_id TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, request_key),
    FOREIGN KEY (tenant_id, number_id) REFERENCES numbers (tenant_id, id)
);
CREATE UNIQUE INDEX number_orders_apart ON number_orders (number) WHERE state = 'open';
CREATE INDEX number_orders_by_number ON number_orders (tenant_id, number_id);

-- A tenant's own Twilio account. Its auth token is sealed; `hint` is what may be shown of it.
CREATE TABLE twilio_accounts (
    tenant_id TEXT NOT NULL PRIMARY KEY REFERENCES tenants (id),
    account_sid TEXT NOT NULL,
    auth_token BYTEA NOT NULL,
    hint TEXT NOT NULL,
    set_at BIGINT NOT NULL
);
CREATE INDEX twilio_accounts_by_sid ON twilio_accounts (account_sid);
