-- Telephone numbers as they are bought, set up, assigned and given back; the wish to buy one, written before Twilio is
-- asked; tenants' own Twilio accounts.

-- A number may ring at nobody, and one that was given back stays for its calls' sake. SQLite changes neither in place:
-- the table is made again, and the rows put back find their calls and orders.
PRAGMA defer_foreign_keys = ON;
CREATE TABLE numbers_before AS SELECT * FROM numbers;
DROP TABLE numbers;
CREATE TABLE numbers (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    number TEXT NOT NULL,
    assistant_id TEXT,
    language TEXT NOT NULL,
    account_sid TEXT,
    sid TEXT,
    setup TEXT NOT NULL DEFAULT 'elsewhere' CHECK (setup IN ('elsewhere', 'waiting', 'done', 'failed')),
    setup_problem TEXT,
    released_at INTEGER,
    revision INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, assistant_id) REFERENCES assistants (tenant_id, id)
) STRICT;
INSERT INTO numbers (tenant_id, id, number, assistant_id, language)
SELECT tenant_id, id, number, assistant_id, language FROM numbers_before;
DROP TABLE numbers_before;
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
    asked_at INTEGER,
    busy_until INTEGER NOT NULL DEFAULT 0,
    problem TEXT,
    number_id TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, request_key),
    FOREIGN KEY (tenant_id, number_id) REFERENCES numbers (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX number_orders_apart ON number_orders (number) WHERE state = 'open';
CREATE INDEX number_orders_by_number ON number_orders (tenant_id, number_id);

-- A tenant's own Twilio account. Its auth token is sealed; `hint` is what may be shown of it.
CREATE TABLE twilio_accounts (
    tenant_id TEXT NOT NULL PRIMARY KEY REFERENCES tenants (id),
    account_sid TEXT NOT NULL,
    auth_token BLOB NOT NULL,
    hint TEXT NOT NULL,
    set_at INTEGER NOT NULL
) STRICT;
CREATE INDEX twilio_accounts_by_sid ON twilio_accounts (account_sid);
