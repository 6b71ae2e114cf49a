-- Programs of a tenant's that are told what happens, what they are told, and how that went.

CREATE TABLE webhooks (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    url TEXT NOT NULL,
    description TEXT NOT NULL,
    kinds TEXT NOT NULL,
    active INTEGER NOT NULL,
    secret BLOB NOT NULL,
    -- The secret before, which is used beside it until then.
    former_secret BLOB,
    former_until INTEGER,
    failing_since INTEGER,
    problem TEXT,
    -- One that fails is left alone for a while, whatever waits for it.
    resting_until INTEGER NOT NULL DEFAULT 0,
    made_at INTEGER NOT NULL,
    revision INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
) STRICT;
-- Secrets are sealed anew by id, whoever's they are.
CREATE UNIQUE INDEX webhooks_by_id ON webhooks (id);

-- One event on its way to one webhook. The same event told to several has one `event_id`.
CREATE TABLE webhook_deliveries (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    webhook_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts INTEGER NOT NULL DEFAULT 0,
    made_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    ended_at INTEGER,
    last_status INTEGER,
    problem TEXT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhooks (tenant_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (tenant_id, webhook_id, made_at, id);
CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (tenant_id, webhook_id, state, made_at, id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant_id, webhook_id, due_at, id) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (ended_at);

CREATE TABLE webhook_attempts (
    tenant_id TEXT NOT NULL,
    delivery_id TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    at INTEGER NOT NULL,
    took_ms INTEGER NOT NULL,
    status INTEGER,
    problem TEXT,
    PRIMARY KEY (tenant_id, delivery_id, ordinal),
    FOREIGN KEY (tenant_id, delivery_id) REFERENCES webhook_deliveries (tenant_id, id) ON DELETE CASCADE
) STRICT;

-- What waits for others' servers is a lane of its own. Which lanes there are is the program's to say.
ALTER TABLE jobs ADD COLUMN lane_kept TEXT NOT NULL DEFAULT 'slow';
UPDATE jobs SET lane_kept = lane;
DROP INDEX jobs_due;
ALTER TABLE jobs DROP COLUMN lane;
ALTER TABLE jobs RENAME COLUMN lane_kept TO lane;
CREATE INDEX jobs_due ON jobs (lane, due_at) WHERE state = 'waiting';
